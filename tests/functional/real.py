"""A cluster as in production: agents as on so many hosts, on real servers, behind wires that can be cut."""

import os
import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from string import Template

from elastic.client import connect
from elastic.conf.secret import mint, write_private
from tests.functional.cluster import AGENT, AnyCluster, is_alive, until
from tests.servers.process import Child
from tests.servers.proxy import Proxy
from tests.servers.rabbitmq import RabbitMQ
from tests.servers.sessions import expire
from tests.servers.wire import Session
from tests.servers.zookeeper import ZooKeeper, store_url

MEMBERS = ("a", "b", "c")
USER = "elastic"
VM_USER = "bob"  # may write heartbeats, and nothing else
STOP_SECONDS = 10.0

CONFIG = Template("""\
[DEFAULT]
cluster = test
member = $member
secret_file = $directory/secret
state_dir = $place/state
run_dir = $place/run

[store]
url = $store

[coordination]
session_timeout = $session
partitions = 32

[bus]
url = $bus
vm_url = $vm_bus

[rpc]
operators = $user

[cloud]
$cloud

[decider]
interval = 1

[doctor]
interval = 2
probe = 1

[reaper]
interval = 15
grace = 10
""")


LOCAL = "driver = local\nlocal_dir = {directory}/cloud\nsettle = 2"


class Host:
    """A member: its process, its files, and its wires to the servers."""

    def __init__(
        self,
        member: str,
        folder: Path,
        zookeepers: Sequence[ZooKeeper],
        rabbitmq: RabbitMQ,
        command: Sequence[str] = AGENT,
    ) -> None:
        self.member = member
        self._command = command
        self.folder = folder
        self.config = folder / "elastic.conf"
        self.to_zookeeper = [Proxy(server.port) for server in zookeepers]
        self.to_rabbitmq = Proxy(rabbitmq.port)
        self._process: Child | None = None
        self._begun = 0

    @property
    def wires(self) -> list[Proxy]:
        return [*self.to_zookeeper, self.to_rabbitmq]

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def process(self) -> Child:
        assert self._process is not None, f"{self.member} was never started"
        return self._process

    @property
    def lives(self) -> bool:
        return self._process is not None and self._process.lives

    def connect(self) -> None:
        for wire in self.wires:
            wire.start()

    def start(self) -> None:
        self._begun = self.log.stat().st_size if self.log.exists() else 0
        argv = [*self._command, "--config-file", str(self.config), "--member", self.member]
        self._process = Child(argv, dict(os.environ), self.folder, self.log)

    def said(self) -> list[str]:
        """Its log since it was started the last time."""
        return self.log.read_bytes()[self._begun :].decode().splitlines()

    def until_ready(self, bound: float) -> None:
        self.process.until(lambda: "ready" in self.said(), bound)

    def sessions(self) -> list[Session]:
        """Its ZooKeeper sessions."""
        return [session for wire in self.to_zookeeper for session in wire.live_sessions]

    def cut(self) -> None:
        for wire in self.wires:
            wire.cut()

    def heal(self) -> None:
        for wire in self.wires:
            wire.heal()

    def end(self) -> None:
        if self._process is not None:
            self._process.end(signal.SIGKILL)
        for wire in self.wires:
            wire.stop()


