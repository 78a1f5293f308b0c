"""Three agents as on three hosts, each a process of its own, over a bench's cloud and the guests in it."""

import os
import signal
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from string import Template
from typing import Any, Self

import msgspec

from bench.cloud import SITE, RemoteCloud, Word
from bench.whole_agent import Turns
from elastic.adapters import codec
from elastic.client import Client, connect
from elastic.conf.secret import mint, write_private
from elastic.errors import Unavailable
from elastic.model.assignment import Assignment
from elastic.model.domain import DomainKey
from elastic.rules.ring import partition_of, slot_of
from tests.servers.process import Child, free_port
from tests.servers.rabbitmq import RabbitMQ
from tests.servers.zookeeper import ZooKeeper, store_url

ROOT = Path(__file__).parents[1]
MEMBERS = ("a", "b", "c")
CLUSTER, USER = "bench", "elastic"
PARTITIONS = 256
DEFINITION = {"engine_conf": {"preserve_n": 10, "force_site": SITE}, "health": {"heartbeat_interval": 10}}

CONFIG = Template("""\
[DEFAULT]
cluster = bench
member = $member
secret_file = $folder/secret
state_dir = $folder/$member
run_dir = $folder/$member

[store]
url = $store

[coordination]
session_timeout = $session

[bus]
url = $bus

[rpc]
operators = elastic

[cloud]
driver = simulated
settle = 2
workers = 16

[metrics]
listen = 127.0.0.1:$port
""")


def until(what: Callable[[], Any], bound: float, lack: str, pause: float = 0.05) -> Any:
    """What `what` says, once it says anything; TimeoutError after `bound` seconds."""
    deadline = time.monotonic() + bound
    while True:
        with suppress(Unavailable):
            if said := what():
                return said
        if time.monotonic() > deadline:
            raise TimeoutError(f"{lack} within {bound:g} s")
        time.sleep(pause)


