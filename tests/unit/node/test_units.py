"""From what supervisors say to what a heartbeat says."""

import subprocess
from collections.abc import Sequence
from typing import Any

import pytest

from elastic.model.inside import SupervisordUnit, SystemdUnit
from elastic.model.states import Health
from elastic.node.systemd import Systemd
from elastic.node.units import (
    MOST_CHARACTERS,
    MOST_FAILURES,
    MOST_LINES,
    Blind,
    Failure,
    last_lines,
    look,
    watchers,
)

FAILED = Failure("worker", "FATAL", 1)


class Watching:
    def __init__(self, found: Sequence[Failure] | Exception) -> None:
        self._found = found

    def failures(self) -> Sequence[Failure]:
        if isinstance(self._found, Exception):
            raise self._found
        return self._found


@pytest.mark.parametrize(
    ("seen", "state", "error"),
    [
        ([], Health.OK, None),
        ([[]], Health.OK, None),
        ([[FAILED]], Health.PROCESS_ERROR, "worker is FATAL"),
        ([Blind("no socket")], Health.MONITOR_ERROR, "no socket"),
        ([KeyError("statename")], Health.MONITOR_ERROR, "Watching: KeyError('statename')"),
        ([Blind("no socket"), [FAILED]], Health.PROCESS_ERROR, "worker is FATAL; no socket"),
    ],
)
def test_a_failed_unit_weighs_more_than_a_blind_eye(seen: list[Any], state: Health, error: str | None) -> None:
    report = look([Watching(found) for found in seen])
    assert (report.state, report.error) == (state, error)


def test_a_report_has_a_bounded_size() -> None:
    lines = last_lines("\n".join("x" * 50 for _ in range(100_000)))
    assert len(lines) <= MOST_LINES
    assert sum(map(len, lines)) <= MOST_CHARACTERS
    assert len(last_lines("y" * 100_000)[0]) == MOST_CHARACTERS
    report = look([Watching([FAILED] * 1000), Watching(Blind("x" * 1000)), Watching(Blind("y" * 1000))])
    assert (len(report.failures), len(report.error or "")) == (MOST_FAILURES, MOST_CHARACTERS)
    assert len(look([Watching(Blind("x" * 1000))] * 9).error or "") == MOST_CHARACTERS


@pytest.mark.parametrize("text", ["\N{PILE OF POO}" * 5000, "\ufffd" * 5000])
def test_what_is_long_in_bytes_is_cut_by_bytes(text: str) -> None:
    (line,) = last_lines(text)
    assert MOST_CHARACTERS - 4 < len(line.encode()) <= MOST_CHARACTERS


def shown(active: str, sub: str, result: str = "success", status: int = 0, load: str = "loaded") -> str:
    return f"LoadState={load}\nActiveState={active}\nSubState={sub}\nResult={result}\nExecMainStatus={status}\n"


def systemd(says: str | Exception, journal: str | Exception = "") -> Systemd:
    def run(argv: Sequence[str]) -> str:
        answer = says if argv[0] == "systemctl" else journal
        if isinstance(answer, Exception):
            raise answer
        return answer

    return Systemd("celery.service", run)


@pytest.mark.parametrize(
    "says",
    [
        shown("active", "running"),
        shown("active", "exited"),
        shown("activating", "auto-restart", "exit-code", 1),
        shown("inactive", "dead"),
        shown("deactivating", "stop-sigterm"),
    ],
)
def test_a_unit_that_has_not_failed_is_not_told(says: str) -> None:
    assert systemd(says).failures() == ()


@pytest.mark.parametrize(
    ("result", "status", "state"),
    [("exit-code", 3, "failed/exit-code"), ("signal", 9, "failed/signal"), ("oom-kill", 9, "failed/oom-kill")],
)
def test_a_failed_unit_is_told_with_its_last_lines(result: str, status: int, state: str) -> None:
    watcher = systemd(shown("failed", "failed", result, status), "starting\nboom\n")
    assert watcher.failures() == (Failure("celery.service", state, status, ("starting", "boom")),)


def test_a_failed_unit_is_told_without_a_journal() -> None:
    watcher = systemd(shown("failed", "failed", "exit-code", 3), FileNotFoundError("journalctl"))
    assert watcher.failures() == (Failure("celery.service", "failed/exit-code", 3),)


@pytest.mark.parametrize(
    "says",
    [
        FileNotFoundError("systemctl"),
        subprocess.TimeoutExpired("systemctl", 5),
        subprocess.CalledProcessError(1, "systemctl"),
        "",
        "Failed to connect to bus\n",
        shown("inactive", "dead", load="not-found"),
    ],
)
def test_a_systemd_that_does_not_say_leaves_us_blind(says: str | Exception) -> None:
    with pytest.raises(Blind):
        systemd(says).failures()


def test_units_of_both_kinds_are_watched() -> None:
    assert len(watchers([SystemdUnit(name="celery.service"), SupervisordUnit()])) == 2
