"""A number over several sites: as even as launches and removals make it, and nothing moved for that alone."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elastic.engines.phantom_multi import PhantomMulti
from elastic.errors import BadRequest
from elastic.model.actions import Answer, Candidate, Launch, Place
from tests.unit.asking import BUSY, IDLE, asked, failures, launched, memo, one, several, stages
from tests.unit.engines.drawn import groups, memos, shares, sizes, times, turns

CONF = {"instance_type": "m1", "deployable_type_name": "dt", "sites": ["A", "B", "C"]}


def decided(n: int, *instances: Candidate, conf: dict[str, Any] | None = None, **rest: Any) -> Answer:
    full = {**CONF, "preserve_n": n, **(conf or {})}
    return PhantomMulti.configured(full).decide(asked(full, instances, **rest))


def test_it_launches_as_it_is_configured():
    assert decided(1, conf={"instance_type": "big"}).launches == (Launch("A", "dt", "big"),)


@pytest.mark.parametrize(
    ("conf", "named"),
    [
        *(({key: None}, key) for key in ("preserve_n", *CONF)),
        ({"preserve_n": -1}, "preserve_n"),
        ({"preserve_n": "2"}, "preserve_n"),
        ({"instance_type": ""}, "instance_type"),
        ({"deployable_type_name": 3}, "deployable_type_name"),
        ({"sites": []}, "sites"),
        ({"sites": "A"}, "sites"),
        ({"sites": ["A", 3]}, "sites"),
        ({"sites": ["A", ""]}, "sites"),
        ({"sites": ["A", "B", "A"]}, "sites.*'A'"),
        ({"force_site": "A"}, "force_site"),
    ],
)
def test_what_is_wrong_with_a_config_is_named(conf, named):
    with pytest.raises(BadRequest, match=named):
        PhantomMulti.configured({**CONF, "preserve_n": 2, **conf})


def test_it_says_what_it_may_launch():
    keys = ("engine_conf.sites", "engine_conf.deployable_type_name", "engine_conf.instance_type")
    engine = PhantomMulti.configured({**CONF, "preserve_n": 1})
    assert engine.places == tuple(Place(site, "dt", *keys) for site in "ABC")
    assert PhantomMulti.configured({**CONF, "preserve_n": 0}).places == ()


@pytest.mark.parametrize(
    ("n", "there", "came"),
    [
        (1, "", "A"),
        (4, "", "ABCA"),
        (5, "", "ABCAB"),
        (4, "AA", "BC"),
        (5, "AA", "BCB"),
        (6, "AAAB", "CB"),
        (6, "BBBC", "AA"),
    ],
)
def test_a_launch_goes_where_fewest_are_and_to_the_earlier_of_two(n, there, came):
    group = [i for site, count in Counter(there).items() for i in several(site, count)]
    assert launched(decided(n, *group)) == list(came)


def test_one_that_is_taken_back_has_its_place_again():
    answer = decided(
        4, *several("A", 1), one("b", site="B", work=BUSY), memo=memo(3, "b"), conf={"sites": ["B", "A"]}
    )
    assert (launched(answer), answer.drains) == (["B", "A"], ())


def test_an_ill_one_is_replaced_where_fewest_are():
    answer = decided(4, *several("A", 2), one("x", site="A", health="MISSING"), *several("B", 1))
    assert (answer.terminates, launched(answer)) == (("x",), ["C"])


@pytest.mark.parametrize(
    ("n", "came"),
    [(5, ["A2"]), (4, ["A2", "B1"]), (3, ["A2", "B1", "A1"]), (0, ["A2", "B1", "A1", "C0", "B0", "A0"])],
)
def test_a_removal_is_taken_where_most_are_and_from_the_later_of_two(n, came):
    group = [one(f"{site}{k}", site=site, at=k) for site, k in zip("AAABBC", (0, 1, 2, 0, 1, 0), strict=True)]
    assert list(decided(n, *group).terminates) == came


def test_inside_a_site_those_go_first_that_go_first_anywhere():
    group = [
        one("late", site="A", at=3),
        one("idle", site="A", at=2, work=IDLE),
        one("busy", site="A", at=9, work=BUSY),
        one("coming", 400, site="A"),
    ]
    assert decided(1, *group).terminates == ("coming", "idle")
    assert decided(1, *group).drains == ("busy",)
    assert decided(1, *group, conf={"victims": "oldest"}).terminates == ("coming", "idle", "late")


def test_the_protected_are_counted_and_passed_over():
    group = [*several("A", 2, protected=True), one("a", site="A"), *several("B", 2)]
    assert decided(4, *group).terminates == ("a",)
    group = [*several("A", 3, protected=True), *several("B", 2)]
    answer = decided(4, *group)
    assert answer.terminates == ("B0",)
    answer = decided(1, *group)
    assert answer.terminates == ("B0", "B1")
    assert any("only 2 of 4" in reason.text for reason in answer.reasons if reason.stage == "victims")


def test_an_uneven_split_is_not_moved():
    answer = decided(4, *several("A", 4))
    assert (answer.launches, answer.terminates, answer.drains, answer.status) == ((), (), (), "STABLE")


def test_one_without_a_site_is_at_the_first():
    assert launched(decided(3, one("a"), conf={"sites": ["B", "A"]})) == ["A", "B"]


class TestSiteThatIsNotNamed:
    def test_what_is_there_goes_and_is_replaced(self):
        group = [one("idle", site="X", work=IDLE), one("busy", site="X", work=BUSY), one("new", 100, site="Y")]
        answer = decided(4, *several("A", 1), *group)
        assert (answer.terminates, answer.drains, launched(answer)) == (
            ("new", "idle"),
            ("busy",),
            ["B", "C", "A"],
        )
        assert "retire" in stages(answer)

    def test_a_protected_one_stays_and_counts_and_a_reason_says_so(self):
        answer = decided(2, *several("A", 1), one("x", site="X", protected=True))
        assert (answer.terminates, answer.launches, answer.status) == ((), (), "STABLE")
        assert any("x: " in r.text and "protected" in r.text for r in answer.reasons if r.stage == "retire")
        assert decided(1, *several("A", 1), one("x", site="X", protected=True)).terminates == ("A0",)

    def test_what_is_there_makes_up_for_what_is_too_many(self):
        assert decided(2, *several("A", 3), one("x", site="X")).terminates == ("x", "A0")

    @pytest.mark.parametrize(("work", "drains", "terminates"), [(BUSY, ("x",), ()), (IDLE, (), ("x",))])
    def test_one_that_is_leaving_goes_on_and_is_not_taken_back(self, work, drains, terminates):
        answer = decided(2, *several("A", 1), one("x", site="X", work=work), memo=memo(1, "x"))
        assert (answer.drains, answer.terminates, launched(answer)) == (drains, terminates, ["B"])

    def test_an_ill_one_is_replaced_as_anywhere(self):
        answer = decided(1, one("x", site="X", health="MISSING", protected=True))
        assert (answer.terminates, launched(answer)) == (("x",), ["A"])
        assert "retire" not in stages(answer)


def test_leaving_ones_are_taken_back_the_last_named_first():
    group = [*several("A", 2), one("x", site="B", work=BUSY), one("y", site="B", work=BUSY)]
    answer = decided(3, *group, memo=memo(2, "y", "x"))
    assert (answer.drains, answer.launches) == (("y",), ())
    answer = decided(5, *group, memo=memo(2, "y", "x"))
    assert (answer.drains, launched(answer)) == ((), ["C"])


class TestBackoff:
    def test_a_site_in_backoff_is_passed_over_and_a_reason_says_until_when(self):
        answer = decided(4, *failures(3, site="A"), *several("B", 1), now=101)
        assert launched(answer) == ["C", "B", "C"]
        assert any("A: " in r.text and "00:01:50Z" in r.text for r in answer.reasons if r.stage == "backoff")

    @pytest.mark.parametrize(("now", "came"), [(104, []), (105, ["B", "B"])])
    def test_when_all_are_what_is_missing_waits(self, now, came):
        sick = [*failures(3, site="A"), one("g", 950, "UNKNOWN", 99, site="B"), one("h", 900, at=100, site="B")]
        answer = decided(2, *sick, now=now, conf={"sites": ["A", "B"]})
        assert (launched(answer), answer.desired, answer.status) == (came, 2, "PENDING")

    def test_nothing_waits_when_nothing_is_missing(self):
        answer = decided(1, *failures(3, site="A"), *several("B", 1), now=101)
        assert (answer.status, stages(answer)) == ("STABLE", set())


@pytest.mark.parametrize(
    ("n", "there", "share", "reclaim", "desired", "came"),
    [(6, 0, 4, False, 4, "ABCA"), (6, 5, 4, False, 5, ""), (6, 5, 4, True, 4, ""), (2, 0, 4, False, 2, "AB")],
)
def test_a_share_is_an_upper_bound(n, there, share, reclaim, desired, came):
    answer = decided(n, *several("A", there), share=share, conf={"reclaim": reclaim})
    assert (answer.desired, launched(answer)) == (desired, list(came))
    assert len(answer.terminates) == max(0, there - desired)
    assert ("share" in stages(answer)) is (desired < n)


def test_a_change_of_number_is_no_policys_change():
    change = {"at": 5, "direction": "in"}
    assert decided(3, memo={**memo(1), "last_change": change}).memo == {**memo(3), "last_change": change}


@given(sizes, st.integers(1, 3))
def test_from_nothing_the_split_is_even_and_the_first_have_one_more(n, count):
    answer = decided(n, conf={"sites": CONF["sites"][:count]})
    whole, rest = divmod(n, count)
    counts = Counter(launched(answer))
    assert [counts[site] for site in "ABC"[:count]] == [whole + (k < rest) for k in range(count)]


@given(sizes, groups("A", "B", "C", "X"), memos, shares, times, turns)
def test_the_order_of_the_instances_does_not_matter(n, group, said, share, now, random):
    rest = {"memo": said, "share": share, "now": now}
    assert decided(n, *random.sample(group, len(group)), **rest) == decided(n, *group, **rest)


@given(sizes, groups("A", "B", "X"), memos, shares, times)
def test_nothing_is_launched_where_it_failed_of_late_or_is_not_named(n, group, said, share, now):
    sick = failures(3, at=20, site="B")
    assert set(launched(decided(n, *group, *sick, memo=said, share=share, now=now))) <= {"A", "C"}


@given(sizes, groups("A", "B", "X"), memos)
def test_what_is_counted_and_launched_comes_to_n_but_for_the_protected(n, group, said):
    answer = decided(n, *group, memo=said, now=10_000)
    gone = {*answer.terminates, *answer.drains}
    staying = [i for i in group if i.is_valid and i.instance_id not in gone]
    assert len(staying) + len(answer.launches) == max(n, sum(i.protected for i in staying))


@given(sizes, groups("A", "B", "X"), memos)
def test_what_is_not_named_ends_or_drains_or_is_protected(n, group, said):
    answer = decided(n, *group, memo=said)
    for i in group:
        if i.is_valid and i.site == "X" and not i.protected:
            assert i.instance_id in {*answer.terminates, *answer.drains}
        if i.is_valid and (i.is_busy or i.protected):
            assert i.instance_id not in answer.terminates
