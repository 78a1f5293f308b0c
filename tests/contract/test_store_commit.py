"""Instances: what roles write, and what keeps two hands from writing at once."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from elastic.errors import BadRequest, Conflict, NotFound, Stale, Superseded
from elastic.model.assignment import Seat, Tenure
from elastic.model.decision import Action, Decision, Event, Stage
from elastic.model.instance import Attempt, Instance
from elastic.model.states import Health, InstanceState
from elastic.model.view import Condition, Standing, View
from elastic.ports.store import Change, Commit, Store
from tests.contract.listening import following, heard
from tests.contract.records import HOSTILE, KEY, assigned, domain, instance, seat_of, tenure_of
from tests.contract.worlds import StoreWorld


@pytest.fixture
def seat(world: StoreWorld) -> Seat:
    return seat_of(world.election("m1"))


@pytest.fixture
def fence(store: Store, seat: Seat) -> Tenure:
    assigned(store, seat)
    return tenure_of(store)


@pytest.fixture
def view(store: Store) -> View:
    store.add_domain(domain())
    return store.view(KEY)


@pytest.fixture
def peopled(store: Store, view: View, fence: Tenure) -> View:
    """With instances i1 and i2."""
    return store.commit(view, fence, Commit(id="first", added=[instance("i1"), instance("i2")]))


def started(instance: Instance) -> Instance:
    return replace(instance, state=InstanceState.STARTED)


def forgotten(instance: Instance) -> None:
    return None


def refusing(instance: Instance) -> Instance:
    raise BadRequest("no")


def counted(instance: Instance) -> Instance:
    return replace(instance, extravars={"n": instance.extravars.get("n", 0) + 1})


class TestWhatACommitWrites:
    def test_added_instances_have_version_1_and_changed_ones_one_more(
        self, store: Store, view: View, fence: Tenure
    ) -> None:
        added = store.commit(view, fence, Commit(id="c1", added=[instance("i1", version=9), instance("i2")]))
        assert [(i.instance_id, i.version) for i in added.instances] == [("i1", 1), ("i2", 1)]

        changed = store.commit(added, fence, Commit(id="c2", changes={"i2": Change(started)}))
        assert [(i.state, i.version) for i in changed.instances] == [
            (InstanceState.REQUESTING, 1),
            (InstanceState.STARTED, 2),
        ]

    def test_it_returns_the_view_as_it_stands_afterwards(
        self, world: StoreWorld, peopled: View, fence: Tenure
    ) -> None:
        world.store.change(KEY, lambda d: replace(d, paused=True))
        after = world.store.commit(peopled, fence, Commit(id="c2", changes={"i1": Change(started)}))

        assert after.domain.paused
        assert after == world.opened().view(KEY)

    def test_instances_keep_the_order_in_which_they_were_added(
        self, store: Store, peopled: View, fence: Tenure
    ) -> None:
        changes = {"i2": Change(started), "i1": Change(forgotten)}
        store.commit(peopled, fence, Commit(id="c2", changes=changes, added=[instance("i0")]))
        after = store.commit(peopled, fence, Commit(id="c3", added=[instance("i1")]))

        assert [i.instance_id for i in after.instances] == ["i2", "i0", "i1"]

    def test_a_forgotten_record_is_gone(self, store: Store, peopled: View, fence: Tenure) -> None:
        after = store.commit(peopled, fence, Commit(id="c2", changes={"i1": Change(forgotten)}))
        assert [i.instance_id for i in after.instances] == ["i2"]

    def test_a_change_cannot_rename_its_record(self, store: Store, peopled: View, fence: Tenure) -> None:
        renamed = Change(lambda i: replace(i, instance_id="i9", version=9))
        after = store.commit(peopled, fence, Commit(id="c2", changes={"i1": renamed}))

        assert [(i.instance_id, i.version) for i in after.instances] == [("i1", 2), ("i2", 1)]

    def test_a_change_sees_the_newest_record_not_the_views(
        self, store: Store, peopled: View, fence: Tenure
    ) -> None:
        for n in range(3):
            store.commit(peopled, fence, Commit(id=f"c{n}", changes={"i1": Change(counted)}))

        assert store.view(KEY).instances[0].extravars == {"n": 3}

    def test_the_standing_is_replaced_when_there_is_one(self, store: Store, peopled: View, fence: Tenure) -> None:
        standing = Standing(
            revision=1,
            desired=3,
            status="SCALING",
            conditions=(Condition("Ready", False, "booting", "2 of 3", 17.5),),
            memo={"trend": [1, 2.5, None], "deep": {"a": "b"}},
            next_number=4,
            last_trickle=12.5,
        )
        store.commit(peopled, fence, Commit(id="c2", standing=standing))
        assert store.view(KEY).standing == standing

        store.commit(peopled, fence, Commit(id="c3", changes={"i1": Change(started)}))
        assert store.view(KEY).standing == standing

    def test_decision_and_events_go_with_it(self, store: Store, peopled: View, fence: Tenure) -> None:
        decision = Decision(
            time=5.0,
            member="m1",
            term=1,
            inputs={"share": 3},
            stages=(Stage("maximum", 2, "held"),),
            actions=(Action("launch", "i3", "north"),),
            reason="two short",
        )
        event = Event(time=5.0, kind="scaled", domain=str(KEY), text="to 3")
        store.commit(peopled, fence, Commit(id="c2", decides=True, decision=decision, events=[event]))

        assert list(store.decisions(KEY)) == [decision]
        assert [replace(e, seq=0) for e in store.events()] == [event]

    def test_every_field_of_an_instance_comes_back(self, store: Store, view: View, fence: Tenure) -> None:
        full = instance(
            "i-3fa-12-7",
            allocation="m1.small",
            extravars={"a": [1, {"b": None}], "c": 2.5, "d": True},
            state=InstanceState.RUNNING_FAILED,
            state_time=1.25,
            reason="no sign of life",
            health=Health.PROCESS_ERROR,
            health_time=2.5,
            errors=("one", "two"),
            attempt=Attempt(2, 3.5, open=False),
            server_id="8d0e",
            public_ip="192.0.2.1",
            private_ip="10.0.0.1",
            hostname="vm7",
            announced="STARTED",
            version=1,
        )
        assert store.commit(view, fence, Commit(id="c1", added=[full])).instances == (full,)
        assert store.view(KEY).instances == (full,)

    @pytest.mark.parametrize("text", HOSTILE)
    def test_hostile_text_comes_back_as_it_was(self, store: Store, view: View, fence: Tenure, text: str) -> None:
        hostile = instance("i1", extravars={text: text}, reason=text, errors=(text,), hostname=text, version=1)
        store.commit(view, fence, Commit(id=text, added=[hostile], standing=Standing(memo={text: text})))

        after = store.view(KEY)
        assert (after.instances, after.standing.memo) == ((hostile,), {text: text})

    @pytest.mark.parametrize("count", [3, 100, 301])
    def test_all_of_many_instances_come_back(self, store: Store, view: View, fence: Tenure, count: int) -> None:
        ids = [f"i-3fa-1-{n}" for n in range(count)]
        store.commit(view, fence, Commit(id="c1", added=[instance(i) for i in ids]))

        assert [i.instance_id for i in store.view(KEY).instances] == ids

    def test_a_thousand_changes_are_one_commit(self, store: Store, view: View, fence: Tenure) -> None:
        ids = [f"i-3fa-1-{n}" for n in range(1000)]
        store.commit(view, fence, Commit(id="c1", added=[instance(i) for i in ids]))
        after = store.commit(view, fence, Commit(id="c2", changes={i: Change(counted, version=1) for i in ids}))

        assert {(i.version, i.extravars["n"]) for i in after.instances} == {(2, 1)}


class TestDecisions:
    @pytest.mark.hazard("F16")
    def test_a_decision_raises_the_counter_and_nothing_else_does(
        self, store: Store, peopled: View, fence: Tenure
    ) -> None:
        plain = store.commit(peopled, fence, Commit(id="c2", changes={"i1": Change(started)}, standing=Standing()))
        assert plain.counter == peopled.counter == 0

        decided = store.commit(plain, fence, Commit(id="c3", decides=True, added=[instance("i3")]))
        assert decided.counter == store.view(KEY).counter == 1

    def test_of_two_decisions_on_one_view_the_second_is_stale(
        self, store: Store, peopled: View, fence: Tenure
    ) -> None:
        store.commit(peopled, fence, Commit(id="c2", decides=True, added=[instance("i3")]))

        with pytest.raises(Stale):
            store.commit(peopled, fence, Commit(id="c3", decides=True, added=[instance("i4")]))
        assert [i.instance_id for i in store.view(KEY).instances] == ["i1", "i2", "i3"]

    def test_a_decision_is_stale_after_a_clients_change(self, store: Store, peopled: View, fence: Tenure) -> None:
        store.change(KEY, lambda d: replace(d, engine_conf={"preserve_n": 1}))

        with pytest.raises(Stale):
            store.commit(peopled, fence, Commit(id="c2", decides=True, added=[instance("i3")]))

    @pytest.mark.hazard("F16")
    def test_what_decides_nothing_does_not_mind_either(self, store: Store, peopled: View, fence: Tenure) -> None:
        store.change(KEY, lambda d: replace(d, paused=True))
        store.commit(store.view(KEY), fence, Commit(id="c2", decides=True, added=[instance("i3")]))
        after = store.commit(peopled, fence, Commit(id="c3", changes={"i1": Change(started, version=1)}))

        assert after.instance("i1") == replace(peopled.instances[0], state=InstanceState.STARTED, version=2)


class TestVersions:
    @pytest.mark.hazard("F10")
    def test_a_change_of_an_older_version_is_stale(self, store: Store, peopled: View, fence: Tenure) -> None:
        store.commit(peopled, fence, Commit(id="c2", changes={"i1": Change(started, version=1)}))

        with pytest.raises(Stale):
            store.commit(peopled, fence, Commit(id="c3", changes={"i1": Change(forgotten, version=1)}))
        assert store.view(KEY).instances[0].version == 2

    @pytest.mark.parametrize("version", [None, 1])
    def test_a_change_of_what_is_not_there_is_stale(
        self, store: Store, peopled: View, fence: Tenure, version: int | None
    ) -> None:
        with pytest.raises(Stale):
            store.commit(peopled, fence, Commit(id="c2", changes={"i9": Change(started, version)}))

    def test_an_id_that_is_there_cannot_be_added(self, store: Store, peopled: View, fence: Tenure) -> None:
        with pytest.raises(Conflict):
            store.commit(peopled, fence, Commit(id="c2", added=[instance("i3"), instance("i2")]))
        with pytest.raises(Conflict):
            store.commit(peopled, fence, Commit(id="c3", added=[instance("i3"), instance("i3")]))
        assert store.view(KEY) == peopled


class TestWholeOrNothing:
    SPOILERS: dict[str, dict[str, Any]] = {
        "a conflict": {"added": [instance("i3"), instance("i1")]},
        "a stale version": {"changes": {"i1": Change(started), "i2": Change(started, version=7)}},
        "a refusal": {"changes": {"i1": Change(started), "i2": Change(refusing)}},
        "an instance that json cannot say": {"added": [instance("i3", extravars={"a": object()})]},
        "a memo that json cannot say": {"standing": Standing(memo={"a": object()})},
        "an event that json cannot say": {"events": [Event(time=object(), kind="x")]},  # type: ignore[arg-type]
    }

    @pytest.mark.parametrize("spoiler", SPOILERS)
    def test_nothing_is_written_after(self, store: Store, peopled: View, fence: Tenure, spoiler: str) -> None:
        good: dict[str, Any] = {
            "added": [instance("i4")],
            "standing": Standing(desired=9),
            "events": [Event(time=1, kind="scaled")],
            "decision": Decision(time=1, member="m1", term=1),
            "decides": True,
        }
        with pytest.raises((Conflict, Stale, BadRequest)):
            store.commit(peopled, fence, Commit(id="c2", **{**good, **self.SPOILERS[spoiler]}))

        assert store.view(KEY) == peopled
        assert store.decisions(KEY) == []
        assert store.events() == []

    def test_the_same_commit_can_be_made_after_what_hindered_it_is_gone(
        self, store: Store, peopled: View, fence: Tenure
    ) -> None:
        with pytest.raises(Stale):
            store.commit(peopled, fence, Commit(id="c2", changes={"i1": Change(started, version=7)}))
        after = store.commit(peopled, fence, Commit(id="c2", changes={"i1": Change(started, version=1)}))

        assert after.instances[0].version == 2


class TestCommitIds:
    @pytest.mark.hazard("F15")
    def test_the_last_commit_made_again_is_read_back_not_repeated(
        self, store: Store, peopled: View, fence: Tenure
    ) -> None:
        commit = Commit(id="c2", decides=True, added=[instance("i3")], changes={"i1": Change(counted)})
        first = store.commit(peopled, fence, commit)

        assert store.commit(peopled, fence, commit) == first == store.view(KEY)

    def test_a_refused_commits_id_is_not_kept(self, store: Store, peopled: View, fence: Tenure) -> None:
        with pytest.raises(Conflict):
            store.commit(peopled, fence, Commit(id="c2", added=[instance("i1")]))
        with pytest.raises(Conflict):
            store.commit(peopled, fence, Commit(id="c2", added=[instance("i1")]))

    def test_ids_are_a_domains_own(self, store: Store, view: View, seat: Seat, fence: Tenure) -> None:
        other = view.key._replace(name="other")
        store.add_domain(domain(other))
        for key in (KEY, other):
            after = store.commit(store.view(key), fence, Commit(id="same", added=[instance("i1")]))
            assert len(after.instances) == 1


class TestFence:
    def test_no_write_passes_once_a_newer_assignment_stands(
        self, store: Store, peopled: View, seat: Seat, fence: Tenure
    ) -> None:
        assigned(store, seat, "m2")

        with pytest.raises(Superseded):
            store.commit(peopled, fence, Commit(id="c2", changes={"i1": Change(started)}))
        with pytest.raises(Superseded):
            store.forget_domain(peopled, fence)
        assert store.view(KEY) == peopled

    def test_one_who_kept_the_partition_goes_on_with_the_new_serial(
        self, store: Store, peopled: View, seat: Seat, fence: Tenure
    ) -> None:
        assigned(store, seat, "m1")
        after = store.commit(peopled, tenure_of(store), Commit(id="c2", changes={"i1": Change(started)}))

        assert after.instances[0].version == 2

    def test_nobody_is_ahead_of_the_assignment(self, store: Store, peopled: View, fence: Tenure) -> None:
        ahead = replace(fence, serial=fence.serial + 1)
        with pytest.raises(Superseded):
            store.commit(peopled, ahead, Commit(id="c2", changes={"i1": Change(started)}))


class TestIncarnations:
    def made_anew(self, store: Store, fence: Tenure) -> None:
        store.change(KEY, lambda d: replace(d, removed=True))
        store.forget_domain(store.view(KEY), fence)
        store.add_domain(domain(engine_conf={"preserve_n": 3}))

    @pytest.mark.hazard("F8")
    def test_a_view_of_the_former_domain_writes_nothing_into_the_new_one(
        self, store: Store, view: View, fence: Tenure
    ) -> None:
        """Even if its counter happens to be the same."""
        self.made_anew(store, fence)
        anew = store.view(KEY)
        assert (anew.counter, anew.domain.incarnation) == (view.counter, view.domain.incarnation + 1)

        for decides in (True, False):
            with pytest.raises(NotFound):
                store.commit(view, fence, Commit(id="late", decides=decides, added=[instance("i1")]))
        with pytest.raises(NotFound):
            store.forget_domain(view, fence)
        assert store.view(KEY) == anew

    def test_the_new_domain_remembers_nothing_of_the_former(self, store: Store, view: View, fence: Tenure) -> None:
        decision = Decision(time=1, member="m1", term=1)
        commit = Commit(id="c1", decides=True, standing=Standing(desired=3), decision=decision)
        store.commit(view, fence, commit)
        self.made_anew(store, fence)

        anew = store.view(KEY)
        assert (anew.standing, anew.instances, anew.counter, anew.domain.revision) == (Standing(), (), 0, 1)
        assert store.decisions(KEY) == []
        assert store.commit(anew, fence, Commit(id="c1", added=[instance("i1")])).instances != ()

    def test_a_commit_to_a_domain_that_is_gone_is_not_found(self, store: Store, view: View, fence: Tenure) -> None:
        store.change(KEY, lambda d: replace(d, removed=True))
        store.forget_domain(store.view(KEY), fence)

        with pytest.raises(NotFound):
            store.commit(view, fence, Commit(id="c1", added=[instance("i1")]))
        with pytest.raises(NotFound):
            store.forget_domain(view, fence)


class TestForgetting:
    def test_a_domain_that_is_not_removed_stays(self, store: Store, view: View, fence: Tenure) -> None:
        with pytest.raises(Stale):
            store.forget_domain(view, fence)
        assert store.view(KEY) == view

    def test_so_does_one_with_records(self, store: Store, peopled: View, fence: Tenure) -> None:
        store.change(KEY, lambda d: replace(d, removed=True))
        with pytest.raises(Stale):
            store.forget_domain(store.view(KEY), fence)
        assert len(store.view(KEY).instances) == 2

    def test_one_that_is_both_goes_with_a_word_in_the_journal_and_in_the_news(
        self, store: Store, peopled: View, fence: Tenure
    ) -> None:
        changes = {i: Change(forgotten) for i in ("i1", "i2")}
        store.commit(peopled, fence, Commit(id="c2", changes=changes))
        store.change(KEY, lambda d: replace(d, removed=True))
        cursor = heard(following(store), 0, {KEY}).cursor

        store.forget_domain(store.view(KEY), fence, [Event(time=1, kind="removed")])

        assert store.all_domains() == []
        assert heard(store, cursor, {KEY}).keys == {KEY}
        assert [event.kind for event in store.events()] == ["removed"]
        with pytest.raises(NotFound):
            store.view(KEY)


class TestNothingIsShared:
    @pytest.mark.parametrize("of", ["added", "changed", "memo", "inputs"])
    def test_what_was_passed_in_can_be_spoilt(self, store: Store, peopled: View, fence: Tenure, of: str) -> None:
        mine: dict[str, Any] = {"list": [1]}
        commits: dict[str, Callable[[], Commit]] = {
            "added": lambda: Commit(id="c", added=[instance("i3", extravars=mine)]),
            "changed": lambda: Commit(id="c", changes={"i1": Change(partial(replace, extravars=mine))}),
            "memo": lambda: Commit(id="c", standing=Standing(memo=mine)),
            "inputs": lambda: Commit(id="c", decision=Decision(time=1, member="m", term=1, inputs=mine)),
        }
        store.commit(peopled, fence, commits[of]())
        before = (store.view(KEY), store.decisions(KEY))
        mine["list"].append(2)

        assert (store.view(KEY), store.decisions(KEY)) == before

    def test_what_was_returned_can_be_spoilt(self, store: Store, view: View, fence: Tenure) -> None:
        commit = Commit(id="c", added=[instance("i1", extravars={"l": []})], standing=Standing(memo={"l": []}))
        for returned in (store.commit(view, fence, commit), store.view(KEY)):
            returned.instances[0].extravars["l"].append(1)
            assert returned.standing.memo is not None
            returned.standing.memo["l"].append(1)

        after = store.view(KEY)
        assert (after.instances[0].extravars, after.standing.memo) == ({"l": []}, {"l": []})
