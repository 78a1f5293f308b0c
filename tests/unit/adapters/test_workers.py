import threading
import time
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from elastic.adapters.workers import InlineWorkers, ThreadWorkers
from elastic.ports.workers import Overrun, Workers

BOUND = 30.0  # seconds that nothing here takes


@pytest.fixture
def threads() -> Iterator[ThreadWorkers]:
    workers = ThreadWorkers(2)
    yield workers
    workers.close()


@pytest.fixture(params=["threads", "inline"])
def workers(request: pytest.FixtureRequest) -> Workers:
    return request.getfixturevalue("threads") if request.param == "threads" else InlineWorkers()


def collected(workers: Workers, count: int) -> None:
    """Collect until that many have ended."""
    waiting = threading.Event()
    for _ in range(int(BOUND / 0.01)):
        count -= workers.collect()
        if count <= 0:
            return
        waiting.wait(0.01)
    raise AssertionError("they did not end")


class Listing:
    """What can be weakly referred to."""


def fail() -> None:
    raise ValueError("broken")


class TestSubmit:
    def test_the_result_is_told_by_collect_in_the_callers_own_thread(self, workers: Workers) -> None:
        told: list[Any] = []
        workers.submit("north", lambda: 42, lambda *result: told.append((*result, threading.current_thread())))
        collected(workers, 1)

        assert told == [(42, None, threading.current_thread())]
        assert workers.collect() == 0

    def test_so_is_an_error(self, workers: Workers) -> None:
        told: list[Any] = []
        workers.submit("north", fail, lambda value, error: told.append((value, repr(error))))
        collected(workers, 1)

        assert told == [(None, "ValueError('broken')")]

    def test_what_then_submits_is_for_a_later_collect(self, workers: Workers) -> None:
        told: list[str] = []

        def again(value: Any, error: Exception | None) -> None:
            workers.submit("north", lambda: None, lambda *_: told.append("second"))

        workers.submit("north", lambda: None, again)
        collected(workers, 1)
        assert told == []
        collected(workers, 1)
        assert told == ["second"]

    def test_one_then_that_raises_costs_the_others_nothing(self, workers: Workers) -> None:
        told: list[int] = []

        def raising(value: Any, error: Exception | None) -> None:
            raise ValueError("broken")

        workers.submit("north", lambda: 1, lambda value, _: told.append(value))
        collected(workers, 1)
        workers.submit("north", lambda: 2, raising)
        with pytest.raises(ValueError, match="broken"):
            collected(workers, 1)
        workers.submit("north", lambda: 3, lambda value, _: told.append(value))
        collected(workers, 1)
        assert told == [1, 3]

    def test_a_lane_works_on_no_more_at_a_time_than_it_has_threads(self, threads: ThreadWorkers) -> None:
        go, busy = threading.Event(), threading.Semaphore(0)
        most, now, lock = [0], [0], threading.Lock()

        def work() -> None:
            with lock:
                now[0] += 1
                most[0] = max(most[0], now[0])
            busy.release()
            go.wait(BOUND)
            with lock:
                now[0] -= 1

        for _ in range(10):
            threads.submit("north", work, lambda *_: None)
        assert busy.acquire(timeout=BOUND)
        assert busy.acquire(timeout=BOUND)
        go.set()
        collected(threads, 10)
        assert most == [2]

    def test_a_lane_that_hangs_holds_up_only_itself(self, threads: ThreadWorkers) -> None:
        go = threading.Event()
        told: list[str] = []
        for _ in range(5):
            threads.submit("south", lambda: go.wait(BOUND), lambda *_: told.append("south"))
        threads.submit("north", lambda: None, lambda *_: told.append("north"))
        collected(threads, 1)

        assert told == ["north"]
        go.set()
        collected(threads, 5)

    def test_nobody_holds_on_to_a_result_once_it_was_told(self, workers: Workers) -> None:
        """A listing of a whole site may be long, and the next one is a while away."""
        told: list[weakref.ref[Listing]] = []
        workers.submit("north", Listing, lambda listing, _error: told.append(weakref.ref(listing)))
        collected(workers, 1)

        waiting = threading.Event()
        for _ in range(int(BOUND / 0.01)):
            if told[0]() is None:
                return
            waiting.wait(0.01)
        raise AssertionError("it is still in memory")


class TestRun:
    def test_the_value_comes_back(self, workers: Workers) -> None:
        assert [workers.run(lambda n=n: n, BOUND) for n in range(5)] == [0, 1, 2, 3, 4]

    def test_so_does_the_error(self, workers: Workers) -> None:
        with pytest.raises(ValueError, match="broken"):
            workers.run(fail, BOUND)

    def test_what_overruns_is_left_to_itself_and_nobody_waits_for_it(self, threads: ThreadWorkers) -> None:
        go, gone = threading.Event(), threading.Event()

        def slow() -> None:
            go.wait(BOUND)
            gone.set()

        with pytest.raises(Overrun) as raised:
            threads.run(slow, 0.01)
        assert raised.value.still_running()
        assert threads.run(lambda: 1, BOUND) == 1

        go.set()
        assert gone.wait(BOUND)
        ended = threading.Event()
        while raised.value.still_running():
            ended.wait(0.01)

    def test_threads_are_used_again_and_end_with_close(self) -> None:
        workers = ThreadWorkers(2)
        seen: set[int] = set()
        used: list[threading.Thread] = []

        def work() -> None:
            seen.add(threading.get_ident())
            used.append(threading.current_thread())

        for _ in range(5):
            workers.run(work, BOUND)
            workers.submit("north", work, lambda *_: None)
            collected(workers, 1)
        assert len(seen) <= 3

        workers.close()
        for thread in used:
            thread.join(BOUND)
            assert not thread.is_alive()


def test_no_thread_is_started_before_there_is_work() -> None:
    before = threading.active_count()
    ThreadWorkers(4)
    assert threading.active_count() == before


def test_a_host_that_gives_no_thread_is_told_of_and_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    workers = ThreadWorkers(2)
    errors: list[Exception | None] = []
    start = threading.Thread.start

    def refused(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    workers.submit("east", lambda: "done", lambda _, error: errors.append(error))
    workers.collect()
    assert [type(error) for error in errors] == [RuntimeError]
    monkeypatch.setattr(threading.Thread, "start", start)
    values: list[str] = []
    workers.submit("east", lambda: "done", lambda value, _: values.append(value))
    until = time.monotonic() + 10
    while not values and time.monotonic() < until:
        workers.collect()
        time.sleep(0.01)
    assert values == ["done"]
