"""Virtual time, and tasks that take turns in it: one thread, one order of things, the same each time.

A task is a greenlet: it runs until it sleeps or waits, and nothing else happens meanwhile. What is due at the same
moment happens in the order in which it was planned.
"""

import heapq
from collections import Counter, deque
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any, Protocol

from greenlet import getcurrent, greenlet

FOREVER = float("inf")


class Died(BaseException):
    """The task's process is gone: nothing in it catches this."""


class Host(Protocol):
    """What a task lives in: it may be stopped for a while, or be dead."""

    def deliver(self, act: Callable[[], None]) -> None:
        """Do it now, when the host goes on, or never."""


class Kernel:
    """`now`: virtual seconds. `met`: what has come about, and how often. To be made and run by one greenlet."""

    def __init__(self) -> None:
        self.now = 0.0
        self.met: Counter[str] = Counter()
        self.hub = getcurrent()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._tasks: list[Task] = []

    def at(self, delay: float, act: Callable[[], None]) -> None:
        """Plan `act` for `delay` seconds from now."""
        heapq.heappush(self._due, (self.now + delay, next(self._order), act))

    def run(self, until: float) -> None:
        """Let everything happen that is due up to then."""
        while self._due and self._due[0][0] <= until:
            self.now, _, act = heapq.heappop(self._due)
            act()
        self.now = until

    def spawn(self, body: Callable[[], None], host: Host) -> "Task":
        task = Task(self, body, host)
        self._tasks = [*(other for other in self._tasks if not other.ended), task]
        self.at(0.0, partial(task.resume, task.turn))
        return task

    def close(self) -> None:
        """Nothing happens any more. A task that waits is kept alive by nobody but itself: it has to be ended."""
        self._due.clear()
        for task in self._tasks:
            task.end()
        self._tasks.clear()

    def sleep(self, seconds: float) -> None:
        """To be called in a task."""
        task = getcurrent()
        self.at(seconds, partial(task.resume, task.turn))
        task.pause()


class Task(greenlet):
    """`turn` counts how often it went on: whoever wants to wake it names the turn that it saw."""

    def __init__(self, kernel: Kernel, body: Callable[[], None], host: Host) -> None:
        super().__init__(self._live, kernel.hub)
        self.kernel, self.body, self.host = kernel, body, host
        self.turn = 0
        self.ended = False

    def _live(self) -> None:
        try:
            self.body()
        except Died:
            pass
        finally:
            self.ended = True

    def pause(self) -> None:
        """Until somebody resumes it."""
        self.kernel.hub.switch()

    def resume(self, turn: int) -> None:
        if turn == self.turn and not self.ended:
            self.host.deliver(partial(self._go_on, turn))

    def _go_on(self, turn: int) -> None:
        if turn == self.turn and not self.ended:
            self.turn += 1
            self.switch()

    def end(self) -> None:
        """As by SIGKILL. Not to be called in the task itself."""
        if self.ended:
            return
        self.turn += 1
        if self:
            self.throw(Died())
        self.ended = True  # also one that had not begun


class Box:
    """One value, or error, that a task waits for."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._waiter: Callable[[], None] | None = None
        self.is_full = False
        self.value: Any = None
        self.error: BaseException | None = None

    def put(self, value: Any = None, error: BaseException | None = None) -> None:
        """The first one counts."""
        if self.is_full:
            return
        self.is_full, self.value, self.error = True, value, error
        if self._waiter is not None:
            self._kernel.at(0.0, self._waiter)

    def wait(self, timeout: float = FOREVER) -> bool:
        """True once it is full; False if that took too long."""
        if not self.is_full:
            task = getcurrent()
            self._waiter = partial(task.resume, task.turn)
            if timeout < FOREVER:
                self._kernel.at(timeout, self._waiter)
            task.pause()
        return self.is_full


class Wake:
    """Like a threading.Event of one waiter that clears it as it goes on."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._box = Box(kernel)

    def set(self) -> None:
        self._box.put()

    def wait(self, timeout: float) -> None:
        self._box.wait(timeout)
        self._box = Box(self._kernel)


class Lock:
    """Like a threading.Lock, for tasks."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._held = False
        self._queue: deque[Box] = deque()

    def __enter__(self) -> None:
        while self._held:
            turn = Box(self._kernel)
            self._queue.append(turn)
            turn.wait()
        self._held = True

    def __exit__(self, *_: object) -> None:
        self._held = False
        if self._queue:
            self._queue.popleft().put()