class RealCluster(AnyCluster):
    """`cloud`: the options of that group. Its tree lies in `chroot`, its queues in `vhost`. Clients, commands
    and VMs reach the bus directly."""

    def __init__(
        self,
        directory: Path,
        zookeepers: Sequence[ZooKeeper],
        rabbitmq: RabbitMQ,
        *,
        chroot: str = "",
        vhost: str = "/",
        members: Sequence[str] = MEMBERS,
        session: float = 2,
        command: Sequence[str] = AGENT,
        cloud: str | None = None,
    ) -> None:
        client_config = directory / "client.conf"
        super().__init__(
            directory,
            ("--config-file", str(client_config)),
            lambda: connect(config_file=client_config, timeout=15),
        )
        self.zookeepers, self.rabbitmq = zookeepers, rabbitmq
        self.hosts = {name: Host(name, directory / name, zookeepers, rabbitmq, command) for name in members}
        self._chroot, self._vhost, self._session = chroot, vhost, session
        self._cloud = cloud or LOCAL.format(directory=directory)
        self._timers: list[threading.Timer] = []
        self._written = False

    @property
    def root(self) -> str:
        """The path of its tree."""
        return f"{self._chroot}/test"

    def start(self, bound: float = 60.0) -> None:
        """All agents; returns when each has said that it is in the ring."""
        self.write()
        for host in self.hosts.values():
            host.start()
        for host in self.hosts.values():
            host.until_ready(bound)

    def write(self) -> None:
        """All that an agent finds on its host, and the wires; once."""
        if self._written:
            return
        self._written = True
        (self.directory / "cloud").mkdir(parents=True)
        mint(self.directory / "secret")
        bus = f"[DEFAULT]\ncluster = test\n[bus]\nurl = {self.rabbitmq.url(USER, vhost=self._vhost)}\n"
        write_private(self.directory / "client.conf", bus)
        heartbeats = r"^elastic\.heartbeats\.test$"
        self.rabbitmq.ctl("set_permissions", "-p", self._vhost, VM_USER, "^$", heartbeats, "^$")
        for host in self.hosts.values():
            for part in ("run", "state"):
                (host.folder / part).mkdir(parents=True)
            host.connect()
            write_private(host.config, self._text(host))

    def _text(self, host: Host) -> str:
        places = ",".join(f"127.0.0.1:{wire.port}" for wire in host.to_zookeeper)
        return CONFIG.substitute(
            member=host.member,
            directory=self.directory,
            cloud=self._cloud,
            place=host.folder,
            user=USER,
            session=self._session,
            store=store_url(places, USER, USER, self._chroot),
            bus=self.rabbitmq.url(USER, vhost=self._vhost, port=host.to_rabbitmq.port),
            vm_bus=self.rabbitmq.url(VM_USER, vhost=self._vhost),
        )

    def start_agent(self, name: str, bound: float = 60.0) -> None:
        """Returns when it is in the ring."""
        self.write()
        self.hosts[name].start()
        self.hosts[name].until_ready(bound)

    def stop_agent(self, name: str) -> int:
        """Ask it to stop; its exit code. It has 10 s."""
        return self.hosts[name].process.end(signal.SIGTERM, STOP_SECONDS)

    def stop(self) -> list[int]:
        """Ask all to stop, one after the other; their exit codes. Their VMs live on."""
        return [self.stop_agent(name) for name in self.living()]

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        process = self.hosts[name].process
        if number is signal.SIGKILL:
            process.end(number)
        else:
            process.signal(number)

    def expire(self, name: str) -> None:
        """Ends each session that it has with ZooKeeper now; returns when the server says so."""
        sessions = until(self.hosts[name].sessions, lack=f"{name} has no session")
        for session in sessions:
            expire(",".join(server.hosts for server in self.zookeepers), session)

    def cut(self, name: str, seconds: float | None = None) -> None:
        """Off from all servers at once. Healed after so many seconds, which nobody waits for; None: by `heal`."""
        self.hosts[name].cut()
        if seconds is not None:
            timer = threading.Timer(seconds, self.hosts[name].heal)
            timer.daemon = True
            self._timers.append(timer)
            timer.start()

    def heal(self, name: str) -> None:
        self.hosts[name].heal()

    def living(self) -> list[str]:
        return [name for name, host in self.hosts.items() if host.lives]

    def dead(self) -> list[str]:
        """Those that are not running."""
        return [name for name, host in self.hosts.items() if not host.lives]

    def plain_member(self, role: str) -> str:
        """One that lives and does not lead `role`; if there is one, one that leads nothing."""

        def plain() -> str | None:
            rows = [row for row in self.client.replicas() if role not in row["leads"] and is_alive(row["pid"])]
            return min(rows, key=lambda row: len(row["leads"]))["member"] if rows else None

        found: str = until(plain, lack=f"all lead {role}")
        return found

    def destroy(self) -> None:
        for timer in self._timers:
            timer.cancel()
            timer.join()
        for host in self.hosts.values():
            host.end()
        super().destroy()
