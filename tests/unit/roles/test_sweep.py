"""The sweep: what carries our mark and is nobody's goes, seen twice, a few at a time, and nothing else."""

import pytest
from msgspec.structs import replace

from elastic.adapters.cloud.simulated import SimulatedCloud
from elastic.adapters.store.memory import MemoryStore
from elastic.adapters.workers import InlineWorkers
from elastic.errors import BadMessage
from elastic.model.server import Mark, ServerStatus
from elastic.model.view import Standing
from elastic.roles.sweep import ACCEPTED, Sweep
from tests.unit.roles.setting import WEB, server
from tests.unit.roles.yard import GRACE, INTERVAL, NEW, OLD, ONE, Watcher, Yard
from tests.unit.rules.views import record


@pytest.fixture
def yard() -> Yard:
    return Yard()


@pytest.mark.hazard("F3")
def test_a_stray_goes_at_a_second_sighting_a_grace_after_the_first(yard):
    stray = yard.plant(OLD)
    yard.turn()
    assert (yard.noted(), stray in yard.there) == ({stray}, True)
    yard.turns(2)
    assert stray in yard.there
    yard.turn()
    assert yard.there == {yard.own}


@pytest.mark.hazard("F11")
def test_a_clock_that_is_set_back_lets_a_stray_live_no_longer(yard):
    stray = yard.plant(OLD)
    yard.turn()
    yard.here.clock.step(-3600)
    yard.turns(2)
    assert stray in yard.there
    yard.turn()
    assert yard.there == {yard.own}


def test_that_is_told_in_the_journal(yard):
    stray = yard.plant(OLD)
    yard.turns(4)
    (event,) = [e for e in yard.here.store.events() if e.kind == "terminated"]
    assert (event.domain, event.instance_id) == ("ann:web", OLD)
    assert event.text == f"server {stray} deleted: a stray"


@pytest.mark.hazard("F3")
def test_the_first_sighting_outlives_the_one_who_made_it(yard):
    yard.plant(OLD)
    yard.turn()
    heir = Sweep(yard.here.store, yard.here.cloud, yard.here.workers, INTERVAL, GRACE, 7.0, lambda: yard.here.now)
    yard.sweep = heir
    yard.turn(GRACE)
    assert yard.there == {yard.own}


def test_one_that_is_claimed_by_then_is_forgotten_as_a_stray(yard):
    stray = yard.plant(OLD)
    yard.turn()
    yard.here.write(WEB, added=[record(OLD, 200)])
    yard.turn(GRACE)
    assert (yard.noted(), stray in yard.there) == (set(), True)


def test_one_that_vanished_is_forgotten_too(yard):
    stray = yard.plant(OLD)
    yard.turn()
    yard.here.cloud.vanish(stray)
    yard.turn()
    assert yard.noted() == set()


@pytest.mark.hazard("F3")
def test_records_are_read_after_the_listing_and_before_the_delete(yard):
    yard.plant(OLD)
    yard.turns(4)
    read = ["views", "incarnation"]
    assert yard.story == ["servers", *read] * 4 + [*read, "delete"]


def test_a_thousand_servers_cost_the_control_loop_no_reading(yard):
    """It would stand still meanwhile: what the store has to say is read where the cloud is."""
    for number in range(1000):
        name = f"i-001-1-{number + 100}"
        yard.here.write(WEB, added=[record(name, server_id=yard.plant(name))])
    yard.here.write(WEB, standing=Standing(next_number=2000))
    yard.sweep.turn(yard.term)
    assert yard.here.workers.collect() == 1  # the sites
    assert yard.story == ["servers", "views", "incarnation"]
    yard.here.workers.collect()
    assert yard.story == ["servers", "views", "incarnation"]


def test_a_domain_that_cannot_be_understood_loses_no_server(yard):
    yard.here.add("odd")
    odd = yard.plant("i-002-1-1", key=replace_name("odd"))
    stray = yard.plant(OLD)
    yard.sweep = yard.swept_by(Puzzled(yard.here.store))
    yard.turns(4)
    assert yard.there == {yard.own, odd}
    assert stray not in yard.there


class Puzzled:
    """In front of the store: domain odd was written by a newer release."""

    def __init__(self, inner: MemoryStore) -> None:
        self._inner = inner

    def __getattr__(self, name: str):
        return getattr(self._inner, name)

    def views(self, keys):
        for key, view in self._inner.views(keys):
            yield key, BadMessage("format 2") if key.name == "odd" else view


class Lagging:
    """In front of the store: what it tells of domain web is old, but for what is asked after a write."""

    def __init__(self, inner: MemoryStore, cloud: SimulatedCloud) -> None:
        self._inner, self._cloud, self._old = inner, cloud, inner.view(WEB)
        self._has_written = False

    def __getattr__(self, name: str):
        return getattr(self._inner, name)

    def servers(self, *asked: object):
        self._has_written = False
        return self._cloud.servers(*asked)

    def views(self, keys):
        for key in keys:
            yield key, self._inner.view(WEB) if self._has_written else self._old

    def note_strays(self, *noted: object) -> None:
        self._inner.note_strays(*noted)
        self._has_written = True


