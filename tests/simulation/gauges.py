"""What there is to measure, and who tells it: instances in their heartbeats, and one source that is asked for the
domains as wholes. Either may be silent, or tell what makes no sense; the source may be slow besides."""

import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from elastic.errors import SensorFailed
from elastic.model.actions import Sample
from elastic.ports.sensor import Gate, Reading, Readings, Sensor, Wanted
from tests.simulation.kernel import Kernel
from tests.simulation.process import EPOCH

WELL, SILENT, REFUSING, SLOW, GARBAGE = "well", "silent", "refusing", "slow", "garbage"
MANNERS = (SILENT, REFUSING, SLOW, GARBAGE, GARBAGE)
LONGEST = 12.0  # seconds that a slow one takes: far more than it is given


class Gauge:
    """What each domain's metric is, and was: (since when, number)."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.history: dict[str, list[tuple[float, float]]] = defaultdict(list)

    def set(self, domain: str, number: float) -> None:
        self.history[domain].append((self._kernel.now, number))

    def of(self, domain: str) -> float | None:
        past = self.history[domain]
        return past[-1][1] if past else None

    def within(self, domain: str, since: float, until: float) -> list[float]:
        """All that it was in that time."""
        past = self.history[domain]
        ends = [at for at, _ in past[1:]] + [float("inf")]
        return [number for (at, number), end in zip(past, ends, strict=True) if at <= until and end >= since]


@dataclass
class Tellers:
    """How the source is, and how instances are, as far as their metrics go. `unheard`: domains that nobody tells
    of."""

    source: str = WELL
    vms: str = WELL
    unheard: set[str] = field(default_factory=set)

    def of_source(self, domain: str) -> str:
        return SILENT if domain in self.unheard else self.source

    def of_vms(self, domain: str) -> str:
        return SILENT if domain in self.unheard else self.vms


class Source:
    """`keeps_time`: it tells by its own clock when it measured, and not by that of who asks."""

    def __init__(
        self, kernel: Kernel, gauge: Gauge, tellers: Tellers, chance: random.Random, keeps_time: bool
    ) -> None:
        self._kernel, self._gauge, self._tellers = kernel, gauge, tellers
        self._chance, self.keeps_time = chance, keeps_time

    def read(self, wanted: Wanted, timeout: float) -> Any:
        """In a task of who asks."""
        manner, chance = self._tellers.of_source(str(wanted.key)), self._chance
        self._kernel.met[f"a source was {manner}"] += 1
        if manner == SILENT:
            self._kernel.sleep(timeout)
            raise SensorFailed(f"did not answer within {timeout:g} s")
        if manner == SLOW:
            told = self._readings(wanted)
            self._kernel.sleep(chance.uniform(0.0, LONGEST))
            return told
        self._kernel.sleep(chance.uniform(0.01, 0.1))
        if manner == REFUSING:
            raise SensorFailed("refuses us: 401 Unauthorized")
        return self._garbage(wanted) if manner == GARBAGE else self._readings(wanted)

    def _readings(self, wanted: Wanted) -> Readings:
        number = self._gauge.of(str(wanted.key))
        at = EPOCH + self._kernel.now if self.keeps_time else wanted.now
        reading = Reading(why_none="nobody has measured") if number is None else Reading(Sample(at, number), "it")
        return Readings(domain=dict.fromkeys(wanted.of_domain, reading))

    def _garbage(self, wanted: Wanted) -> Any:
        """Nothing that could be taken for a number of now."""
        nonsense: list[Callable[[], Any]] = [
            lambda: "<html>",
            lambda: None,
            lambda: {"load": 0},
            lambda: Readings(),
            lambda: self._told(wanted, Sample(wanted.now, float("nan"))),
            lambda: self._told(wanted, Sample(wanted.now, float("-inf"))),
            lambda: self._told(wanted, Sample(wanted.now, None)),
            lambda: self._told(wanted, Sample(wanted.now * 1000, 0.0)),
            lambda: self._told(wanted, Sample(0.0, 0.0)),
            lambda: self._told(wanted, Sample(wanted.now, "0")),  # type: ignore[arg-type]
            lambda: Readings(domain={"another": Reading(Sample(wanted.now, 0.0))}),
            lambda: 1 / 0,
        ]
        return self._chance.choice(nonsense)()

    @staticmethod
    def _told(wanted: Wanted, sample: Sample) -> Readings:
        return Readings(domain={name: Reading(sample, "it") for name in wanted.of_domain})

    def sensor(self) -> type[Sensor]:
        """As a domain's config names it."""
        source = self

        class Simulated:
            documentation = "Tells what the simulated world is like."
            lane = "source"

            @classmethod
            def configured(cls, conf: Mapping[str, Any], gate: Gate) -> Self:
                return cls()

            def read(self, wanted: Wanted, timeout: float) -> Any:
                return source.read(wanted, timeout)

        return Simulated


def said_by_vm(metric: str, number: float | None, manner: str, chance: random.Random) -> Mapping[str, Any]:
    """The metrics in one heartbeat."""
    if number is None or manner in (SILENT, REFUSING):
        return {}
    if manner == GARBAGE:
        return {metric: chance.choice(["0", None, [0], {"value": 0}, True])}
    return {metric: number}
