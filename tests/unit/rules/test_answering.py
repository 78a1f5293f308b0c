"""How times and numbers stand in a reason."""

from fractions import Fraction

import pytest

from elastic.rules.answering import clock, shown


@pytest.mark.parametrize(
    ("number", "text"), [(Fraction(3), "3"), (Fraction(1, 10), "0.1"), (Fraction(-5, 2), "-2.5")]
)
def test_a_number_is_as_short_as_it_can_be(number, text):
    assert shown(number) == text


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (Fraction(0), "1970-01-01T00:00:00Z"),
        (Fraction(1796029405), "2026-11-30T09:03:25Z"),
        (Fraction("1796029405.03401"), "2026-11-30T09:03:25.035Z"),
        (Fraction("1796029405.0000001"), "2026-11-30T09:03:25.001Z"),
        (Fraction(-1), "1969-12-31T23:59:59Z"),
        (Fraction(10**300), str(10**300)),
    ],
)
def test_a_time_is_told_in_utc_and_never_too_early(moment, text):
    assert clock(moment) == text
