"""Processes are known by pid and time of birth: no stranger is ever signalled, and of ours nothing is left."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from mini_openstack.errors import Trouble
from mini_openstack.places import Places
from mini_openstack.processes import Life, Processes
from mini_openstack.services import mark

from tests.unit.tools.tool import STUBBORN, life_of, marked, shell, stand_in, until

IN_A_SESSION = "sleep 600 & echo $! > child; trap 'exit 0' TERM; echo ready; wait"


@pytest.fixture
def processes(places: Places) -> Processes:
    return Processes(places)


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """In a session of its own, as a service is."""
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as process:
        yield process
        process.kill()


def noted(places: Places, text: str) -> Path:
    file = places.run / "keystone.pid"
    file.write_text(text)
    return file


def test_a_service_is_noted_by_pid_and_birth(processes: Processes, places: Places) -> None:
    life = stand_in(places, "keystone")
    assert life == life_of(life.pid)
    assert (places.run / "keystone.pid").read_text() == f"{life.pid} {life.born}\n"
    assert (processes.life("keystone"), processes.noted()) == (life, ["keystone"])
    assert os.getsid(life.pid) == life.pid


def test_a_service_finds_in_its_environment_what_it_is_given_and_no_more(
    processes: Processes, places: Places
) -> None:
    processes.launch("keystone", ["/usr/bin/env"], {"ONLY": "this"})
    until(lambda: not processes.life("keystone"))
    assert places.log_of("keystone").read_text() == "ONLY=this\n"


def test_the_log_of_the_life_before_is_kept(processes: Processes, places: Places) -> None:
    for word in ("one", "two", "three"):
        processes.launch("nova-compute-a.b", shell(f"echo {word}; echo oh >&2"), {})
        until(lambda: not processes.life("nova-compute-a.b"))
    assert (places.log / "nova-compute-a.b.log").read_text() == "three\noh\n"
    assert (places.log / "nova-compute-a.b.log.1").read_text() == "two\noh\n"


def test_a_program_that_is_not_there_is_named(processes: Processes) -> None:
    with pytest.raises(Trouble, match=r"keystone cannot be run: /no/such/program: No such file"):
        processes.launch("keystone", ["/no/such/program"], {})
    assert processes.noted() == []


def test_what_has_died_does_not_run_even_if_nobody_has_looked_after_it(
    processes: Processes, places: Places
) -> None:
    life = stand_in(places, "keystone")
    assert life.lasts
    assert processes.all_run(["keystone"])
    os.kill(life.pid, signal.SIGKILL)
    until(lambda: not life.lasts)  # a zombie: it is a child of ours
    assert Path(f"/proc/{life.pid}").exists()
    assert (processes.life("keystone"), processes.noted()) == (None, ["keystone"])
    assert not processes.all_run(["keystone"])


def test_a_program_may_have_any_name(processes: Processes, places: Places) -> None:
    program = places.root / "a) Z 1 (b"
    shutil.copy(shutil.which("sleep") or "", program)
    processes.launch("keystone", [str(program), "600"], {})
    life = processes.life("keystone")
    assert life
    assert life.session() == [life.pid]


@pytest.mark.parametrize("end", ["stop", "kill"])
@pytest.mark.parametrize("later", [-1, 1])
def test_a_stranger_with_a_pid_that_was_ours_is_left_alone(
    processes: Processes, places: Places, stranger: subprocess.Popen[bytes], end: str, later: int
) -> None:
    theirs = life_of(stranger.pid)
    ours = Life(theirs.pid, theirs.born + later)
    file = noted(places, f"{ours.pid} {ours.born}\n")
    assert processes.life("keystone") is None
    assert ours.session() == []
    processes.stop(["keystone"], 1.0) if end == "stop" else processes.kill(["keystone"])
    assert not file.exists()
    assert theirs.lasts


@pytest.mark.parametrize(
    "text", ["", "\n", "{pid}", "{pid} ", "{pid} x", "x {born}", "{pid} {born} 1", "\0\0", "-1 1"]
)
def test_a_note_that_was_not_finished_is_no_ones(
    processes: Processes, places: Places, stranger: subprocess.Popen[bytes], text: str
) -> None:
    theirs = life_of(stranger.pid)
    file = noted(places, text.format(pid=theirs.pid, born=theirs.born))
    assert processes.life("keystone") is None
    processes.stop(["keystone"], 1.0)
    assert not file.exists()
    assert theirs.lasts


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_service_ends_with_its_whole_session(processes: Processes, places: Places, how: signal.Signals) -> None:
    leader = stand_in(places, "rabbitmq", IN_A_SESSION)
    child = life_of(int((places.run / "child").read_text()))
    assert sorted(leader.session()) == sorted([leader.pid, child.pid])
    if how is signal.SIGKILL:  # it dies by itself, and its child stays
        os.kill(leader.pid, how)
        until(lambda: not leader.lasts)
        assert leader.session() == [child.pid]
    processes.stop(["rabbitmq"], 10.0)
    assert not leader.lasts
    assert not child.lasts
    assert processes.noted() == []


def test_a_service_has_time_to_end_and_is_killed_after_it(
    processes: Processes, places: Places, capfd: pytest.CaptureFixture[str]
) -> None:
    tidy = stand_in(places, "keystone", "trap 'echo bye; exit 0' TERM; echo ready; sleep 600 & wait")
    processes.stop(["keystone"], 30.0)
    assert not tidy.lasts
    assert places.log_of("keystone").read_text() == "ready\nbye\n"
    stubborn = stand_in(places, "glance", STUBBORN)
    processes.stop(["glance"], 0.1)
    assert not stubborn.lasts
    assert "  glance does not end by itself: it is killed\n" in capfd.readouterr().err


def test_a_sweep_finds_what_bears_the_mark_and_nothing_else(processes: Processes, places: Places) -> None:
    marks = {"ours": mark(places), "theirs": mark(Places(places.root / "other")), "like ours": mark(places) + "x"}
    started = {}
    for whose, said in marks.items():
        name, _, value = said.partition("=")
        started[whose] = subprocess.Popen(["sleep", "600"], env={name: value})
    try:
        processes.sweep(mark(places))
        assert started.pop("ours").wait(0) == -signal.SIGKILL
        assert [process.poll() for process in started.values()] == [None, None]
    finally:
        for process in started.values():
            process.kill()
            process.wait()


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def interrupt(request: pytest.FixtureRequest) -> Iterator[str]:
    """One of the signals that interrupt a command."""
    number: signal.Signals = request.param
    before = signal.signal(number, signal.default_int_handler)
    yield number.name.removeprefix("SIG")
    signal.signal(number, before)


def test_an_interrupt_waits_until_what_was_started_is_noted(
    processes: Processes, places: Places, interrupt: str
) -> None:
    """The note is a pipe: it cannot be written before we read it, which we do when the interrupt has come."""
    note, sent = places.run / "keystone.pid", places.run / "sent"
    os.mkfifo(note)

    def read() -> str:
        until(sent.exists)
        return note.read_text()

    with ThreadPoolExecutor() as pool:
        noted = pool.submit(read)
        try:
            with pytest.raises(KeyboardInterrupt):
                processes.launch(
                    "keystone",
                    shell(f"kill -s {interrupt} $PPID; touch sent; exec sleep 600"),
                    marked(places),
                )
        finally:
            pipe = note.rename(places.run / "pipe")
            os.close(os.open(pipe, os.O_RDWR))  # if nobody has written to it, nobody will
    pid, born = noted.result().split()
    assert Life(int(pid), int(born)).lasts
