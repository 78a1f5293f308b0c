"""`drain_time`: enough to keep up, and to work off what waits within a time."""

import pytest

from elastic.errors import BadRequest
from tests.unit.rules.laws.telling import law, raw


def size(conf=None, slots=1, **signals):
    return raw("drain_time", conf or {}, signals, slots)


@pytest.mark.parametrize(
    ("conf", "slots", "ready", "rate", "task", "came"),
    [
        ({}, 1, 120, 0.5, 30, 34),
        ({}, 1, 0, 0.5, 30, 19),
        ({"target_seconds": 60}, 4, 600, 1, 10, 35),
        ({}, 1, 0, 0.8, 30, 30),
        ({"rho": 0.3}, 1, 0, 0.1, 3, 1),
        ({"rho": 1}, 1, 300, 0, 1, 1),
        ({"rho": 1}, 1, 301, 0, 1, 2),
        ({}, 1, 0, 0, 0, 0),
        ({}, 4, 1, 0, 0, 1),
        ({}, 4, 0.5, 0, 0, 0),
    ],
)
def test_arrivals_and_backlog_over_what_a_worker_can_do(conf, slots, ready, rate, task, came):
    assert size(conf, slots, R=ready, arrival_rate=rate, service_time=task) == came


@pytest.mark.parametrize(
    ("hint", "measured", "came"),
    [(30, None, 19), (30, 15, 10), (None, 15, 10), (None, None, "service_time"), (0, None, 0)],
)
def test_a_hint_serves_until_a_task_was_measured(hint, measured, came):
    assert size({"tau_hint": hint}, R=0, arrival_rate=0.5, service_time=measured) == came


@pytest.mark.parametrize(
    ("signals", "lacking"), [({"arrival_rate": 1}, "ready"), ({"R": 1}, "arrival_rate"), ({}, "ready")]
)
def test_what_waits_and_what_arrives_have_to_be_known(signals, lacking):
    assert size({"tau_hint": 1}, **signals) == lacking


@pytest.mark.parametrize(
    ("key", "value"), [("target_seconds", 0), ("rho", 0), ("rho", 1.01), ("tau_hint", -1), ("tau_hint", True)]
)
def test_what_is_wrong_is_named(key, value):
    with pytest.raises(BadRequest, match=rf"policies\[0\]\.{key}"):
        law("drain_time", **{key: value})
