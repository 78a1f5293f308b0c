"""Who is who: the layout, terms, the assignment, members, and what leaders and operators note down."""

import pytest
from msgspec.structs import replace

from elastic.errors import NotFound, Stale, Superseded
from elastic.model.assignment import Assignment, Member, Seat, Term
from elastic.model.domain import DomainKey
from elastic.ports.store import Quarantine, Store, Stray
from tests.contract.clocks import HandClock
from tests.contract.records import HOSTILE, KEY, assigned, seat_of
from tests.contract.worlds import TTL, StoreWorld


def test_the_layout_is_the_same_for_all(world: StoreWorld) -> None:
    layout = world.store.layout()

    assert world.opened().layout() == layout
    assert layout.uid
    assert (layout.partitions, layout.format) == (world.partitions, 1)


class TestTerms:
    def test_there_is_none_at_first(self, store: Store) -> None:
        assert store.terms() == {}

    @pytest.mark.hazard("F7")
    def test_each_seat_raises_the_term_once(self, world: StoreWorld, clock: HandClock) -> None:
        store, first, second = world.store, world.election("m1"), world.election("m2")
        seat = seat_of(first)
        assert store.raise_term(seat) == Term("decider", 1)
        assert store.raise_term(seat_of(first)) == Term("decider", 1)

        clock.advance(TTL + 1)
        assert store.raise_term(seat_of(second)) == Term("decider", 2)
        assert world.opened().terms() == {"decider": 2}

    @pytest.mark.hazard("F7")
    def test_a_deposed_leader_cannot_raise_it(self, world: StoreWorld, clock: HandClock) -> None:
        first, second = world.election("m1"), world.election("m2")
        old = seat_of(first)
        clock.advance(TTL + 1)
        seat_of(second)

        with pytest.raises(Superseded):
            world.store.raise_term(old)
        assert world.store.terms() == {}

    def test_nor_can_one_who_never_sat(self, store: Store) -> None:
        with pytest.raises(Superseded):
            store.raise_term(Seat("decider", "m1", "1"))

    def test_the_same_member_seated_anew_raises_it_again(self, world: StoreWorld, clock: HandClock) -> None:
        election = world.election("m1")
        first = seat_of(election)
        world.store.raise_term(first)
        clock.advance(TTL + 1)

        assert world.store.raise_term(seat_of(election)) == Term("decider", 2)
        with pytest.raises(Superseded):
            world.store.raise_term(first)

    def test_roles_count_for_themselves(self, world: StoreWorld) -> None:
        election = world.election("m1")
        for role in ("decider", "doctor"):
            assert world.store.raise_term(seat_of(election, role)).number == 1
        assert world.store.terms() == {"decider": 1, "doctor": 1}


class TestAssignment:
    def test_before_the_first_there_is_serial_0_and_nobody(self, store: Store) -> None:
        assert store.assignment() == Assignment()

    def test_what_was_written_is_there_for_all(self, world: StoreWorld) -> None:
        seat = seat_of(world.election("m1"))
        for holder in ("m1", "m2"):
            assert assigned(world.store, seat, holder) == world.opened().assignment()

    @pytest.mark.hazard("F7")
    def test_it_is_written_by_the_seated_leader_alone(self, world: StoreWorld, clock: HandClock) -> None:
        first, second = world.election("m1"), world.election("m2")
        old = seat_of(first)
        written = assigned(world.store, old)
        clock.advance(TTL + 1)
        new = seat_of(second)

        with pytest.raises(Superseded):
            world.store.assign(old, replace(written, serial=2))
        with pytest.raises(Superseded, match="term"):
            world.store.assign(new, replace(written, serial=2))  # it has raised no term yet
        assert assigned(world.store, new) == world.store.assignment()

    def test_a_lease_that_ran_out_and_that_nobody_took_still_passes(
        self, world: StoreWorld, clock: HandClock
    ) -> None:
        seat = seat_of(world.election("m1"))
        clock.advance(10 * TTL)

        assert assigned(world.store, seat) == world.store.assignment()

    def test_one_that_was_given_back_does_not(self, world: StoreWorld) -> None:
        election = world.election("m1")
        seat = seat_of(election)
        written = assigned(world.store, seat)
        election.resign("decider")

        with pytest.raises(Superseded):
            world.store.assign(seat, replace(written, serial=2))

    @pytest.mark.parametrize("term", [0, 2])
    def test_its_term_is_the_seats_own(self, world: StoreWorld, term: int) -> None:
        seat = seat_of(world.election("m1"))
        world.store.raise_term(seat)

        with pytest.raises(Superseded):
            world.store.assign(seat, Assignment(term=term, serial=1))

    @pytest.mark.parametrize("serial", [0, 1, 3])
    def test_its_serial_follows_on_the_stored_one(self, world: StoreWorld, serial: int) -> None:
        seat = seat_of(world.election("m1"))
        written = assigned(world.store, seat)

        with pytest.raises(Stale):
            world.store.assign(seat, replace(written, serial=serial))
        assert world.store.assignment() == written


