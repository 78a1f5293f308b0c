"""`elastic-node` as a process, on a real bus, beside a real supervisord."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from elastic.adapters.bus.kombu import KombuHeartbeats, KombuOutgoing, sqlite_url
from elastic.adapters.bus.signing import instance_key, verify
from elastic.model.heartbeat import Heartbeat
from elastic.ports.bus import Pulse

pytestmark = pytest.mark.functional

INSTANCE = "i-007-1-1"
KEY = instance_key(b"cluster secret", INSTANCE)
NODE = [sys.executable, "-m", "elastic.node.main"]
PATIENCE = 30.0


def eventually(condition: Callable[[], object], patience: float = PATIENCE) -> bool:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


class Ear:
    """A member of the cluster, as far as heartbeats go."""

    def __init__(self, url: str) -> None:
        self.pulses: list[Pulse] = []
        self._heartbeats = KombuHeartbeats(url, "5d7e", "m1", partitions=1)
        self._outgoing = KombuOutgoing(url, "5d7e")
        self._heartbeats.tune(frozenset({0}))
        self._heartbeats.start(self.pulses.extend)
        assert eventually(lambda: self._heartbeats.bound())

    def heard(self) -> list[Heartbeat]:
        return [msgspec.json.decode(pulse.body, type=Heartbeat) for pulse in self.pulses]

    def last_state(self) -> str:
        return self.heard()[-1].state if self.pulses else ""

    def ask(self) -> None:
        address = self.pulses[-1].reply_to
        assert address is not None
        self._outgoing.ask(address)

    def stop(self) -> None:
        self._heartbeats.stop()
        self._outgoing.close()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return sqlite_url(tmp_path / "bus.db")


@pytest.fixture
def ear(url: str) -> Iterator[Ear]:
    made = Ear(url)
    yield made
    made.stop()


def environment(folder: Path, url: str, **changes: object) -> dict[str, str]:
    settings = {
        "bus": url,
        "cluster": "5d7e",
        "slot": 7,
        "instance_id": INSTANCE,
        "owner": "ann",
        "domain": "web",
        "key": KEY,
        "interval": 0.3,
        **changes,
    }
    file = folder / "node.json"
    file.write_text(json.dumps(settings))
    return {**os.environ, "ELASTIC_NODE_SETTINGS": str(file)}


@contextmanager
def running(argv: Sequence[str], env: Mapping[str, str] | None = None) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(argv, env=env, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def ended(env: Mapping[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*NODE, *arguments], env=env, capture_output=True, text=True, timeout=60, check=False)


def test_the_cluster_hears_signed_heartbeats_that_count_up(tmp_path: Path, url: str, ear: Ear) -> None:
    with running(NODE, environment(tmp_path, url)):
        assert eventually(lambda: len(ear.pulses) >= 3)
    assert all(verify(KEY, pulse.body, pulse.mac) and pulse.slot == 7 for pulse in ear.pulses)
    first, second, third = ear.heard()[:3]
    assert (first.node_id, first.owner, first.domain_id, first.state) == (INSTANCE, "ann", "web", "OK")
    assert [first.seq, second.seq, third.seq] == [1, 2, 3]
    assert first.boot == second.boot == third.boot


def test_another_start_is_another_boot(tmp_path: Path, url: str, ear: Ear) -> None:
    env = environment(tmp_path, url)
    assert [ended(env, "--once").returncode for _ in range(2)] == [0, 0]
    assert eventually(lambda: len(ear.pulses) == 2)
    first, second = ear.heard()
    assert first.boot != second.boot


def test_a_node_that_is_asked_answers_before_its_time(tmp_path: Path, url: str, ear: Ear) -> None:
    with running(NODE, environment(tmp_path, url, interval=3600)):
        assert eventually(lambda: len(ear.pulses) >= 4)  # young ones speak by themselves: 0, 1, 3, 7, 15 s
        before, asked = len(ear.pulses), time.monotonic()
        ear.ask()
        assert eventually(lambda: len(ear.pulses) > before)
        assert time.monotonic() - asked < 5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_node_that_is_told_to_end_ends_well(tmp_path: Path, url: str, ear: Ear, number: signal.Signals) -> None:
    with running(NODE, environment(tmp_path, url, interval=3600)) as node:
        assert eventually(lambda: ear.pulses)
        node.send_signal(number)
        assert node.wait(PATIENCE) == 0


def test_a_node_without_a_bus_waits_for_it(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "not-yet" / "bus.db")
    with running(NODE, environment(tmp_path, url)) as node:
        began = time.monotonic()
        assert not eventually(lambda: node.poll() is not None, patience=3)
        ticks = sum(map(int, Path(f"/proc/{node.pid}/stat").read_text().rpartition(")")[2].split()[11:13]))
        assert ticks / os.sysconf("SC_CLK_TCK") < (time.monotonic() - began) * 0.8
        (tmp_path / "not-yet").mkdir()
        ear = Ear(url)
        try:
            assert eventually(lambda: ear.pulses)
        finally:
            ear.stop()


def test_one_heartbeat_without_a_bus_fails_with_one_line(tmp_path: Path) -> None:
    done = ended(environment(tmp_path, sqlite_url(tmp_path / "none" / "bus.db")), "--once")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("changes", [{"bus": "nonsense"}, {"bus": "carrier-pigeon://roof"}, {"units": [{}]}])
def test_settings_that_make_no_sense_end_a_node_with_one_line(tmp_path: Path, changes: dict[str, object]) -> None:
    done = ended({**environment(tmp_path, "memory://", **changes)})
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert KEY not in done.stderr


def test_help_and_version_need_no_settings() -> None:
    env = {**os.environ, "ELASTIC_NODE_SETTINGS": "/no/such/file"}
    assert "--once" in ended(env, "--help").stdout
    assert ended(env, "--version").stdout.startswith("elastic-node ")
    assert ended(env).returncode == 1
    assert ended(env, "--no-such").returncode == 2


@contextmanager
def supervisord(folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """With a program that crashes unless a file named `healed` is there."""
    program = folder / "program.py"
    program.write_text(
        textwrap.dedent(
            f"""
            import os, sys, time
            if not os.path.exists({str(folder / "healed")!r}):
                sys.exit("the reason is here")
            time.sleep(600)
            """
        )
    )
    conf = folder / "supervisord.conf"
    conf.write_text(
        textwrap.dedent(
            f"""
            [supervisord]
            nodaemon = true
            logfile = {folder}/supervisord.log
            pidfile = {folder}/supervisord.pid
            childlogdir = {folder}
            [unix_http_server]
            file = {folder}/sv.sock
            [rpcinterface:supervisor]
            supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
            [program:worker]
            command = {sys.executable} {program}
            startsecs = 1
            startretries = 0
            """
        )
    )
    argv = [sys.executable, "-m", "supervisor.supervisord", "-c", str(conf)]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()  # it ends its programs first
        process.wait(PATIENCE)


@pytest.mark.slow
def test_what_a_real_supervisord_sees_is_told(url: str, ear: Ear, tmp_path: Path) -> None:
    unit = {"kind": "supervisord", "url": f"unix://{tmp_path}/sv.sock", "name": "worker"}
    with running(NODE, environment(tmp_path, url, units=[unit])):
        with supervisord(tmp_path) as supervisor:
            assert eventually(lambda: ear.last_state() == "PROCESS_ERROR")
            (failed,) = ear.heard()[-1].failed_processes
            assert (failed["name"], failed["state"]) == ("worker", "FATAL")
            assert failed["last_lines"] == ["the reason is here"]

            (tmp_path / "healed").touch()
            control = [sys.executable, "-m", "supervisor.supervisorctl", "-s", f"unix://{tmp_path}/sv.sock"]
            subprocess.run([*control, "start", "worker"], check=True, timeout=60, stdout=subprocess.DEVNULL)
            assert eventually(lambda: ear.last_state() == "OK")
            assert supervisor.poll() is None
        assert eventually(lambda: ear.last_state() == "MONITOR_ERROR")
        assert "sv.sock does not answer" in str(ear.heard()[-1].error)
