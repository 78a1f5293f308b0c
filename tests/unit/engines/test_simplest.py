"""As many as it is told: what that means when things die, drain, fail and are protected."""

from typing import Any

import pytest
from hypothesis import given

from elastic.engines.simplest import Simplest
from elastic.errors import BadRequest
from elastic.model.actions import Answer, Candidate, Launch, Work
from tests.unit.asking import BUSY, IDLE, asked, failures, memo, one, stages
from tests.unit.engines.drawn import groups, memos, shares, sizes, turns


def decided(n: int, *instances: Candidate, conf: dict[str, Any] | None = None, **rest: Any) -> Answer:
    full = {"preserve_n": n, **(conf or {})}
    return Simplest.configured(full).decide(asked(full, instances, **rest))


def test_it_launches_what_is_missing_as_it_is_configured():
    conf = {
        "force_site": "west",
        "epuworker_type": "w",
        "epuworker_allocation": "big",
        "provisioner_vars": {"a": 1},
    }
    assert decided(2, conf=conf).launches == (Launch("west", "w", "big"), Launch("west", "w", "big"))
    assert decided(1).launches == (Launch("ec2-east", "epu_work_consumer", "small"),)


@pytest.mark.parametrize(
    ("conf", "named"),
    [
        ({}, "preserve_n"),
        ({"preserve_n": None}, "preserve_n"),
        ({"preserve_n": -1}, "preserve_n"),
        ({"preserve_n": 2.5}, "preserve_n"),
        ({"preserve_n": 1, "preserv_n": 2}, "preserv_n"),
        ({"preserve_n": 1, "force_site": 3}, "force_site"),
        ({"preserve_n": 1, "epuworker_type": ""}, "epuworker_type"),
        ({"preserve_n": 1, "victims": "any"}, "victims"),
    ],
)
def test_what_is_wrong_with_a_config_is_named(conf, named):
    with pytest.raises(BadRequest, match=named):
        Simplest.configured(conf)


def test_the_ill_are_replaced_whatever_protects_them():
    group = [
        one("d", health="MISSING", protected=True),
        one("c", health="MONITOR_ERROR", work=BUSY),
        one("b", 650),
        one("a", 400, "PROCESS_ERROR"),
        one("z", 800, "ZOMBIE"),
        one("y", 800, "MISSING"),
    ]
    answer = decided(4, *group)
    assert answer.terminates == ("a", "b", "c", "d", "z")
    assert (len(answer.launches), answer.drains) == (4, ())
    assert "replace" in stages(answer)


def test_the_ill_are_the_first_that_go_when_there_are_too_many():
    group = [one("a", at=1), one("b", at=2), one("c", health="MISSING")]
    assert decided(2, *group).terminates == ("c",)
    assert decided(1, *group).terminates == ("c", "b")


def test_too_many_go_in_order_the_busy_ones_by_draining():
    group = [
        one("a", at=1),
        one("b", at=2, work=BUSY),
        one("c", at=3, work=IDLE),
        one("d", at=4),
        one("e", 400, at=0),
    ]
    answer = decided(1, *group)
    assert (answer.terminates, answer.drains) == (("e", "c", "d"), ("b",))
    assert answer.memo == memo(1, "b")
    assert decided(4, *group, conf={"victims": "oldest"}).terminates == ("e",)
    assert decided(2, *group, conf={"victims": "oldest"}).terminates == ("e", "c", "a")


@pytest.mark.parametrize("work", [Work(1, 0, 0), Work(0, 1, 0), Work(0, 0, 1)])
def test_any_task_is_work(work):
    answer = decided(0, one("a", work=work))
    assert (answer.terminates, answer.drains) == ((), ("a",))


def test_the_protected_stay_and_a_reason_says_so():
    answer = decided(0, one("a", protected=True), one("b"), one("c", protected=True))
    assert (answer.terminates, answer.desired) == (("b",), 0)
    assert "victims" in stages(answer)
    assert any("only 1 of 3" in reason.text for reason in answer.reasons)


