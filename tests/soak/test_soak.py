"""The soak in its one-minute form, the rules by which it judges, and its end when it is broken off."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from elastic.model.domain import DomainKey
from tests.functional.cluster import agents_of, until, vms_of
from tests.soak.course import soak
from tests.soak.judge import lacks
from tests.soak.loglines import AT_THE_END, CUT_OFF, EXPLAINED, Explained, cuts, read
from tests.soak.report import faults, table
from tests.soak.trend import Allowance, trend

ROOT = Path(__file__).parents[2]
WEB, JOB, OLD = DomainKey("ann", "web"), DomainKey("ben", "job"), DomainKey("ben", "old")
FLAT = Allowance(0.04, 1.0)
HEAD = "2026-01-01 10:00:00.000 17"


@pytest.mark.functional
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_minute_of_it_leaves_every_domain_whole_and_nothing_unexplained(
    tmp_path: Path, zookeeper_installed: None, rabbitmq_installed: None, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = soak(tmp_path, 1.0, 1, print)
    assert not faults(outcome), table(outcome)
    assert outcome.killed >= 3
    assert outcome.changes > 5
    assert "MiB" in capsys.readouterr().out
    assert not vms_of(tmp_path / "data")
    assert not agents_of(tmp_path / "data")


@pytest.mark.functional
@pytest.mark.slow
def test_broken_off_it_leaves_no_process(
    tmp_path: Path, zookeeper_installed: None, rabbitmq_installed: None
) -> None:
    argv = [sys.executable, "-m", "tests.soak", "--minutes", "30", "--directory", str(tmp_path)]
    with (tmp_path / "out").open("wb") as out:
        run = subprocess.Popen(argv, cwd=ROOT, stdout=out, stderr=out, start_new_session=True)
    try:
        until(lambda: vms_of(tmp_path / "data"), 120, "no VM came up")
        run.send_signal(signal.SIGINT)
        assert run.wait(90) == 130
    finally:
        run.kill()
        run.wait()
    assert list(_processes_of(tmp_path)) == []


def _processes_of(directory: Path) -> Iterator[int]:
    """Whoever names the directory, in its arguments or in its environment."""
    mark = str(directory).encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            told = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if mark in told:
            yield int(entry.name)


@pytest.mark.parametrize(
    ("curve", "rise", "is_flat"),
    [
        (lambda t: 50.0, 0, True),
        (lambda t: 50.0 + t / 10, 9, False),
        (lambda t: 50.0 + (t % 20 >= 10), 0, True),
        (lambda t: min(t, 80) / 2, 0, True),  # warming up is over by the middle
        (lambda t: 90.0 - t / 10, -9, True),
        (lambda t: 50.0 + t / 100, 0.9, True),
    ],
)
def test_flat_is_what_rises_no_more_in_the_second_half(curve, rise: float, is_flat: bool) -> None:
    line = trend([(float(t), curve(float(t))) for t in range(181)])
    assert line is not None
    assert line.rise == pytest.approx(rise, abs=0.4)
    assert (line.rise <= FLAT.of(line.mean)) is is_flat


def test_too_few_looks_say_nothing() -> None:
    assert trend([(float(t), 1.0) for t in range(4)]) is None
    assert trend([]) is None


@pytest.mark.parametrize(
    ("records", "living", "fault"),
    [
        ([(WEB, "w1", True)], ["w1", "j1"], "ben:job has 0 servers, not 1"),
        ([(WEB, "w1", True), (JOB, "j1", False)], ["w1"], "j1 of ben:job is on record and dead"),
        ([(WEB, "w1", True), (JOB, "j1", True), (JOB, "j2", True)], [], "ben:job has 2 servers, not 1"),
        ([(WEB, "w1", True), (JOB, "j1", True), (JOB, "j1", True)], ["w1", "j1"], "j1 has 2 servers"),
        ([(WEB, "w1", True), (JOB, "j1", True)], ["w1", "j1", "x9"], "x9 lives and is on no record"),
        ([(WEB, "w1", True), (JOB, "j1", True)], ["w1", "j1", "j1"], "j1 has 2 processes"),
        ([(WEB, "w1", True), (JOB, "j1", True), (OLD, "o1", True)], [], "ben:old is gone and has 1 servers"),
    ],
)
def test_what_is_not_as_it_was_asked_for_is_named(records, living, fault: str) -> None:
    assert fault in lacks({WEB: 1, JOB: 1}, records, living)


def test_what_is_as_it_was_asked_for_is_no_fault() -> None:
    assert lacks({WEB: 1, JOB: 1}, [(WEB, "w1", True), (JOB, "j1", True)], ["w1", "j1"]) == []


def test_a_line_that_nobody_has_explained_is_told_and_alike_ones_once() -> None:
    said = [Explained("elastic.agent", "the store is away", "it was taken away")]
    subject = "domain=- member=a term=-"
    reading = read(
        [
            "ready",
            f"{HEAD} INFO elastic.agent {subject} all is well",
            f"{HEAD} WARNING elastic.agent {subject} the store is away: for 3 s",
            f"{HEAD} ERROR elastic.roles.survey domain=ann:web member=a term=3 i-3fa-1-2 is odd",
            f"{HEAD} ERROR elastic.roles.survey domain=ann:web member=a term=3 i-77-1-9 is odd",
            "Segmentation fault",
        ],
        said,
    )
    assert reading.explained == {"it was taken away": 1}
    assert reading.unexplained == {"ERROR elastic.roles.survey: i-* is odd": 2, "Segmentation fault": 1}


def test_what_is_explained_by_the_end_of_a_run_is_not_explained_before() -> None:
    said = "more than half of the members seem gone (a, b)"
    line = f"{HEAD} WARNING elastic.roles.assignment domain=- member=c term=1 {said}"
    reading = read([line]) + read([line], AT_THE_END)
    assert (reading.lines, reading.unexplained.total(), reading.explained.total()) == (2, 1, 1)


def test_a_lost_bus_is_explained_by_the_broker_alone_and_for_members_only() -> None:
    """What a VM's end looks like to it says nothing of the members."""

    def connection(number: int, user: str, end: str) -> list[str]:
        head = f"2026-01-01 10:00:00.000000+00:00 [info] <0.{number}.0>"
        return [
            f"{head} connection <0.{number}.0> (127.0.0.1:4 -> 127.0.0.1:5): user '{user}' authenticated",
            f"{head} closing AMQP connection <0.{number}.0> (127.0.0.1:4 -> 127.0.0.1:5):",
            f"{head.replace('info', 'error')} {end}",
        ]

    silent, closed = "missed heartbeats from client, timeout: 5s", "client unexpectedly closed TCP connection"
    log = [*connection(1, "vm", closed), *connection(2, "vm", silent), *connection(3, "member", "{badmatch,ok}")]
    assert not cuts(log, "member")
    log += [*connection(4, "member", silent), *connection(5, "member", closed)]
    assert cuts(log, "member") == {"missed heartbeats from client": 1, closed: 1}


def test_every_explanation_is_of_a_line_that_the_code_can_write() -> None:
    """One whose line was changed explains nothing any more."""
    for each in (*EXPLAINED, *CUT_OFF, *AT_THE_END):
        words = re.split(r"[^\w' ]", each.text)[0].strip()
        assert words, each
        assert words in _source(each.logger), each


def _source(logger: str) -> str:
    return (ROOT / f"{logger.replace('.', '/')}.py").read_text()
