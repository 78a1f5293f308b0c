"""Numbers as their writer meant them, and the quick ways to compare and to add them."""

from fractions import Fraction
from math import inf, nextafter
from sys import float_info

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elastic.rules.exact import exact, first_from, last_until, total, whole

floats = st.floats(allow_nan=False, allow_infinity=False)
moments = st.one_of(st.floats(-1e10, 1e10), st.floats(-1e300, 1e300)).map(exact)


@pytest.mark.parametrize(
    ("number", "came"),
    [
        (0.1, Fraction(1, 10)),
        (1e23, 10**23),
        (-2, -2),
        (5.0, 5),
        (2**60 + 1, 2**60 + 1),
        (Fraction(1, 3), Fraction(1, 3)),
    ],
)
def test_a_number_stands_for_the_shortest_decimal_that_reads_back_as_it(number, came):
    assert exact(number) == came


@pytest.mark.parametrize("number", [inf, -inf, float("nan")])
def test_what_is_not_finite_stands_for_none(number):
    with pytest.raises(ValueError):
        exact(number)


@given(st.lists(floats))
def test_a_total_is_the_sum_of_what_the_numbers_stand_for(numbers):
    assert total(numbers) == sum(map(exact, numbers))


@given(moments, moments, st.integers(-2, 2))
def test_floats_can_be_compared_with_an_exact_moment(now, period, steps):
    moment = now - period
    near = float(moment)
    for _ in range(abs(steps)):
        near = nextafter(near, steps * inf)
    assert (near >= first_from(moment)) is (exact(near) >= moment)
    assert (near > last_until(moment)) is (exact(near) > moment)


def test_and_with_one_that_no_float_comes_near_to():
    beyond = 2 * exact(float_info.max)
    assert float_info.max < first_from(beyond)
    assert float_info.max == last_until(beyond)
    assert -float_info.max == first_from(-beyond)
    assert -float_info.max > last_until(-beyond)


@pytest.mark.parametrize(
    ("value", "came"),
    [(2.0, 2), (2.5, 2.5), (True, True), ("2.0", "2.0"), ([1.0, [2.0]], [1, [2]]), (inf, inf)],
)
def test_a_float_without_a_fraction_counts_as_a_whole_number(value, came):
    assert repr(whole(value)) == repr(came)