class Host:
    def __init__(self, member: str, folder: Path) -> None:
        self.member, self.port = member, free_port()
        self.folder = folder / member
        self.config, self.log, self.trace = (self.folder / name for name in ("elastic.conf", "log", "trace"))
        self._process: Child | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def lives(self) -> bool:
        return self._process is not None and self._process.lives

    def start(self, env: Mapping[str, str]) -> None:
        argv = [sys.executable, "-m", "bench.whole_agent", "--config-file", str(self.config)]
        begun = self.log.stat().st_size if self.log.exists() else 0
        given = {**env, "ELASTIC_BENCH_TRACE": str(self.trace)}
        self._process = Child([*argv, "--member", self.member], given, self.folder, self.log)
        self._process.until(lambda: self._has_said("ready", begun))

    def _has_said(self, line: str, begun: int) -> bool:
        with self.log.open("rb") as log:
            log.seek(begun)
            return line.encode() in log.read(1 << 20).splitlines()

    def end(self, number: signal.Signals = signal.SIGKILL) -> None:
        if self._process is not None:
            self._process.end(number)
            self._process = None

    def turns(self) -> list[Turns]:
        """All of its trace so far, of this life and those before."""
        lines = self.trace.read_bytes().splitlines() if self.trace.exists() else []
        return [msgspec.json.decode(line, type=Turns) for line in lines]

    def metrics(self) -> dict[str, float]:
        """By the line's name with its labels, without `elastic_`."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=20) as answer:
            lines = str(answer.read(), "utf-8").splitlines()
        pairs = (line.rpartition(" ") for line in lines if line.startswith("elastic_"))
        return {name.removeprefix("elastic_"): float(value) for name, _, value in pairs}


class Agents:
    """`with Agents(...) as agents:` - started, in the ring; nothing of them is left afterwards. `session` in
    seconds; what is not said here they have by default."""

    def __init__(
        self,
        folder: Path,
        zookeeper: ZooKeeper,
        rabbitmq: RabbitMQ,
        *,
        session: float,
        chroot: str,
        bus: str,
    ) -> None:
        self.folder, self.zookeeper, self.rabbitmq = folder, zookeeper, rabbitmq
        self.hosts = {member: Host(member, folder) for member in MEMBERS}
        self.session = session
        self._chroot, self._bus = chroot, bus
        self._socket = folder / "cloud.socket"
        self.cloud = RemoteCloud(self._socket)
        self.processes: dict[str, Child] = {}
        self._clients: list[Client] = []

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients:
            client.close()
        for host in self.hosts.values():
            host.end()
        for process in self.processes.values():
            process.end(signal.SIGKILL)

    def _start(self) -> None:
        self.folder.mkdir(parents=True)
        mint(self.folder / "secret")
        bus = f"[DEFAULT]\ncluster = {CLUSTER}\n[bus]\nurl = {self._bus}\n"
        write_private(self.folder / "client.conf", bus)
        self._spawn("cloud", "bench.cloud", str(self._socket))
        until(self._socket.exists, 20, "no cloud")
        words = {"cloud": self._socket, "bus": self._bus, "cluster": CLUSTER, "secret": self.folder / "secret"}
        for host in self.hosts.values():
            host.folder.mkdir()
            write_private(host.config, self._config(host))
            host.start(self._env)
        self._spawn("guests", "bench.whole_load", *(f"--{name}={value}" for name, value in words.items()))
        self.until_whole()
        self.client.add_definition("bench", DEFINITION)

    def _config(self, host: Host) -> str:
        return CONFIG.substitute(
            member=host.member,
            folder=self.folder,
            store=store_url(self.zookeeper.hosts, USER, USER, self._chroot),
            session=self.session,
            bus=self._bus,
            port=host.port,
        )

    @property
    def _env(self) -> dict[str, str]:
        ours = {"PYTHONPATH": str(ROOT), "ELASTIC_BENCH_CLOUD": str(self._socket)}
        return {**os.environ, **ours}

    def _spawn(self, name: str, module: str, *args: str) -> None:
        argv = [sys.executable, "-m", module, *args]
        self.processes[name] = Child(argv, self._env, self.folder, self.folder / f"{name}.log")

    @property
    def client(self) -> Client:
        return self._clients[0] if self._clients else self.new_client()

    def new_client(self) -> Client:
        made = connect(config_file=self.folder / "client.conf", timeout=30)
        self._clients.append(made)
        return made

    def pids(self) -> dict[str, int]:
        """Of all that runs, by its name."""
        agents = {f"agent {name}": host.pid for name, host in self.hosts.items() if host.lives}
        others = {name: process.pid for name, process in self.processes.items()}
        return agents | {"ZooKeeper": self.zookeeper.pid, "RabbitMQ": self.rabbitmq.pid} | others

    def check(self) -> None:
        """RuntimeError if a process of the bench has ended."""
        dead = [name for name, process in self.processes.items() if not process.lives]
        if dead:
            raise RuntimeError(f"ended, see {self.folder}: {', '.join(dead)}")

    def start(self, member: str) -> None:
        self.hosts[member].start(self._env)

    def living(self) -> list[Host]:
        return [host for host in self.hosts.values() if host.lives]

    # how it stands

    def until_whole(self, bound: float = 60) -> None:
        """Each member has its share."""

        def whole() -> bool:
            return {*self.assignment().holders} == {*MEMBERS}

        until(whole, bound, "the ring is not whole")

    def assignment(self) -> Assignment:
        with self.zookeeper.superuser() as client:
            return codec.decode(client.get(f"{self._chroot}/{CLUSTER}/assignment")[0], Assignment)

    def leader(self, role: str = "decider") -> str:
        def led() -> str:
            return next((row["member"] for row in self.client.replicas() if role in row["leads"]), "")

        found: str = until(led, 60, f"nobody leads {role}")
        return found

    def running(self) -> int:
        """Instances in the state RUNNING, by the agents' metrics."""
        return int(sum(host.metrics().get('instances{state="600-RUNNING"}', 0) for host in self.living()))

    def words(self, after: int = 0) -> Iterator[Word]:
        """What has happened to guests, from that word on."""
        while news := self.cloud.words(after)[1]:
            yield from news
            after += len(news)

    def domains_of(self, member: str, names: Sequence[str]) -> list[str]:
        holders = self.assignment().holders
        return [n for n in names if holders[partition_of(slot_of(DomainKey(USER, n)), PARTITIONS)] == member]