class TestDraining:
    def group(self, **draining):
        return [one("a", at=1), one("b", at=2), one("c", at=3, **draining)]

    @pytest.mark.parametrize("work", [None, BUSY])
    def test_one_goes_on_while_it_may_have_work(self, work):
        answer = decided(2, *self.group(work=work), memo=memo(2, "c"))
        assert (answer.drains, answer.terminates, answer.memo["draining"]) == (("c",), (), ["c"])
        assert answer.status == "PENDING"

    @pytest.mark.parametrize("rest", [{"work": IDLE}, {"state": 400}])
    def test_and_ends_when_it_has_none(self, rest):
        answer = decided(2, *self.group(**rest), memo=memo(2, "c"))
        assert (answer.drains, answer.terminates, answer.launches) == ((), ("c",), ())

    def test_the_last_named_is_taken_back_first_even_when_it_is_done(self):
        group = [*self.group(work=BUSY), one("d", work=IDLE)]
        answer = decided(3, *group, memo=memo(2, "c", "d"))
        assert (answer.drains, answer.terminates, answer.launches) == (("c",), (), ())
        answer = decided(5, *group, memo=memo(2, "c", "d"))
        assert (answer.drains, answer.terminates, len(answer.launches)) == ((), (), 1)

    def test_new_ones_come_after_the_old(self):
        group = [one("a", at=1, work=BUSY), one("b", at=2, work=BUSY), one("c", work=BUSY), one("d", work=IDLE)]
        answer = decided(0, *group, memo=memo(2, "c", "d"))
        assert (answer.drains, answer.terminates) == (("c", "b", "a"), ("d",))

    def test_an_ill_one_ends_and_is_not_replaced(self):
        answer = decided(2, *self.group(health="MISSING", work=BUSY), memo=memo(2, "c"))
        assert (answer.drains, answer.terminates, answer.launches) == ((), ("c",), ())

    def test_a_protected_one_counts_again(self):
        answer = decided(2, *self.group(protected=True, work=BUSY), memo=memo(2, "c"))
        assert (answer.drains, answer.terminates) == ((), ("b",))


class TestBackoff:
    def test_while_it_lasts_nothing_is_launched_and_the_reason_says_until_when(self):
        answer = decided(1, *failures(3), now=109)
        assert (answer.launches, answer.desired, answer.status) == ((), 1, "PENDING")
        assert [reason.text for reason in answer.reasons if reason.stage == "backoff"] == [
            "ec2-east: launches failed there, none before 1970-01-01T00:01:50Z"
        ]
        assert len(decided(1, *failures(3), now=110).launches) == 1

    def test_the_ill_go_none_the_less(self):
        answer = decided(1, *failures(2), one("a", at=50, health="MISSING"), now=101)
        assert (answer.terminates, answer.launches) == (("a",), ())

    def test_nothing_waits_when_nothing_is_missing(self):
        answer = decided(1, *failures(2), one("a", at=50), now=101)
        assert (answer.status, stages(answer)) == ("STABLE", set())

    def test_leaving_ones_are_taken_back_none_the_less(self):
        answer = decided(2, *failures(2), one("a", at=5), one("b", at=5, work=BUSY), now=101, memo=memo(1, "b"))
        assert (answer.drains, answer.launches, answer.status) == ((), (), "STABLE")

    def test_another_sites_failures_do_not_count(self):
        assert len(decided(1, *failures(9, site="west"), now=101).launches) == 1


@pytest.mark.parametrize(
    ("n", "there", "share", "reclaim", "desired", "launches", "terminates"),
    [
        (5, 0, 3, False, 3, 3, 0),
        (2, 0, 3, False, 2, 2, 0),
        (2, 0, 0, False, 0, 0, 0),
        (5, 4, 3, False, 4, 0, 0),
        (1, 4, 3, False, 1, 0, 3),
        (5, 4, 3, True, 3, 0, 1),
        (5, 4, 3, None, 4, 0, 0),
    ],
)
def test_a_share_is_an_upper_bound(n, there, share, reclaim, desired, launches, terminates):
    group = [one(f"i{k}") for k in range(there)]
    answer = decided(n, *group, share=share, conf={"reclaim": reclaim})
    assert (answer.desired, len(answer.launches), len(answer.terminates)) == (desired, launches, terminates)
    assert ("share" in stages(answer)) is (desired < n)


