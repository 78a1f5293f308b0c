"""ZooKeeper servers of our own, from Debian's package: one, or an ensemble. On 127.0.0.1 only."""

import base64
import hashlib
import os
import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from kazoo.client import KazooClient

from tests.servers.process import PATIENCE, Child, free_port
from tests.servers.tls import Certificates

JARS = Path("/usr/share/java")
# Debian's zookeeper.jar names the others it needs, but for netty-codec: without it TLS fails at each connection.
CLASS_PATH = ":".join(str(JARS / f"{jar}.jar") for jar in ("zookeeper", "netty-codec", "slf4j-simple"))
SUPERUSER = "super:super"  # may read and write everything: for those who judge from the store's side


def is_installed() -> bool:
    return (JARS / "zookeeper.jar").exists() and Path("/usr/bin/java").exists()


class ZooKeeper:
    """A server. Its port and its data outlive `stop`, `kill` and `restart`.

    `tick` in ms: sessions end at its multiples. With `tls` its port speaks nothing else.
    Without `fsync` it is faster and may lose what it answered when the machine dies. `heap` in MB.
    """

    def __init__(
        self,
        folder: Path,
        *,
        tls: Certificates | None = None,
        tick: int = 200,
        fsync: bool = True,
        heap: int = 256,
        quorum: str = "",
        my_id: int = 0,
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self._tls = tls
        self._tick = tick
        self._fsync = fsync
        self._heap = heap
        self._quorum = quorum
        self._my_id = my_id
        self._child: Child | None = None

    @property
    def hosts(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, user: str = "elastic", password: str | None = None, chroot: str = "") -> str:
        return store_url(self.hosts, user, password, chroot, self._tls)

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    def start(self) -> None:
        """Returns when it serves."""
        self.launch()
        self.until_ready()

    def launch(self) -> None:
        """Does not wait: one of an ensemble serves only when others do."""
        data = self.folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        if self._my_id:
            (data / "myid").write_text(f"{self._my_id}\n")
        config = self.folder / "zoo.cfg"
        config.write_text(self._config(data))
        argv = [
            "/usr/bin/java",
            *[f"-Xmx{self._heap}m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"],
            "-Djava.net.preferIPv4Stack=true",
            f"-Dzookeeper.DigestAuthenticationProvider.superDigest={_digest(SUPERUSER)}",
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
            "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
            *["-cp", CLASS_PATH],
            *["org.apache.zookeeper.server.quorum.QuorumPeerMain", str(config)],
        ]
        self._child = Child(argv, dict(os.environ), self.folder, self.folder / "log")

    def until_ready(self, bound: float = PATIENCE) -> None:
        assert self._child is not None
        self._child.until(lambda: self.says("ruok") == "imok" and "Mode:" in self.says("srvr"), bound)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def pause(self) -> None:
        """SIGSTOP: it holds its connections, and answers nothing until `resume`."""
        assert self._child is not None
        self._child.signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._child is not None
        self._child.signal(signal.SIGCONT)

    def says(self, word: str) -> str:
        """Its answer to one of its four-letter words; "" while it does not answer."""
        try:
            with self._connection() as connection:
                connection.sendall(word.encode())
                return b"".join(iter(lambda: connection.recv(65_536), b"")).decode()
        except OSError:
            return ""

    @property
    def mode(self) -> str:
        """`standalone`, `leader`, `follower`; "" while it does not serve."""
        lines = (line.partition(": ") for line in self.says("srvr").splitlines())
        return next((mode for word, _, mode in lines if word == "Mode"), "")

    @contextmanager
    def superuser(self) -> Iterator[KazooClient]:
        """A client that no ACL holds."""
        auth = [("digest", SUPERUSER)]
        client = KazooClient(self.hosts, timeout=10, auth_data=auth, **client_options(self._tls))
        client.start(PATIENCE)
        try:
            yield client
        finally:
            client.stop()
            client.close()

    def _end(self, number: signal.Signals) -> None:
        if self._child is not None:
            self._child.end(number)
            self._child = None

    def _connection(self) -> socket.socket:
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=2)
        if self._tls is None:
            return plain
        context = ssl.create_default_context(cafile=str(self._tls.ca_file))
        context.load_cert_chain(self._tls.client_cert, self._tls.client_key)
        return context.wrap_socket(plain, server_hostname="127.0.0.1")

    def _config(self, data: Path) -> str:
        lines = [
            f"dataDir={data}",
            f"tickTime={self._tick}",
            *["minSessionTimeout=400", "maxSessionTimeout=120000"],
            *["initLimit=100", "syncLimit=25"],
            "maxClientCnxns=0",
            "preAllocSize=4096",
            f"forceSync={'yes' if self._fsync else 'no'}",
            "admin.enableServer=false",
            "4lw.commands.whitelist=ruok,srvr,mntr,cons,dump",
        ]
        if self._tls is None:
            lines += [f"clientPort={self.port}", "clientPortAddress=127.0.0.1"]
        else:
            lines += [
                *[f"secureClientPort={self.port}", "secureClientPortAddress=127.0.0.1"],
                "serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory",
                *[f"ssl.keyStore.location={self._tls.server_pem}", "ssl.keyStore.type=PEM"],
                *[f"ssl.trustStore.location={self._tls.ca_file}", "ssl.trustStore.type=PEM"],
                f"ssl.clientAuth={'need' if self._tls.clients_show_theirs else 'want'}",
            ]
        return "\n".join(lines) + "\n" + self._quorum


