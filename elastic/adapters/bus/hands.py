"""Threads that do what came over the bus, beside the one that listens: it has to go on showing that it lives."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue

log = logging.getLogger(__name__)

_Job = tuple[Callable[[], object], Callable[[], None]]


class Hands:
    """`wake` is called, in their threads, whenever there is something to `settle`."""

    def __init__(self, name: str, width: int, wake: Callable[[], None]) -> None:
        self._name, self._width, self._wake = name, width, wake
        self._lock = threading.Condition()
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._begun: dict[int, float] = {}
        self._done: deque[Callable[[], None]] = deque()
        self._open = 0
        self._round = 0

    def start(self) -> None:
        self._jobs, self._round = SimpleQueue(), self._round + 1
        self._open = 0
        self._done.clear()
        for number in range(self._width):
            name = f"{self._name}-{number}"
            threading.Thread(target=self._work, args=(self._round, self._jobs), name=name, daemon=True).start()

    def stop(self) -> None:
        """What is under way goes on, and nobody waits for it; what has not begun is left."""
        self._round += 1
        for _ in range(self._width):
            self._jobs.put(None)

    def do(self, work: Callable[[], object], then: Callable[[], None] = lambda: None) -> None:
        """`work` in a thread of ours; `then`, however that ended, in the thread that calls `settle`."""
        with self._lock:
            self._open += 1
        self._jobs.put((work, then))

    def settle(self) -> None:
        """Finish what is done. What `then` raises comes out of here."""
        while self._done:
            finish = self._done.popleft()
            try:
                finish()
            finally:
                self._close_one()

    @property
    def open(self) -> int:
        """How much was given to us and is not settled yet."""
        return self._open

    def wait(self, seconds: float) -> bool:
        """Until all is settled; False if that takes longer."""
        with self._lock:
            return self._lock.wait_for(lambda: self._open == 0, seconds)

    @property
    def stuck_since(self) -> float | None:
        """Since when nobody of us has a hand free, in monotonic seconds; null if somebody has."""
        begun = list(self._begun.values())
        return max(begun) if len(begun) >= self._width else None

    def _work(self, round: int, jobs: "SimpleQueue[_Job | None]") -> None:
        me = threading.get_ident()
        while (job := jobs.get()) is not None and round == self._round:
            work, then = job
            self._begun[me] = time.monotonic()
            try:
                work()
            except BaseException:
                log.exception("%s: that should not happen", self._name)
            finally:
                self._begun.pop(me, None)
            if round != self._round:
                return
            self._done.append(then)
            self._wake()

    def _close_one(self) -> None:
        with self._lock:
            self._open -= 1
            self._lock.notify_all()
