"""Calls to the cloud: what each kind of answer teaches, and under which tenure it counts."""

from typing import Any

import pytest
from msgspec.structs import replace

from elastic.adapters.cloud.weather import Weather
from elastic.errors import BadOrder, CloudRefused, CloudUnavailable, NoRoom, NotAsked
from elastic.model.domain import Domain, DomainKey
from elastic.model.instance import Attempt
from elastic.model.parts import Part, PartKind
from elastic.model.recipe import Recipe
from elastic.model.server import Order, ServerStatus
from elastic.model.states import InstanceState
from elastic.roles import listings
from elastic.roles.cloudcalls import LIST_WHOLE_SITE, CloudCalls
from elastic.roles.dossiers import Dossiers
from elastic.rules.dossier import Dossier, Look, Prepared
from elastic.rules.lessons import POLL, RETRY
from tests.unit.roles.setting import WEB, Setting, server
from tests.unit.rules.views import record

TENURE, TIMEOUT, SEND_WITHIN = 3, 7.0, 2.0
DOMAIN = Domain(key=WEB, incarnation=1)
RECIPE = Recipe(flavor="tiny", image="cirros")
PORT = Part(PartKind.PORT, "p-1")
WISHED = record("a", 200, "UNKNOWN", attempt=Attempt(1, 1.0), version=5)


class Counter:
    """In front of the cloud. `answers`: what calls are answered with in place of the cloud's word."""

    def __init__(self, cloud: Any) -> None:
        self.cloud, self.answers = cloud, None
        self.called: list[tuple] = []

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any) -> Any:
            self.called.append((name, *args))
            if isinstance(self.answers, Exception):
                raise self.answers
            return self.answers if self.answers is not None else getattr(self.cloud, name)(*args)

        return call


class Desk:
    def __init__(self) -> None:
        self.here = Setting()
        self.cloud = Counter(self.here.cloud)
        self.dossiers = Dossiers()
        self.freed = self.doubts = 0
        order = lambda _, instance: Order(  # noqa: E731
            mark=server(instance.instance_id).mark, site=instance.site, deployable_type="t"
        )
        self.calls = CloudCalls(
            self.cloud,
            self.here.workers,
            self.dossiers,
            self.here.clock,
            TIMEOUT,
            lambda: "uid",
            order,
            self.recipe,
            self.here.touched.append,
            self.doubt,
        )

    @property
    def mono(self) -> float:
        return self.here.clock.monotonic()

    def create(self, send_by: float | None = None) -> None:
        by = self.mono + SEND_WITHIN if send_by is None else send_by
        self.calls.create(DOMAIN, WISHED, Prepared(), by, TENURE, self.free)

    def recipe(self, order: Order) -> tuple[Recipe, dict[str, Any]]:
        return RECIPE, {"site": order.site}

    def free(self) -> None:
        self.freed += 1

    def doubt(self) -> None:
        self.doubts += 1

    def ends(self, seconds: float = 0.0) -> Dossier:
        """The call comes back that much later."""
        self.here.clock.advance(seconds)
        self.here.touched.clear()
        self.here.workers.collect()
        assert set(self.here.touched) == {WEB}
        return self.known()

    def known(self, name: str = "a") -> Dossier:
        return self.dossiers.bare(name, TENURE)

    def has(self, name: str = "a") -> str:
        """The cloud has a server for it."""
        order = Order(mark=server(name).mark, site="north", deployable_type="t")
        return self.here.cloud.create(order, 1.0).server_id


@pytest.fixture
def desk() -> Desk:
    return Desk()


# prepare, release


def prepare(desk: Desk) -> None:
    desk.calls.prepare(DOMAIN, WISHED, TENURE)


def test_what_is_prepared_is_known_with_its_recipe_and_parts(desk):
    desk.cloud.answers = (PORT,)
    prepare(desk)
    assert desk.known() == Dossier(under_way=True)
    assert desk.ends() == Dossier(prepared=Prepared(RECIPE, {"site": "north"}, (PORT,)))
    ((name, order, timeout),) = desk.cloud.called
    assert (name, order.recipe, order.variables, timeout) == ("prepare", RECIPE, {"site": "north"}, TIMEOUT)


@pytest.mark.parametrize("error", [CloudUnavailable("silent"), NotAsked("nobody there")])
def test_what_cannot_be_prepared_now_is_tried_again(desk, error):
    error.again = 12.0
    desk.cloud.answers = error
    prepare(desk)
    assert desk.ends() == Dossier(wait_until=desk.mono + 12.0)
    assert desk.doubts == 1


def test_a_cloud_without_types_needs_no_preparation(desk):
    desk.here.cloud.needs_recipes, desk.cloud.needs_recipes = False, False
    assert desk.calls.known == {"prepared": Prepared(), "console": ""}
    desk.cloud.needs_recipes = True
    assert desk.calls.known == {}


