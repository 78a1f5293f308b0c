"""Sources are asked beside the decisions, each domain's for itself; what they told is kept until it is too old."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest

from elastic.adapters.lastheard import MemoryLastHeard
from elastic.adapters.workers import InlineWorkers
from elastic.errors import BadRequest, SensorFailed
from elastic.model.actions import Sample, Work
from elastic.model.domain import Disabled, Domain, DomainKey
from elastic.model.heartbeat import Heard
from elastic.model.instance import Instance
from elastic.model.observed import Observed
from elastic.model.view import Standing, View
from elastic.ports.sensor import Closed, Reading, Readings, Wanted
from elastic.roles.moment import Moment
from elastic.roles.sensing import Sensing
from tests.scenario.world import Hand
from tests.unit.rules.views import WEB, record

INTERVAL, TIMEOUT = 15.0, 5.0
LOAD = {"sensor_type": "gauge", "monitor_domain_sensors": ["load"]}
OF_EACH = {"sensor_type": "gauge", "monitor_sensors": ["load"]}
OTHER = DomainKey("ann", "other")


class Queue:
    """Workers that begin and end what they were given when they are told to."""

    def __init__(self) -> None:
        self.lanes: list[str] = []
        self.waiting: list[tuple[Callable[[], Any], Callable[..., None]]] = []

    def submit(self, lane: str, work: Callable[[], Any], then: Callable[..., None]) -> None:
        self.lanes.append(lane)
        self.waiting.append((work, then))

    def do(self) -> None:
        """Begin and end the one that has waited longest."""
        self.begin()()

    def begin(self) -> Callable[[], None]:
        """Begin it; it ends when what is returned is called."""
        work, then = self.waiting.pop(0)
        value, error = None, None
        try:
            value = work()
        except Exception as fault:
            error = fault
        return lambda: then(value, error)


class Gauge:
    """A sensor by whose config `place` is asked. What it answers, and what it was asked, is the test's."""

    documentation = "for tests"
    answers: ClassVar[dict[str, Callable[[Wanted], Any]]] = {}
    asked: ClassVar[list[Wanted]] = []
    times: ClassVar[list[float]] = []

    def __init__(self, place: str) -> None:
        self.place = place

    @classmethod
    def configured(cls, conf: Mapping[str, Any], gate: object) -> "Gauge":
        if conf.get("opentsdb_host") == "broken":
            raise ZeroDivisionError("on the way")
        if conf.get("opentsdb_host") == "wrong":
            raise BadRequest("opentsdb_host: not this one")
        return cls(conf.get("opentsdb_host") or "place")

    @property
    def lane(self) -> str:
        if self.place == "nameless":
            raise ZeroDivisionError("no name")
        return self.place

    def read(self, wanted: Wanted, timeout: float) -> Any:
        self.asked.append(wanted)
        self.times.append(timeout)
        return self.answers[self.place](wanted)


@pytest.fixture(autouse=True)
def gauges():
    yield
    for kept in (Gauge.answers, Gauge.asked, Gauge.times):
        kept.clear()


def says(value: float, seconds_ago: float = 0.0) -> Callable[[Wanted], Readings]:
    def said(wanted: Wanted) -> Readings:
        reading = Reading(Sample(wanted.now - seconds_ago, value), "place")
        of_each = {i.instance_id: dict.fromkeys(wanted.of_instances, reading) for i in wanted.instances}
        return Readings(domain=dict.fromkeys(wanted.of_domain, reading), instances=of_each)

    return said


def fails(text: str) -> Callable[[Wanted], Readings]:
    def failed(_wanted: Wanted) -> Readings:
        raise SensorFailed(text)

    return failed