class Ensemble:
    """`size` servers that serve as long as most of them live; each can be stopped by itself."""

    def __init__(self, folder: Path, size: int = 3, *, tls: Certificates | None = None, tick: int = 200) -> None:
        numbers = range(1, size + 1)
        quorum = "".join(f"server.{number}=127.0.0.1:{free_port()}:{free_port()}\n" for number in numbers)
        self._tls = tls
        self.servers = [
            ZooKeeper(folder / str(number), tls=tls, tick=tick, quorum=quorum, my_id=number) for number in numbers
        ]

    @property
    def hosts(self) -> str:
        return ",".join(server.hosts for server in self.servers)

    def url(self, user: str = "elastic", password: str | None = None, chroot: str = "") -> str:
        return store_url(self.hosts, user, password, chroot, self._tls)

    @property
    def leader(self) -> ZooKeeper:
        return next(server for server in self.servers if server.mode == "leader")

    def start(self) -> None:
        """Returns when all serve."""
        for server in self.servers:
            server.launch()
        for server in self.servers:
            server.until_ready()

    def stop(self) -> None:
        for server in self.servers:
            server.stop()

    def kill(self) -> None:
        for server in self.servers:
            server.kill()


def store_url(hosts: str, user: str, password: str | None, chroot: str, tls: Certificates | None = None) -> str:
    """Without `user`: without credentials. The password is the user's name if there is no other."""
    credentials = f"{quote(user)}:{quote(user if password is None else password)}@" if user else ""
    options = f"?{urlencode(tls.options())}" if tls is not None else ""
    return f"zookeeper://{credentials}{hosts}{chroot}{options}"


def client_options(tls: Certificates | None) -> dict[str, Any]:
    """What a kazoo client needs to be told for `tls`."""
    if tls is None:
        return {}
    return {
        "use_ssl": True,
        "verify_certs": True,
        "check_hostname": True,
        "ca": str(tls.ca_file),
        "certfile": str(tls.client_cert),
        "keyfile": str(tls.client_key),
    }


def _digest(credentials: str) -> str:
    digest = hashlib.sha1(credentials.encode(), usedforsecurity=False).digest()
    return f"{credentials.partition(':')[0]}:{base64.b64encode(digest).decode()}"
