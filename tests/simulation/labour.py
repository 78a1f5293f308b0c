"""The work that one VM has in hand, and how it finishes that when it is told to: soon, late, or never."""

from dataclasses import dataclass
from functools import partial

from elastic.model.actions import Work
from elastic.model.heartbeat import DRAINED, DRAINING, DrainOrder
from tests.simulation.kernel import FOREVER, Kernel

SERVING = ""


@dataclass
class Toil:
    """How the VMs of a domain are: `share` of them busy; `seconds` that they take to finish, perhaps for ever."""

    share: float = 0.0
    seconds: float = FOREVER


@dataclass(frozen=True)
class Moment:
    """How it was from `since` on."""

    since: float
    tasks: int
    drain: str


class Labour:
    """`past`: all that it was, the newest last."""

    def __init__(self, kernel: Kernel, domain: str, instance_id: str, tasks: int, seconds: float) -> None:
        self._kernel, self.domain, self.instance_id = kernel, domain, instance_id
        self.seconds = seconds
        self.past = [Moment(kernel.now, tasks, SERVING)]

    @property
    def now(self) -> Moment:
        return self.past[-1]

    @property
    def work(self) -> Work:
        return Work(active=self.now.tasks)

    def take_up(self, tasks: int, seconds: float) -> None:
        """Work comes, or ends. Who drains takes no more, but may finish in another time."""
        self.seconds = seconds
        if self.now.drain == SERVING:
            self._become(tasks, SERVING)
        elif self.now.drain == DRAINING:
            self._finish_soon(seconds)

    def obey(self, order: DrainOrder) -> None:
        if order.drain and self.now.drain == SERVING:
            self._become(self.now.tasks, DRAINING)
            self._finish_soon(self.seconds if self.now.tasks else 0.0)
        elif order.drain and order.requeue and self.now.drain == DRAINING:
            self._kernel.met["work was given back"] += 1
            self._become(0, DRAINED)
        elif not order.drain and self.now.drain != SERVING:
            self._kernel.met["one served again"] += 1
            self._become(self.now.tasks, SERVING)

    def _finish_soon(self, seconds: float) -> None:
        if seconds < FOREVER:
            self._kernel.at(seconds, partial(self._finish, self.now))

    def _finish(self, since: Moment) -> None:
        if self.now is since:
            self._become(0, DRAINED)

    def _become(self, tasks: int, drain: str) -> None:
        if (tasks, drain) != (self.now.tasks, self.now.drain):
            self.past.append(Moment(self._kernel.now, tasks, drain))

    def during(self, since: float, until: float) -> list[Moment]:
        """All that it was in that time."""
        ends = [moment.since for moment in self.past[1:]] + [FOREVER]
        return [m for m, end in zip(self.past, ends, strict=True) if m.since <= until and end >= since]
