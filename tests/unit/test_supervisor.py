"""The supervisor over stand-in replicas: real processes that beat, hang, refuse or die as they are told."""

import os
import resource
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import pytest

from elastic.adapters.beat import Beat, last_beat
from elastic.adapters.blackbox import BlackBox
from elastic.adapters.cloud.local import SETTINGS
from elastic.errors import BadRequest, Conflict, Unavailable
from elastic.model.decision import Event
from elastic.model.domain import DomainKey
from elastic.replica.signals import Signals
from elastic.supervisor import directory, leftover
from elastic.supervisor.child import Child, pause_before
from elastic.supervisor.directory import Ground
from elastic.supervisor.life import Recipe
from elastic.supervisor.relay import Stderr, follow
from elastic.supervisor.teller import Teller, line_of
from elastic.supervisor.watch import Watch

NOWHERE = os.open(os.devnull, os.O_WRONLY)

STAND_IN = """
import os, select, sys, time
from pathlib import Path
from elastic.adapters.beat import Beat

how, beat, pipe = sys.argv[1], Beat(Path(sys.argv[2])), int(sys.argv[-1])
if how == "refuse":
    sys.exit(1)
beat.renew(time.monotonic())
print("ready", flush=True)
print("a word on stderr", file=sys.stderr, flush=True)
while how == "live" or Path(how).exists():
    if select.select([pipe], [], [], 0.05)[0]:
        sys.exit(0)
    beat.renew(time.monotonic())
time.sleep(600)
"""


def recipe(tmp_path: Path, name: str = "r1", how: str = "live", patience: float = 20.0) -> Recipe:
    beat = tmp_path / f"{name}.beat"
    return Recipe(name, [sys.executable, "-c", STAND_IN, how, str(beat)], beat, patience)


def ignored(pipe: IO[bytes]) -> None:
    follow(pipe, Stderr(NOWHERE))


def until(what: Callable[[], object], bound: float = 30.0) -> None:
    deadline = time.monotonic() + bound
    while not what():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


@contextmanager
def watched(*recipes: Recipe) -> Iterator[tuple[list[Child], Signals, Callable[[Callable[[], object]], None]]]:
    """Children under watch, and a way to watch on until something is so."""
    children = [Child(each, ignored) for each in recipes]
    with Signals([signal.SIGTERM], [signal.SIGCHLD]) as signals:
        watch = Watch(children, signals, lambda: None)

        def watch_until(what: Callable[[], object]) -> None:
            missed: list[AssertionError] = []

            def wait() -> None:
                try:
                    until(what)
                except AssertionError as error:
                    missed.append(error)
                os.kill(os.getpid(), signal.SIGTERM)

            signals.seen.clear()
            waiting = threading.Thread(target=wait, daemon=True)
            waiting.start()
            watch.run()
            waiting.join()
            assert not missed

        try:
            yield children, signals, watch_until
        finally:
            watch.stop()
            assert all(child.pid is None for child in children)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_replica_that_dies_is_started_again_at_once(tmp_path: Path) -> None:
    with watched(recipe(tmp_path)) as ((child,), _, watch_until):
        watch_until(lambda: child.ready)
        first = child.pid
        assert first
        os.kill(first, signal.SIGKILL)
        watch_until(lambda: child.ready and child.pid != first)


@pytest.mark.hazard("F26")
def test_a_replica_that_is_stopped_for_too_long_is_killed_and_started_again(tmp_path: Path) -> None:
    with watched(recipe(tmp_path, patience=1.0)) as ((child,), _, watch_until):
        watch_until(lambda: child.ready)
        first = child.pid
        assert first
        os.kill(first, signal.SIGSTOP)
        watch_until(lambda: child.ready and child.pid != first)
        assert not is_alive(first)


