"""Work that may take long, done by tasks of its own process."""

from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

from elastic.adapters.workers import InlineWorkers
from elastic.ports.workers import Overrun
from tests.simulation.kernel import Box
from tests.simulation.process import Process

Work = Callable[[], Any]
Then = Callable[[Any, Exception | None], None]


class TaskWorkers(InlineWorkers):
    """`width` tasks a lane. `may_linger`: tells whether an engine might not answer at once; while none might, they
    are run where they are called."""

    def __init__(self, process: Process, width: int, may_linger: Callable[[], bool]) -> None:
        super().__init__()
        self._process, self._width, self._may_linger = process, width, may_linger
        self._queues: dict[str, deque[tuple[Work, Then]]] = defaultdict(deque)
        self._busy: dict[str, int] = defaultdict(int)
        self._wake: Callable[[], None] = lambda: None

    def set_wake(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def submit(self, lane: str, work: Work, then: Then) -> None:
        self._queues[lane].append((work, then))
        if self._busy[lane] < self._width:
            self._busy[lane] += 1
            self._process.spawn(lambda: self._serve(lane))

    def _serve(self, lane: str) -> None:
        queue = self._queues[lane]
        while queue:
            work, then = queue.popleft()
            super().submit(lane, work, then)
            self._wake()
        self._busy[lane] -= 1

    def run(self, work: Work, budget: float) -> Any:
        if not self._may_linger():
            return super().run(work, budget)
        box = Box(self._process.kernel)

        def think() -> None:
            try:
                box.put(work())
            except Exception as error:
                box.put(error=error)

        self._process.spawn(think)
        box.wait(budget)
        self._process.check()

        def result() -> Any:
            if box.error is not None:
                raise box.error
            return box.value

        if not box.is_full:
            raise Overrun(lambda: not box.is_full, result)
        return result()
