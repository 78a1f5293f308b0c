"""Servers and configurations by the examples in etc/elastic, with the places of a test in place of theirs."""

import re
from dataclasses import dataclass
from pathlib import Path

from elastic.conf.secret import mint, write_private
from tests.servers.process import free_port
from tests.servers.rabbitmq import RabbitMQ
from tests.servers.tls import Certificates
from tests.servers.zookeeper import ZooKeeper

ETC = Path(__file__).parents[2] / "etc" / "elastic"
USER = "elastic"


class ExampleZooKeeper(ZooKeeper):
    """By zoo.cfg.example; alone, or one of three."""

    def _config(self, data: Path) -> str:
        assert self._tls is not None
        text = _filled(
            (ETC / "zoo.cfg.example").read_text(),
            {
                "/etc/zookeeper/tls/server.pem": str(self._tls.server_pem),
                "/etc/zookeeper/tls/ca.pem": str(self._tls.ca_file),
                "dataDir=/var/lib/zookeeper": f"dataDir={data}",
                "secureClientPort=2281": f"secureClientPort={self.port}\nsecureClientPortAddress=127.0.0.1",
            },
        )
        text, count = re.subn(r"^server\.\d=.*\n", "", text, flags=re.MULTILINE)
        assert count == 3
        return text + self._quorum


def example_ensemble(folder: Path, tls: Certificates) -> list[ExampleZooKeeper]:
    quorum = "".join(f"server.{n}=127.0.0.1:{free_port()}:{free_port()}\n" for n in (1, 2, 3))
    return [ExampleZooKeeper(folder / str(n), tls=tls, quorum=quorum, my_id=n) for n in (1, 2, 3)]


class ExampleRabbitMQ(RabbitMQ):
    """By rabbitmq.conf.example, alone."""

    def _config(self, fresh: bool) -> list[str]:
        assert self._tls is not None
        text = _filled(
            (ETC / "rabbitmq.conf.example").read_text(),
            {
                "listeners.ssl.default = 5671": f"listeners.ssl.1 = 127.0.0.1:{self.port}",
                "/etc/rabbitmq/tls/ca.pem": str(self._tls.ca_file),
                "/etc/rabbitmq/tls/server.crt": str(self._tls.server_cert),
                "/etc/rabbitmq/tls/server.key": str(self._tls.server_key),
                "rabbit@mq1": self.node,
                "disk_free_limit.absolute = 2GB": "disk_free_limit.absolute = 10MB",
            },
        )
        lines = [line for line in text.splitlines() if "rabbit@mq" not in line]
        return [*lines, f"load_definitions = {self.folder / 'users.json'}"] if fresh else lines


@dataclass(frozen=True)
class Servers:
    """One ZooKeeper and one RabbitMQ by the examples, with TLS."""

    tls: Certificates
    zookeeper: ExampleZooKeeper
    rabbitmq: ExampleRabbitMQ

    def write_configuration(
        self, folder: Path, chroot: str, *, ca_of_store: Path | None = None, ca_of_bus: Path | None = None
    ) -> Path:
        """elastic.conf.example filled in, with the local cloud. `chroot` is the vhost's name as well."""
        for part in ("run", "state", "cloud"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        mint(folder / "secret")
        example = (ETC / "elastic.conf.example").read_text()
        url, vm_url = re.findall(r"^(?:vm_)?url = (amqps:.*)$", example, flags=re.MULTILINE)
        broker = f"{USER}:{USER}@127.0.0.1:{self.rabbitmq.port}"
        bus = f"amqps://{broker}/{chroot}?ca_file={ca_of_bus or self.tls.ca_file}"
        text = _filled(
            example,
            {
                "zk1.example.org:2281,zk2.example.org:2281,zk3.example.org:2281/elastic": (
                    f"{self.zookeeper.hosts}/{chroot}"
                ),
                "ZOOKEEPER_PASSWORD": "a-secret",
                f"vm_url = {vm_url}": f"vm_url = {bus}",
                f"url = {url}": f"url = {bus}",
                "/etc/elastic/tls/ca.pem": str(ca_of_store or self.tls.ca_file),
                "/etc/elastic/tls/replica.crt": str(self.tls.client_cert),
                "/etc/elastic/tls/replica.key": str(self.tls.client_key),
                "/etc/elastic/secret": str(folder / "secret"),
                "/var/lib/elastic": str(folder / "state"),
                "/run/elastic": str(folder / "run"),
                "session_timeout = 10": "session_timeout = 4",  # the least that the example's tickTime allows
                "operators = ops": f"operators = {USER}",
                "driver = openstack": f"driver = local\nlocal_dir = {folder / 'cloud'}\nsettle = 2",
                "clouds = east,west\n": "",
                "127.0.0.1:9301": "127.0.0.1:0",
            },
        )
        place = folder / "elastic.conf"
        place.unlink(missing_ok=True)
        write_private(place, text + "\n[decider]\ninterval = 1\n[doctor]\ninterval = 2\nprobe = 1\n")
        return place


def _filled(text: str, values: dict[str, str]) -> str:
    for old, new in values.items():
        assert old in text, f"the example has no {old!r} to be filled in"
        text = text.replace(old, new)
    return text
