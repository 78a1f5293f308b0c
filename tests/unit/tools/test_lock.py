"""One command at a time in a directory."""

import signal
from contextlib import suppress

import pytest
from mini_openstack import lock
from mini_openstack.errors import Trouble
from mini_openstack.places import Places
from mini_openstack.processes import Processes

from tests.unit.tools.tool import Tool, line_of, stand_in

WAITING = "waiting for another mini-openstack that is at work in this directory"


def test_whoever_comes_second_is_told_and_has_so_much_patience(tool: Tool, places: Places) -> None:
    with lock.held(places, 0):
        done = tool("stop", TIMEOUT="1")
    assert done.code == 1
    told, gave_up = done.err.splitlines()
    assert told.endswith(WAITING)
    assert gave_up.endswith("error: another mini-openstack has been at work in this directory for 1 s")


def test_whoever_comes_second_goes_on_when_the_first_has_ended(tool: Tool, places: Places) -> None:
    with lock.held(places, 0):
        second = tool.begin("stop")
        assert WAITING in line_of(second.stderr)
    _, err = second.communicate(timeout=30)
    assert (second.returncode, err) == (0, "")


def test_it_ends_with_whoever_held_it_and_no_service_keeps_it(places: Places) -> None:
    with suppress(Trouble), lock.held(places, 0):
        stand_in(places, "keystone")
        raise Trouble("something else")
    assert Processes(places).life("keystone")
    with lock.held(places, 0):
        pass


@pytest.mark.parametrize("command", ["status", "env", "clouds", "logs"])
def test_whoever_only_asks_does_not_wait(tool: Tool, places: Places, command: str) -> None:
    words = [command, "keystone"] if command == "logs" else [command]
    with lock.held(places, 0):
        assert "waiting" not in tool(*words).err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_command_says_so_in_one_line(tool: Tool, places: Places, number: signal.Signals) -> None:
    with lock.held(places, 0):
        second = tool.begin("stop")
        assert WAITING in line_of(second.stderr)
        second.send_signal(number)
        _, err = second.communicate(timeout=30)
    assert second.returncode == 130
    (line,) = err.splitlines()
    assert line.endswith("interrupted; `mini-openstack stop` ends what has been started")


def test_a_command_under_nohup_outlives_its_terminal(tool: Tool, places: Places) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # which it inherits
    try:
        with lock.held(places, 0):
            second = tool.begin("stop")
            assert WAITING in line_of(second.stderr)
            second.send_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert second.wait(30) == 0