def test_a_replica_whose_loop_hangs_is_killed_although_its_process_lives(tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    alive.touch()
    with watched(recipe(tmp_path, how=str(alive), patience=1.0)) as ((child,), _, watch_until):
        watch_until(lambda: child.ready)
        first = child.pid
        alive.unlink()
        watch_until(lambda: child.pid != first)
        assert first
        assert not is_alive(first)


def test_silence_while_the_supervisor_itself_did_not_run_is_not_held_against_a_replica(tmp_path: Path) -> None:
    stale = recipe(tmp_path, patience=1.0)
    with watched(stale) as ((child,), _, watch_until):
        watch_until(lambda: child.ready)
        first = child.pid
        assert first
        os.kill(first, signal.SIGSTOP)
        seen = last_beat(stale.beat) or 0.0
        child.look(now=seen + 100, fair_since=seen + 99.5)
        assert child.pid == first
        child.look(now=seen + 101, fair_since=seen + 99.5)
        assert child.pid != first


def test_a_replica_that_refuses_to_start_ends_the_run(tmp_path: Path) -> None:
    children = [Child(recipe(tmp_path), ignored), Child(recipe(tmp_path, "r2", how="refuse"), ignored)]
    with Signals([signal.SIGTERM], [signal.SIGCHLD]) as signals:
        watch = Watch(children, signals, lambda: None)
        with pytest.raises(Unavailable, match="replica r2 will not start"):
            watch.run()
        watch.stop()
    assert [child.pid for child in children] == [None, None]


def test_deaths_in_a_row_are_answered_with_longer_pauses() -> None:
    assert [pause_before(deaths) for deaths in (1, 2, 3, 4, 20)] == [0.0, 0.5, 1.0, 2.0, 10.0]


def test_a_replica_ends_when_its_supervisor_is_gone(tmp_path: Path) -> None:
    """The pipe that says so is held by nobody else: not by the replica itself, nor by the next one."""
    children = [Child(recipe(tmp_path, name), ignored) for name in ("r1", "r2")]
    reading, writing = os.pipe()
    supervisor = os.fork()
    if supervisor == 0:
        with suppress(BaseException):
            for child in children:
                child.look(time.monotonic(), 0.0)
            until(lambda: all(child.ready for child in children))
            os.write(writing, f"{children[0].pid} {children[1].pid}".encode())
            time.sleep(600)
        os._exit(1)
    try:
        assert select.select([reading], [], [], 30)[0]
        pids = [int(pid) for pid in os.read(reading, 100).split()]
    finally:
        os.kill(supervisor, signal.SIGKILL)
        os.waitpid(supervisor, 0)
        os.close(reading)
        os.close(writing)
    until(lambda: not any(is_alive(pid) for pid in pids))


def test_what_replicas_say_on_stderr_is_passed_on(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    child = Child(recipe(tmp_path), lambda pipe: follow(pipe, Stderr(writing)))
    child.look(time.monotonic(), 0.0)
    try:
        assert select.select([reading], [], [], 30)[0]
        assert os.read(reading, 100) == b"a word on stderr\n"
    finally:
        os.close(reading)
        os.close(writing)
        child.signal(signal.SIGKILL)
        until(child.gone)


def test_a_log_that_nobody_reads_holds_nobody_up(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    try:
        stderr = Stderr(writing)
        for number in range(3000):
            stderr.write(f"line {number} {'x' * 60}\n")
        assert os.read(reading, 16).startswith(b"line 0 ")
    finally:
        os.close(reading)
        os.close(writing)


def test_events_are_told_once_each_in_order_and_from_where_we_begin() -> None:
    journal = [Event(time=float(seq), kind="running", domain="me:web", text="up", seq=seq) for seq in range(1, 9)]
    said: list[str] = []
    teller = Teller(lambda after: [event for event in journal if event.seq > after], said.append, after=5)
    teller.start()
    until(lambda: len(said) == 3)
    teller.stop(5)
    assert [line[:23] for line in said] == [f"1970-01-01T00:00:0{n}.000" for n in (6, 7, 8)]


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Event(time=0.5, kind="leader", text="r1 decides"), "1970-01-01T00:00:00.500+00:00 leader - r1 decides"),
        (
            Event(time=0, kind="launched", domain="me:web", instance_id="i-3fa-1-2", text="for\nme"),
            "1970-01-01T00:00:00.000+00:00 launched me:web i-3fa-1-2 for me",
        ),
        (
            Event(time=0, kind="failed", domain="me:web", instance_id="i-3fa-1-2", text="i-3fa-1-2: quota"),
            "1970-01-01T00:00:00.000+00:00 failed me:web i-3fa-1-2: quota",
        ),
    ],
)
def test_an_event_is_one_line(event: Event, line: str) -> None:
    assert line_of(event) == line


@pytest.mark.hazard("F19")
def test_the_black_box_names_the_domain_in_whose_visit_its_member_died(tmp_path: Path) -> None:
    path = tmp_path / "r1.visit"
    assert BlackBox(path).left_over() is None
    victim = os.fork()
    if victim == 0:
        box = BlackBox(path)
        box.enter(DomainKey("somebody-with-a-long-name", "first"))
        box.leave()
        box.enter(DomainKey("me", "web"))
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(victim, 0)
    box = BlackBox(path)
    assert box.left_over() == DomainKey("me", "web")
    box.leave()
    assert BlackBox(path).left_over() is None


def test_the_longest_names_fit_into_the_black_box(tmp_path: Path) -> None:
    key = DomainKey("o" * 128, "d" * 128)
    BlackBox(tmp_path / "r1.visit").enter(key)
    assert BlackBox(tmp_path / "r1.visit").left_over() == key


def test_a_sign_of_life_is_read_by_another_process(tmp_path: Path) -> None:
    beat = Beat(tmp_path / "r1.beat")
    assert last_beat(tmp_path / "r1.beat") is None
    assert last_beat(tmp_path / "r2.beat") is None
    beat.renew(12.5)
    assert last_beat(tmp_path / "r1.beat") == 12.5


