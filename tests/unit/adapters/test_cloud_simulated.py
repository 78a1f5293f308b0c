"""The simulated cloud's own manners: chance, time and the journal."""

import msgspec
import pytest

from elastic.adapters.cloud.simulated import SimulatedCloud
from elastic.adapters.cloud.weather import Happened, Weather
from elastic.errors import BadOrder, CloudUnavailable, NoRoom, ServerGone
from elastic.model.domain import DomainKey
from elastic.model.server import Mark, Order, ServerStatus

MARK = Mark(cluster="5d7e", key=DomainKey("ann", "web"), incarnation=1, instance_id="i-007-1-1")
ORDER = Order(mark=MARK, site="east", deployable_type="worker")


class HandClock:
    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return 1.7e9 + self.time

    def monotonic(self) -> float:
        return self.time


class Scene:
    def __init__(self, seed: int = 1, quota: int | None = None, **weather: object) -> None:
        self.clock = HandClock()
        self.cloud = SimulatedCloud(
            self.clock,
            seed=seed,
            weather=Weather(**weather),  # type: ignore[arg-type]
            quota=quota,
        )

    def story(self) -> list[tuple[float, str, str]]:
        return [(entry.time, entry.what.value, entry.server_id) for entry in self.cloud.journal]

    def listed(self) -> list[str]:
        return [server.server_id for server in self.cloud.servers("east", "5d7e", 5)]


def test_things_happen_at_their_own_time_however_far_the_clock_goes_at_once() -> None:
    scene = Scene(boot=(10, 10), delete=(3, 3), latency=(2, 2))
    server = scene.cloud.create(ORDER, 5)
    scene.clock.time = 500
    scene.cloud.delete("east", server.server_id, 5)
    scene.clock.time = 9000
    assert scene.story() == [
        (0, "created", "s-1"),
        (12, "active", "s-1"),
        (500, "delete-asked", "s-1"),
        (505, "gone", "s-1"),
    ]


def test_the_journal_tells_whose_server_it_was() -> None:
    scene = Scene()
    scene.cloud.create(ORDER, 5)
    scene.cloud.plant("east")
    ours, strangers = scene.cloud.journal[0], scene.cloud.journal[-1]
    assert (ours.instance_id, ours.site, ours.mark) == ("i-007-1-1", "east", MARK)
    assert (strangers.instance_id, strangers.mark) == ("", None)


def test_the_same_seed_tells_the_same_story() -> None:
    def run(seed: int) -> list[tuple[float, str, str]]:
        scene = Scene(seed, reply_lost=0.3, create_late=0.3, late_by=(1, 9), boot=(1, 9), boot_error=0.3)
        for _ in range(30):
            scene.clock.time += 1
            try:
                scene.cloud.create(ORDER, 5)
            except CloudUnavailable:
                continue
        scene.clock.time += 100
        return scene.story()

    assert run(3) == run(3)
    assert run(3) != run(4)


def test_a_lost_reply_leaves_a_server() -> None:
    scene = Scene(reply_lost=1)
    with pytest.raises(CloudUnavailable):
        scene.cloud.create(ORDER, 5)
    assert scene.listed() == ["s-1"]


def test_a_create_that_was_not_heard_leaves_none() -> None:
    scene = Scene(create_unheard=1)
    with pytest.raises(CloudUnavailable):
        scene.cloud.create(ORDER, 5)
    scene.clock.time += 1000
    assert scene.story() == []


def test_a_create_that_was_given_up_takes_effect_late() -> None:
    scene = Scene(create_late=1, late_by=(20, 20))
    with pytest.raises(CloudUnavailable):
        scene.cloud.create(ORDER, 5)
    scene.clock.time = 19
    assert scene.listed() == []
    scene.clock.time = 20
    assert scene.listed() == ["s-1"]


def test_who_has_less_patience_than_the_cloud_takes_gets_no_answer_and_a_server() -> None:
    scene = Scene(latency=(8, 8))
    with pytest.raises(CloudUnavailable):
        scene.cloud.create(ORDER, 5)
    assert scene.listed() == []
    scene.clock.time = 8
    assert scene.listed() == ["s-1"]


@pytest.mark.parametrize(("weather", "error"), [({"no_room": 1}, NoRoom), ({"bad_order": 1}, BadOrder)])
def test_a_refused_create_does_nothing(weather: dict[str, float], error: type[Exception]) -> None:
    scene = Scene(**weather)
    with pytest.raises(error):
        scene.cloud.create(ORDER, 5)
    scene.clock.time += 1000
    assert scene.story() == []


def test_the_quota_counts_strangers_and_what_is_not_gone_yet() -> None:
    scene = Scene(quota=2, delete=(5, 5))
    scene.cloud.plant("east")
    server = scene.cloud.create(ORDER, 5)
    with pytest.raises(NoRoom):
        scene.cloud.create(ORDER, 5)
    scene.cloud.delete("east", server.server_id, 5)
    with pytest.raises(NoRoom):
        scene.cloud.create(ORDER, 5)
    scene.clock.time = 5
    assert scene.cloud.create(ORDER, 5)