class Member:
    """Whose sensing is visited for ann's web, as its config and its instances are now."""

    def __init__(self, workers: Any = None, interval: float = INTERVAL, timeout: float = TIMEOUT) -> None:
        self.clock, self.heard = Hand(), MemoryLastHeard()
        self.workers = workers or InlineWorkers()
        self.told: list[DomainKey] = []
        self.conf: dict[str, Any] = dict(LOAD)
        self.instances: list[Instance] = []
        self.of_domain: dict[str, Any] = {}
        self.sensing = Sensing(
            self.clock,
            {"gauge": Gauge},
            Closed(),
            self.workers,
            self.heard,
            self.told.append,
            interval,
            timeout,
        )

    def view(self, key: DomainKey = WEB) -> View:
        domain = Domain(key=key, **{"engine_conf": self.conf, **self.of_domain})
        return View(domain=domain, instances=tuple(self.instances), standing=Standing())

    @property
    def now(self) -> Moment:
        return Moment.of(self.clock)

    def visit(self, seconds: float = 0.0, key: DomainKey = WEB) -> float | None:
        """So much later; return in how many seconds it is to be visited again."""
        self.clock.advance(seconds)
        again = self.sensing.visit(self.view(key), self.now)
        if isinstance(self.workers, InlineWorkers):
            self.workers.collect()
        return None if again is None else again - self.now.mono

    def observed(self, key: DomainKey = WEB) -> Observed:
        return self.sensing.observed(self.view(key), self.now)

    def value(self) -> float | None:
        sample = self.observed().domain.get("load")
        return None if sample is None else sample.value

    def hear(self, name: str, seq: int = 1, **said: Any) -> None:
        self.heard.note(name, Heard(self.now.mono, "OK", boot="b", seq=seq, **said))


@pytest.fixture
def member() -> Member:
    Gauge.answers["place"] = says(3)
    return Member()


@pytest.fixture
def queued() -> Member:
    """Whose workers begin and end when they are told to."""
    Gauge.answers["place"] = says(3)
    return Member(Queue())


# asking


def test_a_source_is_asked_and_what_it_told_is_known(member):
    assert member.observed().lacks == ("load: nothing has been told yet",)
    member.visit()
    assert member.observed() == Observed(
        domain={"load": Sample(member.now.wall, 3)}, lacks=(), sources={"load": "place"}
    )
    assert member.told == [WEB]


def test_what_is_known_is_shown_with_its_source_or_with_why_it_is_not(member):
    member.conf = {**LOAD, "monitor_domain_sensors": ["load", "depth"]}
    assert member.sensing.shown(WEB) == {}
    Gauge.answers["place"] = lambda wanted: Readings(domain={"load": Reading(Sample(wanted.now, 3), "place")})
    member.visit()
    assert member.sensing.shown(WEB) == {
        "load": {"value": 3, "at": member.now.wall, "source": "place", "lack": ""},
        "depth": {"value": None, "at": None, "source": "", "lack": "nothing has been told yet"},
    }
    assert member.sensing.shown(OTHER) == {}


def test_it_is_told_what_is_wanted_of_whom_and_for_how_long_it_may_take(member):
    member.conf = {**OF_EACH, "monitor_domain_sensors": ["depth"], "sample_period": 30, "sample_function": "Sum"}
    member.instances = [record("i-1"), record("i-2", 500), record("i-3", 700), record("i-4")]
    member.visit()
    (wanted,) = Gauge.asked
    assert (wanted.key, wanted.of_domain, wanted.of_instances) == (WEB, ("depth",), ("load",))
    assert (wanted.now, wanted.period, wanted.function) == (member.now.wall, 30.0, "Sum")
    assert [i.instance_id for i in wanted.instances] == ["i-1", "i-4"]
    assert Gauge.times == [TIMEOUT]


def test_it_is_asked_at_its_interval_and_no_more_often(member):
    assert member.visit() == INTERVAL
    assert member.visit(5) == INTERVAL - 5
    assert member.visit(9.5) == 0.5
    assert len(Gauge.asked) == 1
    assert member.visit(0.5) == INTERVAL
    assert len(Gauge.asked) == 2


@pytest.mark.parametrize("conf", [{}, {"sensor_type": "heartbeat", "monitor_sensors": ["load"]}])
def test_where_there_is_nobody_to_ask_there_is_no_visit_either(member, conf):
    member.conf = conf
    assert member.visit() is None
    assert Gauge.asked == []


