"""Who is to drain, what each has to be told, and how long it may take."""

import pytest

from elastic.model.heartbeat import DrainOrder, Heard
from elastic.rules.drains import GRACE, Patience, order_for


@pytest.mark.parametrize(
    ("scale_in", "patience"),
    [
        (None, Patience(timeout=900.0, then="wait")),
        ("soon", Patience(timeout=900.0, then="wait")),
        ({}, Patience(timeout=900.0, then="wait")),
        ({"drain_timeout": "soon", "on_timeout": 7}, Patience(timeout=900.0, then="wait")),
        ({"drain_timeout": 0, "on_timeout": "kill"}, Patience(timeout=0, then="kill")),
    ],
)
def test_a_drain_may_take_as_long_as_the_config_says(scale_in, patience):
    assert Patience.of({"scale_in": scale_in}) == patience


@pytest.mark.parametrize(
    ("then", "seconds", "gives_back", "is_over"),
    [
        ("wait", 1e9, False, False),
        ("requeue", 10, False, False),
        ("requeue", 10.1, True, False),
        ("requeue", 10 + GRACE, True, False),
        ("requeue", 10.1 + GRACE, True, True),
        ("kill", 10, False, False),
        ("kill", 10.1, False, True),
    ],
)
def test_what_comes_of_one_that_takes_too_long(then, seconds, gives_back, is_over):
    patience = Patience(timeout=10, then=then)
    assert (patience.gives_back(seconds), patience.is_over(seconds)) == (gives_back, is_over)


@pytest.mark.parametrize(
    ("wanted", "gives_back", "says", "told"),
    [
        (False, False, "", None),
        (True, False, "draining", None),
        (True, False, "drained", None),
        (True, True, "drained", None),
        (True, False, "", (True, False)),
        (True, True, "", (True, True)),
        (True, True, "draining", (True, True)),
        (False, False, "draining", (False, False)),
        (False, False, "drained", (False, False)),
    ],
)
def test_it_is_told_what_it_does_not_do_yet(wanted, gives_back, says, told):
    order = order_for("a", wanted, gives_back, Heard(5.0, "OK", boot="b", seq=7, drain=says))
    assert order == (told and DrainOrder(instance_id="a", boot="b", seq=7, drain=told[0], requeue=told[1]))