def test_a_part_that_was_released_is_known_to_be_gone(desk):
    desk.calls.release(WEB, WISHED, PORT, TENURE)
    assert desk.ends().released == {"p-1"}


def test_one_that_could_not_be_released_is_tried_again(desk):
    desk.cloud.answers = CloudUnavailable("silent")
    desk.calls.release(WEB, WISHED, PORT, TENURE)
    assert desk.ends() == Dossier(wait_until=desk.mono + RETRY)


def test_a_part_that_a_server_has_proves_that_the_last_listing_did_not_show_all(desk):
    desk.cloud.answers = CloudRefused("in use")
    desk.dossiers.note(WISHED.instance_id, TENURE, look=Look(1.0, WISHED.version))
    desk.calls.release(WEB, WISHED, PORT, TENURE)
    assert desk.ends() == Dossier(wait_until=desk.mono + RETRY, in_use=frozenset({"p-1"}))


# create


def test_it_is_created_with_what_was_prepared_and_recorded(desk):
    wished = replace(WISHED, parts=(PORT,))
    desk.calls.create(DOMAIN, wished, Prepared(RECIPE, {"a": 1}), desk.mono + 1, TENURE, desk.free)
    ((_, order, _),) = desk.cloud.called
    assert (order.recipe, order.variables, order.parts) == (RECIPE, {"a": 1}, (PORT,))


def test_a_create_that_nobody_can_have_heard_is_as_good_as_not_sent(desk):
    desk.cloud.answers = NotAsked("nobody there")
    desk.create()
    assert desk.ends() == Dossier(not_sent=True, wait_until=desk.mono + RETRY)


def test_a_server_that_was_made_is_known_with_what_the_cloud_told(desk):
    desk.create()
    assert desk.known().under_way
    learnt = desk.ends(1.0)
    (made,) = desk.here.cloud.live_servers()
    assert learnt == Dossier(made=learnt.made, told=learnt.made)
    assert learnt.made.server_id == made.server_id
    assert desk.freed == 1


def test_it_goes_out_bounded_in_time(desk):
    desk.create()
    ((name, order, timeout),) = desk.cloud.called
    assert (name, order.mark, timeout) == ("create", server("a").mark, TIMEOUT)


@pytest.mark.hazard("F5")
def test_one_that_no_worker_was_free_for_in_time_is_not_sent(desk):
    desk.create(send_by=desk.mono - 0.1)
    assert desk.ends() == Dossier(not_sent=True)
    assert desk.cloud.called == []
    assert desk.freed == 1


def test_the_last_moment_is_in_time(desk):
    desk.create(send_by=desk.mono)
    assert desk.ends().made


REFUSALS = [
    (BadOrder("no image"), (InstanceState.REJECTED, "no image")),
    (NoRoom("quota"), (InstanceState.FAILED, "quota")),
    (CloudRefused("not allowed"), (InstanceState.FAILED, "not allowed")),
]


@pytest.mark.parametrize(("error", "refused"), REFUSALS)
def test_a_refusal_is_known_with_its_reason(desk, error, refused):
    desk.cloud.answers = error
    desk.create()
    assert desk.ends() == Dossier(refused=refused)
    assert desk.freed == 1
    assert desk.calls.refused == {}


@pytest.mark.parametrize("error", [CloudUnavailable("timed out"), KeyError("x")])
def test_of_a_create_without_an_answer_nothing_is_known_but_when_it_ended(desk, error):
    desk.cloud.answers = error
    desk.create()
    assert desk.ends(5.0) == Dossier(attempt_since=desk.mono)
    assert desk.freed == 1
    assert desk.calls.refused == {"create": 1}


def test_a_second_create_forgets_what_the_first_was_told(desk):
    desk.cloud.answers = NoRoom("quota")
    desk.create()
    desk.ends()
    desk.cloud.answers = CloudUnavailable("timed out")
    desk.create()
    assert desk.ends() == Dossier(attempt_since=desk.mono)


# look


def look(desk: Desk, *names: str) -> None:
    desk.calls.look(WEB, [replace(WISHED, instance_id=name) for name in names], TENURE)


def test_a_look_says_when_it_was_begun_and_on_which_record(desk):
    desk.has("a")
    begun = desk.mono
    look(desk, "a")
    learnt = desk.ends(5.0)
    assert learnt == Dossier(look=Look(begun, 5, tuple(desk.here.cloud.live_servers())))
    assert desk.cloud.called == [("servers", "north", "uid", TIMEOUT, "a")]


