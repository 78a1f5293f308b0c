"""Virtual time and its tasks."""

from functools import partial

import pytest

from tests.simulation.kernel import Box, Kernel, Lock, Wake
from tests.simulation.process import Clock, Process


@pytest.fixture
def kernel() -> Kernel:
    return Kernel()


def process(kernel: Kernel) -> Process:
    return Process(kernel, "a", Clock(kernel))


def test_things_happen_at_their_time_and_in_the_order_in_which_they_were_planned(kernel: Kernel) -> None:
    seen: list[tuple[float, str]] = []
    for delay, name in ((2.0, "late"), (1.0, "first"), (1.0, "second")):
        kernel.at(delay, lambda name=name: seen.append((kernel.now, name)))
    kernel.run(1.5)
    assert seen == [(1.0, "first"), (1.0, "second")]
    kernel.run(10.0)
    assert (seen[-1], kernel.now) == ((2.0, "late"), 10.0)


def test_tasks_take_turns_where_they_wait(kernel: Kernel) -> None:
    seen, box = [], Box(kernel)

    def asks() -> None:
        seen.append("asks")
        assert box.wait(5.0)
        seen.append(f"has {box.value} at {kernel.now}")

    def answers() -> None:
        kernel.sleep(3.0)
        box.put("it")
        box.put("something else")

    host = process(kernel)
    host.spawn(asks)
    host.spawn(answers)
    kernel.run(10.0)
    assert seen == ["asks", "has it at 3.0"]


def test_in_the_end_nothing_is_left_that_waits(kernel: Kernel) -> None:
    ended: list[str] = []

    def waits_for_ever() -> None:
        try:
            Box(kernel).wait()
        finally:
            ended.append("one")

    process(kernel).spawn(waits_for_ever)
    process(kernel).spawn(partial(kernel.sleep, 1e6))
    kernel.run(10.0)
    kernel.close()
    assert ended == ["one"]
    kernel.run(1e9)


def test_who_waits_in_vain_goes_on_when_its_time_is_over(kernel: Kernel) -> None:
    seen: list[float] = []

    def body() -> None:
        assert not Box(kernel).wait(2.0)
        wake = Wake(kernel)
        wake.set()
        wake.wait(5.0)
        seen.append(kernel.now)
        wake.wait(5.0)
        seen.append(kernel.now)

    process(kernel).spawn(body)
    kernel.run(20.0)
    assert seen == [2.0, 7.0]


def test_one_holds_a_lock_and_the_others_wait_for_it_in_turn(kernel: Kernel) -> None:
    lock, seen, host = Lock(kernel), [], process(kernel)

    def body(name: str) -> None:
        with lock:
            kernel.sleep(1.0)
            seen.append((name, kernel.now))

    for name in "abc":
        host.spawn(lambda name=name: body(name))
    kernel.run(10.0)
    assert seen == [("a", 1.0), ("b", 2.0), ("c", 3.0)]


def test_a_process_that_stands_still_finds_all_that_came_when_it_goes_on(kernel: Kernel) -> None:
    host, seen = process(kernel), []

    def body() -> None:
        kernel.sleep(1.0)
        seen.append(("slept", kernel.now))

    host.spawn(body)
    kernel.at(0.5, host.freeze)
    kernel.at(0.6, lambda: host.deliver(lambda: seen.append(("a word", kernel.now))))
    kernel.at(4.0, host.thaw)
    kernel.run(10.0)
    assert seen == [("a word", 4.0), ("slept", 4.0)]


def test_a_dead_process_does_nothing_any_more(kernel: Kernel) -> None:
    host, seen = process(kernel), []

    def body() -> None:
        try:
            kernel.sleep(1.0)
        except Exception:
            seen.append("caught")
        seen.append("went on")

    host.spawn(body)
    kernel.at(0.5, host.die)
    kernel.at(0.7, lambda: host.deliver(lambda: seen.append("a word")))
    kernel.run(10.0)
    assert seen == []


def test_clocks_differ_step_and_drift(kernel: Kernel) -> None:
    clock = Clock(kernel, ahead=2.0, drift=0.5, begun=100.0)
    wall = clock.now()
    kernel.run(10.0)
    assert (clock.monotonic(), clock.now() - wall) == (115.0, 10.0)
    clock.ahead -= 3600.0
    assert clock.now() - wall == -3590.0
