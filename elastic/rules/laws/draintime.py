"""`drain_time`: enough to keep up with what arrives, and to work off what waits within a time."""

from typing import Annotated, ClassVar

from elastic.model.kinds import NotNegative, Part, Positive, about
from elastic.rules.exact import exact
from elastic.rules.laws.law import Named
from elastic.rules.signals import Signals, up


class DrainTime(Named, frozen=True, kw_only=True, tag="drain_time"):
    metric: ClassVar[None] = None

    target_seconds: Annotated[Positive, about("seconds in which what waits is to be gone")] = 300
    rho: Annotated[Part, about("part of the time for which slots may be busy")] = 0.8
    tau_hint: Annotated[NotNegative | None, about("seconds a task takes, while nothing has been measured")] = None

    def raw(self, signals: Signals, slots: int) -> int:
        ready, rate = signals.known("ready"), signals.known("arrival_rate")
        if signals.service_time is None and self.tau_hint is not None:
            task = exact(self.tau_hint)
        else:
            task = signals.known("service_time")
        busy = rate * task + ready * task / exact(self.target_seconds)
        return max(up(busy / (slots * exact(self.rho))), 1 if ready >= 1 else 0)
