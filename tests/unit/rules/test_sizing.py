"""Limits, shares, cooldown and its stamp."""

import pytest

from elastic.rules.census import LastChange
from elastic.rules.sizing import Limits, is_cooling, stamped


@pytest.mark.parametrize(
    ("limits", "wanted", "counted", "held", "stages"),
    [
        (Limits(), 5, 0, 5, []),
        (Limits(minimum=2, maximum=4), 5, 0, 4, ["limits"]),
        (Limits(minimum=2, maximum=4), 1, 0, 2, ["limits"]),
        (Limits(share=3), 5, 0, 3, ["share"]),
        (Limits(share=3), 5, 4, 4, ["share"]),
        (Limits(share=3), 5, 9, 5, []),
        (Limits(share=3), 1, 9, 1, []),
        (Limits(share=3, reclaim=True), 5, 9, 3, ["share"]),
        (Limits(minimum=4, maximum=6, share=2), 9, 0, 2, ["limits", "share"]),
        (Limits(share=0), 2, 0, 0, ["share"]),
    ],
)
def test_limits_come_first_and_the_share_wins(limits, wanted, counted, held, stages):
    assert limits.hold(wanted, counted) == held
    assert [reason.stage for reason in limits.reasons(wanted, counted)] == stages


@pytest.mark.parametrize(
    ("at", "now", "cooling"), [(900, 1000, False), (900.5, 1000, True), (0.1, 100.1, False), (0.1, 100, True)]
)
def test_a_cooldown_ends_to_the_tick(at, now, cooling):
    assert is_cooling(LastChange(at, "out"), 100, now) is cooling
    assert not is_cooling(None, 100, now)


def test_only_a_change_is_stamped():
    before = LastChange(1, "in")
    assert stamped(before, 3, 3, 50) is before
    assert stamped(before, 3, 4, 50) == LastChange(50, "out")
    assert stamped(None, 3, 2, 50) == LastChange(50, "in")
