"""`utilisation`: slots busy for a part of the time."""

import pytest

from elastic.errors import BadRequest
from tests.unit.rules.laws.telling import law, raw


def size(conf=None, slots=1, **signals):
    return raw("utilisation", conf or {}, signals, slots)


@pytest.mark.parametrize(
    ("target", "slots", "there", "busy", "came"),
    [
        (0.6, 1, 10, 9, 15),
        (0.7, 1, 10, 7, 10),
        (0.7, 1, 10, 7.7, 10),
        (0.7, 1, 10, 6.3, 10),
        (0.7, 1, 10, 7.8, 12),
        (0.7, 1, 10, 6.2, 9),
        (0.7, 1, 10, 0, 0),
        (0.7, 4, 10, 7, 3),
        (1, 1, 10, 10, 10),
        (0.1, 1, 3, 0.6, 6),
    ],
)
def test_so_many_that_they_are_as_busy_as_they_should_be(target, slots, there, busy, came):
    assert size({"target": target}, slots, W=there, busy_slots=busy) == came


def test_the_coming_share_the_load():
    assert size({"target": 0.6}, W=5, B=5, busy_slots=9) == 15


@pytest.mark.parametrize(("tolerance", "came"), [(0, 11), (0.02, 10), (0.019, 11)])
def test_how_close_is_close_enough_can_be_said(tolerance, came):
    assert size({"target": 0.5, "tolerance": tolerance}, W=10, busy_slots=5.1) == came


@pytest.mark.parametrize(
    ("ready", "slots", "came"), [(9, 4, 3), (8, 4, 2), (0, 4, 0), (1, 4, 1), (None, 4, "ready")]
)
def test_from_none_the_queue_says_how_many(ready, slots, came):
    assert size({}, slots, R=ready, busy_slots=3) == came


def test_with_some_there_nothing_else_is_asked_for():
    assert size(R=9, W=1) == "busy_slots"
    assert size(R=9, B=1) == "busy_slots"


@pytest.mark.parametrize(("key", "value"), [("target", 0), ("target", 1.1), ("tolerance", -1), ("tolerance", "0")])
def test_what_is_wrong_is_named(key, value):
    with pytest.raises(BadRequest, match=rf"policies\[0\]\.{key}"):
        law("utilisation", **{key: value})
