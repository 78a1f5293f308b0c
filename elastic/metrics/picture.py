"""How a replica stands, as Prometheus is told. Whoever asks gets a fresh picture."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Ages in seconds; totals only ever rise. `braked`: of "domain" and "site", how many have the brake on."""

    loop_age: Mapping[str, float] = field(default_factory=dict)
    visits: Counts = field(default_factory=dict)  # by role, total
    failed_visits: Counts = field(default_factory=dict)  # by role, total
    overruns: Counts = field(default_factory=dict)  # by role, total
    heard: int = 0  # heartbeats, total
    dropped: Counts = field(default_factory=dict)  # heartbeats by the reason, total
    refused: Counts = field(default_factory=dict)  # what came as a call, or from a member, and was none; total
    partitions: int = 0
    domains: int = 0
    instances: Counts = field(default_factory=dict)  # by state
    terms: Counts = field(default_factory=dict)  # by role
    leads: frozenset[str] = frozenset()  # roles that this member leads
    connected: Mapping[str, bool] = field(default_factory=dict)  # "store" and "bus"
    braked: Counts = field(default_factory=dict)


class PictureCollector:
    """Turns a picture into Prometheus' families. `look` is called in the server's thread."""

    def __init__(self, look: Callable[[], Picture]) -> None:
        self._look = look

    def collect(self) -> Iterator[Metric]:
        now = self._look()
        yield _gauge("loop_age_seconds", "Time since the loop last came round.", "loop", now.loop_age)
        yield _counter("visits", "Visits of domains.", "role", now.visits)
        yield _counter("visits_failed", "Visits that raised an error.", "role", now.failed_visits)
        yield _counter("visits_overrun", "Visits that took longer than their budget.", "role", now.overruns)
        yield _counter("heartbeats", "Heartbeats taken, or dropped and why.", "result", _heartbeats(now))
        yield _counter("messages_refused", "What was no call, nor word of a member.", "reason", now.refused)
        yield _gauge("partitions", "Partitions that this member looks after.", "", {"": now.partitions})
        yield _gauge("domains", "Domains that this member looks after.", "", {"": now.domains})
        yield _gauge("instances", "Instances of these domains.", "state", now.instances)
        yield _gauge("term", "Newest term known of the role.", "role", now.terms)
        yield _gauge(
            "leads", "1 if this member leads the role.", "role", {role: role in now.leads for role in now.terms}
        )
        yield _gauge("connected", "1 if it answers.", "to", now.connected)
        yield _gauge("braked", "Domains and sites whose brake is on.", "what", now.braked)


def _heartbeats(now: Picture) -> Counts:
    return {"heard": now.heard, **now.dropped}


def _gauge(name: str, told: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(f"elastic_{name}", told, labels=[label] if label else [])
    for key, value in values.items():
        family.add_metric([key] if label else [], float(value))
    return family


def _counter(name: str, told: str, label: str, values: Counts) -> Metric:
    family = CounterMetricFamily(f"elastic_{name}", told, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
