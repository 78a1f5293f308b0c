"""Who may go when `policy` shrinks a domain, in which order, and who is passed over."""

import pytest

from elastic.errors import BadRequest
from elastic.rules.census import take_census
from elastic.rules.scalein import ScaleIn
from elastic.rules.schema import keys_of, read
from tests.unit.asking import BUSY, IDLE, asked, memo, one


def candidates(*instances, retirable=(), oldest_first=False, sites=(), said=None, **scale_in):
    census = take_census(asked({}, instances, memo=said), "A")
    going, passed_over = read(ScaleIn, scale_in, "scale_in").candidates(
        census, 1000, retirable, oldest_first, sites
    )
    return [i.instance_id for i in going], passed_over


def test_the_coming_go_first_then_the_idle_then_those_of_whom_nothing_is_known():
    group = [one("a", at=1, work=IDLE), one("b", at=2, work=IDLE), one("c", 400, at=999), one("d", 100, at=3)]
    assert candidates(*group) == (["c", "d", "b", "a"], "")
    assert candidates(*group, oldest_first=True)[0] == ["d", "c", "a", "b"]
    assert candidates(one("a", at=1), one("b", at=2)) == (["b", "a"], "")


@pytest.mark.parametrize(
    ("instance", "passed_over"),
    [
        (one("a", protected=True), "a protected"),
        (one("a", 400, protected=True), "a protected"),
        (one("a", at=700.5), "a younger than 300 s"),
        (one("a", at=700), ""),
        (one("a", 400, at=999), ""),
        (one("a", work=BUSY), "a busy"),
        (one("a", 400, work=BUSY), ""),
        (one("a"), ""),
    ],
)
def test_who_is_passed_over_and_why(instance, passed_over):
    assert candidates(instance) == ([] if passed_over else ["a"], passed_over)


def test_how_young_is_too_young_can_be_said_and_is_exact():
    assert candidates(one("a", at=999.9), min_lifetime=0.1)[0] == ["a"]
    assert candidates(one("a", at=999.9), min_lifetime=0.11)[0] == []
    assert candidates(one("a", at=1000), min_lifetime=0)[0] == ["a"]


def test_busy_ones_may_go_if_that_is_allowed_and_go_last():
    group = [one("a", at=2, work=BUSY), one("b", at=1, work=IDLE), one("c", at=3, work=BUSY)]
    assert candidates(*group, allow_busy=True) == (["b", "c", "a"], "")
    assert candidates(*group) == (["b"], "a, c busy")


@pytest.mark.parametrize(
    ("knows", "passed_over"),
    [
        (one("b", work=IDLE), "a of unknown work"),
        (one("b", work=BUSY, protected=True), "a of unknown work; b protected"),
        (one("b", 400, work=IDLE), ""),
        (one("b", work=IDLE, health="MISSING"), ""),
        (one("b", 700, work=IDLE), ""),
    ],
)
def test_one_of_unknown_work_stays_if_that_of_any_valid_running_one_is_known(knows, passed_over):
    assert candidates(one("a"), knows)[1] == passed_over


def test_a_leaving_one_is_valid_too_though_it_is_no_candidate():
    assert candidates(one("a"), one("b", work=BUSY), said=memo(1, "b")) == ([], "a of unknown work")
    assert candidates(one("a"), one("b"), said=memo(1, "b")) == (["a"], "")


def test_allowing_the_busy_allows_nobody_of_unknown_work():
    assert candidates(one("a"), one("b", work=BUSY), allow_busy=True) == (["b"], "a of unknown work")


def test_those_named_go_first_as_named_and_are_passed_over_only_if_protected():
    group = [
        one("young", at=999, work=IDLE),
        one("busy", work=BUSY),
        one("dark"),
        one("safe", work=IDLE, protected=True),
        one("idle", work=IDLE),
    ]
    named = ["dark", "safe", "busy", "nobody", "young"]
    assert candidates(*group, retirable=named) == (["dark", "busy", "young", "idle"], "safe protected")


def test_sites_can_be_emptied_one_after_the_other_inside_each_class():
    group = [
        one("a", site="A", at=3, work=IDLE),
        one("b", site="B", at=1, work=IDLE),
        one("c", site="A", at=2, work=IDLE),
        one("d", 400, site="A"),
        one("e", site="B", at=0, work=IDLE),
    ]
    assert candidates(*group, sites=["B", "A"])[0] == ["d", "b", "e", "a", "c"]
    assert candidates(*group)[0] == ["d", "a", "c", "b", "e"]


def test_a_crowd_is_not_named_one_by_one():
    _, passed_over = candidates(*(one(f"i{n:02}", protected=True) for n in range(23)))
    assert passed_over.startswith("i00, i01, ")
    assert passed_over.endswith(", i19 and 3 more protected")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("victims", "newest"),
        ("allow_busy", "yes"),
        ("min_lifetime", -1),
        ("drain_timeout", "15m"),
        ("on_timeout", "shrug"),
    ],
)
def test_what_is_wrong_is_named(key, value):
    with pytest.raises(BadRequest, match=rf"^scale_in\.{key} has to be"):
        read(ScaleIn, {key: value}, "scale_in")


def test_null_is_the_default():
    assert read(ScaleIn, dict.fromkeys(keys_of(ScaleIn)), "scale_in") == ScaleIn()
