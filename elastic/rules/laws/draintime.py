"""`drain_time`: enough to keep up with what arrives, and to work off what waits within a time."""

from typing import ClassVar, Self

import msgspec

from elastic.rules.exact import Number, exact
from elastic.rules.settings import Settings
from elastic.rules.signals import Signals, up


class DrainTime(msgspec.Struct, frozen=True, kw_only=True):
    """`seconds` in which the backlog is to be gone, with slots busy for `rho` of the time; `tau_hint`: seconds a
    task, while nothing has been measured."""

    KEYS: ClassVar[tuple[str, ...]] = ("target_seconds", "rho", "tau_hint")
    metric: ClassVar[None] = None

    seconds: Number
    rho: Number
    tau_hint: Number | None

    @classmethod
    def read(cls, settings: Settings) -> Self:
        return cls(
            seconds=settings.number("target_seconds", 300, positive=True),
            rho=settings.number("rho", 0.8, positive=True, maximum=1),
            tau_hint=settings.number("tau_hint", None),
        )

    def raw(self, signals: Signals, slots: int) -> int:
        ready, rate = signals.known("ready"), signals.known("arrival_rate")
        if signals.service_time is None and self.tau_hint is not None:
            task = exact(self.tau_hint)
        else:
            task = signals.known("service_time")
        busy = rate * task + ready * task / exact(self.seconds)
        return max(up(busy / (slots * exact(self.rho))), 1 if ready >= 1 else 0)
