"""A metric with two thresholds: one step at a time, and nothing on silence."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elastic.engines.sensor import Sensor
from elastic.errors import BadRequest
from elastic.model.actions import Answer, Candidate, Launch
from tests.unit.asking import BUSY, asked, failures, memo, one, sampled, stages

CONF = {
    "minimum_vms": 1,
    "maximum_vms": 6,
    "metric": "load",
    "scale_up_threshold": 2,
    "scale_down_threshold": 0.5,
    "deployable_type": "dt",
    "iaas_site": "chicago",
}


def decided(*instances: Candidate, conf: dict[str, Any] | None = None, **rest: Any) -> Answer:
    full = {**CONF, **(conf or {})}
    return Sensor.configured(full).decide(asked(full, instances, **rest))


def group(count: int, value: float | None = None, **rest: Any) -> list[Candidate]:
    return [one(f"i{n}", at=n, sensors={} if value is None else sampled(value), **rest) for n in range(count)]


OUT, IN = {"at": 1000, "direction": "out"}, {"at": 1000, "direction": "in"}


@pytest.mark.parametrize(
    ("there", "value", "conf", "desired", "change"),
    [
        (2, 2, {}, 2, None),
        (2, 2.1, {}, 3, OUT),
        (2, 0.5, {}, 2, None),
        (2, 0.4, {}, 1, IN),
        (1, 0.4, {}, 1, None),
        (6, 9, {}, 6, None),
        (2, 9, {"scale_up_n_vms": 3}, 5, OUT),
        (2, 9, {"scale_up_n_vms": 9}, 6, OUT),
        (4, 0, {"scale_down_n_vms": -2}, 2, IN),
        (2, 0, {"scale_down_threshold": None}, 2, None),
        (2, 9, {"scale_up_threshold": None}, 2, None),
        (2, -3, {"scale_down_threshold": -2}, 1, IN),
        (2, 9, {"metric": None}, 2, None),
        (3, 0, {"minimum_vms": 3}, 3, None),
    ],
)
def test_a_metric_beyond_its_threshold_asks_for_a_step(there, value, conf, desired, change):
    answer = decided(*group(there, value), conf=conf)
    assert (answer.desired, answer.memo["last_change"]) == (desired, change)
    assert len(answer.launches) == max(0, desired - there)
    assert len(answer.terminates) == max(0, there - desired)


def test_thresholds_are_compared_with_the_exact_mean():
    ten = group(10, 0.1)
    assert decided(*ten, conf={"maximum_vms": 10, "scale_down_threshold": 0.1}).desired == 10


@pytest.mark.hazard("F27")
def test_silence_is_no_zero():
    answer = decided(*group(4))
    assert (answer.desired, answer.terminates) == (4, ())
    assert "no_data" in stages(answer)


def test_what_died_is_replaced_though_no_metric_speaks():
    answer = decided(*group(2), memo=memo(3))
    assert (answer.desired, len(answer.launches), answer.memo["last_change"]) == (3, 1, None)


class TestCooldown:
    def decided(self, *instances, at=950, conf=None):
        last = {"at": at, "direction": "out"}
        return decided(*instances, conf={"cooldown_period": 100, **(conf or {})}, memo=memo(2, last_change=last))

    def test_it_holds_the_size(self):
        answer = self.decided(*group(2, 9), at=901)
        assert (answer.desired, answer.memo["last_change"]["at"]) == (2, 901)
        assert any(r.stage == "cooldown" and "00:16:41Z" in r.text for r in answer.reasons)
        assert self.decided(*group(2, 9), at=900).desired == 3

    def test_it_does_not_hold_up_replacement_or_the_limits(self):
        assert len(self.decided(*group(1, 9), one("z", health="MISSING")).launches) == 1
        for conf, desired in (({"minimum_vms": 4}, 4), ({"maximum_vms": 1}, 1)):
            answer = self.decided(*group(2, 1), conf=conf)
            assert (answer.desired, answer.memo["last_change"]["at"]) == (desired, 950)


def test_a_refused_launch_does_not_add_up():
    sick = failures(2, at=999, site="chicago")
    answer = decided(*group(2, 9, site="chicago"), *sick, memo=memo(3))
    assert (answer.desired, answer.launches, answer.status) == (3, (), "PENDING")


def test_a_blocked_shrink_does_not_add_up():
    answer = decided(*group(3, 0, protected=True), memo=memo(2))
    assert (answer.desired, answer.terminates, answer.memo["last_change"]) == (2, (), None)


def test_one_is_missing_and_the_metric_is_low_it_need_not_come_back():
    answer = decided(*group(3, 0), memo=memo(4))
    assert (answer.desired, answer.launches, answer.memo["last_change"]) == (3, (), IN)


def test_at_the_share_no_cooldown_starts():
    answer = decided(*group(2, 9), share=2)
    assert (answer.desired, answer.memo["last_change"]) == (2, None)
    assert "share" in stages(answer)


def test_named_nodes_go_first():
    assert decided(*group(3, 0), conf={"retirable_nodes": ["i0"]}).terminates == ("i0",)


class TestUniqueValues:
    def decided(self, *instances, values, n=2, **rest):
        conf = {"minimum_vms": n, "metric": None, "unique_key": "k", "unique_values": values}
        return decided(*instances, conf=conf, **rest)

    def test_each_launch_takes_the_first_that_is_free(self):
        answer = self.decided(
            one("a", extravars={"k": "2"}), one("b", 800, extravars={"k": 1}), values=[1, 2, 3], n=3
        )
        assert [launch.extravars for launch in answer.launches] == [{"k": 1}, {"k": 3}]

    def test_a_draining_one_holds_its_value(self):
        busy = one("a", work=BUSY, extravars={"k": "x"})
        answer = self.decided(one("b"), busy, values="x, y", n=3, memo=memo(1, "a"))
        assert (answer.drains, [launch.extravars for launch in answer.launches]) == ((), [{"k": "y"}])

    def test_when_none_is_left_a_reason_says_so(self):
        answer = self.decided(values=["x", "x", "y"], n=3)
        assert (len(answer.launches), answer.desired) == (2, 3)
        assert "unique" in stages(answer)

    @pytest.mark.parametrize("values", ["", " , ", [], None])
    def test_without_values_it_is_off(self, values):
        assert self.decided(values=values).launches == (Launch("chicago", "dt"), Launch("chicago", "dt"))


@pytest.mark.parametrize(
    ("conf", "named"),
    [
        ({"minimum_vms": 7}, "maximum_vms"),
        ({"iaas_site": None}, "iaas_site"),
        ({"deployable_type": None}, "deployable_type"),
        ({"cooldown_period": -1}, "cooldown_period"),
        ({"scale_up_threshold": "2"}, "scale_up_threshold"),
        ({"scale_up_n_vms": -1}, "scale_up_n_vms"),
        ({"metric": 3}, "metric"),
        ({"retirable_nodes": "a"}, "retirable_nodes"),
        ({"unique_values": 3}, "unique_values"),
        ({"preserve_n": 3}, "preserve_n"),
    ],
)
def test_what_is_wrong_with_a_config_is_named(conf, named):
    with pytest.raises(BadRequest, match=named):
        decided(conf=conf)


def test_nothing_wanted_needs_no_site():
    assert Sensor.configured({}).decide(asked({})).desired == 0


@given(st.integers(0, 8), st.one_of(st.none(), st.integers(-3, 9)), st.integers(0, 8))
def test_the_size_stays_within_its_limits_and_moves_by_one_step(there, value, base):
    desired = decided(*group(there, value), memo=memo(base)).desired
    assert 1 <= desired <= 6
    assert abs(desired - min(max(base, 1), 6)) <= 1 + abs(there - base)