def test_a_few_are_looked_for_one_by_one_and_many_at_once(desk):
    few = [f"i{n}" for n in range(LIST_WHOLE_SITE - 1)]
    look(desk, *few)
    assert [call[-1] for call in desk.cloud.called] == few
    desk.cloud.called.clear()
    look(desk, *few, "one-more")
    assert desk.cloud.called == [("servers", "north", "uid", TIMEOUT, None)]


def test_a_large_site_is_not_listed_for_a_few(desk, monkeypatch):
    """It comes in pages, as many as it did last time."""
    monkeypatch.setattr(listings, "PAGE", 2)
    for number in range(5):
        desk.has(f"x{number}")
    many = [f"i{n}" for n in range(3 * LIST_WHOLE_SITE)]
    look(desk, *many)
    desk.ends()
    desk.cloud.called.clear()
    look(desk, *many[1:])
    assert [call[-1] for call in desk.cloud.called] == many[1:]
    desk.ends()
    desk.cloud.called.clear()
    look(desk, *many)
    assert [call[-1] for call in desk.cloud.called] == [None]


def test_of_a_listing_of_all_each_gets_its_own(desk):
    names = [f"i{n}" for n in range(LIST_WHOLE_SITE)]
    ids = {name: desk.has(name) for name in names[:2]}
    desk.has("stranger")
    look(desk, *names)
    desk.ends()
    found = {name: [s.server_id for s in desk.known(name).look.servers] for name in names}
    assert found == {"i0": [ids["i0"]], "i1": [ids["i1"]], "i2": [], "i3": []}


def look_at_many(desk: Desk, key: DomainKey) -> list[str]:
    names = [f"{key.name}-{n}" for n in range(LIST_WHOLE_SITE)]
    desk.calls.look(key, [replace(WISHED, instance_id=name) for name in names], TENURE)
    return names


def test_domains_that_look_while_a_site_is_listed_share_the_next_listing(desk):
    keys = [DomainKey("ann", f"d{n}") for n in range(5)]
    names = {key: look_at_many(desk, key) for key in keys}
    assert len(desk.cloud.called) == 1
    begun = desk.mono
    desk.here.clock.advance(3.0)
    late = desk.has(names[keys[4]][0])  # that listing was made before it
    desk.here.workers.collect()
    assert [desk.known(name).look for name in names[keys[0]]] == [Look(begun, 5)] * LIST_WHOLE_SITE
    assert all(desk.known(name).under_way for key in keys[1:] for name in names[key])
    desk.here.workers.collect()
    assert len(desk.cloud.called) == 2
    looks = {name: desk.known(name).look for key in keys[1:] for name in names[key]}
    assert {look.begun for look in looks.values()} == {desk.mono}
    assert [s.server_id for look in looks.values() for s in look.servers] == [late]
    assert desk.here.touched == keys
    desk.here.workers.collect()
    assert len(desk.cloud.called) == 2


def test_a_listing_without_an_answer_is_told_to_all_that_shared_it(desk):
    keys = [DomainKey("ann", f"d{n}") for n in range(3)]
    names = [name for key in keys for name in look_at_many(desk, key)]
    desk.here.cloud.outage("north", on=True)
    desk.here.workers.collect()
    desk.here.workers.collect()
    shared = [name for name in names if not name.startswith("d0")]
    assert {desk.known(name).wait_until for name in shared} == {desk.mono + RETRY}
    assert [bool(desk.calls.complaints(key, TENURE)) for key in keys] == [False, True, True]


def test_each_site_is_looked_at_by_itself(desk):
    others = [replace(WISHED, instance_id=f"s{n}", site="south") for n in range(LIST_WHOLE_SITE)]
    desk.calls.look(WEB, [WISHED, *others], TENURE)
    assert [(call[1], call[-1]) for call in desk.cloud.called] == [("north", "a"), ("south", None)]


def test_what_the_cloud_shows_as_deleted_is_not_there(desk):
    desk.cloud.answers = [server("a", "s-1", "DELETED"), server("a", "s-2", "ERROR")]
    look(desk, "a")
    assert [s.server_id for s in desk.ends().look.servers] == ["s-2"]


def test_a_look_without_an_answer_is_no_look(desk):
    desk.here.cloud.outage("north", on=True)
    look(desk, "a")
    assert desk.ends() == Dossier(wait_until=desk.mono + RETRY)


def test_one_that_fails_leaves_the_last_one_standing(desk):
    begun = desk.mono
    look(desk, "a")
    desk.ends()
    desk.here.cloud.outage("north", on=True)
    look(desk, "a")
    assert desk.ends(1.0).look == Look(begun, 5)


# check


def check(desk: Desk, server_id: str, state: InstanceState = InstanceState.RUNNING) -> None:
    desk.calls.check(WEB, replace(WISHED, state=state, server_id=server_id), TENURE)


