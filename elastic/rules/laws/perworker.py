"""`queue_per_worker`: so many tasks a worker, as KEDA, the HPA and AWS's backlog per instance have it."""

from math import ceil
from typing import ClassVar, Self

import msgspec

from elastic.rules.exact import Number, exact
from elastic.rules.settings import Settings
from elastic.rules.signals import Signals, up


class QueuePerWorker(msgspec.Struct, frozen=True, kw_only=True):
    """Tasks within `tolerance` of what the present workers should have change nothing; from no worker at all, more
    than `activation` are needed."""

    KEYS: ClassVar[tuple[str, ...]] = ("target", "tolerance", "activation", "include_unacked", "include_running")
    metric: ClassVar[None] = None

    target: Number
    tolerance: Number
    activation: Number
    counts_unacked: bool
    counts_running: bool

    @classmethod
    def read(cls, settings: Settings) -> Self:
        return cls(
            target=settings.number("target", 5, positive=True),
            tolerance=settings.number("tolerance", 0.1),
            activation=settings.number("activation", 0),
            counts_unacked=settings.flag("include_unacked", default=True),
            counts_running=settings.flag("include_running", default=True),
        )

    def raw(self, signals: Signals, slots: int) -> int:  # noqa: ARG002 - the target says it
        tasks = signals.known("ready")
        if self.counts_unacked:
            tasks += signals.known("unacked")
        if self.counts_running:
            tasks += signals.known("running_acked")
        target, current = exact(self.target), signals.current
        if not current:
            return 0 if tasks <= exact(self.activation) else max(1, ceil(tasks / target))
        if abs(tasks / (target * current) - 1) <= exact(self.tolerance):
            return current
        return up(tasks / target)
