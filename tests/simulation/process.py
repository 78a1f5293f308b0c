"""A process that is not there: tasks that live, stand still and die together, and a clock of their own."""

from collections import deque
from collections.abc import Callable
from functools import partial

from greenlet import getcurrent

from tests.simulation.kernel import Died, Kernel, Task

EPOCH = 1_700_000_000.0


class Clock:
    """`ahead`: seconds by which its wall clock is wrong; `drift`: by which its monotonic seconds are too short."""

    def __init__(self, kernel: Kernel, ahead: float = 0.0, drift: float = 0.0, begun: float = 0.0) -> None:
        self._kernel = kernel
        self.ahead, self._rate, self._begun = ahead, 1.0 + drift, begun

    def now(self) -> float:
        return EPOCH + self._kernel.now + self.ahead

    def monotonic(self) -> float:
        return self._begun + self._kernel.now * self._rate


class Fuse:
    """Burns down with each step (a write to the store, a deed in the cloud); then something happens to the
    process, before the step goes out, or when it is done and nobody has heard so."""

    def __init__(self, steps: int, after: bool, then: Callable[[], None]) -> None:
        self._left, self._after, self._then = steps, after, then

    def burn(self, after: bool) -> None:
        if after == self._after:
            self._left -= 1
            if self._left == 0:
                self._then()


class Process:
    def __init__(self, kernel: Kernel, name: str, clock: Clock) -> None:
        self.kernel, self.name, self.clock = kernel, name, clock
        self.is_dead = self.is_frozen = False
        self.frozen_at = self.thawed_at = float("-inf")
        self.fuse: Fuse | None = None
        self.on_freeze: list[Callable[[], None]] = []
        self.on_thaw: list[Callable[[], None]] = []
        self.on_death: list[Callable[[], None]] = []
        self._tasks: list[Task] = []
        self._backlog: deque[Callable[[], None]] = deque()

    @property
    def is_up(self) -> bool:
        return not (self.is_dead or self.is_frozen)

    def spawn(self, body: Callable[[], None]) -> None:
        self._tasks = [task for task in self._tasks if not task.ended]
        self._tasks.append(self.kernel.spawn(body, self))

    def deliver(self, act: Callable[[], None]) -> None:
        if self.is_frozen:
            self._backlog.append(act)
        elif not self.is_dead:
            act()

    def freeze(self) -> None:
        """As by SIGSTOP."""
        if self.is_up:
            self.is_frozen, self.frozen_at = True, self.kernel.now
            for act in self.on_freeze:
                act()

    def thaw(self) -> None:
        """It goes on as if nothing had been; what arrived meanwhile finds it now."""
        if not self.is_frozen:
            return
        self.is_frozen, self.thawed_at = False, self.kernel.now
        while self._backlog:
            self.kernel.at(0.0, partial(self.deliver, self._backlog.popleft()))
        for act in self.on_thaw:
            act()

    def die(self) -> None:
        """As by SIGKILL. Called in a task of its own, the task has to `check` next."""
        if self.is_dead:
            return
        self.is_dead, self.is_frozen = True, False
        self._backlog.clear()
        for act in self.on_death:
            act()
        self.kernel.at(0.0, self._bury)

    def _bury(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.end()

    def check(self) -> None:
        """To be called in a task, wherever it leaves the process: it does not come back to one that is dead,
        and waits while it stands still."""
        while self.is_frozen and not self.is_dead:
            task = getcurrent()
            self._backlog.append(partial(task.resume, task.turn))
            task.pause()
        if self.is_dead:
            raise Died

    def step(self, after: bool) -> None:
        """One step of a walk begins, or has been done."""
        if self.fuse is not None and not self.is_dead:
            self.fuse.burn(after)
