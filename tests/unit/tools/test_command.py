"""The command as users type it, where nothing is installed: it is quick, makes nothing and says what to do."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from mini_openstack.places import Places
from mini_openstack.processes import Processes
from mini_openstack.services import services

from tests.unit.tools.tool import OBEDIENT, TOOL, Tool, settings, shell, stand_in, tree, until

EMPTY = {"etc", "run", "log", "lib", "db", "lock"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["env"], "nothing is installed in {dir}: `mini-openstack install` does that"),
        (["clouds"], "nothing is installed in {dir}: `mini-openstack install` does that"),
        (["logs", "keystone"], "there is no log of keystone, but of nothing"),
        (["logs", ""], "there is no log of , but of nothing"),
    ],
)
def test_where_nothing_is_installed_there_is_nothing_to_tell(tool: Tool, words: list[str], told: str) -> None:
    done = tool(*words)
    assert (done.code, done.out) == (1, "")
    assert done.line.endswith(f" s  error: {told.format(dir=tool.directory)}")
    assert not tool.directory.exists()


def test_where_nothing_is_installed_all_is_stopped(tool: Tool) -> None:
    done = tool("status", COMPUTES="x")
    assert (done.code, done.err) == (1, "")
    named = services(settings(tool.directory, COMPUTES="x"), Places(tool.directory))
    assert done.out.splitlines() == [f"{name} stopped" for name in named]
    assert not tool.directory.exists()


@pytest.mark.parametrize("words", [["stop"], ["stop", "keystone", "nova-compute-fake-a"]])
def test_where_nothing_runs_there_is_nothing_to_stop(tool: Tool, words: list[str]) -> None:
    for _ in range(2):
        assert tool(*words) == (0, "", "")
        assert tree(tool.directory) == EMPTY


@pytest.mark.parametrize(
    ("words", "given", "told"),
    [
        (["start", "keystone"], {}, "nothing was ever started here: `mini-openstack start` starts all"),
        (
            ["stop", "fly"],
            {},
            "there is no service fly, but cinder-api, cinder-scheduler, cinder-volume, glance, keystone, ",
        ),
        (["stop", "keystone", "fly"], {}, "there is no service fly, but "),
        (["stop", "rabbitmq"], {"RABBIT_URL": "rabbit://u:p@h:1/v"}, "there is no service rabbitmq, but "),
        (["status"], {"PORT": "80"}, "MINI_OPENSTACK_PORT must be a number from 1024 to 65527, not '80'"),
        (["env"], {"DIRECTORY": "x"}, "there is no setting MINI_OPENSTACK_DIRECTORY; mini_openstack/README.md "),
        (["stop"], {"DIR": "/a\nb"}, "MINI_OPENSTACK_DIR must have no spaces and none of "),
        (["stop"], {"DIR": "/proc/none"}, "MINI_OPENSTACK_DIR cannot be used: "),
        *(
            (words, {"DIR": "x" * 300}, "MINI_OPENSTACK_DIR is too long a path, it must hold a Unix socket: ")
            for words in (["status"], ["env"], ["clouds"], ["logs", "keystone"], ["stop"], ["start"], ["install"])
        ),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(
    tool: Tool, words: list[str], given: dict[str, str], told: str
) -> None:
    done = tool(*words, **given)
    assert (done.code, done.out) == (1, "")
    assert f" s  error: {told}" in done.line


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["fly"], "invalid choice: 'fly'"),
        (["status", "keystone"], "unrecognized arguments: keystone"),
        (["logs"], "the following arguments are required: SERVICE"),
        (["stop", "--all"], "unrecognized arguments: --all"),
    ],
)
def test_what_is_no_command_is_told_with_the_usage(tool: Tool, words: list[str], told: str) -> None:
    done = tool(*words)
    usage, error = done.err.splitlines()
    assert (done.code, done.out, usage.startswith("usage: mini-openstack ")) == (2, "", True)
    assert " error: " in error
    assert told in error
    assert not tool.directory.exists()


def test_what_runs_is_told_from_what_does_not_answer(tool: Tool, places: Places) -> None:
    lives = {name: stand_in(places, name) for name in ("keystone", "nova-scheduler", "nova-compute-gone")}
    done = tool("status", PORT="1024")
    told = dict(line.split(" ", 1) for line in done.out.splitlines())
    assert done.code == 1
    assert told["keystone"] == f"silent pid={lives['keystone'].pid} 127.0.0.1:1024"
    assert told["nova-scheduler"] == f"running pid={lives['nova-scheduler'].pid}"
    assert told["nova-conductor"] == "stopped"
    os.kill(lives["nova-scheduler"].pid, signal.SIGKILL)
    until(lambda: "nova-scheduler stopped\n" in tool("status").out)


def test_another_command_stops_what_one_has_started(tool: Tool, places: Places) -> None:
    lives = {name: stand_in(places, name) for name in ("keystone", "nova-scheduler", "nova-compute-gone")}
    done = tool("stop", "nova-compute-gone")
    assert (done.code, done.line.endswith(" s  stopping nova-compute-gone")) == (0, True)
    assert [name for name, life in lives.items() if life.lasts] == ["keystone", "nova-scheduler"]
    done = tool("stop")
    assert (done.code, done.line.endswith(" s  stopping keystone, nova-scheduler")) == (0, True)
    assert not any(life.lasts for life in lives.values())


def test_what_is_wiped_is_the_cloud_and_not_its_programs(tool: Tool, places: Places) -> None:
    life = stand_in(places, "mariadb", "trap '' TERM; echo ready; sleep 600 & wait")
    places.venv.mkdir()
    for file in (places.db / "made", places.clouds, places.stack, places.venv / "mini-openstack"):
        file.touch()
    done = tool("wipe")
    assert (done.code, done.line.endswith("the cloud is gone; its programs are still installed")) == (0, True)
    assert not life.lasts
    assert tree(tool.directory) == {*EMPTY, "etc/stack.json", "venv", "venv/mini-openstack"}


@pytest.mark.parametrize("words", [["wipe"], ["stop"]])
def test_a_directory_of_somebody_else_is_never_wiped(tool: Tool, words: list[str]) -> None:
    (tool.directory / "db").mkdir(parents=True)
    (tool.directory / "db" / "precious").touch()
    (tool.directory / "README").touch()
    assert "MINI_OPENSTACK_DIR must be a directory of its own" in tool(*words).line
    assert tree(tool.directory) == {"db", "db/precious", "README"}


def piped(tool: Tool, script: str) -> tuple[int, str, str]:
    """By a shell, to which the command is `"$0" "$1"`."""
    argv = shell(script, sys.executable, str(TOOL))
    done = subprocess.run(argv, env=tool.environment(), capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout, done.stderr


def test_a_shell_takes_over_what_env_prints_whatever_the_path(place: Path) -> None:
    tool = Tool(place / "it's;(a)`path`")
    places = Places(tool.directory)
    places.make()
    places.stack.touch()
    script = 'eval "$("$0" "$1" env)" && printf "%s\n" "$OS_CLIENT_CONFIG_FILE" "$OS_CLOUD"'
    assert piped(tool, script) == (0, f"{places.clouds}\nmini\n", "")


def test_clouds_are_printed_once_there_are_some(tool: Tool, places: Places) -> None:
    places.stack.touch()
    assert "there are no clouds yet: they are made by the first start" in tool("clouds").line
    places.clouds.write_text("clouds: {}\n")
    assert tool("clouds") == (0, "clouds: {}\n", "")


def test_a_log_is_printed_and_those_that_there_are_are_named(tool: Tool, places: Places) -> None:
    places.log_of("keystone").write_bytes(b"one\n\xfftwo\n")
    places.log_of("nova-compute-a.b").touch()
    places.log.joinpath("keystone.log.1").touch()
    assert tool("logs", "keystone") == (0, "one\n�two\n", "")
    assert "there is no log of glance, but of keystone, nova-compute-a.b" in tool("logs", "glance").line


def test_nothing_is_printed_that_lies_elsewhere(tool: Tool, places: Places) -> None:
    places.root.joinpath("private.log").touch()
    assert "there is no log of ../private, but of nothing" in tool("logs", "../private").line


def test_whoever_reads_a_log_may_have_read_enough(tool: Tool, places: Places) -> None:
    places.log_of("keystone").write_text("a line\n" * 100_000)
    assert piped(tool, '"$0" "$1" logs keystone | head -n 1') == (0, "a line\n", "")


@pytest.fixture
def installed(places: Places) -> Places:
    """As far as one service needs it."""
    (places.venv / "etc" / "nova").mkdir(parents=True)
    (places.venv / "etc" / "nova" / "api-paste.ini").touch()
    (places.db / "made").touch()
    (places.venv / "bin").mkdir()
    program(places, OBEDIENT)
    return places


def program(places: Places, script: str) -> None:
    file = places.venv / "bin" / "nova-scheduler"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o700)


def test_one_service_is_started_and_left_as_it_is_if_it_runs(tool: Tool, installed: Places) -> None:
    done = tool("start", "nova-scheduler")
    assert (done.code, done.line.endswith("nova-scheduler is started")) == (0, True)
    life = Processes(installed).life("nova-scheduler")
    assert life
    assert tool("start", "nova-scheduler").code == 0
    assert Processes(installed).life("nova-scheduler") == life
    assert Processes(installed).noted() == ["nova-scheduler"]


def test_one_service_that_is_none_is_told(tool: Tool, installed: Places) -> None:
    done = tool("start", "nova-scheduler", "fly")
    assert (done.code, done.out) == (1, "")
    assert "there is no service fly, but mariadb, rabbitmq, keystone, " in done.line
    assert Processes(installed).noted() == []


def test_one_service_whose_program_is_gone_is_told(tool: Tool, installed: Places) -> None:
    done = tool("start", "nova-conductor")
    assert done.code == 1
    assert f"nova-conductor cannot be run: {installed.venv}/bin/nova-conductor: No such file" in done.line