@pytest.mark.parametrize("state", [{"paused": True}, {"removed": True}, {"disabled": Disabled.EVERYTHING}])
def test_a_domain_that_is_paused_or_to_be_empty_has_nobody_asked(member, state):
    member.visit()
    member.of_domain = state
    assert member.visit(INTERVAL) is None
    assert len(Gauge.asked) == 1
    member.of_domain = {}
    assert member.visit() == INTERVAL
    assert len(Gauge.asked) == 2


def test_those_who_ask_the_same_are_in_one_lane_and_the_others_in_theirs(queued):
    for place, key in (("place", WEB), ("place", OTHER), ("elsewhere", DomainKey("bob", "web"))):
        queued.conf = {**LOAD, "opentsdb_host": place}
        queued.visit(key=key)
    assert queued.workers.lanes == ["sensor place", "sensor place", "sensor elsewhere"]


def test_what_instances_say_stands_for_no_metric_of_the_domain_though_it_is_called_the_same(member):
    Gauge.answers["place"] = fails("is away")
    member.instances = [record("a")]
    member.hear("a", metrics={"load": 0.3, "heat": 2})
    member.visit()
    observed = member.observed()
    assert observed.domain == {}
    assert list(observed.instances["a"]) == ["heat"]
    assert observed.lacks == ("load: place is away",)


# one question at a time


def test_there_are_never_two_questions_about_a_domain_at_once(queued):
    """Those who wait for a slow source would be more and more."""
    assert queued.visit() == INTERVAL
    for _ in range(50):
        assert queued.visit(INTERVAL) == INTERVAL
    assert len(queued.workers.waiting) == 1
    queued.workers.do()
    assert queued.value() == 3
    queued.visit()
    assert len(queued.workers.waiting) == 1


def test_one_that_has_waited_for_others_asks_for_what_is_now(queued):
    queued.visit()
    queued.clock.advance(500)
    queued.workers.do()
    assert Gauge.asked[0].now == queued.now.wall
    assert queued.observed().lacks == ()


def test_one_that_hangs_stops_it_not_for_ever(queued, caplog):
    queued.visit()
    late = queued.workers.begin()
    for _ in range(2):
        queued.visit(INTERVAL - 1)
    assert queued.workers.waiting == []
    assert queued.visit(2) == INTERVAL
    assert len(queued.workers.waiting) == 1
    assert queued.observed().lacks == ("load: place has not come back for 30 s",)

    Gauge.answers["place"] = says(7)
    queued.workers.do()
    late()
    assert queued.value() == 7, "what comes too late is not taken for new"
    assert queued.told == [WEB, WEB]


def test_one_that_may_take_long_is_given_that_long(monkeypatch):
    Gauge.answers["place"] = says(3)
    slow = Member(Queue(), interval=1.0, timeout=60.0)
    slow.visit()
    slow.workers.begin()
    for _ in range(100):
        slow.visit(1.0)
    assert slow.workers.waiting == []


@pytest.mark.parametrize(("said", "given"), [(None, TIMEOUT), (2, 2.0), (TIMEOUT, TIMEOUT), (60, TIMEOUT)])
def test_a_domain_may_give_its_source_less_time_than_operators_do(member, said, given):
    member.conf = {**LOAD, "sensor_timeout": said}
    member.visit()
    assert Gauge.times == [given]


def test_a_late_answer_of_one_that_was_given_up_frees_nobody(queued):
    queued.visit()
    late = queued.workers.begin()
    queued.visit(3 * INTERVAL)
    late()
    queued.visit(INTERVAL)
    assert len(queued.workers.waiting) == 1


# a change of config


def test_a_new_config_forgets_what_was_told_by_the_old_one_and_asks_at_once(member):
    member.visit()
    member.conf = {**LOAD, "sample_period": 30}
    assert member.observed() == Observed(lacks=("load: nothing has been told yet",))
    assert member.visit(1) == INTERVAL
    assert len(Gauge.asked) == 2


