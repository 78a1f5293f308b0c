"""What is measured reaches the engine; what is lacking stands in the record of the decision, with the reason."""

from typing import Any, ClassVar

import pytest
from msgspec.structs import replace

from elastic.adapters.lastheard import MemoryLastHeard
from elastic.engines.sensor import Sensor
from elastic.model.actions import Sample, Work
from elastic.model.decision import Decision, Stage
from elastic.model.heartbeat import Heard
from elastic.model.observed import Observed
from elastic.model.states import InstanceState
from elastic.roles.cycle import Cycle
from elastic.roles.decider import HEARING, Decider
from elastic.roles.isolation import Isolation
from elastic.roles.thoughts import Thoughts
from elastic.rules.caution import BrakePolicy
from tests.scenario.world import Notes
from tests.unit.roles.setting import WEB, Setting
from tests.unit.rules.views import record

CONF = {
    "minimum_vms": 1,
    "maximum_vms": 5,
    "metric": "load",
    "scale_up_threshold": 10,
    "deployable_type": "worker",
    "iaas_site": "north",
    "sample_period": 30,
}
AGAIN = 10.0  # a third of that: so often the engine wants to be asked


class Curious(Sensor, frozen=True, kw_only=True):
    """`sensor`, which keeps what it was asked; `every`, if there is one, in place of its interval."""

    asked: ClassVar[list] = []
    every: ClassVar[list] = []

    @property
    def interval(self) -> Any:
        return self.every[0] if self.every else super().interval

    def decide(self, question):
        self.asked.append(question)
        return super().decide(question)


@pytest.fixture(autouse=True)
def nothing_is_kept():
    yield
    Curious.asked.clear()
    Curious.every.clear()


class Desk:
    """A member whose decider has ann's web to decide on, by what is `observed`."""

    def __init__(self, size: int = 1, **of_domain: Any) -> None:
        self.here = here = Setting()
        instances = [record(f"i-{n}") for n in range(size)]
        conf = {"engine_conf": {**CONF, "minimum_vms": size}, **of_domain}
        here.add("web", *instances, general={"engine": "curious"}, **conf)
        self.observed = Observed(domain={"load": Sample(here.clock.now(), 5)})
        notes, self.heard = Notes(), MemoryLastHeard()
        self.mirror = here.mirror(changed=self.touch)
        decider = Decider(
            self.mirror,
            {"curious": Curious},
            self.heard,
            Thoughts(here.workers, notes, 10.0),
            Isolation(notes),
            1.0,
            BrakePolicy(),
            lambda _site: False,
            lambda _key: (),
            lambda _view, _now: self.observed,
        )
        self.cycle = Cycle("decider", decider, self.mirror, here.clock)
        self.mirror.refresh()
        self.settle()

    def touch(self, key: Any) -> None:
        if hasattr(self, "cycle"):
            self.cycle.touch((key,))

    def settle(self) -> None:
        """Visit until there is nothing more to write."""
        self.cycle.touch((WEB,))
        while self.cycle.next_due() == self.here.clock.monotonic():
            self.cycle.turn()

    def see(self, *lacks: str, seconds: float = 1.0, **observed: Any) -> list[Decision]:
        """It is observed, and told of; return what was written of it."""
        before = len(self.decisions())
        self.here.clock.advance(seconds)
        self.observed = Observed(lacks=lacks, **observed)
        self.settle()
        return self.decisions()[before:]

    def again(self) -> float | None:
        """In how many seconds it is to be visited again, though nothing changes."""
        view, now = self.mirror.view(WEB), self.here.now
        assert view is not None
        again = self.cycle.role.visit(view, now)
        return None if again is None else again - now.mono

    def decisions(self) -> list[Decision]:
        return list(self.here.store.decisions(WEB, 50))

    def load(self, value: float, seconds_ago: float = 0.0) -> dict[str, Any]:
        at = self.here.clock.now() + 1 - seconds_ago
        return {"domain": {"load": Sample(at, value)}, "sources": {"load": "prometheus.example:9090"}}


@pytest.fixture
def desk() -> Desk:
    return Desk()


def sensor_stages(decision: Decision) -> list[Stage]:
    return [stage for stage in decision.stages if stage.stage == "sensor"]


def test_samples_and_work_reach_the_engine(desk):
    load, own, work = Sample(5.0, 3), Sample(6.0, 4), Work(active=2)
    desk.see(domain={"load": load}, instances={"i-0": {"load": own}}, work={"i-0": work})
    question = Curious.asked[-1]
    assert question.sensors == {"load": load}
    (candidate,) = question.instances
    assert (candidate.sensors, candidate.work) == ({"load": own}, work)


