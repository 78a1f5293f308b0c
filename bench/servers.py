"""ZooKeeper and RabbitMQ for one run: our own, on free ports of 127.0.0.1, started when first asked for."""

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.rows import tell
from tests.servers.rabbitmq import RabbitMQ
from tests.servers.rabbitmq import is_installed as rabbitmq_is_installed
from tests.servers.zookeeper import ZooKeeper
from tests.servers.zookeeper import is_installed as zookeeper_is_installed


class Servers:
    """What the rows stand on. Each takes a chroot and a vhost of its own, so that none meets another's traces."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        """Of this run; it goes with it."""
        self._zookeeper: ZooKeeper | None = None
        self._rabbitmq: RabbitMQ | None = None

    @property
    def zookeeper(self) -> ZooKeeper:
        """Syncs to disk before it answers, as one in earnest does."""
        if self._zookeeper is None:
            tell("starting ZooKeeper")
            self._zookeeper = ZooKeeper(self.folder / "zookeeper", fsync=True)
            self._zookeeper.start()
        return self._zookeeper

    @property
    def rabbitmq(self) -> RabbitMQ:
        if self._rabbitmq is None:
            tell("starting RabbitMQ")
            self._rabbitmq = RabbitMQ(self.folder / "rabbitmq")
            self._rabbitmq.start()
        return self._rabbitmq

    @property
    def zookeeper_hosts(self) -> str:
        return self.zookeeper.hosts

    def store_url(self) -> str:
        """With a fresh chroot, where anyone may create."""
        path = f"/bench-{secrets.token_hex(4)}"
        with self.zookeeper.superuser() as client:
            client.create(path)
        return f"zookeeper://{self.zookeeper.hosts}{path}"

    def bus_url(self, user: str = "elastic") -> str:
        """With a fresh vhost, where all users may do everything."""
        vhost = f"bench-{secrets.token_hex(4)}"
        self.rabbitmq.replace_vhosts([], [vhost])
        return self.rabbitmq.url(user, vhost=vhost)

    def stop(self) -> None:
        """By their pids; should we die before, the watchdog of `tests.servers` does it."""
        for server in (self._zookeeper, self._rabbitmq):
            if server is not None:
                server.kill()


def lacking() -> str:
    """What to install; "" if nothing."""
    found = {"zookeeper": zookeeper_is_installed(), "rabbitmq-server": rabbitmq_is_installed()}
    return " ".join(package for package, is_there in found.items() if not is_there)


@contextmanager
def started() -> Iterator[Servers]:
    """Nothing of them is left afterwards, however it ends."""
    with tempfile.TemporaryDirectory(prefix="elastic-bench-") as folder:
        servers = Servers(Path(folder))
        try:
            yield servers
        finally:
            servers.stop()
