"""Sensors at work: domains' sources are asked for numbers, off the path of decisions, and what they told is kept.

In memory only: a new member knows nothing of a metric until it has asked, and nothing is never taken for 0.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

from msgspec.structs import replace

from elastic.errors import BadRequest, SensorFailed
from elastic.model.actions import Sample, Work
from elastic.model.domain import DomainKey, Json
from elastic.model.heartbeat import DRAINED
from elastic.model.instance import Instance
from elastic.model.observed import Observed
from elastic.model.states import InstanceState
from elastic.model.view import View
from elastic.ports.clock import Clock
from elastic.ports.lastheard import LastHeard
from elastic.ports.sensor import Gate, Reading, Readings, Sensor, Wanted
from elastic.ports.workers import Workers
from elastic.roles.memory import drop_others
from elastic.roles.moment import Moment
from elastic.roles.readings import MOST_SAID, sound, why_none
from elastic.rules.common import SAMPLE_PERIOD
from elastic.rules.sensing import HEARTBEAT, Monitored, sensor_named

log = logging.getLogger(__name__)

AFTER = 2  # times what it may take that a question hangs before another is asked: its thread may never come back
UNASKED = "sensor_type names nobody who is asked for what the domain as a whole has"


class Outlook:
    """What a domain's config says of its metrics, and what is known of them by that config. `monitored` is null
    if it makes no sense, of which `fault` tells then."""

    __slots__ = ("conf", "fault", "monitored", "readings")

    def __init__(self, conf: Mapping[str, Json]) -> None:
        self.conf, self.readings, self.fault = conf, Readings(), ""
        self.monitored: Monitored | None = None
        try:
            self.monitored = Monitored.read(conf)
        except BadRequest as fault:
            self.fault = str(fault)

    @property
    def period(self) -> float:
        """For how long a sample counts, in seconds."""
        return float(self.monitored.period if self.monitored else SAMPLE_PERIOD)


class Asking:
    """A question under way. `begun_at`: monotonic, once a worker is at it: until then others hold it up."""

    __slots__ = ("begun_at", "lane")

    def __init__(self, lane: str) -> None:
        self.lane = lane
        self.begun_at: float | None = None


class Sensing:
    """`told(key)` is called when there are new samples, or a new reason why there are none."""

    def __init__(
        self,
        clock: Clock,
        sensors: Mapping[str, type[Sensor]],
        gate: Gate,
        workers: Workers,
        heard: LastHeard,
        told: Callable[[DomainKey], None],
        interval: float,
        timeout: float,
    ) -> None:
        self._clock, self._sensors, self._gate, self._workers = clock, sensors, gate, workers
        self._heard = heard
        self._told, self._interval, self._timeout = told, interval, timeout
        self._outlooks: dict[DomainKey, Outlook] = {}
        self._askings: dict[DomainKey, Asking] = {}
        self._next: dict[DomainKey, float] = {}

    def visit(self, view: View, now: Moment) -> float | None:
        outlook = self._outlook(view)
        monitored = outlook.monitored
        if monitored is None or monitored.kind == HEARTBEAT or view.domain.is_to_be_empty or view.domain.paused:
            return None
        due = self._next.get(view.key, now.mono)
        if now.mono < due:
            return due
        if self._is_asking(view.key, outlook, now):
            return now.mono + self._interval
        try:
            sensor = sensor_named(monitored.kind, self._sensors).configured(outlook.conf, self._gate)
            self._ask(view, outlook, sensor, sensor.lane, monitored)
        except Exception as fault:  # a sensor is a plug-in
            self._failed(view.key, outlook, fault)
            return None  # until its config changes
        self._next[view.key] = now.mono + self._interval
        return self._next[view.key]

    def observed(self, view: View, now: Moment) -> Observed:
        """What is known now: by the source that was asked, and by what instances say of themselves."""
        outlook = self._outlook(view)
        told, of_domain = outlook.readings, outlook.monitored.of_domain if outlook.monitored else ()
        instances = {
            i.instance_id: samples
            for i in view.instances
            if (samples := self._of_instance(i, told.instances.get(i.instance_id, {}), of_domain, now))
        }
        domain = {name: r.sample for name, r in told.domain.items() if r.sample is not None}
        oldest = now.mono - outlook.period
        return Observed(
            domain=domain,
            instances=instances,
            work={i.instance_id: work for i in view.instances if (work := self._work_of(i, oldest)) is not None},
            lacks=self._lacks(view, outlook, instances, now),
            sources={name: reading.source for name, reading in told.domain.items()},
        )

    def shown(self, key: DomainKey) -> Mapping[str, Json]:
        """What was told last of each metric of the domain as a whole, or why nothing was. From any thread."""
        outlook = self._outlooks.get(key)
        if outlook is None or outlook.monitored is None:
            return {}
        told, oldest = outlook.readings.domain, self._clock.now() - outlook.period
        return {name: _shown(told.get(name), outlook.fault, oldest) for name in outlook.monitored.of_domain}

    def keep_only(self, instance_ids: Collection[str], keys: Collection[DomainKey]) -> None:  # noqa: ARG002
        drop_others(self._outlooks, keys)
        drop_others(self._askings, keys)
        drop_others(self._next, keys)

    def _outlook(self, view: View) -> Outlook:
        """By the present config: what was told by another is forgotten."""
        outlook = self._outlooks.get(view.key)
        if outlook is None or outlook.conf != view.domain.engine_conf:
            outlook = self._outlooks[view.key] = Outlook(view.domain.engine_conf)
            self._next.pop(view.key, None)
        return outlook

    # asking

    def _is_asking(self, key: DomainKey, outlook: Outlook, now: Moment) -> bool:
        asking, patience = self._askings.get(key), AFTER * max(self._interval, self._timeout_of(outlook))
        if asking is None:
            return False
        if asking.begun_at is None or now.mono - asking.begun_at < patience:
            return True
        self._failed(key, outlook, SensorFailed(f"has not come back for {patience:g} s"), asking.lane)
        return False

    def _ask(self, view: View, outlook: Outlook, sensor: Sensor, lane: str, monitored: Monitored) -> None:
        wanted = Wanted(
            key=view.key,
            of_domain=monitored.of_domain,
            of_instances=monitored.of_instances,
            instances=[i for i in view.instances if i.state is InstanceState.RUNNING],
            now=self._clock.now(),
            period=float(monitored.period),
            function=monitored.function,
        )
        asking = self._askings[view.key] = Asking(lane)
        then = partial(self._answered, view.key, outlook, asking)
        work = partial(self._read, sensor, wanted, asking, self._timeout_of(outlook))
        self._workers.submit(f"sensor {lane}", work, then)

    def _timeout_of(self, outlook: Outlook) -> float:
        """Seconds for an answer: as its config says, and no more than operators do: others may wait behind it."""
        own = outlook.monitored.timeout if outlook.monitored else None
        return self._timeout if own is None else min(float(own), self._timeout)

    def _read(self, sensor: Sensor, wanted: Wanted, asking: Asking, timeout: float) -> Readings:
        """In a worker's thread, which may have had much to do before."""
        asking.begun_at = self._clock.monotonic()
        told = sensor.read(replace(wanted, now=self._clock.now()), timeout)
        return sound(told, self._clock.now(), wanted.period)

    def _answered(
        self,
        key: DomainKey,
        outlook: Outlook,
        asking: Asking,
        readings: Readings | None,
        error: Exception | None,
    ) -> None:
        if self._askings.get(key) is not asking:
            return  # given up: another was asked
        del self._askings[key]
        if self._outlooks.get(key) is not outlook:
            return  # another config holds
        if error is not None or readings is None:
            self._failed(key, outlook, error or SensorFailed("said nothing"), asking.lane)
            return
        if outlook.fault:
            log.info("%s: %s answers again", key, asking.lane)
        outlook.readings, outlook.fault = readings, ""
        self._told(key)

    def _failed(self, key: DomainKey, outlook: Outlook, error: Exception, lane: str = "") -> None:
        """What was told before stands, until it is too old."""
        said = (
            str(error)
            if isinstance(error, SensorFailed | BadRequest)
            else f"failed: {type(error).__name__}: {error}"
        )
        text = f"{lane} {said}".strip()[:MOST_SAID]
        if text == outlook.fault:
            return
        log.warning("%s: no numbers: %s", key, text)
        outlook.fault = text
        self._told(key)

    # what is known

    def _of_instance(
        self, instance: Instance, told: Mapping[str, Reading], of_domain: Collection[str], now: Moment
    ) -> Mapping[str, Sample]:
        """What it says of itself stands for no metric of the domain as a whole, though it be called the same."""
        samples = {name: reading.sample for name, reading in told.items() if reading.sample is not None}
        heard = self._heard.of(instance.instance_id)
        if heard is not None and heard.metrics:
            at = now.wall - (now.mono - heard.at)
            own = {name: Sample(at, value) for name, value in heard.metrics.items() if name not in of_domain}
            samples = own | samples
        return samples

    def _work_of(self, instance: Instance, oldest: float) -> Work | None:
        """None once it says that it has drained. Who has been silent for long may have taken up work since it said
        that it had none."""
        heard = self._heard.of(instance.instance_id)
        if heard is None or heard.at < oldest:
            return None
        return Work() if heard.drain == DRAINED else heard.work

    def _lacks(
        self, view: View, outlook: Outlook, instances: Mapping[str, Mapping[str, Sample]], now: Moment
    ) -> tuple[str, ...]:
        monitored, told, oldest = outlook.monitored, outlook.readings, now.wall - outlook.period
        if monitored is None:
            return (outlook.fault,)
        fault = outlook.fault or (UNASKED if monitored.kind == HEARTBEAT else "")
        lacks = [why_none(name, told.domain.get(name), fault, oldest) for name in monitored.of_domain]
        running = [i.instance_id for i in view.instances if i.state is InstanceState.RUNNING]
        for name in monitored.of_instances if running else ():
            samples = [instances[i][name] for i in running if name in instances.get(i, {})]
            if not any(sample.value is not None and sample.at >= oldest for sample in samples):
                reading = _first_of(name, running, told) or (Reading(samples[0]) if samples else None)
                lacks.append(why_none(name, reading, outlook.fault, oldest))
        return tuple(text for text in lacks if text)


def _shown(reading: Reading | None, fault: str, oldest: float) -> Json:
    lack = why_none("", reading, fault, oldest).removeprefix(": ")
    sample = Sample(0, None) if reading is None or reading.sample is None else reading.sample
    source = "" if reading is None else reading.source
    return {"value": sample.value, "at": sample.at or None, "source": source, "lack": lack}


def _first_of(metric: str, instance_ids: Sequence[str], told: Readings) -> Reading | None:
    readings = (told.instances.get(name, {}).get(metric) for name in instance_ids)
    return next((reading for reading in readings if reading is not None), None)
