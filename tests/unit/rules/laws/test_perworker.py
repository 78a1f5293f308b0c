"""`queue_per_worker`: so many tasks a worker."""

import pytest

from elastic.errors import BadRequest
from tests.unit.rules.laws.telling import law, raw

READY_ONLY = {"include_unacked": False, "include_running": False}


def size(conf, **signals):
    return raw("queue_per_worker", {**READY_ONLY, **conf}, signals)


@pytest.mark.parametrize(
    ("target", "tasks", "there", "came"),
    [
        (20, 100, 0, 5),
        (20, 101, 0, 6),
        (20, 110, 5, 5),
        (20, 90, 5, 5),
        (20, 111, 5, 6),
        (20, 79, 5, 4),
        (100, 1500, 10, 15),
        (20, 0, 5, 0),
        (0.1, 1, 0, 10),
        (0.3, 0.9, 0, 3),
    ],
)
def test_so_many_as_the_tasks_ask_for_unless_those_there_come_close(target, tasks, there, came):
    assert size({"target": target}, R=tasks, W=there) == came
    assert size({"target": target}, R=tasks, B=there) == came


@pytest.mark.parametrize(("tolerance", "came"), [(0, 6), (0.02, 5), (0.0199, 6), (None, 5)])
def test_how_close_can_be_said(tolerance, came):
    assert size({"target": 20, "tolerance": tolerance}, R=102, W=5) == came


@pytest.mark.parametrize(
    ("tasks", "there", "came"), [(5, 0, 0), (6, 0, 1), (0, 0, 0), (5, 3, 1), (21, 0, 2), (5.5, 0, 1)]
)
def test_from_none_more_than_the_activation_is_needed(tasks, there, came):
    assert size({"target": 20, "activation": 5}, R=tasks, W=there) == came


@pytest.mark.parametrize(
    ("conf", "came"),
    [
        ({}, 7),
        ({"include_running": False}, 5),
        ({"include_unacked": False}, 5),
        (READY_ONLY, 3),
    ],
)
def test_tasks_in_hand_count_unless_left_out(conf, came):
    assert raw("queue_per_worker", {"target": 1, **conf}, {"R": 3, "U": 2, "X": 2, "W": 2}) == came


@pytest.mark.parametrize(
    ("signals", "lacking"),
    [({"U": 1, "X": 1}, "ready"), ({"R": 1, "X": 1}, "unacked"), ({"R": 1, "U": 1}, "running_acked")],
)
def test_what_counts_has_to_be_known(signals, lacking):
    assert raw("queue_per_worker", {}, signals) == lacking


@pytest.mark.parametrize(
    ("key", "value"),
    [("target", 0), ("tolerance", -0.1), ("activation", "1"), ("include_unacked", 0), ("include_running", "no")],
)
def test_what_is_wrong_is_named(key, value):
    with pytest.raises(BadRequest, match=rf"policies\[0\]\.{key}"):
        law("queue_per_worker", **{key: value})