def test_a_new_directory_is_closed_to_others(tmp_path: Path) -> None:
    assert directory.prepare(tmp_path / "a" / "b") == []
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_a_directory_that_was_open_is_closed_and_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o755)
    (said,) = directory.prepare(tmp_path / "open")
    assert "mode 0755" in said
    assert (tmp_path / "open").stat().st_mode & 0o777 == 0o700
    assert directory.prepare(tmp_path / "open") == []


def test_what_a_removed_cluster_left_in_its_directory_is_no_obstacle(tmp_path: Path) -> None:
    for name in ("store.db-wal", "bus.db", "group"):
        (tmp_path / name).touch()
    tmp_path.chmod(0o700)
    assert directory.prepare(tmp_path) == []


def test_a_directory_of_other_things_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    tmp_path.chmod(0o755)
    with pytest.raises(BadRequest, match=r"holds other things \(thesis.tex\)"):
        directory.prepare(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o755
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadRequest, match="is not a directory"):
        directory.prepare(tmp_path / "file")
    with pytest.raises(BadRequest, match="cannot hold a cluster"):
        directory.prepare(tmp_path / "file" / "below")


def test_a_directory_that_takes_nothing_is_refused() -> None:
    with pytest.raises(BadRequest, match="cannot hold a cluster"):
        directory.prepare(Path("/proc/elastic-data"))


def test_a_directory_without_room_for_a_cluster_is_refused(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4 * 1024 * 1024, limits[1]))
    try:
        with pytest.raises(BadRequest, match="cannot hold a cluster: File too large; choose another --data"):
            directory.prepare(tmp_path / "data")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list((tmp_path / "data").iterdir()) == []


def test_a_directory_is_held_by_one_and_names_its_holder(tmp_path: Path) -> None:
    directory.prepare(tmp_path / "data")
    with (
        directory.held(tmp_path / "data"),
        pytest.raises(Conflict, match=rf"in use by another `elastic run` \(pid {os.getpid()}\)"),
        directory.held(tmp_path / "data"),
    ):
        pass
    with directory.held(tmp_path / "data"):
        pass


def taken_away(file: Path) -> None:
    file.unlink()


def replaced(file: Path) -> None:
    (file.parent / "other").write_text("another store")
    (file.parent / "other").replace(file)


@pytest.mark.parametrize(
    ("how", "name"), [(taken_away, "store.db"), (replaced, "store.db"), (taken_away, "elastic.conf")]
)
def test_a_run_ends_when_a_file_it_stands_on_is_taken_away(
    tmp_path: Path, how: Callable[[Path], None], name: str
) -> None:
    store, config = tmp_path / "store.db", tmp_path / "elastic.conf"
    store.touch()
    config.touch()
    ground = Ground(tmp_path, tmp_path, store, [config])
    ground.check()
    how(tmp_path / name)
    with pytest.raises(Unavailable, match=rf"{name} was taken away.* put it back"):
        ground.check()
    assert not ground.is_gone


def test_a_configuration_may_be_written_anew_while_the_cluster_runs(tmp_path: Path) -> None:
    config = tmp_path / "elastic.conf"
    config.touch()
    ground = Ground(tmp_path, tmp_path, tmp_path, [config])
    replaced(config)
    ground.check()


def test_the_watch_ends_when_what_it_stands_on_is_gone(tmp_path: Path) -> None:
    place = tmp_path / "data"
    place.mkdir()
    ground = Ground(tmp_path, place, tmp_path, [])
    child = Child(recipe(tmp_path), ignored)
    with Signals([signal.SIGTERM], [signal.SIGCHLD]) as signals:
        watch = Watch([child], signals, place.rmdir, ground.check)
        try:
            with pytest.raises(Unavailable, match="was taken away: the cluster has ended, and its servers"):
                watch.run()
            assert ground.is_gone
        finally:
            watch.stop(0.0)
        assert child.pid is None


def test_servers_whose_records_are_gone_are_found_by_their_environment_and_ended(tmp_path: Path) -> None:
    environment = {SETTINGS: f"{tmp_path}/cloud/servers/a/node.json"}
    server = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env=environment)
    try:
        until(lambda: leftover.servers_of(f"{tmp_path}/cloud") == [server.pid])
        assert leftover.end_servers(f"{tmp_path}/clou") == 0
        assert leftover.end_servers(f"{tmp_path}/cloud") == 1
        assert server.wait(10) == -signal.SIGKILL
    finally:
        server.kill()
        server.communicate()


def test_replicas_that_outlived_their_supervisor_are_ended(tmp_path: Path) -> None:
    config = tmp_path / "elastic.conf"
    stuck = recipe(tmp_path, how="stuck")
    child = Child(Recipe("r1", [*stuck.command, "--config-file", str(config)], stuck.beat, 20), ignored)
    child.look(time.monotonic(), 0.0)
    try:
        until(lambda: child.ready)
        assert leftover.replicas_of(config) == [child.pid]
        assert leftover.replicas_of(tmp_path / "other.conf") == []
        assert leftover.clear(config) == [child.pid]
        until(child.gone)
    finally:
        child.signal(signal.SIGKILL)
