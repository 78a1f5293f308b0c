"""`step`: what to do in each band of a metric's values."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elastic.errors import BadRequest
from tests.unit.rules.laws.telling import law, raw

BANDS = [
    {"lower": 0, "upper": 10, "exact": 0},
    {"lower": 10, "upper": 50, "delta": 1},
    {"lower": 50, "upper": 200, "percent": 50},
    {"lower": 200, "exact": 20},
]


def size(bands, there, value):
    return raw("step", {"bands": bands}, {"W": there, "value": value})


@pytest.mark.parametrize(
    ("value", "came"),
    [(-1, 5), (0, 0), (9.99, 0), (10, 6), (49, 6), (50, 8), (199.9, 8), (200, 20), (1e9, 20), (None, "value")],
)
def test_the_lower_end_of_a_band_is_in_it_and_the_upper_is_not(value, came):
    assert size(BANDS, 5, value) == came
    assert size(BANDS[::-1], 5, value) == came


@pytest.mark.parametrize(
    ("deed", "there", "came"),
    [
        ({"delta": 2}, 5, 7),
        ({"delta": -2}, 5, 3),
        ({"delta": -9}, 5, 0),
        ({"delta": 0}, 5, 5),
        ({"percent": 50}, 5, 8),
        ({"percent": -50}, 5, 3),
        ({"percent": -100}, 5, 0),
        ({"percent": -300}, 5, 0),
        ({"percent": 10}, 10, 11),
        ({"percent": 0.1}, 1000, 1001),
        ({"percent": 50}, 0, 0),
        ({"exact": 4}, 5, 4),
    ],
)
def test_a_part_of_the_size_is_rounded_up_whichever_way_it_goes(deed, there, came):
    assert size([deed], there, 3) == came


@pytest.mark.parametrize(
    ("bands", "value", "came"),
    [
        ([{"upper": 0, "exact": 1}, {"lower": 1, "exact": 2}], -1e9, 1),
        ([{"upper": 0, "exact": 1}, {"lower": 1, "exact": 2}], 0, 5),
        ([{"lower": 0.1, "upper": 0.2, "exact": 1}, {"lower": 0.2, "exact": 2}], 0.2, 2),
        ([{"lower": -0.3, "upper": -0.1, "exact": 1}], -0.3, 1),
        ([{"lower": None, "upper": None, "exact": 1, "delta": None}], 7, 1),
    ],
)
def test_a_band_may_be_open_and_between_two_nothing_changes(bands, value, came):
    assert size(bands, 5, value) == came


def test_it_may_have_a_metric_of_its_own():
    assert law("step", bands=BANDS, metric="load").metric == "load"
    assert law("step", bands=BANDS).metric is None


@pytest.mark.parametrize(
    ("bands", "named"),
    [
        (None, "bands"),
        ([], "bands"),
        ({}, "bands"),
        ([1], "bands"),
        ([{"lower": 1, "upper": 1, "delta": 1}], r"bands\[0\]"),
        ([{"lower": 2, "upper": 1, "delta": 1}], r"bands\[0\]"),
        ([{"lower": 1}], r"bands\[0\]"),
        ([{"delta": 1, "percent": 1}], r"bands\[0\].*delta and percent"),
        ([{"delta": 1.5}], r"bands\[0\]\.delta"),
        ([{"exact": -1}], r"bands\[0\]\.exact"),
        ([{"percent": "5"}], r"bands\[0\]\.percent"),
        ([{"lower": "1", "delta": 1}], r"bands\[0\]\.lower"),
        ([{"lowre": 1, "delta": 1}], "lowre"),
        ([{"upper": 5, "delta": 1}, {"lower": 4, "delta": 1}], "overlap"),
        ([{"lower": 4, "delta": 1}, {"lower": 5, "delta": 1}], "overlap"),
        ([{"lower": 9, "delta": 1}, {"delta": 1}], "overlap"),
        ([{"delta": 1}, {"delta": 1}], "overlap"),
        ([{"upper": 3, "delta": 1}, {"upper": 2, "delta": 1}], "overlap"),
    ],
)
def test_what_is_wrong_is_named(bands, named):
    with pytest.raises(BadRequest, match=rf"policies\[0\]\.{named}|{named}.*policies\[0\]|policies\[0\].*{named}"):
        law("step", bands=bands)


ends = st.lists(st.integers(-9, 9), min_size=2, max_size=6, unique=True).map(sorted)


@given(ends, st.integers(-10, 10), st.randoms(use_true_random=False))
def test_the_order_in_which_bands_are_written_does_not_matter(ends, value, random):
    bands = [{"lower": lower, "upper": upper, "exact": upper + 9} for lower, upper in pairwise(ends)]
    expected = next((upper + 9 for lower, upper in pairwise(ends) if lower <= value < upper), 5)
    assert size(random.sample(bands, len(bands)), 5, value) == expected
