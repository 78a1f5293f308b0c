"""Servers that do not go are told of, once their time is over."""

from elastic.roles.stuck import Stuck
from tests.unit.roles.setting import WEB
from tests.unit.rules.views import record

ONE, TWO = record("i-1", 700), record("i-2", 700)


def test_one_that_takes_longer_than_allowed_is_told_of_and_the_domain_is_visited():
    touched = []
    stuck = Stuck(touched.append)
    assert stuck.look(WEB, [(ONE, 100.0)], 30.0, 120.0) == 130.001
    assert (stuck.complaints(WEB), touched) == ((), [])
    assert stuck.look(WEB, [(ONE, 100.0), (TWO, 120.0)], 30.0, 131.0) == 150.001
    (complaint,) = stuck.complaints(WEB)
    assert (complaint.type, complaint.reason) == ("Degraded", "StuckInDeleting")
    assert complaint.text.endswith("what i-1 had")
    assert touched == [WEB]


def test_it_is_told_once_and_taken_back_when_it_is_gone():
    touched = []
    stuck = Stuck(touched.append)
    for now in (131.0, 132.0):
        stuck.look(WEB, [(ONE, 100.0)], 30.0, now)
    stuck.look(WEB, [], 30.0, 133.0)
    assert (stuck.complaints(WEB), touched) == ((), [WEB, WEB])


def test_of_many_a_few_are_named():
    stuck = Stuck(lambda _: None)
    stuck.look(WEB, [(record(f"i-{n}", 700), 0.0) for n in range(9)], 30.0, 99.0)
    assert stuck.complaints(WEB)[0].text.endswith("i-0, i-1, i-2 and 6 more had")


def test_a_domain_that_is_no_longer_ours_is_forgotten():
    stuck = Stuck(lambda _: None)
    stuck.look(WEB, [(ONE, 0.0)], 30.0, 99.0)
    stuck.keep_only((), ())
    assert stuck.complaints(WEB) == ()
