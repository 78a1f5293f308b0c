"""How fast a site is asked, and that a pause that it asks for is kept."""

import pytest

from elastic.adapters.cloud.openstack.pace import Pace
from elastic.errors import NotAsked

NOVA, NEUTRON = "cloud:8774/v2.1", "cloud:9696/v2.0"


class Hand:
    def __init__(self) -> None:
        self.time = 100.0

    def monotonic(self) -> float:
        return self.time

    def now(self) -> float:
        return self.time


def test_without_a_bound_nobody_waits():
    pace = Pace(Hand())
    for _ in range(1000):
        pace.wait(NOVA, 0.0)


def at_once(pace: Pace) -> int:
    """How many go before one would have to wait."""
    for number in range(1000):
        try:
            pace.wait(NOVA, 0.0)
        except NotAsked:
            return number
    return 1000


def test_a_seconds_worth_goes_at_once_and_what_would_wait_too_long_is_refused():
    assert at_once(Pace(Hand(), rate=10.0)) in (10, 11)


def test_after_a_second_as_many_go_again():
    clock = Hand()
    pace = Pace(clock, rate=5.0)
    at_once(pace)
    clock.time += 1.0
    assert at_once(pace) in (5, 6)


def test_a_pause_that_was_asked_for_is_kept_and_said():
    clock = Hand()
    pace = Pace(clock)
    pace.hold(NOVA, 30.0, "429")
    with pytest.raises(NotAsked, match="429") as told:
        pace.wait(NOVA, 60.0)
    assert told.value.again == 30.0
    clock.time += 30.0
    pace.wait(NOVA, 0.0)


def test_a_pause_is_of_the_service_that_asked_for_it():
    pace = Pace(Hand())
    pace.hold(NOVA, 30.0, "429")
    pace.wait(NEUTRON, 0.0)


def test_whoever_has_taken_a_place_before_goes_at_once_and_no_other_does():
    pace = Pace(Hand(), rate=10.0)
    pace.take_place(0.0)
    at_once(pace)
    with pace.in_place():
        pace.wait(NOVA, 0.0)
    with pytest.raises(NotAsked, match="more than 10 requests a second") as told:
        pace.wait(NOVA, 0.0)
    assert 0 < told.value.again <= 1.0


def test_a_shorter_pause_does_not_end_a_longer_one():
    clock = Hand()
    pace = Pace(clock)
    pace.hold(NOVA, 30.0, "long")
    pace.hold(NOVA, 1.0, "short")
    clock.time += 2.0
    with pytest.raises(NotAsked, match="long"):
        pace.wait(NOVA, 0.0)
