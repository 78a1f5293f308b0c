"""`backlog_ratio`: workers in proportion to what waits, and idle ones let go when nothing does. Rubber's law."""

from fractions import Fraction
from math import ceil, floor
from typing import Annotated, ClassVar, Literal

from elastic.model.kinds import NotNegative, Positive, Whole, about
from elastic.rules.exact import exact
from elastic.rules.laws.law import Named
from elastic.rules.signals import Signals


class BacklogRatio(Named, frozen=True, kw_only=True, tag="backlog_ratio"):
    metric: ClassVar[None] = None

    spawn_ratio: Annotated[Positive, about("workers for each task that waits")] = 0.2
    backlog_threshold: Annotated[NotNegative, about("so many waiting tasks need nobody")] = 3
    min_idle: Annotated[Whole, about("idle workers that are kept when nothing waits")] = 1
    wake_count: Annotated[Whole, about("workers at least for the first task, where there are none")] = 1
    rounding: Annotated[Literal["up", "down"], about("of the number of workers that the ratio gives")] = "up"
    release_when: Annotated[
        Literal["ready_zero", "depth_zero"],
        about("idle ones are let go when nothing waits, or is under way either"),
    ] = "ready_zero"
    maintain_min_idle: Annotated[bool, about("whether min_idle idle ones are kept ready always")] = False
    legacy: Annotated[
        bool, about("as CRIM's Rubber reckoned: by all messages, rounded down, blind to the idle")
    ] = False

    def raw(self, signals: Signals, slots: int) -> int:  # noqa: ARG002 - a worker is a worker
        ready, idle = signals.known("ready"), signals.known("idle")
        counts_all = self.legacy or self.release_when == "depth_zero"
        depth = ready + signals.known("unacked") if counts_all else ready
        waiting = depth if self.legacy else ready
        more = Fraction(self._wanted(waiting) - signals.booting) - (0 if self.legacy else idle)
        more = max(more, Fraction(0))
        if waiting >= 1 and not signals.current:
            more = max(more, Fraction(0 if self.legacy else self.wake_count))
        fewer = max(Fraction(0), idle - self.min_idle) if not depth else Fraction(0)
        lacking = self.min_idle - idle - signals.booting
        if self.maintain_min_idle and lacking > 0:
            more, fewer = max(more, lacking), Fraction(0)
        return max(0, ceil(signals.current + more - fewer))

    def _wanted(self, waiting: Fraction) -> int:
        if waiting <= exact(self.backlog_threshold):
            return 0
        rounded = floor if self.legacy or self.rounding == "down" else ceil
        return rounded(exact(self.spawn_ratio) * waiting)