def test_the_record_of_a_decision_shows_the_values_and_who_told_them(desk):
    decision = desk.see(**desk.load(50, seconds_ago=2))[0]
    assert [action.do for action in decision.actions] == ["launch"]
    at = desk.here.clock.now() - 2
    assert decision.inputs["sensors"] == {"load": {"value": 50, "at": at, "source": "prometheus.example:9090"}}


def test_where_nothing_is_measured_the_record_says_nothing_of_it(desk):
    (decision,) = desk.see()
    assert "sensors" not in decision.inputs


def test_what_is_lacking_is_a_stage_with_its_reason(desk):
    (decision,) = desk.see("load: h does not answer", "depth: the value is NaN")
    assert sensor_stages(decision) == [
        Stage("sensor", None, "load: h does not answer"),
        Stage("sensor", None, "depth: the value is NaN"),
    ]
    assert decision.reason.startswith(
        "sensor: load: h does not answer; sensor: depth: the value is NaN; no_data: "
    )
    assert decision.actions == ()


def test_it_is_written_once_until_the_reason_changes(desk):
    counts = [
        len(desk.see(lack))
        for lack in (
            "load: h does not answer",
            "load: h does not answer",
            "load: h answered 500",
            "load: h answered 500",
        )
    ]
    assert counts == [1, 0, 1, 0]


def test_what_comes_again_after_it_was_over_is_written_again(desk):
    """Else the second night on which the source was away would be in no record."""
    assert len(desk.see("load: h does not answer")) == 1
    assert desk.see(**desk.load(5)) == []
    assert len(desk.see("load: h does not answer")) == 1


def test_new_numbers_that_change_nothing_are_not_written(desk, monkeypatch):
    desk.see(**desk.load(5))
    monkeypatch.setattr(desk.here.store, "commit", lambda *_: pytest.fail("there was nothing to write"))
    for value in (5, 6, 7, 5.5):
        assert desk.see(**desk.load(value)) == []


def test_without_numbers_the_size_stays_and_what_died_is_replaced():
    desk = Desk(size=2)
    desk.here.alter(WEB, "i-1", lambda instance: replace(instance, state=InstanceState.FAILED))
    desk.mirror.refresh()
    decisions = desk.see("load: h does not answer")
    actions = [action.do for decision in decisions for action in decision.actions]
    assert actions == ["launch"]
    assert desk.here.store.view(WEB).standing.desired == 2


@pytest.mark.parametrize(
    ("every", "again"),
    [(None, AGAIN), (3, 3.0), (2.5, 2.5), (0, 1.0), (-7, 1.0), (0.001, 1.0)],
)
def test_an_engine_with_an_interval_is_asked_again_though_nothing_changed(desk, every, again):
    Curious.every[:] = [] if every is None else [every]
    desk.settle()
    Curious.asked.clear()
    for _ in range(3):
        desk.here.clock.advance(again)
        desk.cycle.turn()
    assert len(Curious.asked) == 3
    assert desk.again() == again


@pytest.mark.parametrize("every", [None, "soon", float("nan"), float("inf"), True])
def test_an_engine_whose_interval_is_none_is_asked_when_something_changes(desk, every):
    Curious.every[:] = [every]
    assert desk.again() is None


def test_when_the_metric_falls_silent_the_engine_notices_by_itself(desk):
    """Nobody tells that a sample has become too old."""
    desk.see(**desk.load(5))
    before = len(desk.decisions())
    for _ in range(4):
        desk.here.clock.advance(AGAIN)
        desk.cycle.turn()
    (decision,) = desk.decisions()[before:]
    assert "no_data" in decision.reason


def shrinking(**of_domain: Any) -> Desk:
    """It has two that are well, of whom one is too many; nobody was heard yet."""
    return Desk(size=2, engine_conf={**CONF, "maximum_vms": 1}, **of_domain)


def going(desk: Desk) -> list[str]:
    return [action.instance_id for decision in desk.decisions() for action in decision.actions]


def test_one_that_is_well_does_not_go_before_it_was_heard_for_it_may_have_work():
    desk = shrinking()
    desk.settle()
    assert going(desk) == []
    for name in ("i-0", "i-1"):
        desk.heard.note(name, Heard(desk.here.now.mono, "OK", boot="b", seq=1))
    desk.here.clock.advance(HEARING)
    desk.cycle.turn()
    assert len(going(desk)) == 1


def test_but_for_one_that_nobody_listens_to():
    desk = shrinking(health={"monitor_health": False})
    desk.settle()
    assert len(going(desk)) == 1