def test_what_is_not_in_the_config_changes_nothing(member):
    """A new subscriber, say: it would be a while without numbers."""
    member.visit()
    member.of_domain = {"revision": 2, "subscribers": ("watcher",)}
    assert member.value() == 3
    member.visit(1)
    assert len(Gauge.asked) == 1


def test_however_often_the_config_changes_there_is_one_question_at_a_time(queued):
    for number in range(1, 20):
        queued.conf = {**LOAD, "sample_period": number}
        queued.visit(0.1)
    assert len(queued.workers.waiting) == 1
    queued.workers.do()
    assert queued.observed().domain == {}, "it was asked by another config"
    assert queued.told == []
    queued.visit(INTERVAL)
    queued.workers.do()
    assert queued.value() == 3


# faults


def test_what_was_told_before_stands_until_it_is_too_old(member):
    member.visit()
    Gauge.answers["place"] = fails("does not answer: Connection refused")
    member.visit(INTERVAL)
    assert (member.value(), member.observed().lacks) == (3, ())
    member.clock.advance(90 - INTERVAL)
    assert (member.value(), member.observed().lacks) == (3, ())
    member.clock.advance(1)
    assert member.observed().lacks == ("load: place does not answer: Connection refused",)


def test_a_fault_is_told_once_and_when_it_changes_and_its_end_too(member, caplog):
    caplog.set_level(logging.INFO, "elastic.roles.sensing")
    story = [fails("does not answer")] * 3 + [fails("answered 500")] * 2 + [says(1)] * 2 + [fails("answered 500")]
    for answer in story:
        Gauge.answers["place"] = answer
        member.visit(INTERVAL)
    assert [line.getMessage() for line in caplog.records] == [
        "ann:web: no numbers: place does not answer",
        "ann:web: no numbers: place answered 500",
        "ann:web: place answers again",
        "ann:web: no numbers: place answered 500",
    ]
    assert len(member.told) == 5, "each fault once, and each new sample"


BROKEN: dict[str, tuple[dict[str, Any], Any, str]] = {
    "its config": ({"opentsdb_host": "broken"}, None, "failed: ZeroDivisionError: on the way"),
    "its config is refused": ({"opentsdb_host": "wrong"}, None, "opentsdb_host: not this one"),
    "its name": ({"opentsdb_host": "nameless"}, None, "failed: ZeroDivisionError: no name"),
    "its answer": ({}, lambda _: 1 / 0, "place failed: ZeroDivisionError: division by zero"),
    "nonsense": ({}, lambda _: {"load": 3}, "place told dict, no readings"),
    "nothing": ({}, lambda _: None, "place told NoneType, no readings"),
    "no installed one": (
        {"sensor_type": "gone"},
        None,
        "sensor_type: there is none called 'gone', only gauge, heartbeat",
    ),
    "no word can be made of it": ({}, lambda _: Readings(domain={"load": object()}), "place told nonsense: "),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_plugin_that_breaks_harms_its_domain_alone_and_is_told_of(member, case):
    conf, answer, told = BROKEN[case]
    member.visit(key=OTHER)
    if answer:
        Gauge.answers["place"] = answer
    member.conf = {**LOAD, **conf}
    member.visit(1)
    member.visit(1)
    assert member.told == [OTHER, WEB]
    (lack,) = member.observed().lacks
    assert lack.startswith(f"load: {told}")

    Gauge.answers["place"], member.conf = says(4), dict(LOAD)
    member.visit(INTERVAL, key=OTHER)
    assert member.observed(OTHER).domain["load"].value == 4


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None])
def test_what_cannot_be_reckoned_with_reaches_no_engine(member, value):
    Gauge.answers["place"] = says(value)
    member.visit()
    assert member.observed().domain == {}
    assert len(member.observed().lacks) == 1


def test_a_long_story_is_cut_short(member):
    Gauge.answers["place"] = fails("x" * 100_000)
    member.visit()
    assert len(member.observed().lacks[0]) < 400


def test_a_config_that_makes_no_sense_any_more_is_told_and_nobody_asked(member):
    """It was good when it was stored, by another release."""
    member.conf = {**LOAD, "sensor_type": "cloudwatch"}
    assert member.visit() is None
    (lack,) = member.observed().lacks
    assert lack.startswith("sensor_type: EPU's CloudWatch is not taken over")


