"""One lock a role: who holds it, and how it passes on."""

import pytest
from msgspec.structs import replace

from elastic.errors import Superseded
from tests.contract.clocks import HandClock
from tests.contract.records import assigned, seat_of
from tests.contract.worlds import TTL, StoreWorld


def test_one_member_holds_a_role_and_the_others_wait(world: StoreWorld) -> None:
    first, second = world.election("m1"), world.election("m2")
    seat = first.contend("decider")

    assert seat is not None
    assert (seat.role, seat.member) == ("decider", "m1")
    assert second.contend("decider") is None


def test_the_holder_keeps_its_very_seat_while_it_contends_in_time(world: StoreWorld, clock: HandClock) -> None:
    first, second = world.election("m1"), world.election("m2")
    seat = seat_of(first)

    for _ in range(12):
        clock.advance(TTL / 3)
        assert second.contend("decider") is None
        assert first.contend("decider") == seat


def test_roles_are_held_apart(world: StoreWorld) -> None:
    first, second = world.election("m1"), world.election("m2")
    seat_of(first, "decider")

    assert seat_of(second, "doctor").member == "m2"
    assert first.contend("doctor") is None


def test_one_that_was_silent_for_a_session_loses_its_seat(world: StoreWorld, clock: HandClock) -> None:
    first, second = world.election("m1"), world.election("m2")
    old = seat_of(first)
    clock.advance(TTL - 1)
    assert second.contend("decider") is None

    clock.advance(1)
    new = seat_of(second)
    assert new.token != old.token
    assert first.contend("decider") is None
    assert second.contend("decider") == new


def test_it_is_another_seat_when_the_same_member_takes_it_again(world: StoreWorld, clock: HandClock) -> None:
    first, second = world.election("m1"), world.election("m2")
    tokens = [seat_of(first).token]
    clock.advance(TTL)
    tokens.append(seat_of(second).token)
    clock.advance(TTL)
    tokens.append(seat_of(first).token)
    clock.advance(TTL)
    tokens.append(seat_of(first).token)  # nobody had it in between

    assert len(set(tokens)) == 4


def test_a_restarted_member_gets_a_seat_of_its_own_at_once(world: StoreWorld) -> None:
    old = seat_of(world.election("m1"))
    new = seat_of(world.election("m1"))

    assert new.token != old.token


def test_a_role_that_is_given_back_is_free_at_once(world: StoreWorld) -> None:
    first, second = world.election("m1"), world.election("m2")
    old = seat_of(first)
    first.resign("decider")

    assert seat_of(second).token != old.token
    assert first.contend("decider") is None


def test_only_the_holder_can_give_it_back(world: StoreWorld, clock: HandClock) -> None:
    first, second = world.election("m1"), world.election("m2")
    first.resign("decider")
    seat_of(first)
    second.resign("decider")
    assert second.contend("decider") is None

    clock.advance(TTL)
    new = seat_of(second)
    first.resign("decider")  # it does not know yet that it lost it
    assert second.contend("decider") == new


@pytest.mark.hazard("F11")
def test_a_step_of_the_wall_clock_moves_nobody(world: StoreWorld, clock: HandClock) -> None:
    first, second = world.election("m1"), world.election("m2")
    seat = seat_of(first)

    for hours in (1, -2):
        clock.step(hours * 3600)
        assert second.contend("decider") is None
        assert first.contend("decider") == seat


def test_proof_of_death_frees_a_role_before_its_time(world: StoreWorld) -> None:
    first, second = world.election("m1"), world.election("m2")
    old = seat_of(first)
    world.kill("m1")

    assert seat_of(second).token != old.token


def test_a_seat_that_changed_hands_is_worth_nothing_to_the_store(world: StoreWorld, clock: HandClock) -> None:
    """What a leader that was stopped, and does not know that it is deposed, would do."""
    first, second = world.election("m1"), world.election("m2")
    stopped = seat_of(first)
    assigned(world.store, stopped)
    clock.advance(TTL)
    taken = assigned(world.store, seat_of(second), "m2")

    with pytest.raises(Superseded):
        world.store.raise_term(stopped)
    with pytest.raises(Superseded):
        world.store.assign(stopped, replace(taken, serial=taken.serial + 1))
    assert world.store.assignment() == taken
