"""One number dealt out by weight."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elastic.errors import BadRequest
from elastic.rules.shares import shares


@pytest.mark.parametrize(
    ("total", "weights", "dealt"),
    [
        (50, [1, 1, 1], [17, 17, 16]),
        (5, [0.1, 0.2, 0.3], [1, 2, 2]),
        (6, [0.1, 0.1, 0.1], [2, 2, 2]),
        (9, [5, 3, 2], [4, 3, 2]),
        (3, [0, 0, 5], [0, 0, 3]),
        (4, [0.001, 1], [0, 4]),
        (13, [4, 3, 2, 1], [5, 4, 3, 1]),
        (0, [1, 2], [0, 0]),
        (0, [], []),
    ],
)
def test_floors_first_then_by_the_largest_fraction(total, weights, dealt):
    assert shares(total, weights) == dealt


@pytest.mark.parametrize(
    ("total", "weights", "named"),
    [(-1, [1], "total"), (5, [1, -1], "weights"), (5, [], "weights"), (5, [0, 0], "weights"), (0, [0], "weights")],
)
def test_what_cannot_be_dealt_is_refused(total, weights, named):
    with pytest.raises(BadRequest, match=named):
        shares(total, weights)


@given(st.integers(0, 1000), st.lists(st.integers(0, 9), min_size=1).filter(any))
def test_nothing_is_lost_and_nobody_is_cheated(total, weights):
    dealt = shares(total, weights)
    assert sum(dealt) == total
    for share, weight in zip(dealt, weights, strict=True):
        assert total * weight // sum(weights) <= share <= -(-total * weight // sum(weights))
