"""Work that may block, on its own threads (`ThreadWorkers`) or, for tests, on the caller's (`InlineWorkers`)."""

from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from queue import SimpleQueue
from threading import Event, Lock, Thread
from typing import Any

from elastic.ports.workers import Overrun

Work = Callable[[], Any]
Then = Callable[[Any, Exception | None], None]
Done = tuple[Then, Any, Exception | None]


class ThreadWorkers:
    """At most `threads` daemon threads a lane, started when there is work for them."""

    def __init__(self, threads: int = 4) -> None:
        self._threads = threads
        self._lock = Lock()
        self._lanes: dict[str, _Lane] = {}
        self._done: SimpleQueue[Done] = SimpleQueue()
        self._runners: deque[_Runner] = deque()
        self._wake: Callable[[], None] = _nothing

    def set_wake(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def submit(self, lane: str, work: Work, then: Then) -> None:
        subject = copy_context()  # what is logged on the way is about what the caller was at
        with self._lock:
            if lane not in self._lanes:
                self._lanes[lane] = _Lane(lane, self._threads, self._ended)
            self._lanes[lane].put(lambda: subject.run(work), lambda value, error: subject.run(then, value, error))

    def _ended(self, done: Done) -> None:
        self._done.put(done)
        self._wake()

    def run(self, work: Work, budget: float) -> Any:
        """A runner whose work overran is left to it, and ends with it; the others are used again."""
        runner = self._idle_runner()
        task = runner.start(work)
        if not task.ended.wait(budget):
            runner.retire()
            raise Overrun(lambda: not task.ended.is_set(), task.result)
        self._runners.append(runner)
        return task.result()

    def _idle_runner(self) -> "_Runner":
        with self._lock:
            return self._runners.pop() if self._runners else _Runner()

    def collect(self) -> int:
        """Only what had ended when it was called. If a `then` raises, the rest waits for the next call."""
        ended = self._done.qsize()
        for _ in range(ended):
            then, value, error = self._done.get()
            then(value, error)
        return ended

    def close(self) -> None:
        """Threads end with the work they are at; what is still queued is dropped."""
        with self._lock:
            for lane in self._lanes.values():
                lane.close()
            self._lanes.clear()
            while self._runners:
                self._runners.pop().retire()


class InlineWorkers:
    """Works at once, in `submit`; `then` still waits for `collect`. Nothing ever overruns."""

    def __init__(self) -> None:
        self._done: deque[Done] = deque()

    def set_wake(self, wake: Callable[[], None]) -> None:
        """Nobody waits."""

    def submit(self, lane: str, work: Work, then: Then) -> None:  # noqa: ARG002
        self._done.append((then, *_outcome(work)))

    def run(self, work: Work, budget: float) -> Any:  # noqa: ARG002
        return work()

    def collect(self) -> int:
        ended = len(self._done)
        for _ in range(ended):
            then, value, error = self._done.popleft()
            then(value, error)
        return ended


class _Lane:
    """One queue and its threads. Used under the lock of its workers."""

    def __init__(self, name: str, threads: int, ended: Callable[[Done], None]) -> None:
        self._name = name
        self._threads = threads
        self._ended = ended
        self._queue: SimpleQueue[tuple[Work, Then]] = SimpleQueue()
        self._closed = Event()
        self._lock = Lock()
        self._unfinished = 0
        self._started = 0

    def put(self, work: Work, then: Then) -> None:
        with self._lock:
            is_short = self._unfinished >= self._started and self._started < self._threads
            if is_short and not self._grown() and not self._started:
                self._ended((then, None, RuntimeError("this host starts no more threads")))
                return
            self._unfinished += 1
        self._queue.put((work, then))

    def _grown(self) -> bool:
        """One thread more; False if the host has none to give, and those that are there have to do."""
        try:
            Thread(target=self._serve, name=f"worker-{self._name}", daemon=True).start()
        except RuntimeError:
            return False
        self._started += 1
        return True

    def close(self) -> None:
        self._closed.set()
        for _ in range(self._started):
            self._queue.put((_nothing, _ignore))

    def _serve(self) -> None:
        while True:
            work, then = self._queue.get()
            if self._closed.is_set():
                return
            self._ended((then, *_outcome(work)))
            del work, then  # while we wait for the next, we hold on to nothing: a listing may be long
            with self._lock:
                self._unfinished -= 1


class _Task:
    def __init__(self, work: Work) -> None:
        self._work = work
        self._value: Any = None
        self._error: Exception | None = None
        self.ended = Event()

    def do(self) -> None:
        self._value, self._error = _outcome(self._work)
        self.ended.set()

    def result(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._value


class _Runner:
    """A thread that does one task after another until it is retired."""

    def __init__(self) -> None:
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        Thread(target=self._serve, name="runner", daemon=True).start()

    def start(self, work: Work) -> _Task:
        task = _Task(work)
        self._tasks.put(task)
        return task

    def retire(self) -> None:
        self._tasks.put(None)

    def _serve(self) -> None:
        while (task := self._tasks.get()) is not None:
            task.do()


def _outcome(work: Work) -> tuple[Any, Exception | None]:
    try:
        return work(), None
    except Exception as error:  # handed to whoever asked for the work
        return None, error


def _nothing() -> None: ...


def _ignore(value: Any, error: Exception | None) -> None: ...
