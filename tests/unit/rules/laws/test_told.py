"""`fixed` and `external`: a size that somebody else has reckoned."""

import pytest

from elastic.errors import BadRequest
from tests.unit.rules.laws.telling import law, raw


def test_a_fixed_size_is_that_size_whatever_is_known():
    assert raw("fixed", {"size": 3.0}, {}) == 3
    assert raw("fixed", {"size": 0}, {"R": 100}) == 0


@pytest.mark.parametrize(("value", "came"), [(4, 4), (4.1, 5), (0, 0), (-3.5, 0), (None, "value")])
def test_what_was_told_is_rounded_up(value, came):
    assert raw("external", {"source": "https://example.org/size"}, {"value": value, "W": 9}) == came


def test_an_external_one_may_have_a_metric_of_its_own():
    assert law("external", source="x", metric="load").metric == "load"
    assert law("external", source="x").metric is None


@pytest.mark.parametrize(
    ("engine", "conf", "named"),
    [
        ("fixed", {}, "size"),
        ("fixed", {"size": -1}, "size"),
        ("fixed", {"size": "3"}, "size"),
        ("external", {}, "source"),
        ("external", {"source": 1}, "source"),
        ("external", {"source": "x", "metric": 1}, "metric"),
    ],
)
def test_what_is_wrong_is_named(engine, conf, named):
    with pytest.raises(BadRequest, match=rf"policies\[0\]\.{named}"):
        law(engine, **conf)
