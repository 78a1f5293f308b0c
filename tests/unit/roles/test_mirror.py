"""This member's domains as they stand in the store, whatever befalls the table, the store, or both."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from elastic.errors import NotFound, OutcomeUnknown, Stale, StoreUnavailable, Superseded, TooMuch
from elastic.model.assignment import Tenure
from elastic.model.decision import Decision, Event
from elastic.model.domain import DomainKey
from elastic.model.instance import Instance
from elastic.model.states import InstanceState
from elastic.model.view import Standing, View
from elastic.ports.store import Change, Commit
from elastic.roles.mirror import TOGETHER, Mirror
from tests.unit.roles.setting import Failing, Setting, names_in, partition
from tests.unit.rules.views import record

READS = ("layout", "assignment", "domains_of", "news", "views")


@pytest.fixture
def here() -> Setting:
    return Setting()


def running(instance: Instance) -> Instance:
    return replace(instance, state=InstanceState.RUNNING)


def paused(here: Setting, key: DomainKey) -> None:
    here.store.change(key, lambda domain: replace(domain, paused=True))


# reading


def test_it_shows_the_domains_of_our_partitions_and_no_others(here):
    here.deal("me", "me", "other", "me")
    mine, others = here.add(names_in(0)[0], record("a")), here.add(names_in(2)[0], record("b"))
    mirror = here.mirror()
    mirror.refresh()
    assert mirror.keys() == (mine,)
    assert mirror.partitions() == {0, 1, 3}
    assert mirror.inhabited() == {0}
    assert mirror.view(mine) == here.store.view(mine)
    assert mirror.view(others) is None
    assert (mirror.home_of("a"), mirror.home_of("b")) == (mine, None)
    assert mirror.instance_ids() == ("a",)
    assert here.touched == [mine]


def test_nothing_is_ours_before_there_is_a_table(here):
    here.deal("other")
    key = here.add()
    mirror = here.mirror()
    mirror.refresh()
    assert (mirror.keys(), mirror.partitions()) == ((), frozenset())
    with pytest.raises(Superseded):
        mirror.tenure(key)


def test_clients_words_arrive_with_the_news(here):
    mirror = here.mirror()
    mirror.refresh()
    key = here.add()
    mirror.refresh()
    assert mirror.keys() == (key,)
    paused(here, key)
    mirror.refresh()
    assert mirror.view(key).domain.paused
    assert here.touched == [key, key]


def test_without_news_nothing_is_read(here):
    here.add()
    store = Failing(here.store, "view", "views", "domains", "domains_of")
    mirror = here.mirror(store)
    mirror.refresh()
    store.fail(1)
    mirror.refresh()
    assert here.touched == [DomainKey("ann", "web")]


def test_a_domain_that_is_forgotten_is_shown_no_more(here):
    key = here.add("web", record("a", 800))
    mirror = here.mirror()
    mirror.refresh()
    here.alter(key, "a", lambda _: None)
    here.store.change(key, lambda domain: replace(domain, removed=True))
    view = here.store.view(key)
    here.store.forget_domain(view, mirror.tenure(key))
    mirror.refresh()
    assert (mirror.keys(), mirror.inhabited()) == ((), frozenset())
    assert (mirror.record("a"), mirror.home_of("a"), mirror.instance_ids()) == (None, None, ())


def test_when_there_is_too_much_news_everything_is_read(here, monkeypatch):
    known = here.add()
    mirror = here.mirror()
    mirror.refresh()
    paused(here, known)
    new = here.add("another")
    monkeypatch.setattr(mirror, "_cursor", 10**6)  # as if the store had forgotten where we were
    mirror.refresh()
    assert set(mirror.keys()) == {known, new}
    assert mirror.view(known).domain.paused


def test_too_much_news_is_not_forgotten_over_a_list_that_cannot_be_read(here, monkeypatch):
    store = Failing(here.store, "domains_of")
    mirror = here.mirror(store)
    mirror.refresh()
    new = here.add()
    monkeypatch.setattr(mirror, "_cursor", 10**6)
    store.fail(1)
    with pytest.raises(StoreUnavailable):
        mirror.refresh()
    store.fail(None)
    mirror.refresh()
    assert mirror.keys() == (new,)


class Slow:
    """A store that takes a second to show domains, however few."""

    def __init__(self, here: Setting) -> None:
        self._here = here

    def __getattr__(self, name: str) -> object:
        return getattr(self._here.store, name)

    def views(self, keys):
        self._here.clock.advance(1.0)
        return self._here.store.views(keys)


def test_what_takes_long_to_read_is_read_a_few_at_a_time(here):
    for number in range(2 * TOGETHER + 3):
        here.add(f"web{number}")
    mirror, seen = here.mirror(Slow(here)), []
    while not (seen and mirror.is_whole):
        mirror.refresh()
        seen.append(len(mirror.keys()))
    assert seen == [TOGETHER, 2 * TOGETHER, 2 * TOGETHER + 3]


def test_a_clients_word_is_read_before_what_is_only_new_to_us(here):
    for number in range(3 * TOGETHER):
        here.add(f"web{number}")
    mirror = here.mirror(Slow(here))
    mirror.refresh()
    known = mirror.keys()[-1]
    paused(here, known)
    mirror.refresh()
    assert mirror.view(known).domain.paused
    assert not mirror.is_whole


def test_its_sites_are_those_with_something_unfinished(here):
    here.add("web", record("a"), record("b", 700, site="south"), record("c", 800, site="west"))
    mirror = here.mirror()
    mirror.refresh()
    assert mirror.sites() == {"north", "south"}


# the table


def test_what_goes_elsewhere_is_let_go(here):
    key = here.add("web", record("a"))
    mirror = here.mirror()
    mirror.refresh()
    here.deal_one(partition(key), "other")
    mirror.refresh()
    assert mirror.keys() == ()
    assert mirror.record("a") is None
    assert here.touched == [key, key]


def test_what_stays_under_a_new_table_is_not_read_again(here):
    key = here.add()
    mirror = here.mirror()
    mirror.refresh()
    here.deal_one((partition(key) + 1) % 4, "other")
    mirror.refresh()
    assert here.touched == [key]
    assert mirror.tenure(key).serial == here.store.assignment().serial


def test_what_was_lost_and_is_ours_again_was_lost(here):
    """Somebody else may have written meanwhile, though no look of ours saw the table in between."""
    key = here.add("web", record("a", 100))
    mirror = here.mirror()
    mirror.refresh()
    seen = mirror.sightings.of(mirror.record("a"), 0.0).state_since
    here.deal_one(partition(key), "other")
    here.alter(key, "a", running)
    here.deal_one(partition(key), "me")
    here.clock.advance(50)
    mirror.refresh()
    assert mirror.record("a").state is InstanceState.RUNNING
    assert mirror.sightings.of(mirror.record("a"), 0.0).state_since == seen + 50
    assert mirror.tenure(key).since == here.store.assignment().serial


def test_ages_begin_anew_with_each_gap(here):
    key = here.add("web", record("a"))
    mirror = here.mirror()
    mirror.refresh()
    here.deal_one(partition(key), "other")
    here.deal_one(partition(key), "me")
    here.clock.advance(50)
    mirror.refresh()
    assert mirror.sightings.of(mirror.record("a"), 0.0).state_since == here.clock.monotonic()


# writing through


def mirrored(here: Setting, key: DomainKey, store: object = None) -> Mirror:
    mirror = here.mirror(store)
    mirror.refresh()
    here.touched.clear()
    assert mirror.view(key)
    return mirror


def test_what_is_written_shows_at_once_and_is_told(here):
    key = here.add("web", record("a", 500))
    mirror = mirrored(here, key)
    written = mirror.commit(mirror.view(key), added=[record("b", 100)], changes={"a": Change(running)})
    assert written == mirror.view(key) == here.store.view(key)
    assert mirror.record("a").state is InstanceState.RUNNING
    assert mirror.home_of("b") == key
    assert here.touched == [key]


def test_a_record_that_is_forgotten_is_known_no_more(here):
    key = here.add("web", record("a", 800), record("b"))
    mirror = mirrored(here, key)
    mirror.commit(mirror.view(key), changes={"a": Change(lambda _: None)})
    assert (mirror.record("a"), mirror.instance_ids()) == (None, ("b",))


@pytest.mark.hazard("F17")
def test_a_new_table_under_which_it_is_still_ours_is_no_refusal(here):
    key = here.add("web", record("a", 500))
    mirror = mirrored(here, key)
    for _ in range(2):
        here.deal_one((partition(key) + 1) % 4, f"other{here.store.assignment().serial}")
    written = mirror.commit(mirror.view(key), changes={"a": Change(running)})
    assert written.instance("a").state is InstanceState.RUNNING
    assert mirror.assignment == here.store.assignment()


def test_a_new_table_by_which_it_is_anothers_is_one(here):
    key = here.add("web", record("a", 500))
    mirror = mirrored(here, key)
    here.deal_one(partition(key), "other")
    with pytest.raises(Superseded):
        mirror.commit(mirror.view(key), changes={"a": Change(running)})
    assert here.store.view(key).instance("a").state is InstanceState.STARTED


@pytest.mark.hazard("F17")
def test_what_was_lost_and_is_ours_again_is_not_written_on_the_old_view(here):
    key = here.add("web", record("a", 500))
    mirror = mirrored(here, key)
    here.deal_one(partition(key), "other")
    here.deal_one(partition(key), "me")
    for _ in range(2):
        with pytest.raises(Superseded):
            mirror.commit(mirror.view(key), changes={"a": Change(running)})
    mirror.refresh()
    assert mirror.commit(mirror.view(key), changes={"a": Change(running)})


def test_a_table_that_never_stands_still_ends_the_try(here):
    key = here.add("web", record("a", 500))

    class Restless(Failing):
        def commit(self, *args):
            here.deal_one((partition(key) + 1) % 4, f"other{here.store.assignment().serial}")
            return here.store.commit(*args)

    mirror = mirrored(here, key, Restless(here.store))
    with pytest.raises(Superseded, match="3 times"):
        mirror.commit(mirror.view(key), changes={"a": Change(running)})


def test_a_stale_view_is_read_anew_and_told(here):
    key = here.add("web", record("a", 500))
    mirror = mirrored(here, key)
    paused(here, key)
    with pytest.raises(Stale):
        mirror.commit(mirror.view(key), decides=True, standing=Standing(desired=1))
    assert mirror.view(key) == here.store.view(key)
    assert here.touched == [key]


@pytest.mark.hazard("F16")
def test_what_is_not_a_decision_minds_no_clients_word(here):
    key = here.add("web", record("a", 500))
    mirror = mirrored(here, key)
    paused(here, key)
    mirror.commit(mirror.view(key), changes={"a": Change(running, mirror.record("a").version)})
    assert mirror.view(key).domain.paused


def test_a_domain_that_is_gone_is_dropped(here):
    key = here.add()
    mirror = mirrored(here, key)
    here.store.change(key, lambda domain: replace(domain, removed=True))
    here.store.forget_domain(here.store.view(key), mirror.tenure(key))
    with pytest.raises(NotFound):
        mirror.commit(mirror.view(key), standing=Standing(desired=1))
    assert mirror.keys() == ()


@pytest.mark.hazard("F15")
def test_an_outcome_that_nobody_knows_is_looked_at(here):
    key = here.add("web", record("a", 500))

    class Mute(Failing):
        def commit(self, *args):
            here.store.commit(*args)
            raise OutcomeUnknown("the reply was lost, and it cannot be read back")

    mirror = mirrored(here, key, Mute(here.store))
    with pytest.raises(OutcomeUnknown):
        mirror.commit(mirror.view(key), changes={"a": Change(running)})
    assert mirror.record("a").state is InstanceState.RUNNING


def test_a_removed_and_empty_domain_leaves_no_trace(here):
    key = here.add()
    here.store.change(key, lambda domain: replace(domain, removed=True))
    mirror = mirrored(here, key)
    mirror.forget(mirror.view(key))
    assert mirror.keys() == ()
    assert here.store.all_domains() == []


def test_one_that_is_not_empty_after_all_is_not_forgotten(here):
    key = here.add()
    here.store.change(key, lambda domain: replace(domain, removed=True))
    mirror = mirrored(here, key)
    here.write(key, added=[record("late", 100)])
    with pytest.raises(Stale):
        mirror.forget(mirror.view(key))
    assert mirror.record("late")


# more than one transaction can carry


class Narrow(Failing):
    """Takes so many records in one commit. Before the commit of number `breaks`, from 1, a client comes."""

    def __init__(self, here: Setting, room: int, breaks: int | None = None) -> None:
        super().__init__(here.store)
        self.__dict__.update(here=here, room=room, breaks=breaks, commits=[])

    def commit(self, view: View, fence: Tenure, commit: Commit) -> View:
        if len(commit.added) + len(commit.changes) > self.room:
            raise TooMuch("too large for one transaction")
        self.commits.append(commit)
        if len(self.commits) == self.breaks:
            paused(self.here, view.key)
        return self.here.store.commit(view, fence, commit)


def crowd(prefix: str, count: int) -> list[Instance]:
    return [record(f"{prefix}{n:02}", 100) for n in range(count)]


CONCLUDED = {
    "standing": Standing(desired=50, next_number=51),
    "decision": Decision(time=1.0, member="me", term=1, reason="many"),
    "events": (Event(time=1.0, kind="scaled"),),
}


@pytest.mark.hazard("F27")
def test_what_is_too_much_for_one_transaction_is_written_in_parts(here):
    key = here.add("web", *crowd("a", 30))
    store = Narrow(here, room=15)
    mirror = mirrored(here, key, store)
    changes = {f"a{n:02}": Change(running) for n in reversed(range(30))}
    written = mirror.commit(mirror.view(key), decides=True, added=crowd("b", 20), changes=changes, **CONCLUDED)

    assert written == mirror.view(key) == here.store.view(key)
    assert [i.instance_id for i in written.instances] == [i.instance_id for i in crowd("a", 30) + crowd("b", 20)]
    assert {i.state for i in written.instances[:30]} == {InstanceState.RUNNING}
    assert written.standing == CONCLUDED["standing"]
    first, *others = store.commits
    assert (first.standing, first.decision, first.events) == tuple(CONCLUDED.values())
    assert all(not (c.standing or c.decision or c.events) for c in others)
    assert len({c.id for c in store.commits}) == len(store.commits) == 4
    assert all(c.decides for c in store.commits)
    assert [sorted(c.changes) for c in store.commits if c.changes] == [
        [f"a{n:02}" for n in range(12)],
        [f"a{n:02}" for n in range(12, 25)],
        [f"a{n:02}" for n in range(25, 30)],
    ]


def test_parts_that_decide_nothing_mind_no_clients_word(here):
    key = here.add("web", *crowd("a", 30))
    mirror = mirrored(here, key, Narrow(here, room=10, breaks=2))
    changes = {f"a{n:02}": Change(running) for n in range(30)}
    written = mirror.commit(mirror.view(key), changes=changes)
    assert {i.state for i in written.instances} == {InstanceState.RUNNING}
    assert written.domain.paused


def test_a_part_that_is_refused_leaves_those_before_it_written_and_shown(here):
    key = here.add()
    mirror = mirrored(here, key, Narrow(here, room=10, breaks=3))
    with pytest.raises(Stale):
        mirror.commit(mirror.view(key), decides=True, added=crowd("a", 40), **CONCLUDED)
    assert [i.instance_id for i in mirror.view(key).instances] == [i.instance_id for i in crowd("a", 20)]
    assert mirror.view(key) == here.store.view(key)
    assert mirror.view(key).standing == CONCLUDED["standing"]
    assert len(here.store.decisions(key)) == 1


def test_what_cannot_be_parted_is_refused(here):
    key = here.add()
    mirror = mirrored(here, key, Narrow(here, room=0))
    with pytest.raises(TooMuch):
        mirror.commit(mirror.view(key), added=crowd("a", 2))
    assert mirror.view(key).instances == ()


# a store that fails in the middle


class Upheaval:
    """A member that held partitions 0 and 1 is to learn, in one look, that it holds 1 and 2; that a client has
    changed one domain, added one, and had one removed and forgotten."""

    def __init__(self) -> None:
        self.here = here = Setting()
        here.deal("me", "me", "other", "other")
        self.names = {p: names_in(p, 3) for p in range(4)}
        for p in range(4):
            for name in self.names[p][:2]:
                here.add(name, record(f"i{name}"))
        doomed = here.add(self.names[1][2])
        self.store = Failing(here.store, *READS)
        self.told: list[DomainKey] = []
        self.mirror = here.mirror(self.store, self.told.append)
        self.mirror.refresh()
        self.told.clear()

        here.deal("other", "me", "me", "other")
        paused(here, DomainKey("ann", self.names[1][0]))
        here.add(self.names[2][2])
        here.store.change(doomed, lambda domain: replace(domain, removed=True))
        here.store.forget_domain(here.store.view(doomed), self.tenure_of(doomed))

    def tenure_of(self, key: DomainKey):
        return self.here.store.assignment().tenure(partition(key), "me")

    def expected(self) -> dict:
        """What a mirror shows that begins now."""
        fresh = self.here.mirror(changed=lambda _: None)
        fresh.refresh()
        return shown(fresh)


def shown(mirror: Mirror) -> dict:
    return {
        "views": {view.key: view for view in mirror.views()},
        "partitions": mirror.partitions(),
        "inhabited": mirror.inhabited(),
        "records": {name: (mirror.home_of(name), mirror.record(name)) for name in sorted(mirror.instance_ids())},
    }


def reads_in_a_look() -> int:
    world = Upheaval()
    world.store.fail(None)
    world.mirror.refresh()
    assert shown(world.mirror) == world.expected()
    return world.store.calls


def each_read_failing(then: Callable[[Upheaval], None]) -> None:
    count = reads_in_a_look()
    assert count > 6
    for number in range(1, count + 1):
        world = Upheaval()
        world.store.fail(number)
        with pytest.raises(StoreUnavailable):
            world.mirror.refresh()
        world.store.fail(None)
        then(world)
        assert shown(world.mirror) == world.expected(), f"read {number} of {count}"


def test_whichever_read_fails_nothing_is_lost():
    def again(world: Upheaval) -> None:
        world.mirror.refresh()
        new = [DomainKey("ann", n) for n in (*world.names[2], world.names[1][0])]
        assert set(new) <= set(world.told)

    each_read_failing(again)


def test_whichever_two_reads_in_a_row_fail_nothing_is_lost():
    def again(world: Upheaval) -> None:
        for number in range(1, 4):
            world.store.fail(number)
            with pytest.raises(StoreUnavailable):
                world.mirror.refresh()
        world.store.fail(None)
        world.mirror.refresh()

    each_read_failing(again)


def test_whichever_read_fails_what_went_elsewhere_meanwhile_is_not_shown():
    def moved_on(world: Upheaval) -> None:
        world.here.deal("other", "me", "other", "other")
        world.mirror.refresh()

    each_read_failing(moved_on)
