"""Launches a minute: a burst, then evenly, and the cluster's share of it."""

import pytest

from elastic.roles.launchpace import LaunchPace


def launched(pace: LaunchPace, seconds: float, site: str = "north") -> list[float]:
    """When, if as many as possible are wanted."""
    now, times = 100.0, []
    while (now := pace.free_at(site, now)) <= 100.0 + seconds:
        pace.take(site, now)
        times.append(round(now - 100.0, 6))
    return times


@pytest.mark.parametrize(
    ("per_minute", "members", "times"),
    [
        (6, 1, [0, 10, 20, 30]),
        (12, 1, [0, 0, 5, 10, 15, 20, 25, 30]),
        (12, 2, [0, 10, 20, 30]),
        (6, 3, [0, 30]),
    ],
)
def test_they_go_as_fast_as_they_are_earned(per_minute, members, times):
    assert launched(LaunchPace(per_minute, lambda: members), 30.0) == times


def test_in_a_minute_of_each_of_three_members_no_more_go_than_allowed_and_a_burst():
    paces = [LaunchPace(60, lambda: 3) for _ in range(3)]
    assert 60 <= sum(len(launched(pace, 60.0)) for pace in paces) <= 60 + 10 + 3


def test_each_site_has_its_own():
    pace = LaunchPace(6, lambda: 1)
    pace.take("north", 100.0)
    assert (pace.free_at("north", 100.0), pace.free_at("south", 100.0)) == (110.0, 100.0)


def test_without_a_bound_there_is_no_waiting():
    pace = LaunchPace(0, lambda: 1)
    pace.take("north", 100.0)
    assert pace.free_at("north", 100.0) == 100.0


def test_what_was_not_used_is_not_saved_for_later_beyond_a_burst():
    pace = LaunchPace(60, lambda: 1)
    pace.take("north", 0.0)
    assert len([t for t in launched(pace, 5.0) if t == 0]) <= 10
