"""Places at a site are taken in turn."""

from elastic.model.domain import DomainKey
from elastic.roles.turnstile import Turnstile

BIG, SMALL, OTHER, GONE = (DomainKey("ann", name) for name in ("big", "small", "other", "gone"))


def turnstile(places: int = 2) -> Turnstile:
    return Turnstile(places, lambda key: key != GONE)


def test_places_are_taken_while_they_last():
    gate = turnstile()
    assert [gate.enter("east", BIG) for _ in range(3)] == [True, True, False]
    assert gate.enter("west", BIG)
    assert gate.called() == []


def test_who_came_before_goes_first_and_then_queues_up_again():
    gate = turnstile(1)
    assert gate.enter("east", BIG)
    assert not gate.enter("east", BIG)
    assert not gate.enter("east", SMALL)
    gate.leave("east")
    assert gate.called() == [BIG]
    assert not gate.enter("east", SMALL)
    assert gate.enter("east", BIG)
    assert not gate.enter("east", BIG)
    gate.leave("east")
    assert gate.called() == [SMALL]
    assert not gate.enter("east", BIG)
    assert gate.enter("east", SMALL)


def test_whose_turn_it_is_takes_all_places_that_are_free_and_then_it_is_anothers():
    gate = turnstile(3)
    for key in (OTHER, BIG, SMALL):
        for _ in range(4):
            gate.enter("east", key)
        gate.pass_by(key, but_for=["east"])
    for _ in range(2):
        gate.leave("east")
    assert gate.called() == [OTHER]
    assert [gate.enter("east", key) for key in (BIG, SMALL)] == [False, False]
    assert [gate.enter("east", OTHER) for _ in range(3)] == [True, True, False]
    gate.pass_by(OTHER, but_for=["east"])
    gate.leave("east")
    assert gate.called() == [BIG]
    assert [gate.enter("east", key) for key in (OTHER, SMALL, BIG)] == [False, False, True]


def test_a_turn_ends_with_its_visit():
    gate = turnstile(2)
    gate.enter("east", BIG)
    gate.pass_by(BIG)
    gate.enter("east", SMALL)
    gate.enter("east", OTHER)
    gate.leave("east")
    assert not gate.enter("east", BIG)
    assert gate.enter("east", OTHER)


def test_who_wants_no_place_any_more_holds_up_nobody():
    gate = turnstile(1)
    gate.enter("east", BIG)
    gate.enter("east", BIG)
    gate.enter("east", SMALL)
    gate.leave("east")
    gate.pass_by(BIG)
    assert gate.called() == [SMALL]
    assert gate.enter("east", SMALL)


def test_who_waits_at_one_site_still_waits_there():
    gate = turnstile(1)
    for site in ("east", "west"):
        gate.enter(site, SMALL)
        gate.enter(site, BIG)
    gate.pass_by(BIG, but_for=["east"])
    gate.leave("east")
    gate.leave("west")
    assert gate.called() == [BIG]


def test_who_is_no_longer_ours_loses_its_place():
    gate = turnstile(1)
    gate.enter("east", BIG)
    gate.enter("east", GONE)
    gate.enter("east", SMALL)
    gate.leave("east")
    assert gate.called() == [SMALL]
    assert gate.enter("east", SMALL)