def test_a_late_create_keeps_to_the_quota() -> None:
    scene = Scene(quota=1, create_late=1, late_by=(20, 20))
    with pytest.raises(CloudUnavailable):
        scene.cloud.create(ORDER, 5)
    scene.cloud.plant("east")
    scene.clock.time = 20
    assert len(scene.cloud.all_servers()) == 1


def test_listings_lag_and_get_does_not() -> None:
    scene = Scene(listing_lag=(4, 4))
    server = scene.cloud.create(ORDER, 5)
    assert scene.listed() == []
    assert scene.cloud.server("east", server.server_id, 5).server_id == server.server_id
    scene.clock.time = 4
    assert scene.listed() == [server.server_id]


def test_a_listing_is_no_snapshot() -> None:
    scene = Scene(left_out=0.5)
    for _ in range(20):
        scene.cloud.create(ORDER, 5)
    assert 0 < len(scene.listed()) < 20
    assert len(scene.cloud.all_servers()) == 20


def test_in_an_outage_nothing_gets_through_and_servers_run_on() -> None:
    scene = Scene(boot=(10, 10))
    server = scene.cloud.create(ORDER, 5)
    scene.cloud.outage("east", True)
    for call in (
        lambda: scene.cloud.create(ORDER, 5),
        lambda: scene.cloud.delete("east", server.server_id, 5),
        lambda: scene.cloud.server("east", server.server_id, 5),
        lambda: scene.cloud.servers("east", "5d7e", 5),
    ):
        with pytest.raises(CloudUnavailable):
            call()
    assert scene.cloud.servers("west", "5d7e", 5) == []
    scene.clock.time = 10
    scene.cloud.outage("east", False)
    assert scene.cloud.server("east", server.server_id, 5).status is ServerStatus.ACTIVE


def test_a_server_that_vanished_is_gone_and_nobody_asked() -> None:
    scene = Scene()
    server = scene.cloud.create(ORDER, 5)
    scene.cloud.vanish(server.server_id)
    with pytest.raises(ServerGone):
        scene.cloud.server("east", server.server_id, 5)
    assert scene.cloud.journal[-1].what is Happened.VANISHED
    assert Happened.DELETE_ASKED not in {entry.what for entry in scene.cloud.journal}


def test_servers_vanish_by_themselves_when_told_to() -> None:
    scene = Scene(vanishes=1, vanishes_after=(30, 30))
    scene.cloud.create(ORDER, 5)
    scene.clock.time = 30
    assert scene.cloud.live_servers() == []
    assert scene.story()[-1] == (30, "vanished", "s-1")


def test_a_killed_server_is_there_and_not_alive() -> None:
    scene = Scene()
    server = scene.cloud.create(ORDER, 5)
    scene.cloud.kill(server.server_id)
    assert scene.cloud.live_servers() == []
    assert [found.status for found in scene.cloud.all_servers()] == [ServerStatus.ERROR]


def test_a_server_killed_while_it_boots_does_not_come_up() -> None:
    scene = Scene(boot=(10, 10))
    server = scene.cloud.create(ORDER, 5)
    scene.cloud.kill(server.server_id, ServerStatus.SHUTOFF)
    scene.clock.time = 60
    assert scene.cloud.server("east", server.server_id, 5).status is ServerStatus.SHUTOFF


def test_a_boot_can_end_in_error_and_says_why() -> None:
    scene = Scene(boot_error=1)
    server = scene.cloud.create(ORDER, 5)
    found = scene.cloud.server("east", server.server_id, 5)
    assert found.status is ServerStatus.ERROR
    assert "No valid host" in found.fault


def test_a_server_lives_until_its_delete_is_done() -> None:
    scene = Scene(delete=(5, 5))
    server = scene.cloud.create(ORDER, 5)
    scene.cloud.delete("east", server.server_id, 5)
    scene.cloud.delete("east", server.server_id, 5)
    assert len(scene.cloud.live_servers()) == 1
    scene.clock.time = 5
    assert scene.cloud.live_servers() == []
    assert [what for _, what, _ in scene.story()].count("gone") == 1


def test_a_delete_whose_reply_was_lost_is_done_all_the_same() -> None:
    scene = Scene(delete_reply_lost=1)
    server = scene.cloud.create(ORDER, 5)
    with pytest.raises(CloudUnavailable):
        scene.cloud.delete("east", server.server_id, 5)
    assert scene.cloud.all_servers() == []


def test_a_deleted_server_is_shown_as_such_for_a_while() -> None:
    scene = Scene(shown_deleted=(10, 10))
    server = scene.cloud.create(ORDER, 5)
    scene.cloud.delete("east", server.server_id, 5)
    assert scene.cloud.server("east", server.server_id, 5).status is ServerStatus.DELETED
    assert scene.listed() == []
    with pytest.raises(ServerGone):
        scene.cloud.delete("east", server.server_id, 5)
    scene.clock.time = 10
    with pytest.raises(ServerGone):
        scene.cloud.server("east", server.server_id, 5)


def test_strangers_are_not_listed_among_ours() -> None:
    scene = Scene()
    scene.cloud.plant("east")
    scene.cloud.plant("east", msgspec.structs.replace(MARK, cluster="another"))
    assert scene.listed() == []
    old = scene.cloud.plant("east", MARK)
    assert scene.listed() == [old]
    assert len(scene.cloud.all_servers()) == 3
