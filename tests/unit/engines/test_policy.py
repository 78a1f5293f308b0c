"""Several laws put together: what they are told of a domain, and how the size that comes of it is reached."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elastic.engines.policy import Policy
from elastic.errors import BadRequest
from elastic.model.actions import Answer, Candidate, Launch, Sample, Work
from elastic.rules.policy import decide
from tests.unit.asking import BUSY, IDLE, asked, failures, launched, memo, one, several, stages
from tests.unit.engines.drawn import groups, memos, shares, times, turns

AT_ONCE = {"window_down": 0, "max_step_up": None, "max_step_down": None, "cooldown_in": 0}
CONF = {
    "deployable_type": "w",
    "sites": ["A"],
    "capacity": {"max": 40},
    "behaviour": AT_ONCE,
    "scale_in": {"min_lifetime": 0},
}


def law(engine: str, **keys: Any) -> list[dict[str, Any]]:
    return [{"name": "p", "engine": engine, **keys}]


def fixed(size: int) -> list[dict[str, Any]]:
    return law("fixed", size=size)


ONE_EACH = law("backlog_ratio", spawn_ratio=1, backlog_threshold=0)
"""As many more as tasks wait, less what boots or idles."""


def decided(
    policies: list[dict[str, Any]], *instances: Candidate, conf: dict[str, Any] | None = None, **rest: Any
) -> Answer:
    full = {**CONF, "policies": policies, **(conf or {})}
    return decide(asked(full, instances, engine="policy", **rest), {"policy": Policy})


def wanted(size: int, *instances: Candidate, **rest: Any) -> Answer:
    return decided(fixed(size), *instances, **rest)


def sensors(at: float = 1000, **values: float | None) -> dict[str, Sample]:
    return {name: Sample(at, value) for name, value in values.items()}


def told(answer: Answer, stage: str) -> str:
    return "; ".join(reason.text for reason in answer.reasons if reason.stage == stage)


def test_it_launches_what_is_missing_as_it_is_configured():
    answer = wanted(2, one("a", 700, "UNKNOWN"), conf={"allocation": "big", "provisioner_vars": {"a": 1}})
    assert answer.launches == (Launch("A", "w", "big"), Launch("A", "w", "big"))
    assert (answer.desired, answer.status, stages(answer)) == (2, "PENDING", {"combine", "launch"})


class TestWhatBoots:
    """Ten tasks wait, and there should be ten more than those that are busy."""

    def decided(self, *instances, **rest):
        return decided(ONE_EACH, *instances, sensors=sensors(ready=10), **rest)

    @pytest.mark.parametrize(
        ("group", "said", "desired", "launches"),
        [
            ([], None, 10, 10),
            (several("A", 4, work=BUSY), None, 14, 10),
            (several("A", 4, state=400), None, 10, 6),
            (several("A", 4, state=300), None, 10, 6),
            (several("A", 4, state=650), None, 10, 10),
            (several("A", 2, work=BUSY) + several("B", 2, health="MISSING"), None, 12, 10),
        ],
    )
    def test_what_is_on_its_way_counts_as_booting_and_so_does_what_is_ill(self, group, said, desired, launches):
        answer = self.decided(*group, memo=said, conf={"sites": ["A", "B"]})
        assert (answer.desired, len(answer.launches)) == (desired, launches)

    @pytest.mark.parametrize(
        ("size", "group", "desired", "launches"),
        [
            (4, [], 10, 10),
            (4, several("A", 2, work=BUSY), 12, 10),
            (4, several("A", 2, state=400), 10, 8),
            (4, several("A", 2, health="MISSING"), 10, 10),
            (1, several("A", 4, state=400), 10, 6),
            (0, several("A", 4, work=BUSY), 14, 10),
        ],
    )
    def test_and_so_does_what_was_wanted_and_is_not_there(self, size, group, desired, launches):
        answer = self.decided(*group, memo=memo(size))
        assert (answer.desired, len(answer.launches)) == (desired, launches)

    def test_a_leaving_one_is_neither_in_service_nor_booting(self):
        group = [one("a", work=BUSY), one("b", work=BUSY)]
        answer = decided(ONE_EACH, *group, memo=memo(1, "b"), sensors=sensors(ready=0))
        assert (answer.desired, answer.drains) == (1, ("b",))
        answer = self.decided(*group, memo=memo(1, "b"))
        assert (answer.desired, answer.drains, len(answer.launches)) == (11, (), 9)


class TestWhatIsKnown:
    @pytest.mark.parametrize(
        ("works", "desired"),
        [([IDLE, IDLE], 1), ([IDLE, BUSY], 2), ([BUSY, BUSY], 2), ([IDLE, None], 2), ([None, None], 2)],
    )
    def test_without_any_work_known_nobody_idles_and_the_law_does_not_know(self, works, desired):
        group = [one(f"i{n}", work=work) for n, work in enumerate(works)]
        answer = decided(law("backlog_ratio"), *group, sensors=sensors(ready=0))
        assert answer.desired == desired
        unknown = works == [None, None]
        assert ("no_data" in stages(answer), answer.memo["misses"]) == (unknown, int(unknown))

    def test_with_nobody_in_service_nobody_idles_and_that_is_known(self):
        answer = decided(law("backlog_ratio"), one("a", 400, work=IDLE), sensors=sensors(ready=100))
        assert (answer.desired, stages(answer)) == (20, {"combine", "launch"})

    @pytest.mark.parametrize(
        ("works", "desired"),
        [([(2, 0), (1, 0)], 6), ([(1, 0), None], 4), ([(0, 5), None], 0), ([None, None], 2)],
    )
    def test_slots_are_as_busy_as_those_known(self, works, desired):
        group = [
            one(f"i{n}", work=None if work is None else Work(active=work[0], reserved=work[1]))
            for n, work in enumerate(works)
        ]
        answer = decided(law("utilisation", target=0.5, tolerance=0), *group)
        assert answer.desired == desired

    def test_the_law_that_lacks_a_signal_is_named_with_it(self):
        answer = decided(law("queue_per_worker"), sensors=sensors(ready=1, unacked=None))
        assert told(answer, "no_data") == "p: unacked is not known"

    @pytest.mark.parametrize(("at", "desired"), [(910, 5), (909.9, 0)])
    def test_what_was_told_counts_for_three_intervals(self, at, desired):
        policies = law("queue_per_worker", include_unacked=False, include_running=False, target=1)
        assert decided(policies, sensors=sensors(at, ready=5)).desired == desired

    def test_sensors_may_have_other_names(self):
        policies = law("drain_time", rho=1)
        conf = {"signals": {"metrics": {"ready": "r", "arrival_rate": "a", "service_time": "s"}, "max_age": 5}}
        answer = decided(policies, conf=conf, sensors=sensors(995, r=0, a=0.5, s=10))
        assert answer.desired == 5
        assert decided(policies, conf=conf, sensors=sensors(994, r=0, a=0.5, s=10)).desired == 0

    @pytest.mark.parametrize(
        ("metric", "metrics", "desired"),
        [(None, {}, 1), (None, {"value": "load"}, 2), ("heat", {"value": "load"}, 3), ("heat", {}, 3)],
    )
    def test_each_law_may_have_its_own_metric(self, metric, metrics, desired):
        answer = decided(
            law("external", source="x", metric=metric),
            conf={"signals": {"metrics": metrics}},
            sensors=sensors(value=1, load=2, heat=3),
        )
        assert answer.desired == desired

    def test_a_metric_may_be_the_mean_over_those_that_are_counted(self):
        group = [
            one("a", sensors=sensors(load=3)),
            one("b", sensors=sensors(load=4)),
            one("c", sensors=sensors(load=99), work=BUSY),
            one("d", sensors=sensors(load=99), health="MISSING"),
            one("e", sensors=sensors(909, load=99)),
        ]
        answer = decided(law("external", source="x", metric="load"), *group, memo=memo(4, "c"))
        assert answer.desired == 4


class TestMemo:
    """What is remembered from turn to turn."""

    CONF = {"behaviour": {**AT_ONCE, "window_down": 60, "window_up": 90}}

    def turn(self, size, now, before, **rest):
        policies = law("external", source="x")
        told = sensors(now, value=size)
        return decided(
            policies, *rest.pop("group", ()), conf=self.CONF, now=now, memo=before, sensors=told, **rest
        ).memo

    def test_what_was_asked_for_is_kept_for_the_larger_window_by_its_time(self):
        first = self.turn(3, 100, None)
        assert first["history"] == [[100, 3]]
        second = self.turn(5, 130, first)
        third = self.turn(4, 190, second)
        assert third["history"] == [[100, 3], [130, 5], [190, 4]]
        assert self.turn(4, 190.5, second)["history"] == [[130, 5], [190.5, 4]]

    def test_misses_are_counted_until_a_law_knows_again(self):
        said, misses = None, []
        for now, size in ((100, None), (130, None), (160, None), (190, 2), (220, None)):
            said = self.turn(size, now, said)
            misses.append(said["misses"])
        assert misses == [1, 2, 3, 0, 1]
        assert said["history"] == [[130, 0], [160, 0], [190, 2], [220, 0]]

    def test_from_the_third_miss_on_the_fallback_acts(self):
        conf, said, sizes = {"fallback": {"mode": "static", "size": 3}}, None, []
        for _ in range(4):
            answer = decided(law("external", source="x"), *several("A", 1), conf=conf, memo=said)
            said, sizes = answer.memo, [*sizes, answer.desired]
        assert sizes == [1, 1, 3, 3]

    def test_schedules_alone_never_miss(self):
        table = law("schedule", cron="0 0 * * *", duration="1h", floor=2)
        answer = decided(table, memo={"misses": 4})
        assert (answer.desired, answer.memo["misses"], answer.memo["history"]) == (2, 0, [[1000, 2]])

    def test_a_change_is_stamped_with_its_time_and_way(self):
        first = wanted(3).memo
        assert first["last_change"] == {"at": 1000, "direction": "out"}
        second = wanted(3, *several("A", 3), now=1100, memo=first).memo
        assert second["last_change"] == first["last_change"]
        third = wanted(2, *several("A", 3), now=1200, memo=second).memo
        assert third["last_change"] == {"at": 1200, "direction": "in"}

    @pytest.mark.parametrize(
        ("size", "there", "conf", "rest"),
        [
            (9, 5, {"capacity": {"max": 3}}, {}),
            (0, 1, {"capacity": {"min": 3, "max": 9}}, {}),
            (9, 5, {"reclaim": True}, {"share": 3}),
            (9, 3, {}, {"share": 3}),
            (3, 2, {}, {"memo": memo(3)}),
        ],
    )
    def test_the_limits_the_share_and_what_died_are_no_change(self, size, there, conf, rest):
        answer = wanted(size, *several("A", there), conf=conf, **rest)
        assert (answer.desired, answer.memo["last_change"]) == (3, None)

    def test_a_cooldown_holds_the_size_and_the_stamp(self):
        last = {"at": 950, "direction": "out"}
        conf = {"behaviour": {**AT_ONCE, "cooldown_in": 60}}
        answer = wanted(1, *several("A", 3), conf=conf, memo=memo(3, last_change=last))
        assert (answer.desired, answer.terminates, answer.memo["last_change"]) == (3, (), last)
        assert "until 1970-01-01T00:16:50Z" in told(answer, "cooldown")

    def test_numbers_may_be_floats(self):
        said = {"size": 3.0, "misses": 2.0, "history": [[990, 4.0]], "last_change": None}
        answer = decided(law("external", source="x"), memo=said, conf=self.CONF)
        assert (answer.memo["misses"], answer.memo["history"]) == (3, [[990, 4], [1000, 3]])

    def test_it_can_be_said_and_read_again(self):
        said = msgspec.json.decode(msgspec.json.encode(wanted(3, memo=memo(1)).memo))
        assert wanted(3, memo=said).memo["history"] == [[1000, 3], [1000, 3]]

    @pytest.mark.parametrize("said", [{"history": [1]}, {"history": [[1, 2.5]]}, {"misses": "2"}, {"misses": 0.5}])
    def test_one_that_nobody_wrote_is_refused(self, said):
        with pytest.raises(BadRequest, match="memo"):
            wanted(1, memo=said)

    def test_another_engines_keys_are_passed_over(self):
        assert wanted(1, memo={"size": 1, "rounds": [2.5]}).desired == 1


class TestPlacement:
    def launched(self, size, sites, *instances, **rest):
        placement = rest.pop("placement", "spread")
        return launched(wanted(size, *instances, conf={"sites": sites, "placement": placement}, **rest))

    @pytest.mark.parametrize(
        ("sites", "group", "came"),
        [
            (["A", "B"], [], "ABAB"),
            (["A", "B"], several("A", 2), "BBAB"),
            ([{"name": "A", "weight": 2}, "B"], [], "ABAA"),
            ([{"name": "A", "weight": 0.5}, "B"], [], "ABBA"),
            ([{"name": "A", "max": 1}, "B"], [], "ABBB"),
            ([{"name": "A", "max": 0}, {"name": "B", "max": None}], [], "BBBB"),
            (["A", "B"], several("A", 2, health="MISSING"), "ABAB"),
            (["A", "B"], [one("a")], "BABA"),
        ],
    )
    def test_spread_takes_the_site_that_holds_least_for_its_weight(self, sites, group, came):
        there = sum(i.is_valid for i in group)
        assert "".join(self.launched(there + 4, sites, *group)) == came

    @pytest.mark.parametrize(
        ("sites", "group", "came"),
        [
            (["A", "B"], [], "AAAA"),
            ([{"name": "A", "max": 3}, "B"], [], "AAAB"),
            ([{"name": "A", "max": 3}, "B"], several("A", 2), "ABBB"),
        ],
    )
    def test_fill_takes_one_after_the_other(self, sites, group, came):
        assert "".join(self.launched(len(group) + 4, sites, *group, placement="fill")) == came

    def test_a_leaving_one_holds_its_place(self):
        group = [one("a", site="A", work=BUSY), one("b", site="B", work=BUSY), *several("A", 1)]
        answer = wanted(2, *group, conf={"sites": ["A", "B"]}, memo=memo(1, "a", "b"))
        assert (answer.drains, answer.launches) == (("a",), ())
        answer = wanted(4, *group, conf={"sites": ["A", "B"]}, memo=memo(1, "a", "b"))
        assert (answer.drains, launched(answer)) == ((), ["B"])

    @pytest.mark.parametrize("placement", ["spread", "fill"])
    def test_without_room_a_reason_says_so(self, placement):
        sites = [{"name": "A", "max": 1}, {"name": "B", "max": 2}]
        answer = wanted(5, conf={"sites": sites, "placement": placement})
        assert (sorted(launched(answer)), answer.desired) == (["A", "B", "B"], 5)
        assert "2 more" in told(answer, "capacity")

    @pytest.mark.parametrize("placement", ["spread", "fill"])
    def test_a_site_where_launches_failed_is_passed_over(self, placement):
        sick, conf = failures(3, at=995, site="A"), {"sites": ["A", "B"], "placement": placement}
        answer = wanted(2, *sick, conf=conf)
        assert (launched(answer), told(answer, "backoff")) == (
            ["B", "B"],
            "A: launches failed there, none before 1970-01-01T00:16:45Z",
        )
        assert "A" in launched(wanted(2, *sick, conf=conf, now=1005))

    def test_when_all_sites_fail_it_waits(self):
        answer = wanted(1, *failures(2, at=999, site="A"))
        assert (answer.launches, answer.desired, answer.status) == ((), 1, "PENDING")

    def test_one_that_failed_nowhere_in_particular_failed_at_the_first_site(self):
        assert launched(wanted(1, *failures(2, at=999), conf={"sites": ["A", "B"]})) == ["B"]


class TestShrinking:
    def test_the_idle_go_newest_first_and_the_reason_names_who_was_passed_over(self):
        group = [
            one("a", at=1, work=IDLE),
            one("b", at=2, work=IDLE),
            one("c", at=3, work=BUSY),
            one("d", at=4),
            one("e", at=5, work=IDLE, protected=True),
        ]
        answer = wanted(4, *group)
        assert (answer.terminates, answer.drains) == (("b",), ())
        assert (
            told(answer, "victims") == "1 too many: b may go; passed over: c busy; d of unknown work; e protected"
        )

    def test_when_too_few_may_go_a_reason_says_why(self):
        group = [one("a", at=990, work=IDLE), one("b", work=IDLE), one("c", work=BUSY)]
        answer = wanted(0, *group, conf={"scale_in": {"min_lifetime": 20}})
        assert (answer.terminates, answer.desired) == (("b",), 0)
        assert "only 1 of 3 may go: a younger than 20 s; c busy" in told(answer, "victims")

    def test_a_young_one_goes_when_it_is_old_enough(self):
        conf = {"scale_in": {}}
        assert wanted(0, one("a", at=700.5, work=IDLE), conf=conf).terminates == ()
        assert wanted(0, one("a", at=700, work=IDLE), conf=conf).terminates == ("a",)
        assert wanted(0, one("a", 500, at=999), conf=conf).terminates == ("a",)

    def test_busy_ones_drain_if_they_may_go(self):
        conf = {"scale_in": {"min_lifetime": 0, "allow_busy": True}}
        answer = wanted(0, one("a", work=BUSY), one("b", work=IDLE), conf=conf)
        assert (answer.terminates, answer.drains, answer.memo["draining"]) == (("b",), ("a",), ["a"])

    def test_those_named_go_first_whatever_they_do(self):
        group = [one("a", at=999, work=BUSY), one("b", work=IDLE), one("c", work=IDLE, protected=True), one("d")]
        conf = {"retirable_nodes": ["c", "a", "d"], "scale_in": {}}
        answer = wanted(2, *group, conf=conf)
        assert (answer.terminates, answer.drains) == (("d",), ("a",))

    def test_of_filled_sites_the_last_is_emptied_first(self):
        group = several("A", 2, at=9, work=IDLE) + several("B", 2, work=IDLE)
        conf = {"sites": ["A", "B"]}
        assert wanted(1, *group, conf={**conf, "placement": "fill"}).terminates == ("B0", "B1", "A0")
        assert wanted(1, *group, conf=conf).terminates == ("A0", "A1", "B0")

    def test_the_oldest_may_be_the_first(self):
        group = [one("a", at=1), one("b", at=2)]
        assert wanted(1, *group, conf={"victims": "oldest"}).terminates == ("a",)

    def test_the_ill_go_whatever_they_do_and_are_made_up_for(self):
        group = [one("a", at=999, work=BUSY, health="MISSING", protected=True), one("z", 800, "ZOMBIE")]
        answer = wanted(1, *group)
        assert (answer.terminates, len(answer.launches)) == (("a", "z"), 1)


class TestSitesThatAreNotNamed:
    def test_who_is_there_has_to_go_and_is_made_up_for(self):
        group = [
            one("a", site="X", at=999),
            one("b", site="X", work=BUSY),
            one("c", site="X", protected=True),
            *several("A", 1),
        ]
        answer = wanted(4, *group)
        assert (answer.terminates, answer.drains, launched(answer)) == (("a",), ("b",), ["A", "A"])
        assert "c: " in told(answer, "retire")

    def test_who_leaves_there_goes_on_leaving(self):
        answer = wanted(2, one("a", site="X", work=BUSY), memo=memo(1, "a"))
        assert (answer.drains, launched(answer)) == (("a",), ["A", "A"])

    def test_what_they_do_is_known_too(self):
        group = [one("a", site="X", work=IDLE), one("b")]
        answer = wanted(0, *group)
        assert (answer.terminates, told(answer, "victims")) == (("a",), "only 0 of 1 may go: b of unknown work")


class TestShare:
    @pytest.mark.parametrize(
        ("there", "share", "reclaim", "desired"),
        [(0, 3, False, 3), (5, 3, False, 5), (5, 3, True, 3), (5, 3, None, 5), (2, 9, False, 8), (0, 0, False, 0)],
    )
    def test_it_is_an_upper_bound_that_leaves_alone_what_there_is_unless_reclaimed(
        self, there, share, reclaim, desired
    ):
        answer = wanted(8, *several("A", there), share=share, conf={"reclaim": reclaim})
        assert answer.desired == desired
        assert len(answer.launches) == max(0, desired - there)
        assert len(answer.terminates) == max(0, there - desired)

    def test_what_is_missed_is_not_there(self):
        answer = wanted(8, *several("A", 2), share=3, memo=memo(6))
        assert (answer.desired, len(answer.launches)) == (3, 1)


class TestDryRun:
    DRY = {"dry_run": True}

    def test_nothing_is_done_and_the_reasons_say_what_would_be(self):
        answer = wanted(2, conf=self.DRY)
        assert (answer.launches, answer.desired, answer.status, answer.memo) == ((), 2, "STABLE", None)
        assert told(answer, "dry_run").endswith("it would launch one at A, launch one at A")
        assert "combine" in stages(answer)

    def test_not_even_the_ill_go_and_the_memo_stays(self):
        before = {**memo(3), "misses": 2}
        group = [one("a", health="MISSING"), one("b", work=IDLE), one("c", site="X", work=BUSY)]
        answer = wanted(0, *group, conf=self.DRY, memo=before)
        assert (answer.terminates, answer.drains, answer.memo) == ((), (), before)
        assert told(answer, "dry_run").endswith("it would terminate a, terminate b, drain c")

    def test_who_drains_goes_on_draining(self):
        before = memo(0, "b", "a")
        answer = wanted(2, one("a", work=IDLE), one("b", work=BUSY), conf=self.DRY, memo=before)
        assert (answer.drains, answer.terminates, answer.status, answer.memo) == (
            ("b", "a"),
            (),
            "PENDING",
            before,
        )

    def test_what_comes_up_is_waited_for_all_the_same(self):
        assert wanted(1, one("a", 500), conf=self.DRY).status == "PENDING"
        assert wanted(1, one("a"), conf=self.DRY).status == "STABLE"


@pytest.mark.parametrize(
    ("conf", "named"),
    [
        ({"deployable_type": None}, "deployable_type"),
        ({"allocation": 3}, "allocation"),
        ({"sites": None}, "sites"),
        ({"sites": []}, "sites"),
        ({"sites": "A"}, "sites"),
        ({"sites": [3]}, "sites"),
        ({"sites": ["A", {"name": "A"}]}, "sites: 'A'"),
        ({"sites": [""]}, "sites"),
        ({"sites": [{"max": 1}]}, r"sites\[0\]\.name"),
        ({"sites": ["A", {"name": "B", "max": -1}]}, r"sites\[1\]\.max"),
        ({"sites": [{"name": "A", "weight": 0}]}, r"sites\[0\]\.weight"),
        ({"sites": [{"name": "A", "size": 1}]}, r"'size'.*sites\[0\]"),
        ({"placement": "pack"}, "placement"),
        ({"capacity": {}}, r"capacity\.max"),
        ({"capacity": {"max": 1, "min": 2}}, r"capacity\.max"),
        ({"policies": None}, "policies"),
        ({"policies": []}, "policies"),
        ({"policies": fixed(1) * 2}, "policies: 'p'"),
        ({"policies": law("fixed")}, r"policies\[0\]\.size"),
        ({"policies": law("step", bands=[{"delta": "1"}])}, r"policies\[0\]\.bands\[0\]\.delta"),
        ({"behaviour": {"window_up": -1}}, r"behaviour\.window_up"),
        ({"fallback": {"mode": "static"}}, r"fallback\.size"),
        ({"signals": {"metrics": {"redy": "x"}}}, r"signals\.metrics"),
        ({"scale_in": {"allow_busy": 1}}, r"scale_in\.allow_busy"),
        ({"retirable_nodes": "a"}, "retirable_nodes"),
        ({"dry_run": "no"}, "dry_run"),
        ({"reclaim": 1}, "reclaim"),
        ({"polices": []}, "polices"),
    ],
)
def test_what_is_wrong_with_a_config_is_named(conf, named):
    with pytest.raises(BadRequest, match=named):
        wanted(1, conf={"policies": fixed(1), **conf})


def test_what_it_may_launch_is_told():
    sites = ["A", {"name": "B", "max": 0}, {"name": "C", "max": 1}]
    policy = Policy.configured({**CONF, "policies": fixed(1), "sites": sites})
    assert [(place.site, place.deployable_type) for place in policy.places] == [("A", "w"), ("C", "w")]


LAWS = [
    {"engine": "fixed", "size": 3},
    {"engine": "backlog_ratio"},
    {"engine": "backlog_ratio", "legacy": True},
    {"engine": "queue_per_worker", "target": 0.3},
    {"engine": "drain_time"},
    {"engine": "utilisation"},
    {"engine": "step", "bands": [{"upper": 2, "percent": -30}, {"lower": 3, "delta": 2}]},
    {"engine": "external", "source": "x", "metric": "load"},
    {"engine": "schedule", "cron": "*/5 * * * *", "duration": "2m", "tz": "Europe/Zurich", "exact": 4},
    {"engine": "schedule", "cron": "3-9 * * * 0,7", "duration": 30, "floor": 6},
]
NAMES = ("ready", "unacked", "running_acked", "arrival_rate", "service_time", "value", "load")
few = st.integers(0, 9)
some_sites = st.lists(
    st.builds(
        lambda name, most, weight: {"name": name, "max": most, "weight": weight},
        st.sampled_from("AB"),
        st.none() | few,
        st.sampled_from([0.1, 1, 3]),
    ),
    min_size=1,
    unique_by=lambda site: site["name"],
)
confs = st.fixed_dictionaries(
    {
        "policies": st.lists(st.sampled_from(LAWS), min_size=1, max_size=3).map(
            lambda laws: [{"name": f"p{number}", **law} for number, law in enumerate(laws)]
        ),
        "sites": some_sites,
        "placement": st.sampled_from(["spread", "fill"]),
        "capacity": st.builds(lambda least, more: {"min": least, "max": least + more}, few, few),
        "combine": st.sampled_from(["max", "min", "sum"]),
        "behaviour": st.sampled_from([{}, AT_ONCE, {"window_up": 5, "cooldown_out": 7, "max_step_up": "10%"}]),
        "fallback": st.sampled_from([{}, {"failure_threshold": 1, "mode": "static", "size": 5}]),
        "scale_in": st.fixed_dictionaries({"min_lifetime": few, "allow_busy": st.booleans()}),
        "retirable_nodes": st.lists(st.sampled_from("abcdk"), max_size=2),
        "reclaim": st.booleans(),
        "victims": st.sampled_from(["newest", "oldest"]),
    }
)
samples = st.dictionaries(
    st.sampled_from(NAMES), st.builds(Sample, few.map(float), st.none() | few | st.sampled_from([0.1, 1e300, -5]))
)
pasts = st.fixed_dictionaries(
    {
        "misses": few,
        "history": st.lists(st.tuples(few, few).map(list), max_size=4),
        "last_change": st.none() | st.fixed_dictionaries({"at": few, "direction": st.sampled_from(["in", "out"])}),
    }
)
said = st.none() | st.builds(lambda common, own: {**common, **own}, memos, pasts)
questions = st.fixed_dictionaries({"conf": confs, "memo": said, "share": shares, "now": times, "sensors": samples})
at_sites = groups("A", "B", "X")


def asked_of(group, question, **conf):
    full = {**question, "conf": {**question["conf"], **conf}}
    return decided(full["conf"]["policies"], *group, **full)


def leaving(group, question):
    names = (question["memo"] or {}).get("draining", ())
    return {i.instance_id for i in group if i.instance_id in names and i.is_valid and not i.protected}


@given(at_sites, questions)
def test_whatever_it_is_asked_the_size_is_within_its_limits(group, question):
    answer = asked_of(group, question)
    capacity, share = question["conf"]["capacity"], question["share"]
    counted = sum(i.is_valid for i in group) - len(leaving(group, question))
    assert answer.desired <= capacity["max"]
    if share is None:
        assert answer.desired >= capacity["min"]
    elif question["conf"]["reclaim"]:
        assert answer.desired <= share
    else:
        assert answer.desired <= max(share, counted)
        assert answer.desired >= min(share, capacity["min"])


@given(at_sites, questions, turns)
def test_the_order_of_the_instances_does_not_matter(group, question, random):
    assert asked_of(random.sample(group, len(group)), question) == asked_of(group, question)


@given(at_sites, questions)
def test_the_protected_stay_unless_they_are_ill_the_busy_are_not_killed_and_no_id_is_named_twice(group, question):
    answer = asked_of(group, question)
    named = [*answer.terminates, *answer.drains]
    assert len(named) == len(set(named))
    for i in group:
        assert not (i.is_valid and i.protected and i.instance_id in named)
        assert not (i.is_valid and i.is_busy and i.instance_id in answer.terminates)
        assert i.is_unhealthy <= (i.instance_id in answer.terminates)


@given(at_sites, questions)
def test_it_never_launches_and_shrinks_at_once(group, question):
    answer = asked_of(group, question)
    sites = {site["name"] for site in question["conf"]["sites"]}
    here = {i.instance_id for i in group if i.is_valid and i.site in {None, *sites}}
    chosen = (here - leaving(group, question)) & {*answer.terminates, *answer.drains}
    assert not (answer.launches and chosen)


@given(at_sites, questions)
def test_no_more_are_launched_than_are_missing_nor_where_there_is_no_room(group, question):
    answer = asked_of(group, question)
    gone, sites = {*answer.terminates, *answer.drains}, question["conf"]["sites"]
    staying = [i for i in group if i.is_valid and i.instance_id not in gone]
    assert not answer.launches or len(staying) + len(answer.launches) <= answer.desired
    for site in sites:
        there = sum((i.site or sites[0]["name"]) == site["name"] for i in staying)
        assert site["max"] is None or launched(answer).count(site["name"]) <= max(0, site["max"] - there)


@given(at_sites, questions)
def test_a_dry_run_says_the_size_and_does_nothing(group, question):
    answer, wet = asked_of(group, question, dry_run=True), asked_of(group, question)
    assert (answer.launches, answer.terminates, answer.memo) == ((), (), question["memo"])
    assert {*answer.drains} == leaving(group, question)
    assert answer.desired == wet.desired


@given(at_sites, questions)
def test_what_it_remembers_it_can_be_asked_with_again(group, question):
    remembered = msgspec.json.decode(msgspec.json.encode(asked_of(group, question).memo))
    again = asked_of(group, {**question, "memo": remembered})
    assert len(again.memo["history"]) <= len(remembered["history"]) + 1
