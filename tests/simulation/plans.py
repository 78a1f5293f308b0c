"""What domains go by whose size a policy chooses: their config, and which sizes it promises for which numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

POLICED = ("ann:cells", "bob:queue")
"""The domains that a policy sizes, beside those whose size clients say."""

SITE, TYPE = "site", "worker"
LOAD, READY, WANTED = "load", "ready", "wanted"
LOW, MIDDLE, HIGH = 2.0, 6.0, 10.0
DOWN, UP = 4.0, 8.0
TASKS = 5  # waiting ones that a worker is to have
PERIOD = 9.0  # seconds for which a sample counts
COOLDOWN = 3.0
DRAIN = 8.0  # seconds that a drain may take
GIVING_BACK = 60.0  # more, where the work is to be given back first
VMS, SOURCE, BOTH = "vms", "source", "both"
Conf = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """`by`: who tells the metric. `then`: what becomes of a drain that takes too long. `law`: the engine's, where
    it has one. `least`: the minimum."""

    engine: str
    by: str
    least: int = 1
    then: str = "wait"
    law: str = ""

    @property
    def metric(self) -> str:
        return {"queue": READY, "external": WANTED}.get(self.law, LOAD)

    @property
    def goes_by_thresholds(self) -> bool:
        return not self.law

    def conf(self, most: int) -> Conf:
        """The `engine_conf` of a domain of `most` instances at most."""
        return {**self._engine_conf(most), **self._sensors()}

    def limits(self, most: int) -> Conf:
        """What to write anew for another maximum."""
        keys = ("capacity",) if self.law else ("maximum_vms",)
        return {key: self._engine_conf(most)[key] for key in keys}

    def cooling(self, seconds: float) -> Conf:
        """What to write anew for another cooldown."""
        if not self.law:
            return {"cooldown_period": seconds}
        return {"behaviour": {**self._behaviour(), "cooldown_in": seconds, "cooldown_out": seconds}}

    def _engine_conf(self, most: int) -> Conf:
        if self.law:
            return self._of_policy(most)
        place: Mapping[str, Any] = {"deployable_type": TYPE, "iaas_site": SITE}
        if self.engine == "overflow":
            place = {"dtname": TYPE, "clouds": [{"site_name": SITE, "size": -1, "rank": 1}]}
        return {
            "minimum_vms": self.least,
            "maximum_vms": most,
            "metric": LOAD,
            "scale_up_threshold": UP,
            "scale_down_threshold": DOWN,
            "scale_up_n_vms": 2,
            "scale_down_n_vms": 2,
            "cooldown_period": COOLDOWN,
            **place,
        }

    def _of_policy(self, most: int) -> Conf:
        queue = {"engine": "queue_per_worker", "target": TASKS, "include_unacked": False, "include_running": False}
        told = {"engine": "external", "source": "a forecast", "metric": WANTED}
        return {
            "deployable_type": TYPE,
            "sites": [SITE],
            "capacity": {"min": self.least, "max": most},
            "policies": [{"name": "law", **(queue if self.law == "queue" else told)}],
            "behaviour": self._behaviour(),
            "signals": {"max_age": PERIOD},
            "scale_in": {"allow_busy": True, "min_lifetime": 4, "drain_timeout": DRAIN, "on_timeout": self.then},
        }

    def _behaviour(self) -> Conf:
        return {"interval": 3, "window_down": 4, "max_step_down": "50%|2", "cooldown_in": COOLDOWN}

    def _sensors(self) -> Conf:
        sensors: Conf = {"sample_period": PERIOD}
        if self.by in (VMS, BOTH):
            sensors["monitor_sensors"] = [self.metric]
        if self.by in (SOURCE, BOTH):
            sensors |= {"sensor_type": "simulated", "monitor_domain_sensors": [self.metric]}
        return sensors

    # what it promises

    def number(self, pick: float, most: int) -> float:
        """What the metric may say: `pick` of 0 has as few as there may be, 1 as many."""
        if self.goes_by_thresholds:
            return LOW if pick < 0.35 else HIGH if pick > 0.65 else MIDDLE
        size = round(pick * (most + 1))
        return float(size * TASKS if self.law == "queue" else size)

    def sizes(self, number: float, most: int) -> frozenset[int]:
        """Those that a domain may have while the metric says that, and all is calm."""
        if self.goes_by_thresholds:
            few = self.least if number <= UP else most
            many = most if number >= DOWN else self.least
            return frozenset(range(few, many + 1))
        return frozenset({min(max(self._wanted(number), self.least), most)})

    def _wanted(self, number: float) -> int:
        return round(number / TASKS if self.law == "queue" else number)

    def lets_go(self, numbers: Sequence[float], before: Sequence[float]) -> bool:
        """Whether somebody may have to go for what the metric said of late, or `before` that."""
        if self.goes_by_thresholds:
            return any(number < DOWN for number in numbers)
        wanted = [self._wanted(number) for number in (*before, *numbers)]
        return any(wanted[n] < max(wanted[: n + 1]) for n in range(len(before), len(wanted)))

    @property
    def longest_drain(self) -> float | None:
        """Seconds after which a busy one goes all the same; null: never."""
        return {"kill": DRAIN, "requeue": DRAIN + GIVING_BACK}.get(self.then)


PLANS: Mapping[str, Plan] = {
    "sensor by its vms": Plan("sensor", VMS),
    "sensor by a source": Plan("sensor", SOURCE, least=0),
    "sensor by both": Plan("sensor", BOTH),
    "overflow by its vms": Plan("overflow", VMS),
    "overflow by a source": Plan("overflow", SOURCE),
    "policy that kills": Plan("policy", SOURCE, then="kill", law="queue"),
    "policy that requeues": Plan("policy", SOURCE, least=0, then="requeue", law="queue"),
    "policy that waits": Plan("policy", VMS, law="external"),
    "policy by both that kills": Plan("policy", BOTH, then="kill", law="external"),
}
