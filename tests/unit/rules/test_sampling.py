"""A metric: the domain's own, else the mean of those that speak; and silence is no zero."""

from fractions import Fraction

import pytest

from elastic.model.actions import Sample
from elastic.rules.sampling import measured
from tests.unit.asking import one, sampled


def value(*told, own=None, period=90):
    instances = [one(f"i{n}", sensors=sensors) for n, sensors in enumerate(told)]
    return measured("load", own or {}, instances, period, 1000)


@pytest.mark.parametrize(
    ("told", "own", "came"),
    [
        ([sampled(1), sampled(2)], None, Fraction(3, 2)),
        ([sampled(0.1), sampled(0.2), sampled(0.3)], None, Fraction(1, 5)),
        ([sampled(1.6), {}, {}], None, Fraction(8, 5)),
        ([sampled(0), sampled(None)], None, 0),
        ([sampled(9)], sampled(1), 1),
        ([sampled(9)], sampled(1, at=909), 9),
        ([sampled(9)], sampled(None), 9),
        ([sampled(9, at=910)], None, 9),
        ([sampled(9, at=909.9)], None, None),
        ([{"other": Sample(1000, 3)}], {"other": Sample(1000, 3)}, None),
        ([], None, None),
        ([], sampled(0), 0),
    ],
)
def test_what_a_metric_says(told, own, came):
    assert value(*told, own=own) == came


def test_how_long_a_sample_counts_can_be_said():
    assert value(sampled(9, at=994), period=5) is None
    assert value(sampled(9, at=995), period=5) == 9