# what instances say


def test_what_instances_say_of_themselves_is_taken_with_the_moment_it_was_heard(member):
    member.conf = {"monitor_sensors": ["load"]}
    member.instances = [record("i-1"), record("i-2")]
    member.hear("i-1", metrics={"load": 2.5}, work=Work(active=1))
    member.clock.advance(10)
    assert member.observed() == Observed(
        instances={"i-1": {"load": Sample(member.now.wall - 10, 2.5)}}, work={"i-1": Work(active=1)}
    )


def test_what_the_source_told_of_an_instance_goes_before_what_it_says_itself(member):
    member.conf, member.instances = dict(OF_EACH), [record("i-1")]
    member.hear("i-1", metrics={"load": 9, "memory": 1})
    member.visit()
    samples = member.observed().instances["i-1"]
    assert {name: sample.value for name, sample in samples.items()} == {"load": 3, "memory": 1}


def test_the_work_of_one_that_fell_silent_is_not_known(member):
    """It may have taken up some since it said that it had none."""
    member.instances = [record("i-1")]
    member.hear("i-1", work=Work())
    member.clock.advance(90)
    assert member.observed().work == {"i-1": Work()}
    member.clock.advance(1)
    assert member.observed().work == {}
    member.hear("i-1", seq=2)
    assert member.observed().work == {}


# what is lacking


def lacks(member: Member, conf: dict[str, Any], *instances: Instance) -> tuple[str, ...]:
    member.conf, member.instances = conf, list(instances)
    return member.observed().lacks


def test_of_a_metric_of_instances_one_that_tells_it_is_enough(member):
    member.hear("i-2", metrics={"load": 1})
    assert lacks(member, {"monitor_sensors": ["load"]}, record("i-1"), record("i-2")) == ()
    told = lacks(member, {"monitor_sensors": ["memory"]}, record("i-1"), record("i-2"))
    assert told == ("memory: nothing has been told yet",)


def test_where_none_runs_nobody_is_missed(member):
    assert lacks(member, {"monitor_sensors": ["load"]}, record("i-1", 500), record("i-2", 800)) == ()


def test_a_heartbeat_of_long_ago_is_too_old(member):
    member.hear("i-1", metrics={"load": 1})
    member.clock.advance(91)
    assert lacks(member, {"monitor_sensors": ["load"]}, record("i-1")) == ("load: what is known is too old",)


def test_the_source_says_why_it_has_nothing_of_the_instances(member):
    def none_of_each(wanted: Wanted) -> Readings:
        why = Reading(why_none="its hostname is not known")
        return Readings(instances={i.instance_id: {"load": why} for i in wanted.instances})

    Gauge.answers["place"] = none_of_each
    member.conf, member.instances = dict(OF_EACH), [record("i-1")]
    member.visit()
    assert member.observed().lacks == ("load: its hostname is not known",)
    newcomer = record("i-0")
    assert lacks(member, dict(OF_EACH), newcomer, record("i-1")) == ("load: its hostname is not known",)


def test_a_metric_of_the_domain_that_nobody_is_asked_for_is_told(member):
    (lack,) = lacks(member, {"monitor_domain_sensors": ["depth"]})
    assert lack == "depth: sensor_type names nobody who is asked for what the domain as a whole has"


# what is looked after elsewhere


def test_what_is_looked_after_by_another_member_is_forgotten(queued):
    for key in (WEB, OTHER):
        queued.visit(key=key)
    queued.workers.do()
    queued.sensing.keep_only((), (OTHER,))
    assert queued.observed().domain == {}
    assert queued.told == [WEB]
    queued.visit(1)
    assert len(queued.workers.waiting) == 2, "asked anew when it is ours again"


def test_an_answer_about_what_is_ours_no_more_is_not_kept(queued):
    queued.visit()
    queued.sensing.keep_only((), ())
    queued.workers.do()
    assert queued.told == []
    assert queued.value() is None
