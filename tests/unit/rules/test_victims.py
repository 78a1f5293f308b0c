"""Who goes first."""

import pytest

from elastic.rules.victims import in_order_of_going
from tests.unit.asking import BUSY, IDLE, one

GROUP = [
    one("old", at=1),
    one("new", at=3),
    one("busy", at=9, work=BUSY),
    one("idle", at=2, work=IDLE),
    one("idler", at=4, work=IDLE),
    one("coming", 400, "UNKNOWN", 0),
    one("late", 100, "UNKNOWN", 5),
    one("safe", at=99, work=IDLE, protected=True),
]


def order(**rest):
    return [i.instance_id for i in in_order_of_going(GROUP, **rest)]


def test_the_coming_go_first_then_the_idle_then_the_rest_newest_first():
    assert order() == ["late", "coming", "idler", "idle", "busy", "new", "old"]


def test_or_oldest_first():
    assert order(oldest_first=True) == ["coming", "late", "idle", "idler", "old", "new", "busy"]


def test_those_named_go_before_all_others_as_named_but_never_a_protected_one():
    assert order(retirable=["old", "safe", "busy", "old", "nobody"])[:3] == ["old", "busy", "late"]


def test_ties_are_broken_by_name():
    twins = [one(name) for name in "cab"]
    for oldest_first in (False, True):
        assert [i.instance_id for i in in_order_of_going(twins, (), oldest_first)] == ["a", "b", "c"]


@pytest.mark.parametrize("work", [BUSY, IDLE])
def test_work_of_one_that_is_not_running_yet_is_not_looked_at(work):
    coming = one("a", 500, "OK", work=work)
    assert not coming.is_busy
    assert not coming.is_idle
