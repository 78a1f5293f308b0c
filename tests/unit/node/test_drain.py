"""Draining inside a VM, with real commands and a clock set by hand."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from elastic.model.inside import Commands
from elastic.node.drain import PATIENCE, RETRY, Drain, filled

LIMIT = 10.0
SLEEP = "import time; time.sleep(60)"
LINGERS = """
import os, signal, sys, time
def note(text):
    with open(sys.argv[1], "a") as file:
        file.write(text)
signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.2), note("last"), os._exit(0)))
note("began ")
time.sleep(60)
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"


def until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < ends, "it never came about"
        time.sleep(0.005)


def is_alive(pid: int) -> bool:
    """Not so of one that has ended and that nobody has waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class World:
    def __init__(self, folder: Path) -> None:
        self.notes, self.time = folder / "notes", 100.0
        self.drain = Drain(Commands(), lambda: self.time)

    def begin(self, begin: str = "", back: str = "") -> Drain:
        """Each a script that is given the file to write into."""
        commands = {name: self.command(text) for name, text in (("begin", begin), ("back", back)) if text}
        self.drain = Drain(Commands(**commands), lambda: self.time)
        return self.drain

    def command(self, text: str) -> tuple[str, ...]:
        return (sys.executable, "-c", text, str(self.notes))

    def noted(self) -> str:
        return self.notes.read_text() if self.notes.exists() else ""

    def until_noted(self, text: str) -> None:
        until(lambda: (self.drain.look(), self.noted())[1] == text)

    def until_still(self) -> None:
        """Whatever was at work has ended and been seen to."""
        until(lambda: (self.drain.look(), self.drain._process)[1] is None)

    def rest(self) -> None:
        """Nothing is begun that was not to be."""
        before = self.noted()
        for _ in range(3):
            self.drain.look()
        assert (self.drain._process, self.noted()) == (None, before)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.drain.close()
    process = world.drain._process
    if process is not None:
        process.kill()
        process.wait()


def writes(text: str, then: str = "") -> str:
    return f"import os, sys; open(sys.argv[1], 'a').write({text}); {then}"


def test_a_machine_serves_until_it_is_told(world: World) -> None:
    drain = world.begin(writes("'began'"), writes("'back'"))
    drain.look()
    drain.order(False, False)
    drain.look()
    assert (drain.state, drain.is_moving, world.noted()) == ("", False, "")


def test_it_drains_until_its_command_ends_well(world: World) -> None:
    gate = world.notes.with_name("gate")
    waits = f"import time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.01)"
    drain = world.begin("import os\n" + waits)
    drain.order(True, False)
    drain.look()
    assert drain.state == "draining"
    gate.touch()
    world.until_still()
    assert drain.state == "drained"
    world.rest()


def test_it_begins_once_however_often_it_is_told(world: World) -> None:
    drain = world.begin(writes("'x'"))
    for _ in range(3):
        drain.order(True, False)
    world.until_still()
    drain.order(True, False)
    drain.order(True, True)  # all is done: there is nothing to give back
    world.rest()
    assert (drain.state, world.noted()) == ("drained", "x")


def test_a_command_that_fails_is_tried_again_after_a_while(world: World) -> None:
    drain = world.begin(writes("'x'", "sys.exit(3)"))
    drain.order(True, False)
    world.until_still()
    assert drain.state == "draining"
    world.time += RETRY - 1
    world.rest()
    world.time += 1
    world.until_noted("xx")


@pytest.mark.parametrize("command", ["/no/such/command", "", "nul\0"])
def test_one_that_cannot_be_run_is_tried_again_and_costs_nothing_else(world: World, command: str) -> None:
    drain = world.drain = Drain(Commands(begin=(command,), back=(command,)), lambda: world.time)
    for is_on in (True, False):
        drain.order(is_on, False)
        world.time += RETRY
        drain.look()
        assert drain.state == ("draining" if is_on else "")


def test_the_command_is_told_whether_to_give_back_and_begun_anew_for_that(world: World) -> None:
    drain = world.begin(writes("os.environ['ELASTIC_DRAIN_REQUEUE']", f"\n{SLEEP}"))
    drain.order(True, False)
    world.until_noted("0")
    drain.order(True, True)
    drain.order(True, True)
    world.until_noted("01")
    assert drain.state == "draining"


def test_a_drain_without_a_command_lasts_until_it_is_taken_back(world: World) -> None:
    drain = world.begin()
    drain.order(True, False)
    world.rest()
    assert drain.state == "draining"
    drain.order(False, False)
    assert drain.state == ""


def test_taken_back_it_ends_its_command_with_all_that_that_started(world: World) -> None:
    child = f"import subprocess; p = subprocess.Popen([sys.executable, '-c', {STUBBORN + SLEEP!r}]);"
    drain = world.begin(f"import sys; {child} open(sys.argv[1], 'a').write(f'{{p.pid}}.'); p.wait()")
    drain.order(True, False)
    until(lambda: world.noted().endswith("."))
    pid = int(world.noted()[:-1])
    assert is_alive(pid)
    drain.order(False, False)
    assert drain.state == ""
    world.until_still()
    until(lambda: not is_alive(pid))


def test_what_takes_it_back_begins_when_the_other_has_ended(world: World) -> None:
    drain = world.begin(LINGERS, writes("' back'"))
    drain.order(True, False)
    world.until_noted("began ")
    drain.order(False, False)
    assert (drain.state, drain.is_moving) == ("", True)
    world.until_noted("began last back")
    world.until_still()
    assert not drain.is_moving


def test_a_command_that_does_not_stop_is_killed(world: World) -> None:
    drain = world.begin(STUBBORN + writes("'x'", f"\n{SLEEP}"), writes("'back'"))
    drain.order(True, False)
    world.until_noted("x")
    process = drain._process
    assert process is not None
    drain.order(False, False)
    world.time += PATIENCE - 1
    drain.look()
    assert process.poll() is None
    world.time += 1
    world.until_noted("xback")
    assert process.returncode == -9


def test_what_takes_it_back_is_tried_until_it_ends_well(world: World) -> None:
    drain = world.begin(writes("'a'"), writes("'b'", "sys.exit(open(sys.argv[1]).read() != 'abb')"))
    drain.order(True, False)
    world.until_still()
    drain.order(False, False)
    world.until_still()
    world.time += RETRY
    world.until_noted("abb")
    world.until_still()
    world.time += RETRY
    world.rest()
    assert drain.state == ""


def test_told_to_drain_while_it_is_being_taken_back_it_drains(world: World) -> None:
    drain = world.begin(writes("'a'"), writes("'b'", f"\n{SLEEP}"))
    drain.order(True, False)
    world.until_still()
    drain.order(False, False)
    world.until_noted("ab")
    drain.order(True, False)
    world.until_noted("aba")
    world.until_still()
    assert drain.state == "drained"


def test_what_changes_its_mind_often_has_one_command_at_work(world: World) -> None:
    drain = world.begin(writes("f'{os.getpid()} '", f"\n{SLEEP}"))
    for _ in range(20):
        drain.order(True, False)
        drain.order(False, False)
    drain.order(True, False)
    until(lambda: (drain.look(), drain._process is not None and f"{drain._process.pid} " in world.noted())[1])
    assert drain._process is not None
    pids = [int(pid) for pid in world.noted().split()]
    assert [pid for pid in pids if is_alive(pid)] == [drain._process.pid]


def test_none_is_left_when_the_agent_ends(world: World) -> None:
    drain = world.begin(writes("'x'", f"\n{SLEEP}"))
    drain.order(True, False)
    world.until_noted("x")
    assert drain._process is not None
    drain.close()
    assert os.waitpid(drain._process.pid, 0)[1] == 15


def test_words_are_filled_each_and_no_shell_reads_them(world: World) -> None:
    words = (sys.executable, "-c", writes("sys.argv[2]"), str(world.notes), "$domain")
    hostile = "web; touch x `id` $(id)"
    commands = filled(Commands(begin=words), lambda word: word.replace("$domain", hostile))
    drain = world.drain = Drain(commands, lambda: world.time)
    drain.order(True, False)
    world.until_still()
    assert world.noted() == hostile