@pytest.mark.hazard("F3")
def test_a_store_that_is_behind_in_each_turn_condemns_nobody(yard):
    """A replica of ZooKeeper may tell what was a moment ago, until something is written through it."""
    here = yard.here
    here.write(WEB, standing=Standing(next_number=10))
    behind = Lagging(here.store, here.cloud)
    adopted = yard.plant(NEW)
    here.write(WEB, added=[record(NEW, 400, server_id=adopted)])
    cloud = Watcher(here.cloud, yard.story)
    cloud.servers = behind.servers
    yard.sweep = Sweep(behind, cloud, here.workers, INTERVAL, GRACE, 7.0, lambda: here.now)
    yard.turns(6)
    assert yard.noted() == {adopted}
    assert adopted in yard.there


@pytest.mark.hazard("F3")
def test_what_was_born_after_the_listing_was_begun_is_not_touched(yard):
    """The record is there before its server is: a read made after the listing finds it."""
    yard.turn()
    late = yard.plant(NEW)
    yard.here.write(WEB, added=[record(NEW, 400, server_id=late)], standing=Standing(next_number=10))
    yard.turns(5)
    assert late in yard.there
    assert yard.sweep.trouble == ""


def test_the_recorded_server_and_that_of_a_wish_are_never_touched(yard):
    yard.here.write(WEB, added=[record(OLD, 200)])
    wished = yard.plant(OLD)
    yard.turns(6)
    assert yard.there == {yard.own, wished}


def test_a_double_of_a_living_one_goes(yard):
    yard.plant(ONE)
    yard.turns(4)
    assert yard.there == {yard.own}


def test_each_sites_strays_go_whatever_other_sites_show(yard):
    for site in ("a-site", "north", "z-site"):
        yard.plant(OLD, site)
    yard.turn()
    assert len(yard.noted()) == 3
    yard.turns(3)
    assert yard.there == {yard.own}
    yard.turn()
    assert yard.noted() == set()


def test_what_was_seen_at_a_site_that_does_not_answer_now_stays_noted(yard):
    stray = yard.plant(OLD, "z-site")
    yard.turn()
    yard.here.cloud.outage("z-site", on=True)
    yard.turns(3)
    assert yard.noted() == {stray}
    yard.here.cloud.outage("z-site", on=False)
    yard.turn()
    assert yard.there == {yard.own}


def test_a_new_leader_forgets_no_sighting_before_every_site_has_answered_it(yard):
    stray = yard.plant(OLD, "z-site")
    yard.turn()
    yard.here.cloud.outage("z-site", on=True)
    yard.sweep.turn(None)
    yard.turns(2)
    assert yard.noted() == {stray}
    yard.here.cloud.vanish(stray)
    yard.here.cloud.outage("z-site", on=False)
    yard.turn()
    assert yard.noted() == set()


def test_what_is_left_of_a_forgotten_domain_goes(yard):
    yard.plant("i-abc-1-1", key=replace_name("gone"))
    yard.here.add("gone")
    yard.here.store.change(replace_name("gone"), lambda domain: replace(domain, removed=True))
    view = yard.here.store.view(replace_name("gone"))
    mirror = yard.here.mirror()
    mirror.refresh()
    yard.here.store.forget_domain(view, mirror.tenure(view.key))
    yard.turns(4)
    assert yard.there == {yard.own}


def replace_name(name: str):
    return WEB._replace(name=name)


@pytest.mark.parametrize("mark", [Mark("other", WEB, 1, OLD), Mark("", WEB, 0, ""), None])
def test_nothing_of_another_cluster_is_touched(yard, mark):
    theirs = yard.here.cloud.plant("north", mark)
    yard.turns(6)
    assert yard.there == {yard.own, theirs}


def test_not_even_if_the_cloud_lists_it_with_ours(yard):
    foreign = replace(server(OLD, "s-77"), mark=Mark("other", WEB, 99, OLD))
    yard.here.cloud.servers = lambda *_: [foreign]
    deleted = []
    yard.here.cloud.delete = lambda *call: deleted.append(call)
    yard.turns(6)
    assert (deleted, yard.noted(), yard.sweep.trouble) == ([], set(), "")


def test_one_that_is_shown_as_deleted_is_no_stray(yard):
    yard.here.cloud.servers = lambda *_: [server(OLD, "s-77", ServerStatus.DELETED)]
    yard.turn()
    assert yard.noted() == set()


@pytest.mark.hazard("F9")
def test_what_was_condemned_before_a_wiped_store_was_seen_stays_too(yard):
    """Another site may prove it while the records of the condemned are read again."""
    stray = yard.plant(OLD)
    yard.turns(3)
    lost = yard.plant(NEW, "z-site")
    yard.turn()
    assert "wiped" in yard.sweep.trouble
    assert {stray, lost} <= yard.there


@pytest.mark.hazard("F9")
def test_three_go_at_once_and_no_more(yard):
    for _ in range(8):
        yard.plant(OLD)
    left = []
    for _ in range(6):
        yard.turn()
        left.append(len(yard.there) - 1)
    assert left == [8, 8, 8, 5, 2, 0]


