"""`queue_per_worker`: so many tasks a worker, as KEDA, the HPA and AWS's backlog per instance have it."""

from math import ceil
from typing import Annotated, ClassVar

from elastic.model.kinds import NotNegative, Positive, about
from elastic.rules.exact import exact
from elastic.rules.laws.law import Named
from elastic.rules.signals import Signals, up


class QueuePerWorker(Named, frozen=True, kw_only=True, tag="queue_per_worker"):
    metric: ClassVar[None] = None

    target: Annotated[Positive, about("tasks for each worker")] = 5
    tolerance: Annotated[
        NotNegative, about("a part of the target, by which tasks may differ from it and nothing changes")
    ] = 0.1
    activation: Annotated[NotNegative, about("so many tasks wake nobody, where there are no workers")] = 0
    include_unacked: Annotated[bool, about("whether tasks count that a worker has taken")] = True
    include_running: Annotated[bool, about("whether tasks count that are under way and acknowledged")] = True

    def raw(self, signals: Signals, slots: int) -> int:  # noqa: ARG002 - the target says it
        tasks = signals.known("ready")
        if self.include_unacked:
            tasks += signals.known("unacked")
        if self.include_running:
            tasks += signals.known("running_acked")
        target, current = exact(self.target), signals.current
        if not current:
            return 0 if tasks <= exact(self.activation) else max(1, ceil(tasks / target))
        if abs(tasks / (target * current) - 1) <= exact(self.tolerance):
            return current
        return up(tasks / target)