class TestMembers:
    M1 = Member(
        name="m1", host="h", pid=7, able={"bus": True, "cloud north": False}, loop_age={"control": 0.5}, told=9.5
    )

    def test_what_a_member_says_of_itself_is_there_for_all(self, world: StoreWorld) -> None:
        world.store.describe_member(self.M1)
        assert world.opened().members() == {"m1": self.M1}

        told = replace(self.M1, able={}, told=10.5)
        world.store.describe_member(told)
        assert world.opened().members() == {"m1": told}

    def test_an_operators_weight_outlives_what_the_member_says(self, store: Store) -> None:
        store.describe_member(self.M1)
        store.set_weight("m1", 0.0)
        store.describe_member(replace(self.M1, weight=5.0, pid=8))

        assert store.members()["m1"] == replace(self.M1, weight=0.0, pid=8)

    def test_and_its_absence(self, store: Store) -> None:
        store.describe_member(self.M1)
        store.set_weight("m1", 0.0)
        store.forget_member("m1")
        store.describe_member(self.M1)

        assert store.members()["m1"].weight == 0.0

    def test_a_weight_is_for_a_known_member(self, store: Store) -> None:
        with pytest.raises(NotFound):
            store.set_weight("m1", 0.0)

    def test_a_forgotten_member_is_gone(self, store: Store) -> None:
        store.describe_member(self.M1)
        store.forget_member("m1")
        store.forget_member("m1")

        assert store.members() == {}


class TestStrays:
    def stray(self, server_id: str, at: float = 1.0) -> Stray:
        return Stray(server_id=server_id, instance_id="i1", at=at)

    def test_they_are_added_renewed_and_dropped_in_one_go(self, world: StoreWorld) -> None:
        term = world.store.raise_term(seat_of(world.election("m1"), "reaper"))
        world.store.note_strays(term, [self.stray("s1"), self.stray("s2")], [])
        world.store.note_strays(term, [self.stray("s2", 5.0), self.stray("s3")], ["s1", "unknown"])

        assert list(world.opened().strays()) == [self.stray("s2", 5.0), self.stray("s3")]

    def test_a_newer_term_refuses_an_older_ones_notes(self, world: StoreWorld, clock: HandClock) -> None:
        first, second = world.election("m1"), world.election("m2")
        old = world.store.raise_term(seat_of(first, "reaper"))
        clock.advance(TTL + 1)
        new = world.store.raise_term(seat_of(second, "reaper"))
        world.store.note_strays(new, [self.stray("s1")], [])

        with pytest.raises(Superseded):
            world.store.note_strays(old, [self.stray("s2")], ["s1"])
        assert list(world.store.strays()) == [self.stray("s1")]

    def test_so_does_a_store_that_never_saw_that_term(self, store: Store) -> None:
        with pytest.raises(Superseded):
            store.note_strays(Term("reaper", 3), [self.stray("s1")], [])


def test_quarantines_are_set_renewed_and_lifted(world: StoreWorld) -> None:
    other = DomainKey("ann", "z")
    world.store.quarantine(Quarantine(key=KEY, strikes=1, until=10.0, member="m1"))
    world.store.quarantine(Quarantine(key=KEY, strikes=2, until=20.0, member="m2"))
    world.store.quarantine(Quarantine(key=other, strikes=1, until=5.0, member="m1"))
    assert [(q.key, q.strikes, q.until, q.member) for q in world.opened().quarantines()] == [
        (other, 1, 5.0, "m1"),
        (KEY, 2, 20.0, "m2"),
    ]

    world.store.release(KEY)
    world.store.release(KEY)
    assert [q.key for q in world.store.quarantines()] == [other]


def test_flags_are_operators_words_for_all(world: StoreWorld) -> None:
    assert world.store.flags() == {}
    for value in (12.5, {"by": "ann", "at": [1, None]}, None, *HOSTILE):
        world.store.set_flag("sweep_accepted_at", value)
        assert world.opened().flags() == {"sweep_accepted_at": value}