def test_of_a_hundred_five_go_at_once(yard):
    for number in range(92):
        name = f"i-001-1-{number + 100}"
        yard.here.write(WEB, added=[record(name, server_id=yard.plant(name))])
    yard.here.write(WEB, standing=Standing(next_number=500))
    for _ in range(7):
        yard.plant("i-001-1-300")
    yard.turns(4)
    assert len(yard.there) == 95


# a store that was wiped or restored

FUTURE = [
    pytest.param({"name": NEW}, id="numbered above what was given out"),
    pytest.param({"name": ONE, "incarnation": 2}, id="of an incarnation that never was"),
]


@pytest.mark.hazard("F9")
@pytest.mark.parametrize("mark", FUTURE)
def test_one_mark_from_the_future_stops_the_sweep(yard, mark):
    yard.plant(OLD)
    yard.plant(**mark)
    yard.turns(6)
    assert len(yard.there) == 3
    assert yard.noted() == set()
    assert "the store was wiped or restored" in yard.sweep.trouble
    assert mark["name"] in yard.sweep.trouble


@pytest.mark.parametrize("mark", FUTURE)
def test_until_an_operator_accepts(yard, mark):
    yard.plant(OLD)
    yard.plant(**mark)
    yard.turn()
    yard.here.store.set_flag(ACCEPTED, 2e9)
    yard.turns(4)
    assert yard.there == {yard.own}
    assert yard.sweep.trouble == ""


def test_what_was_noted_before_is_not_swept_either(yard):
    yard.plant(OLD)
    yard.turns(3)
    yard.plant(NEW)
    yard.turns(3)
    assert len(yard.there) == 3


def test_one_site_from_the_future_stops_the_sweep_of_all(yard):
    """Whichever of them is listed first."""
    for site in ("a-site", "z-site"):
        yard.plant(OLD, site)
    yard.plant(NEW, "north")
    yard.turns(6)
    assert len(yard.there) == 4
    assert "site north" in yard.sweep.trouble


def test_when_it_is_gone_the_sweep_goes_on(yard):
    future = yard.plant(NEW)
    yard.plant(OLD)
    yard.turn()
    yard.here.cloud.vanish(future)
    yard.turns(4)
    assert (yard.there, yard.sweep.trouble) == ({yard.own}, "")


# whose duty it is, and when


def test_only_the_leader_sweeps(yard):
    yard.plant(OLD)
    yard.term = None
    yard.turns(5)
    assert yard.story == []


def test_one_that_leads_no_more_is_not_to_blame(yard):
    yard.plant(NEW)
    yard.turn()
    assert yard.sweep.trouble
    yard.term = None
    yard.turn()
    assert yard.sweep.trouble == ""


def test_a_term_that_is_over_notes_and_deletes_nothing(yard):
    yard.plant(OLD)
    yard.turns(3)
    yard.contended("other")
    yard.here.clock.advance(INTERVAL)
    yard.sweep.turn(yard.term)
    yard.collect()
    assert len(yard.there) == 2


def test_it_is_done_each_interval(yard):
    for _ in range(10):
        yard.turn(INTERVAL / 5)
    assert yard.story.count("servers") == 2


def test_a_site_that_does_not_answer_holds_up_no_other(yard):
    yard.plant(OLD, "a-site")
    yard.here.cloud.outage("north", on=True)
    yard.turns(4)
    assert yard.there == {yard.own}


def test_its_age_is_known(yard):
    assert yard.sweep.ended_at is None
    yard.turn()
    assert yard.sweep.ended_at == yard.here.clock.monotonic()


# a delete


def test_one_that_is_gone_already_is_not_told(yard):
    yard.sweep.remove(server(OLD, "s-77"), "a stray")
    yard.collect()
    assert yard.here.store.events() == []


def test_one_that_could_not_be_deleted_is_tried_at_the_next_turn(yard):
    yard.plant(OLD)
    yard.turns(3)
    weather = yard.here.cloud.weather
    yard.here.cloud.weather = replace(weather, delete_unheard=1.0)
    yard.turn()
    assert len(yard.there) == 2
    assert yard.here.store.events() == []
    yard.here.cloud.weather = weather
    yard.turn()
    assert yard.there == {yard.own}
    assert isinstance(yard.here.workers, InlineWorkers)


# on demand


def test_a_sweep_that_is_asked_for_is_made_at_once_by_the_usual_rules(yard):
    stray = yard.plant(OLD)
    yard.turn()
    assert yard.noted() == {stray}
    yard.turn(INTERVAL / 2)
    yard.sweep.hurry()
    yard.turn(0.0)
    assert stray in yard.there, "the grace is not over"
    yard.turns(2)
    yard.turn(INTERVAL / 2)
    yard.sweep.hurry()
    yard.turn(0.0)
    assert stray not in yard.there


def test_who_does_not_lead_the_sweep_makes_none_when_it_is_asked_for(yard):
    yard.plant(OLD)
    yard.term = None
    yard.turn()
    yard.sweep.hurry()
    yard.turn(0.0)
    assert yard.story == []
