"""`backlog_ratio`: workers in proportion to what waits, and idle ones let go when nothing does. Rubber's law."""

from fractions import Fraction
from math import ceil, floor
from typing import ClassVar, Self

import msgspec

from elastic.rules.exact import Number, exact
from elastic.rules.settings import Settings
from elastic.rules.signals import Signals

READY_ZERO, DEPTH_ZERO = "ready_zero", "depth_zero"


class BacklogRatio(msgspec.Struct, frozen=True, kw_only=True):
    """`legacy`: as CRIM's Rubber reckoned, for comparison: by all messages, rounded down, blind to the idle."""

    KEYS: ClassVar[tuple[str, ...]] = (
        "spawn_ratio",
        "backlog_threshold",
        "min_idle",
        "wake_count",
        "rounding",
        "release_when",
        "maintain_min_idle",
        "legacy",
    )
    metric: ClassVar[None] = None

    ratio: Number
    threshold: Number
    min_idle: int
    wake_count: int
    rounds_up: bool
    releases_at: str
    keeps_idle: bool
    legacy: bool

    @classmethod
    def read(cls, settings: Settings) -> Self:
        legacy = settings.flag("legacy", default=False)
        wake_count, rounding = settings.integer("wake_count", 1), settings.choice("rounding", ("up", "down"))
        release = settings.choice("release_when", (READY_ZERO, DEPTH_ZERO))
        return cls(
            ratio=settings.number("spawn_ratio", 0.2, positive=True),
            threshold=settings.number("backlog_threshold", 3),
            min_idle=settings.integer("min_idle", 1),
            wake_count=0 if legacy else wake_count,
            rounds_up=rounding == "up" and not legacy,
            releases_at=DEPTH_ZERO if legacy else release,
            keeps_idle=settings.flag("maintain_min_idle", default=False),
            legacy=legacy,
        )

    def raw(self, signals: Signals, slots: int) -> int:  # noqa: ARG002 - a worker is a worker
        ready, idle = signals.known("ready"), signals.known("idle")
        depth = ready + signals.known("unacked") if self.releases_at == DEPTH_ZERO else ready
        waiting = depth if self.legacy else ready
        more = Fraction(self._wanted(waiting) - signals.booting) - (0 if self.legacy else idle)
        more = max(more, Fraction(0))
        if waiting >= 1 and not signals.current:
            more = max(more, Fraction(self.wake_count))
        fewer = max(Fraction(0), idle - self.min_idle) if not depth else Fraction(0)
        lacking = self.min_idle - idle - signals.booting
        if self.keeps_idle and lacking > 0:
            more, fewer = max(more, lacking), Fraction(0)
        return max(0, ceil(signals.current + more - fewer))

    def _wanted(self, waiting: Fraction) -> int:
        if waiting <= exact(self.threshold):
            return 0
        rounded = ceil if self.rounds_up else floor
        return rounded(exact(self.ratio) * waiting)