@pytest.mark.parametrize(
    ("group", "status"),
    [
        ([one("a")], "STABLE"),
        ([one("a", health="OUT_OF_CONTACT")], "STABLE"),
        ([one("a"), one("d", 900, "UNKNOWN")], "STABLE"),
        ([one("a", 500, "UNKNOWN")], "PENDING"),
        ([], "PENDING"),
        ([one("a"), one("b")], "PENDING"),
        ([one("a"), one("b", work=BUSY)], "PENDING"),
        ([one("a"), one("z", 800, "ZOMBIE")], "PENDING"),
    ],
)
def test_it_is_stable_when_there_is_nothing_to_do_or_to_wait_for(group, status):
    assert decided(1, *group).status == status


def test_a_change_of_number_is_no_policys_change():
    change = {"at": 5, "direction": "in"}
    assert decided(3, memo={**memo(1), "last_change": change}).memo["last_change"] == change
    assert decided(3).memo == {"last_change": None, "size": 3, "draining": []}


def test_instances_at_other_sites_count_and_stay():
    answer = decided(2, one("a", site="west"), one("b", site="east"))
    assert (answer.launches, answer.terminates, answer.status) == ((), (), "STABLE")


def counted(group, answer):
    gone = {*answer.terminates, *answer.drains}
    return sum(i.is_valid and i.instance_id not in gone for i in group)


@given(sizes, groups(), memos, shares)
def test_there_are_never_more_than_n_but_the_protected(n, group, said, share):
    answer = decided(n, *group, memo=said, share=share)
    kept = sum(i.is_valid and i.protected for i in group)
    assert counted(group, answer) + len(answer.launches) <= max(answer.desired, kept)
    assert answer.desired <= n


@given(sizes, groups(), memos, shares)
def test_it_never_launches_and_shrinks_at_once(n, group, said, share):
    answer = decided(n, *group, memo=said, share=share)
    leaving = {
        i.instance_id for i in group if i.instance_id in said["draining"] and i.is_valid and not i.protected
    }
    well = {i.instance_id for i in group if i.is_valid} - leaving
    assert not answer.launches or not well & {*answer.terminates, *answer.drains}


@given(sizes, groups(), memos)
def test_all_that_is_ill_is_terminated_and_made_up_for(n, group, said):
    answer = decided(n, *group, memo=said, now=10_000)
    ill = {i.instance_id for i in group if i.is_unhealthy or i.is_zombie}
    over = {i.instance_id for i in group if i.state.is_over} - ill
    assert ill <= set(answer.terminates)
    assert not over & {*answer.terminates, *answer.drains}
    assert counted(group, answer) + len(answer.launches) >= n


@given(sizes, groups(), memos)
def test_the_protected_are_never_shrunk_and_the_busy_never_killed(n, group, said):
    answer = decided(n, *group, memo=said)
    for i in group:
        if i.is_valid and i.protected:
            assert i.instance_id not in {*answer.terminates, *answer.drains}
        if i.is_valid and i.is_busy:
            assert i.instance_id not in answer.terminates


@given(sizes, groups(), memos)
def test_no_id_is_named_twice(n, group, said):
    answer = decided(n, *group, memo=said)
    named = [*answer.terminates, *answer.drains]
    assert len(named) == len(set(named))


@given(sizes, groups(), memos, turns)
def test_the_order_of_the_instances_does_not_matter(n, group, said, random):
    shuffled = random.sample(group, len(group))
    assert decided(n, *shuffled, memo=said) == decided(n, *group, memo=said)


def test_a_null_allocation_is_the_default_one():
    answer = Simplest.configured({"preserve_n": 1, "epuworker_allocation": None}).decide(asked({}))
    assert [launch.allocation for launch in answer.launches] == ["small"]
