"""The fixed way from what laws ask for to a size, stage by stage."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elastic.errors import BadRequest
from elastic.rules import schema
from elastic.rules.census import LastChange
from elastic.rules.pipeline import LONG, LONGEST, Outcome, Pipeline, Turn, extremes
from elastic.rules.signals import Signals

AT_ONCE = {"window_down": 0, "max_step_up": None, "max_step_down": None, "cooldown_in": 0}
DAILY = {"engine": "schedule", "cron": "0 0 * * *", "duration": "1h"}
"""In force at time 1000."""


def law(size: int | None) -> dict[str, Any]:
    """One that asks for `size`; null for one that does not know."""
    return {"engine": "external", "source": "x"} if size is None else {"engine": "fixed", "size": size}


def read(*policies: dict[str, Any], **conf: Any) -> Pipeline:
    named = [{"name": f"p{number}", **policy} for number, policy in enumerate(policies)]
    return schema.read(Pipeline, {"policies": named, "capacity": {"max": 100}, **conf})


def ran(
    sizes: list[int | None],
    there: int,
    *tables: dict[str, Any],
    behaviour: dict[str, Any] | None = None,
    conf: dict[str, Any] | None = None,
    **turn: Any,
) -> Outcome:
    """`sizes`: what laws ask for; `there`: how many there are."""
    policies = [*map(law, sizes), *({**DAILY, **table} for table in tables)]
    pipeline = read(*policies, behaviour={**AT_ONCE, **(behaviour or {})}, **(conf or {}))
    said = {"counted": there, "now": 1000, **turn}
    return pipeline.run(Turn(signals=dict.fromkeys(pipeline.laws, Signals()), current=there, **said))


def names(outcome: Outcome) -> list[str]:
    return [stage.stage for stage in outcome.stages]


def telling(outcome: Outcome) -> list[str]:
    return [stage.stage for stage in outcome.stages if stage.tells]


def test_each_stage_that_looked_at_the_number_says_what_it_was_after_it():
    outcome = ran([5], 2, {"ceiling": 4})
    assert [(stage.stage, stage.value) for stage in outcome.stages] == [
        ("combine", 5),
        ("schedule", 4),
        ("stabilise", 4),
        ("step", 4),
        ("clamp", 4),
        ("cooldown", 4),
    ]
    assert (outcome.raw, outcome.entered, outcome.desired, outcome.before) == ({"p0": 5}, 4, 4, 2)
    assert telling(outcome) == ["combine", "schedule"]


def test_nothing_is_told_of_when_nothing_changes():
    assert telling(ran([3], 3, {"floor": 2})) == []


class TestCombine:
    @pytest.mark.parametrize(
        ("combine", "sizes", "there", "came"),
        [
            (None, [12, 2], 4, 12),
            ("max", [12, 2], 4, 12),
            ("min", [12, 6], 4, 6),
            ("sum", [12, 2], 4, 14),
            ("min", [12, 2], 4, 4),
            ("min", [3, 4], 4, 4),
            ("min", [3, 2], 4, 2),
            ("max", [3, 2], 4, 3),
            ("sum", [1, 2], 4, 3),
            ("sum", [3, 3], 4, 6),
            ("max", [3, None], 4, 4),
            ("max", [6, None], 4, 6),
            ("max", [4, None], 4, 4),
            ("sum", [0, 0], 4, 0),
        ],
    )
    def test_fewer_only_if_all_are_known_and_agree(self, combine, sizes, there, came):
        outcome = ran(sizes, there, conf={"combine": combine})
        assert (names(outcome)[0], outcome.desired) == ("combine", came)

    def test_a_reason_says_that_one_did_not_agree(self):
        assert telling(ran([3, None], 4)) == ["combine"]

    def test_schedules_alone_start_from_the_minimum(self):
        conf = {"capacity": {"min": 2, "max": 9}}
        assert ran([], 5, {"floor": 4, "cron": "0 9 * * *"}, conf=conf).desired == 2
        outcome = ran([], 5, {"floor": 4}, conf=conf)
        assert ([s.value for s in outcome.stages[:2]], outcome.raw, outcome.desired) == ([2, 4], {}, 4)

    def test_the_signal_that_is_missed_is_named(self):
        assert ran([3, None], 4).unknown == {"p1": "value"}


class TestFallback:
    @pytest.mark.parametrize(
        ("misses", "conf", "came"),
        [
            (0, {"mode": "static", "size": 6}, 9),
            (2, {"mode": "static", "size": 6}, 9),
            (3, {"mode": "static", "size": 6}, 6),
            (9, {"mode": "static", "size": 12}, 12),
            (0, {"mode": "static", "size": 6, "failure_threshold": 1}, 6),
            (3, {"mode": "hold", "size": 6}, 9),
            (3, {"mode": "current_if_higher", "size": 6}, 9),
            (3, {"mode": "current_if_lower", "size": 6}, 6),
            (3, None, 9),
        ],
    )
    def test_it_stands_in_when_no_law_knows(self, misses, conf, came):
        outcome = ran([None, None], 9, misses=misses, conf={"fallback": conf})
        assert (names(outcome)[0], outcome.desired) == ("fallback", came)
        assert "fallback" in telling(outcome)

    def test_one_law_that_knows_is_enough(self):
        outcome = ran([None, 9], 9, misses=5, conf={"fallback": {"mode": "static", "size": 0}})
        assert (names(outcome)[0], outcome.desired) == ("combine", 9)

    def test_what_follows_is_as_ever(self):
        outcome = ran([None], 1, {"floor": 4}, conf={"capacity": {"min": 5, "max": 9}})
        assert [stage.value for stage in outcome.stages] == [1, 4, 4, 4, 5, 5]


class TestSchedule:
    @pytest.mark.parametrize(
        ("tables", "came"),
        [
            ([{"floor": 7}], 7),
            ([{"floor": 3}], 5),
            ([{"ceiling": 3}], 3),
            ([{"ceiling": 7}], 5),
            ([{"exact": 7}], 7),
            ([{"exact": 3}], 3),
            ([{"floor": 7}, {"floor": 9}], 9),
            ([{"ceiling": 2}, {"ceiling": 4}], 2),
            ([{"floor": 6}, {"ceiling": 9}], 6),
            ([{"floor": 9}, {"ceiling": 6}], 6),
            ([{"exact": 3}, {"exact": 8}], 3),
            ([{"exact": 4}, {"floor": 6}], 4),
        ],
    )
    def test_the_largest_floor_then_the_smallest_ceiling(self, tables, came):
        outcome = ran([5], 5, *tables)
        assert (names(outcome)[1], outcome.entered, outcome.desired) == ("schedule", came, came)

    def test_a_ceiling_below_a_floor_wins_with_a_warning(self):
        for tables, warned in (([{"floor": 5}, {"ceiling": 5}], False), ([{"floor": 6}, {"ceiling": 5}], True)):
            stage = ran([5], 5, *tables).stages[1]
            assert (stage.tells, "warning" in stage.reason) == (warned, warned)

    def test_one_that_is_not_in_force_does_not_look_at_the_number(self):
        assert "schedule" not in names(ran([5], 5, {"floor": 7}, now=3600))
        outcome = ran([5], 5, {"floor": 9, "cron": "0 9 * * *"}, {"floor": 7})
        assert outcome.desired == 7


class TestStabilise:
    @pytest.mark.parametrize(
        ("history", "value", "came"),
        [
            ([(700, 12), (800, 9), (999, 5)], 4, 9),
            ([(700.1, 12), (800, 9)], 4, 12),
            ([(999, 3)], 4, 4),
            ([(999, 30)], 4, 12),
            ([(800, 9), (701, 10), (999, 5)], 4, 10),
            ([], 4, 4),
            ([(999, 2)], 12, 12),
        ],
    )
    def test_fewer_only_if_fewer_were_wanted_all_through_the_window(self, history, value, came):
        outcome = ran([value], 12, behaviour={"window_down": 300}, history=history)
        assert (outcome.entered, outcome.desired) == (value, came)
        assert ("stabilise" in telling(outcome)) is (came != value)

    @pytest.mark.parametrize(
        ("history", "value", "came"),
        [
            ([(940, 3), (960, 6)], 5, 5),
            ([(940.1, 3), (960, 6)], 5, 3),
            ([(960, 1)], 5, 2),
            ([(960, 9)], 5, 5),
            ([], 5, 5),
            ([(960, 0)], 1, 1),
        ],
    )
    def test_and_more_only_if_more_were(self, history, value, came):
        assert ran([value], 2, behaviour={"window_up": 60}, history=history).desired == came

    def test_its_window_is_exact(self):
        history = [(0.1, 9)]
        assert ran([4], 9, behaviour={"window_down": 0.2}, history=history, now=0.3).desired == 4

    def test_what_is_older_than_either_window_is_forgotten(self):
        pipeline = read(law(1), behaviour={"window_up": 60, "window_down": 30})
        history = [(939.9, 1), (940, 2), (999, 3)]
        assert pipeline.remembered(history, 1000, 4) == [[940, 2], [999, 3], [1000, 4]]

    def test_what_a_metric_asks_for_beyond_all_sizes_makes_it_no_longer(self):
        assert read(law(1)).remembered((), 1000, 10**300) == [[1000, 2**53]]

    def test_one_that_only_ever_rises_is_kept_in_bounds(self):
        pipeline = read(law(1), behaviour={"window_down": 1e9})
        kept = pipeline.remembered([(n, n) for n in range(3 * LONGEST)], 3 * LONGEST, 3 * LONGEST)
        assert len(kept) == LONGEST
        assert kept[-1] == [3 * LONGEST, 3 * LONGEST]

    def test_a_history_that_grows_long_is_kept_short(self):
        pipeline = read(law(1), behaviour={"window_down": 1e6})
        history = [(n, n % 7) for n in range(LONG + 1)]
        assert len(pipeline.remembered(history, 1000, 3)) < 15

    @given(
        st.lists(st.tuples(st.integers(0, 50), st.integers(0, 9)), min_size=1, max_size=40), st.integers(-1, 60)
    )
    def test_and_no_window_shows_anything_else(self, history, since):
        def seen(pasts):
            values = [value for at, value in pasts if at > since]
            return (min(values), max(values)) if values else None

        assert seen(extremes(history)) == seen(history)


class TestStep:
    @pytest.mark.parametrize(
        ("there", "value", "came"),
        [(5, 30, 10), (0, 30, 4), (3, 30, 7), (5, 9, 9), (10, 0, 7), (2, 0, 1), (1, 0, 0), (9, 6, 6), (4, 4, 4)],
    )
    def test_by_default_it_doubles_or_loses_a_quarter(self, there, value, came):
        assert ran([value], there, behaviour={"max_step_up": "100%|4", "max_step_down": "25%|1"}).desired == came

    @pytest.mark.parametrize(
        ("limits", "up", "down"),
        [
            ({}, 100, 0),
            ({"max_step_up": 3, "max_step_down": 2}, 13, 8),
            ({"max_step_up": 0, "max_step_down": 0}, 10, 10),
            ({"max_step_up": "33%", "max_step_down": "11%"}, 14, 8),
        ],
    )
    def test_how_far_it_may_go_can_be_said_for_each_way(self, limits, up, down):
        assert ran([100], 10, behaviour=limits).desired == up
        assert ran([0], 10, behaviour=limits).desired == down

    def test_a_schedule_is_followed_step_by_step_too(self):
        assert ran([0], 0, {"floor": 50}, behaviour={"max_step_up": 4}).desired == 4


class TestClamp:
    @pytest.mark.parametrize(
        ("value", "there", "share", "reclaim", "came"),
        [
            (1, 5, None, False, 2),
            (9, 5, None, False, 9),
            (99, 5, None, False, 10),
            (9, 5, 7, False, 7),
            (9, 8, 7, False, 8),
            (9, 8, 7, True, 7),
            (3, 8, 7, False, 3),
            (1, 0, 1, False, 1),
            (9, 0, 0, False, 0),
        ],
    )
    def test_the_minimum_then_the_maximum_then_the_share(self, value, there, share, reclaim, came):
        conf = {"capacity": {"min": 2, "max": 10}}
        assert ran([value], there, conf=conf, share=share, reclaim=reclaim).desired == came

    def test_the_share_leaves_alone_what_is_counted_and_not_what_is_missed(self):
        assert ran([9], 8, counted=5, share=3).desired == 5

    def test_what_the_present_size_comes_to_is_told_too(self):
        assert ran([5], 8, conf={"capacity": {"max": 4}}).before == 4
        assert ran([5], 8, share=3, reclaim=True).before == 3


class TestCooldown:
    @pytest.mark.parametrize(
        ("value", "direction", "at", "came"),
        [
            (3, "in", 941, 5),
            (3, "out", 941, 5),
            (3, "out", 940, 3),
            (3, "in", 940.5, 5),
            (8, "out", 981, 5),
            (8, "out", 980, 8),
            (8, "in", 999, 8),
            (5, "out", 999, 5),
        ],
    )
    def test_fewer_rest_after_any_change_and_more_after_more(self, value, direction, at, came):
        behaviour = {"cooldown_in": 60, "cooldown_out": 20}
        outcome = ran([value], 5, behaviour=behaviour, last_change=LastChange(at, direction))
        assert (names(outcome)[-1], outcome.desired) == ("cooldown", came)
        assert ("cooldown" in telling(outcome)) is (came != value)

    def test_it_is_not_asked_without_a_change(self):
        assert ran([3], 5, behaviour={"cooldown_in": 60}).desired == 3

    def test_the_size_that_it_holds_is_within_the_limits(self):
        for conf, turn, came in (
            ({"capacity": {"max": 4}}, {}, 4),
            ({}, {"share": 4, "counted": 4}, 4),
        ):
            last, behaviour = LastChange(999, "out"), {"cooldown_in": 60}
            assert ran([1], 5, behaviour=behaviour, conf=conf, last_change=last, **turn).desired == came

    def test_it_says_until_when(self):
        outcome = ran([3], 5, behaviour={"cooldown_in": 0.2}, last_change=LastChange(999.9, "in"))
        assert outcome.stages[-1].reason.endswith("5 until 1970-01-01T00:16:40.100Z")


@pytest.mark.parametrize(
    ("policies", "conf", "named"),
    [
        ([], {}, "policies"),
        ([{"engine": "fixed", "size": 1, "name": None}], {}, r"policies\[0\]\.name"),
        ([{"engine": "fixed", "size": 1, "name": ""}], {}, r"policies\[0\]\.name"),
        ([{"size": 1}], {}, r"policies\[0\]\.engine"),
        ([{"engine": "fixd", "size": 1}], {}, r"policies\[0\]\.engine.*fixd"),
        ([{"engine": ["fixed"], "size": 1}], {}, r"policies\[0\]\.engine"),
        ([law(1), {"engine": "fixed", "size": -1}], {}, r"policies\[1\]\.size"),
        ([{**law(1), "siz": 1}], {}, r"'siz'.*policies\[0\]"),
        ([{**law(1), "name": "twin"}, {**law(1), "name": "twin"}], {}, "policies: 'twin'"),
        ([{**law(1), "name": "twin"}, {**DAILY, "floor": 1, "name": "twin"}], {}, "policies: 'twin'"),
        ([law(1)], {"combine": "mean"}, "combine"),
        ([law(1)], {"capacity": None}, r"capacity\.max"),
        ([law(1)], {"capacity": {"max": 1, "min": 2}}, r"capacity\.max"),
        ([law(1)], {"capacity": {"max": 1, "slots": 0}}, r"capacity\.slots"),
        ([law(1)], {"capacity": {"max": 1, "weight": -1}}, r"capacity\.weight"),
        ([law(1)], {"capacity": {"max": 1, "boot_timeout": "5m"}}, r"capacity\.boot_timeout"),
        ([law(1)], {"capacity": {"max": 1, "maxx": 2}}, "'maxx'.*capacity"),
        ([law(1)], {"capacity": [1]}, "capacity"),
        ([law(1)], {"behaviour": {"window": 2}}, "'window'.*behaviour"),
        ([law(1)], {"fallback": {"mode": "static"}}, r"fallback\.size"),
    ],
)
def test_what_is_wrong_with_a_config_is_named(policies, conf, named):
    with pytest.raises(BadRequest, match=named):
        read(*policies, **conf)


sizes = st.integers(0, 30)


@given(
    st.lists(st.none() | sizes, min_size=1, max_size=3),
    sizes,
    st.none() | sizes,
    st.lists(st.tuples(st.integers(0, 1000), sizes), max_size=4),
    st.none() | st.builds(LastChange, st.integers(900, 1000), st.sampled_from(["in", "out"])),
    st.sampled_from(["max", "min", "sum"]),
)
def test_whatever_is_asked_for_the_size_is_within_its_limits_and_one_step(
    asked, there, share, history, last_change, combine
):
    conf = {"capacity": {"min": 2, "max": 20}, "combine": combine}
    behaviour = {"window_down": 600, "window_up": 60, "max_step_up": 4, "max_step_down": 3, "cooldown_in": 60}
    outcome = ran(
        asked,
        there,
        behaviour=behaviour,
        conf=conf,
        share=share,
        history=history,
        last_change=last_change,
    )
    most = 20 if share is None else min(20, max(share, there))
    assert min(2, most) <= outcome.desired <= most
    assert outcome.before - 3 <= outcome.desired <= outcome.before + 4
    assert outcome.desired >= outcome.before or (None not in asked and max(asked) < there)
