"""Sites filled by rank and emptied the other way round, as a metric asks; and what has to go in any case."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elastic.engines.overflow import Overflow
from elastic.errors import BadRequest
from elastic.model.actions import Answer, Candidate, Launch, Place
from tests.unit.asking import BUSY, IDLE, asked, failures, launched, memo, one, sampled, several, stages
from tests.unit.engines.drawn import groups, memos, shares, sizes, times, turns


def clouds(**sites: int | str) -> list[dict[str, Any]]:
    """Each with its size, ranked as they are named."""
    return [{"site_name": name, "size": size, "rank": rank} for rank, (name, size) in enumerate(sites.items(), 1)]


CONF = {"clouds": clouds(A=2, B=2), "dtname": "dt", "minimum_vms": 0}


def configured(**conf: Any) -> Overflow:
    return Overflow.configured({**CONF, **conf})


def decided(*instances: Candidate, conf: dict[str, Any] | None = None, **rest: Any) -> Answer:
    full = {**CONF, **(conf or {})}
    return Overflow.configured(full).decide(asked(full, instances, **rest))


def wanted(n: int, *instances: Candidate, conf: dict[str, Any] | None = None, **rest: Any) -> Answer:
    return decided(*instances, conf={"minimum_vms": n, "maximum_vms": n, **(conf or {})}, **rest)


def texts(answer: Answer, stage: str) -> list[str]:
    return [reason.text for reason in answer.reasons if reason.stage == stage]


class TestConfig:
    @pytest.mark.parametrize(
        ("conf", "named"),
        [
            ({"clouds": None}, "clouds is missing"),
            ({"clouds": []}, "clouds"),
            ({"clouds": {"A": 1}}, "clouds"),
            ({"clouds": ["A"]}, "clouds"),
            ({"dtname": None}, "dtname"),
            ({"minimum_vms": None}, "minimum_vms"),
            ({"minimum_vms": -1}, "minimum_vms"),
            ({"minimum_vms": "three"}, "minimum_vms"),
            ({"minimum_vms": 3, "maximum_vms": 2}, "maximum_vms"),
            ({"maximum_vms": "1.5"}, "maximum_vms"),
            ({"instance_type": 3}, "instance_type"),
            ({"terminate": 3}, "terminate"),
            ({"scale_up_threshold": "much"}, "scale_up_threshold"),
            ({"scale_up_n_vms": "-1"}, "scale_up_n_vms"),
            ({"cooldown_period": "-1"}, "cooldown_period"),
            ({"cooldown_period": "inf"}, "cooldown_period"),
            ({"domain_desired_size": 2}, "domain_desired_size"),
            ({"domain_desired_size": None}, "domain_desired_size"),
            ({"preserve_n": 2}, "preserve_n"),
        ],
    )
    def test_what_is_wrong_is_named(self, conf, named):
        with pytest.raises(BadRequest, match=named):
            configured(**conf)

    @pytest.mark.parametrize(
        ("of_the_second", "named"),
        [
            ({"size": -2}, r"clouds\[1\]\.size"),
            ({"size": None}, r"clouds\[1\]\.size"),
            ({"size": "many"}, r"clouds\[1\]\.size"),
            ({"rank": 1.5}, r"clouds\[1\]\.rank"),
            ({"rank": 1}, r"clouds\[1\]\.rank.*A"),
            ({"rank": 0}, r"clouds\[1\]\.rank has to be a whole number, 1 or more"),
            ({"rank": 3}, "clouds: their ranks"),
            ({"site_name": None}, r"clouds\[1\]\.site_name"),
            ({"site_name": "A"}, "clouds: 'A'"),
            ({"sze": 2}, r"'sze'.*clouds\[1\]"),
            ({"victims": "oldest"}, r"'victims'.*clouds\[1\]"),
        ],
    )
    def test_what_is_wrong_with_a_cloud_is_named_with_its_place(self, of_the_second, named):
        first, second = CONF["clouds"]
        with pytest.raises(BadRequest, match=named):
            configured(clouds=[first, {**second, **of_the_second}])

    def test_numbers_may_be_texts(self):
        as_texts = {
            "minimum_vms": "0",
            "maximum_vms": "6.0",
            "metric": "load",
            "scale_up_threshold": "2.5",
            "scale_down_threshold": "-0.5",
            "scale_up_n_vms": "2",
            "scale_down_n_vms": "-3",
            "cooldown_period": "1e2",
        }
        numbers = {key: value if key == "metric" else float(value) for key, value in as_texts.items()}
        ranked = [{"site_name": "A", "size": "2", "rank": "1"}, {"site_name": "B", "size": "-1", "rank": "2"}]
        assert configured(**as_texts, clouds=ranked) == configured(**numbers, clouds=clouds(A=2, B=-1))

    def test_ranks_count_and_not_the_order_of_the_list(self):
        assert (
            configured(clouds=clouds(A=2, B=2, C=2)[::-1]).where == configured(clouds=clouds(A=2, B=2, C=2)).where
        )

    def test_it_says_what_it_may_launch(self):
        keys = ("engine_conf.clouds", "engine_conf.dtname", "engine_conf.instance_type")
        assert configured(clouds=clouds(A=1, B=0, C=-1)).places == (
            Place("A", "dt", *keys),
            Place("C", "dt", *keys),
        )
        assert configured(maximum_vms=0).places == ()


class TestTooFew:
    @pytest.mark.parametrize(
        ("n", "of_sites", "came"),
        [
            (2, clouds(A=2, B=2), "AA"),
            (3, clouds(A=2, B=2), "AAB"),
            (3, clouds(A=0, B=2, C=2), "BBC"),
            (4, clouds(A=-1, B=2), "AAAA"),
            (4, clouds(A=1, B=-1), "ABBB"),
            (3, clouds(A=2, B=2)[::-1], "AAB"),
        ],
    )
    def test_sites_are_filled_in_the_order_of_their_ranks(self, n, of_sites, came):
        assert launched(wanted(n, conf={"clouds": of_sites})) == list(came)

    def test_a_launch_is_as_it_is_configured(self):
        assert wanted(1).launches == (Launch("A", "dt"),)
        assert wanted(1, conf={"instance_type": "m1"}).launches == (Launch("A", "dt", "m1"),)

    def test_what_is_ill_makes_room_and_is_replaced(self):
        answer = wanted(3, *several("A", 1), one("x", site="A", health="MISSING"), *several("B", 1))
        assert (answer.terminates, launched(answer)) == (("x",), ["A"])

    def test_what_finds_no_room_stays_wanted_with_a_reason(self):
        answer = wanted(6, *several("A", 1))
        assert (launched(answer), answer.desired, answer.memo["size"]) == (["A", "B", "B"], 6, 6)
        assert texts(answer, "capacity") == ["no room for 2 more: A, B are full"]

    def test_and_is_tried_in_every_decision_but_waited_for_in_none(self):
        full = [*several("A", 2), *several("B", 2)]
        answer = wanted(6, *full)
        assert (answer.launches, answer.status, stages(answer)) == ((), "STABLE", {"limits", "capacity"})
        more = wanted(6, *full, conf={"clouds": clouds(A=2, B=3)}, memo=answer.memo)
        assert launched(more) == ["B"]

    def test_one_without_a_site_is_at_the_first(self):
        assert launched(wanted(3, one("a"))) == ["A", "B"]

    def test_a_site_that_was_full_is_filled_again_when_it_may_hold_more(self):
        answer = wanted(4, *several("A", 2), *several("B", 2), conf={"clouds": clouds(A=9, B=2)})
        assert (answer.launches, answer.terminates, answer.status) == ((), (), "STABLE")
        answer = wanted(5, *several("A", 2), *several("B", 2), conf={"clouds": clouds(A=9, B=2)})
        assert launched(answer) == ["A"]


class TestTakingBack:
    def busy(self, site, *names):
        return [one(name, site=site, work=BUSY) for name in names]

    def test_the_last_named_come_first(self):
        answer = wanted(3, *several("A", 1), *self.busy("B", "x", "y", "z"), memo=memo(1, "y", "z", "x"))
        assert (answer.drains, answer.launches) == (("y",), ())
        assert "drain" in stages(answer)

    def test_only_where_the_counted_ones_are_fewer_than_the_size(self):
        answer = wanted(4, *several("A", 2), *self.busy("A", "x"), *self.busy("B", "y"), memo=memo(2, "y", "x"))
        assert (answer.drains, launched(answer)) == (("x",), ["B"])

    def test_one_that_is_taken_back_counts_for_the_next(self):
        answer = wanted(4, *several("A", 1), *self.busy("A", "x", "y"), memo=memo(2, "x", "y"))
        assert (answer.drains, launched(answer)) == (("x",), ["B", "B"])

    def test_a_leaving_one_takes_up_room_though_it_is_done(self):
        group = [*several("A", 1, protected=True), one("x", site="A", work=IDLE), one("y", site="X", work=BUSY)]
        answer = wanted(3, *group, conf={"clouds": clouds(A=1, B=2)}, memo=memo(1, "x", "y"))
        assert (answer.terminates, answer.drains, launched(answer)) == (("x",), ("y",), ["B", "B"])
        answer = wanted(3, *self.busy("A", "x"), conf={"clouds": clouds(A=0, B=-1)}, memo=memo(1, "x"))
        assert (answer.drains, launched(answer)) == (("x",), ["B", "B", "B"])

    def test_what_a_site_in_backoff_has_is_taken_back_none_the_less(self):
        answer = wanted(1, *failures(3, at=1000, site="A"), *self.busy("A", "x"), memo=memo(0, "x"))
        assert (answer.drains, answer.launches, answer.status) == ((), (), "STABLE")


class TestTooMany:
    def group(self, **of_b):
        return [one("a", site="A", at=9), one("b", site="A", at=8), *several("B", 2, at=1, **of_b)]

    @pytest.mark.parametrize(
        ("n", "came"), [(3, ["B0"]), (2, ["B0", "B1"]), (1, ["B0", "B1", "a"]), (0, ["B0", "B1", "a", "b"])]
    )
    def test_sites_are_emptied_from_the_last_rank_though_others_are_younger(self, n, came):
        assert list(wanted(n, *self.group()).terminates) == came

    def test_those_that_are_busy_drain(self):
        answer = wanted(1, *self.group(work=BUSY))
        assert (answer.terminates, answer.drains) == (("a",), ("B0", "B1"))

    def test_inside_a_site_those_go_first_that_go_first_anywhere(self):
        group = [one("old", at=1, site="A"), one("new", at=2, site="A"), one("idle", site="A", work=IDLE)]
        conf = {"clouds": clouds(A=-1)}
        assert wanted(1, *group, conf=conf).terminates == ("idle", "new")
        assert wanted(1, *group, conf={**conf, "victims": "oldest"}).terminates == ("idle", "old")

    def test_the_protected_are_passed_over_and_a_reason_says_so(self):
        answer = wanted(1, *self.group(protected=True))
        assert (answer.terminates, answer.desired) == (("a", "b"), 1)
        assert any("only 2 of 3" in text for text in texts(answer, "victims"))


class TestRetiring:
    """Whatever the metric says; and replaced in the same decision."""

    def test_the_one_that_is_named(self):
        answer = wanted(2, *several("A", 2), conf={"terminate": "A1"})
        assert (answer.terminates, launched(answer)) == (("A1",), ["A"])
        assert "retire" in stages(answer)

    @pytest.mark.parametrize("name", ["gone", "over", "ill", None])
    def test_but_only_if_it_is_counted(self, name):
        group = [*several("A", 1), one("over", 700, "UNKNOWN", site="A"), one("ill", 650, site="A")]
        answer = wanted(1, *group, conf={"terminate": name})
        assert (answer.terminates, answer.launches, stages(answer)) == (("ill",), (), {"replace", "limits"})

    def test_what_is_at_a_site_that_is_not_named(self):
        group = [one("x", site="X"), one("y", site="Y", work=BUSY), one("w", 400, site="X")]
        answer = wanted(4, *several("A", 1), *group)
        assert (answer.terminates, answer.drains, launched(answer)) == (("w", "x"), ("y",), ["A", "B", "B"])

    def test_one_there_that_is_leaving_goes_on_and_is_not_taken_back(self):
        for work, drains, terminates in ((BUSY, ("x",), ()), (IDLE, (), ("x",))):
            answer = wanted(1, one("x", site="X", work=work), memo=memo(0, "x"))
            assert (answer.drains, answer.terminates, launched(answer)) == (drains, terminates, ["A"])

    def test_what_is_too_much_for_a_site(self):
        group = [one(f"a{n}", site="A", at=n) for n in range(4)]
        answer = wanted(4, *group)
        assert (answer.terminates, launched(answer)) == (("a3", "a2"), ["B", "B"])
        assert wanted(4, *group, conf={"victims": "oldest"}).terminates == ("a0", "a1")
        assert wanted(4, *group, conf={"clouds": clouds(A=-1)}).terminates == ()

    def test_all_of_these_in_this_order_and_before_what_the_number_says(self):
        group = [*several("A", 1), *several("B", 4), one("x", site="X")]
        answer = wanted(1, *group, conf={"terminate": "B3"})
        assert answer.terminates == ("B3", "x", "B0", "B1", "B2")
        assert answer.launches == ()

    def test_the_one_named_counts_no_more_when_its_site_is_looked_at(self):
        answer = wanted(2, *several("A", 3), conf={"terminate": "A0"})
        assert (answer.terminates, answer.launches) == (("A0",), ())

    @pytest.mark.parametrize(
        ("group", "conf"),
        [
            ([one("p", site="A", protected=True)], {"terminate": "p"}),
            ([one("p", site="X", protected=True)], {}),
            ([one("p", site="A", protected=True)], {"clouds": clouds(A=0, B=1)}),
        ],
    )
    def test_a_protected_one_stays_and_counts_and_a_reason_says_so(self, group, conf):
        answer = wanted(1, *group, conf=conf)
        assert (answer.terminates, answer.drains, answer.launches, answer.status) == ((), (), (), "STABLE")
        assert any("p: " in text and "protected" in text for text in texts(answer, "retire"))

    def test_at_a_site_with_too_many_the_others_go_before_the_protected_are_told(self):
        group = [*several("A", 2, protected=True), one("x", site="A")]
        answer = wanted(3, *group, conf={"clouds": clouds(A=1, B=2)})
        assert (answer.terminates, launched(answer)) == (("x",), ["B"])
        assert len(texts(answer, "retire")) == 2

    def test_one_that_drains_takes_up_room_and_is_not_taken_back(self):
        group = [one("a", site="A", work=BUSY), *several("A", 1)]
        answer = wanted(2, *group, conf={"terminate": "a"})
        assert (answer.drains, launched(answer)) == (("a",), ["B"])
        answer = wanted(2, *group, conf={"terminate": "a", "clouds": clouds(A=2)})
        assert (answer.drains, answer.launches) == (("a",), ())
        assert "capacity" in stages(answer)

    def test_no_more_leave_a_site_than_are_too_many_in_the_turns_that_follow(self):
        group = [one(f"a{n}", site="A", at=n, work=BUSY) for n in range(3)]
        first = wanted(3, *group)
        assert (first.drains, launched(first)) == (("a2",), ["B"])
        second = wanted(3, *group, *several("B", 1), memo=first.memo)
        assert (second.drains, second.launches, second.terminates) == (("a2",), (), ())


class TestBackoff:
    def test_a_site_in_backoff_is_passed_over_and_a_reason_says_until_when(self):
        answer = wanted(2, *failures(3, site="A"), now=109)
        assert (launched(answer), answer.status) == (["B", "B"], "PENDING")
        assert texts(answer, "backoff") == ["A: launches failed there, none before 1970-01-01T00:01:50Z"]
        assert launched(wanted(2, *failures(3, site="A"), now=110)) == ["A", "A"]

    def test_what_waits_for_one_is_pending(self):
        answer = wanted(3, *failures(3, site="A"), *several("B", 2), now=101)
        assert (answer.launches, answer.desired, answer.status) == ((), 3, "PENDING")
        assert "backoff" in stages(answer)

    def test_what_would_find_no_room_there_either_waits_for_nothing(self):
        full = [*several("A", 2), *several("B", 2), *failures(3, at=100, site="A")]
        answer = wanted(5, *full, now=101)
        assert (answer.launches, answer.status) == ((), "STABLE")
        assert {"capacity", "backoff"} & stages(answer) == {"capacity"}

    def test_what_finds_no_room_even_then_is_told_beside_it(self):
        answer = wanted(5, *failures(3, site="A"), now=101, conf={"clouds": clouds(A=2)})
        assert (answer.launches, answer.status) == ((), "PENDING")
        assert {"capacity", "backoff"} <= stages(answer)
        answer = wanted(2, *failures(3, site="A"), now=101, conf={"clouds": clouds(A=2)})
        assert {"capacity", "backoff"} & stages(answer) == {"backoff"}


class TestMetric:
    CONF = {
        "clouds": clouds(A=2, B=-1),
        "minimum_vms": 1,
        "maximum_vms": 6,
        "metric": "load",
        "scale_up_threshold": 2,
        "scale_down_threshold": 0.5,
    }

    def decided(self, *instances, conf=None, **rest):
        return decided(*instances, conf={**self.CONF, **(conf or {})}, **rest)

    def change(self, direction):
        return {"at": 1000, "direction": direction}

    @pytest.mark.parametrize(
        ("value", "conf", "desired", "direction"),
        [
            (2, {}, 3, None),
            (2.1, {}, 4, "out"),
            (0.5, {}, 3, None),
            (0.4, {}, 2, "in"),
            (9, {"scale_up_n_vms": "2"}, 5, "out"),
            (9, {"scale_up_n_vms": 9}, 6, "out"),
            (9, {"scale_up_n_vms": 9, "maximum_vms": None}, 12, "out"),
            (0, {"scale_down_n_vms": "-9"}, 1, "in"),
            (9, {"maximum_vms": 3}, 3, None),
            (9, {"metric": None}, 3, None),
            (9, {"scale_up_threshold": None}, 3, None),
        ],
    )
    def test_a_step_is_asked_for_beyond_a_threshold(self, value, conf, desired, direction):
        group = [*several("A", 2), *several("B", 1)]
        answer = self.decided(*group, conf=conf, sensors=sampled(value))
        assert answer.desired == desired
        assert answer.memo["last_change"] == (direction and self.change(direction))
        assert launched(answer) == ["B"] * max(0, desired - 3)
        assert answer.terminates == ("B0", "A0")[: max(0, 3 - desired)]

    def test_silence_holds_the_size(self):
        answer = self.decided(*several("A", 2), memo=memo(3))
        assert (answer.desired, launched(answer), answer.memo["last_change"]) == (3, ["B"], None)
        assert "no_data" in stages(answer)

    def test_cooldown_holds_it_but_not_what_has_to_go(self):
        group = [*several("A", 3), one("x", site="X", work=BUSY)]
        before = memo(4, last_change={"at": 901, "direction": "in"})
        for cooldown, desired in ((100, 4), (99, 5)):
            conf = {"cooldown_period": cooldown, "scale_up_n_vms": 3}
            answer = self.decided(*group, conf=conf, memo=before, sensors=sampled(9))
            assert (answer.desired, answer.terminates, answer.drains) == (desired, ("A0",), ("x",))
            assert ("cooldown" in stages(answer)) is (desired == 4)
            assert answer.memo["last_change"] == (before["last_change"] if desired == 4 else self.change("out"))

    def test_the_mean_is_of_those_that_are_counted(self):
        group = [
            *several("A", 2, sensors=sampled(1)),
            one("x", site="X", sensors=sampled(99)),
            one("l", site="B", sensors=sampled(99), work=BUSY),
            one("i", site="B", sensors=sampled(99), health="MISSING"),
        ]
        answer = self.decided(*group, memo=memo(3, "l"))
        assert (answer.desired, answer.memo["last_change"]) == (3, None)
        answer = self.decided(*group, conf={"clouds": clouds(A=2, B=9, X=1)}, memo=memo(3, "l"))
        assert answer.desired == 4

    def test_the_base_is_taken_before_anything_leaves_and_the_steps_are_from_what_is_left(self):
        group = [*several("A", 2), *several("X", 2)]
        assert self.decided(*group, sensors=sampled(1)).desired == 4
        assert self.decided(*group, sensors=sampled(9)).desired == 4
        assert self.decided(*group, sensors=sampled(9), conf={"scale_up_n_vms": 3}).desired == 5
        assert self.decided(*group, sensors=sampled(0)).desired == 3

    def test_what_finds_no_room_does_not_add_up(self):
        full = [*several("A", 2), *several("B", 1)]
        conf = {"clouds": clouds(A=2, B=1)}
        first = self.decided(*full, conf=conf, sensors=sampled(9))
        second = self.decided(*full, conf=conf, sensors=sampled(9), memo={**first.memo, "last_change": None})
        assert (first.desired, second.desired, second.memo["last_change"]) == (4, 4, None)

    def test_a_change_of_the_limits_is_no_policys_change(self):
        answer = self.decided(*several("A", 2), conf={"minimum_vms": 4}, sensors=sampled(1))
        assert (answer.desired, answer.memo["last_change"]) == (4, None)
        assert "limits" in stages(answer)


@pytest.mark.parametrize(
    ("n", "group", "share", "reclaim", "desired"),
    [
        (4, [], 3, False, 3),
        (4, several("A", 2), 1, False, 2),
        (4, several("A", 2), 1, True, 1),
        (2, [], 3, False, 2),
        (4, [*several("A", 1), *several("X", 3)], 2, False, 2),
    ],
)
def test_a_share_is_an_upper_bound_and_wins_over_the_minimum(n, group, share, reclaim, desired):
    answer = wanted(n, *group, share=share, conf={"reclaim": reclaim})
    assert (answer.desired, answer.memo["last_change"]) == (desired, None)
    assert ("share" in stages(answer)) is (desired < n)


def test_nothing_moves_while_the_total_is_right():
    answer = wanted(2, *several("B", 2))
    assert (answer.launches, answer.terminates, answer.status) == ((), (), "STABLE")


ranked = st.lists(st.integers(-1, 4), min_size=2, max_size=2).map(lambda of: clouds(A=of[0], B=of[1]))
condemned = st.sampled_from([None, "a", "b", "k"])
values = st.one_of(st.none(), st.integers(0, 3))
at_sites = groups("A", "B", "X")


def in_force(of_sites, name):
    return {**TestMetric.CONF, "clouds": of_sites, "terminate": name}


@given(ranked, condemned, at_sites, memos, shares, times, values)
def test_no_site_is_given_more_than_it_may_hold_nor_the_domain_more_than_its_maximum(
    of_sites, name, group, said, share, now, value
):
    conf = in_force(of_sites, name)
    answer = decided(*group, conf=conf, memo=said, share=share, now=now, sensors=sampled(value, now))
    assert answer.desired <= 6
    ended = {*answer.terminates}
    staying = [i for i in group if i.is_valid and i.instance_id not in ended]
    for cloud in of_sites:
        site, size = cloud["site_name"], cloud["size"]
        there = sum((i.site or "A") == site for i in staying)
        assert size == -1 or launched(answer).count(site) <= max(0, size - there)


@given(ranked, condemned, at_sites, memos, times, values)
def test_nothing_is_launched_where_it_failed_of_late_or_is_not_named(of_sites, name, group, said, now, value):
    sick = failures(3, at=20, site="A")
    answer = decided(*group, *sick, conf=in_force(of_sites, name), memo=said, now=now, sensors=sampled(value, now))
    assert set(launched(answer)) <= {"B"}


@given(ranked, condemned, at_sites, memos, shares, times, turns)
def test_the_order_of_the_instances_does_not_matter(of_sites, name, group, said, share, now, random):
    rest = {"conf": in_force(of_sites, name), "memo": said, "share": share, "now": now}
    assert decided(*random.sample(group, len(group)), **rest) == decided(*group, **rest)


@given(ranked, condemned, at_sites, memos, sizes)
def test_the_protected_stay_the_busy_are_not_killed_and_no_id_is_named_twice(of_sites, name, group, said, n):
    answer = wanted(n, *group, conf={"clouds": of_sites, "terminate": name}, memo=said)
    named = [*answer.terminates, *answer.drains]
    assert len(named) == len(set(named))
    for i in group:
        assert not (i.is_valid and i.protected and i.instance_id in named)
        assert not (i.is_valid and i.is_busy and i.instance_id in answer.terminates)
        assert not i.is_unhealthy or i.instance_id in answer.terminates