def test_what_is_there_is_told_and_was_never_missed(desk):
    server_id = desk.has()
    desk.dossiers.note("a", TENURE, absent=True, missed_at=1.0)
    check(desk, server_id)
    (there,) = desk.here.cloud.live_servers()
    assert desk.ends(2.0) == Dossier(told=there, told_at=desk.mono - 2.0)


@pytest.mark.hazard("F4")
def test_gone_is_only_what_was_404_twice(desk):
    check(desk, "s-99")
    first = desk.mono
    assert desk.ends() == Dossier(missed_at=first)
    desk.here.clock.advance(10)
    check(desk, "s-99")
    assert desk.ends() == Dossier(missed_at=first, gone=True)


def test_one_that_was_seen_in_between_is_missed_anew(desk):
    server_id = desk.has()
    check(desk, "s-99")
    desk.ends()
    check(desk, server_id)
    desk.ends()
    check(desk, "s-99")
    assert not desk.ends().gone


def test_one_that_the_cloud_says_is_deleted_is_gone_at_once(desk):
    desk.here.cloud.weather = Weather(shown_deleted=(100.0, 100.0))
    server_id = desk.has()
    desk.here.cloud.vanish(server_id)
    check(desk, server_id)
    learnt = desk.ends()
    assert (learnt.gone, learnt.told.status) == (True, ServerStatus.DELETED)


def test_no_answer_is_no_404(desk):
    desk.here.cloud.outage("north", on=True)
    for _ in range(3):
        check(desk, "s-99")
        assert desk.ends() == Dossier(wait_until=desk.mono + RETRY)
    assert desk.calls.refused == {"get": 3}


def test_one_that_is_leaving_is_looked_at_again_soon(desk):
    server_id = desk.has()
    check(desk, server_id, InstanceState.TERMINATING)
    assert desk.ends().wait_until == desk.mono + POLL


# delete


def delete(desk: Desk, server_id: str, recorded: str | None = None) -> None:
    instance = replace(WISHED, state=InstanceState.TERMINATING, server_id=recorded or server_id)
    desk.calls.delete(WEB, instance, server_id, TENURE)


def test_a_delete_is_known_from_when_it_was_asked_for(desk):
    server_id = desk.has()
    asked = desk.mono
    delete(desk, server_id)
    assert desk.ends(1.0) == Dossier(deleted_at=asked, wait_until=desk.mono + POLL)
    assert desk.here.cloud.live_servers() == []


def test_a_404_for_the_recorded_server_is_a_first_one(desk):
    delete(desk, "s-99")
    assert desk.ends().missed_at == desk.mono
    first = desk.mono
    desk.here.clock.advance(10)
    delete(desk, "s-99")
    learnt = desk.ends()
    assert (learnt.missed_at, learnt.gone) == (first, False)


def test_a_404_for_a_double_says_nothing_of_the_recorded_one(desk):
    delete(desk, "s-99", recorded="s-1")
    assert desk.ends().missed_at is None


@pytest.mark.parametrize("error", [CloudUnavailable("timed out"), CloudRefused("locked")])
def test_a_delete_that_was_not_done_for_sure_is_asked_for_again(desk, error):
    desk.cloud.answers = error
    delete(desk, "s-1")
    assert desk.ends() == Dossier(deleted_at=None, wait_until=desk.mono + RETRY)


# tenure, and complaints


def test_an_answer_under_a_newer_tenure_counts_for_nothing(desk):
    desk.create()
    desk.dossiers.note("a", TENURE + 1)
    desk.here.workers.collect()
    assert desk.dossiers.bare("a", TENURE + 1) == Dossier()
    assert desk.freed == 1  # but the place in the pool is free


def complaints(desk: Desk, tenure: int = TENURE) -> list[tuple[str, str]]:
    return [(c.type, c.reason) for c in desk.calls.complaints(WEB, tenure)]


def test_a_cloud_that_is_silent_is_complained_of_until_it_answers(desk):
    desk.here.cloud.outage("north", on=True)
    check(desk, "s-1")
    desk.ends()
    assert desk.doubts == 1
    assert complaints(desk) == [("ProvisioningFailed", "CloudSilent")]
    assert complaints(desk, TENURE + 1) == []
    desk.here.cloud.outage("north", on=False)
    check(desk, "s-1")
    desk.ends()
    assert complaints(desk) == []


def test_a_fault_that_nobody_foresaw_is_complained_of_as_ours(desk):
    desk.cloud.answers = KeyError("x")
    look(desk, "a")
    desk.ends()
    assert complaints(desk) == [("Degraded", "ProvisionerFailed")]


@pytest.mark.parametrize("error", [error for error, _ in REFUSALS])
def test_a_refusal_is_an_answer(desk, error):
    desk.cloud.answers = error
    desk.create()
    desk.ends()
    assert complaints(desk) == []
    assert desk.doubts == 0
