"""A final record is forgotten when both clocks say that it is old."""

import pytest

from elastic.rules.expiry import expired
from tests.unit.rules.views import record, view

AGE, NOW = 100.0, 10_000.0


def names(shown, seen=lambda _: 1000.0):
    return [i.instance_id for i in expired(shown, AGE, NOW, seen)]


@pytest.mark.hazard("F11")
@pytest.mark.parametrize(
    ("stamped_ago", "seen_for", "is_spent"),
    [
        (101, 101, True),
        (100, 101, False),
        (101, 100, False),
        (10, 500, False),  # its stamp is fresh: somebody else wrote it just now
        (3600, 5, False),  # the wall clock was stepped forward
        (-50, 500, False),  # and back
    ],
)
def test_both_clocks_have_to_say_so(stamped_ago, seen_for, is_spent):
    old = view([record("a", 800, "UNKNOWN", state_time=NOW - stamped_ago)])
    assert bool(names(old, lambda _: float(seen_for))) is is_spent


@pytest.mark.parametrize("state", [100, 200, 300, 400, 500, 600, 650, 700])
def test_what_is_not_over_never_expires(state):
    assert names(view([record("a", state)])) == []
    assert names(view([record("a", state)], removed=True)) == []


@pytest.mark.parametrize("state", [800, 900, 950])
def test_what_is_over_expires(state):
    assert names(view([record("a", state)])) == ["a"]


def test_what_failed_is_kept_while_its_server_is_left():
    left = record("a", 900, leftover=True, server_id="s-1")
    assert names(view([left])) == []
    assert names(view([left], removed=True)) == []


def test_of_a_removed_domain_it_goes_at_once():
    shown = view([record("a", 800, state_time=NOW), record("b", 700)], removed=True)
    assert names(shown, lambda _: 0.0) == ["a"]


def test_each_is_judged_by_its_own_age():
    shown = view([record("a", 800), record("b", 900)])
    assert names(shown, lambda i: 200.0 if i.instance_id == "b" else 50.0) == ["b"]
