"""A RabbitMQ server of our own, from Debian's package: its own node, epmd, data and users. On 127.0.0.1 only."""

import base64
import hashlib
import json
import os
import signal
import ssl
import subprocess
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote, urlencode

import amqp

from tests.servers.process import PATIENCE, Child, free_port
from tests.servers.tls import Certificates

HOME = Path("/usr/lib/rabbitmq")
USERS = {"elastic": "administrator", "ann": "", "bob": ""}  # tags; passwords are the names
ACTOR = '<<"tests">>'
LOOPBACK = "-kernel inet_dist_use_interface {127,0,0,1}"
RESTFUL = "+sbwt none +sbwtdcpu none +sbwtdio none"  # Erlang's threads sleep at once when there is nothing to do


def is_installed() -> bool:
    return (HOME / "bin" / "rabbitmq-server").exists() and Path("/usr/bin/epmd").exists()


class RabbitMQ:
    """A server. Its port and its data outlive `stop`, `kill` and `restart`. With `tls` it speaks nothing else.

    `spins`: as Erlang does by itself, its threads go on looking for work for a while; that costs others the CPU.
    """

    def __init__(self, folder: Path, *, tls: Certificates | None = None, spins: bool = True) -> None:
        self.folder = folder
        self.port = free_port()
        self.node = f"elastic{self.port}@localhost"
        self._tls = tls
        self._spins = spins
        self._epmd_port, self._distribution_port = free_port(), free_port()
        self._epmd: Child | None = None
        self._broker: Child | None = None

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def pid(self) -> int:
        """Of the Erlang machine."""
        assert self._broker is not None
        return self._broker.pid

    @property
    def pids(self) -> list[int]:
        """And of its epmd."""
        return [child.pid for child in (self._broker, self._epmd) if child is not None]

    def start(self) -> None:
        """Returns when a user can log in."""
        self._prepare()
        epmd = ["/usr/bin/epmd", "-port", str(self._epmd_port), "-address", "127.0.0.1"]
        self._epmd = Child(epmd, self._environment(), self.folder, self.folder / "epmd.log")
        self._broker = Child([str(HOME / "bin" / "rabbitmq-server")], self._environment(), self.folder, self.log)
        self._broker.until(self._is_ready)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def pause(self) -> None:
        """SIGSTOP: it holds its connections, and answers nothing until `resume`."""
        assert self._broker is not None
        self._broker.signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._broker is not None
        self._broker.signal(signal.SIGCONT)

    def url(
        self, user: str = "elastic", password: str | None = None, vhost: str = "/", port: int | None = None
    ) -> str:
        """`port`: of a proxy in front of it."""
        secret = user if password is None else password
        place = f"{quote(user)}:{quote(secret)}@127.0.0.1:{port or self.port}/{quote(vhost, safe='')}"
        if self._tls is None:
            return f"amqp://{place}"
        return f"amqps://{place}?{urlencode(self._tls.options())}"

    def ctl(self, *args: str) -> str:
        """What `rabbitmqctl` prints: rows, without a head."""
        done = subprocess.run(
            [str(HOME / "bin" / "rabbitmqctl"), "--silent", *args],
            env=self._environment(),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        if done.returncode:
            raise RuntimeError(f"rabbitmqctl {args[0]}: {done.stderr or done.stdout}")
        return done.stdout

    def has_on_disk(self, queue: str, vhost: str = "/") -> bool:
        """Whether the quorum queue is safe from `kill`.

        RabbitMQ 3.10 writes the names of new ones half a second later than it says: killed before that, it comes
        back with a queue that is "running", has no leader and answers nobody, for ever.
        """
        names = self.folder / "data" / self.node / "quorum" / self.node / "names.dets"
        return f"{quote(vhost, safe='')}_{queue}".encode() in names.read_bytes()

    def replace_vhosts(self, old: Iterable[str], new: Iterable[str]) -> None:
        """In the new ones all users may do everything."""
        steps = [f"rabbit_vhost:delete(<<{json.dumps(vhost)}>>, {ACTOR})" for vhost in old]
        for vhost in new:
            steps.append(f"ok = rabbit_vhost:add(<<{json.dumps(vhost)}>>, {ACTOR})")
            steps += [
                f'ok = rabbit_auth_backend_internal:set_permissions(<<"{user}">>, <<{json.dumps(vhost)}>>,'
                f' <<".*">>, <<".*">>, <<".*">>, {ACTOR})'
                for user in USERS
            ]
        self.ctl("eval", ", ".join(steps) + ".")

    def _end(self, number: signal.Signals) -> None:
        if self._broker is not None:
            self._broker.end(number)
            self._broker = None
        if self._epmd is not None:
            self._epmd.end(signal.SIGKILL)
            self._epmd = None

    def _is_ready(self) -> bool:
        connection = amqp.Connection(
            f"127.0.0.1:{self.port}", "elastic", "elastic", connect_timeout=2, ssl=self._ssl() or False
        )
        try:
            connection.connect()
        except (OSError, amqp.AMQPError):
            return False
        connection.close()
        return True

    def _ssl(self) -> dict[str, object]:
        if self._tls is None:
            return {}
        return {
            "ca_certs": str(self._tls.ca_file),
            "certfile": str(self._tls.client_cert),
            "keyfile": str(self._tls.client_key),
            "cert_reqs": ssl.CERT_REQUIRED,
            "server_hostname": "127.0.0.1",
        }

    def _environment(self) -> dict[str, str]:
        folder = self.folder
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("RABBITMQ_", "ERL_"))}
        return ours | {
            "HOME": str(folder),
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": self.node,
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_PLUGINS_DIR": str(folder / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_ALLOW_INPUT": "1",  # the script becomes the server, rather than waiting for it
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"-noinput {LOOPBACK} {'' if self._spins else RESTFUL}",
            "RABBITMQ_CTL_ERL_ARGS": LOOPBACK,
            "RABBITMQ_CTL_DIST_PORT_MIN": "32000",  # above our servers, below clients
            "RABBITMQ_CTL_DIST_PORT_MAX": "32700",
        }

    def _prepare(self) -> None:
        fresh = not (self.folder / "data").exists()
        (self.folder / "plugins").mkdir(parents=True, exist_ok=True)
        for library in HOME.glob("lib/rabbitmq_server-*/plugins/*"):
            link = self.folder / "plugins" / library.name
            if _is_needed(library.name) and not link.exists():
                link.symlink_to(library)
        cookie = self.folder / ".erlang.cookie"
        if not cookie.exists():
            cookie.touch(mode=0o600)
            cookie.write_text(base64.b32encode(os.urandom(15)).decode())
            cookie.chmod(0o400)
        (self.folder / "enabled_plugins").write_text("[].\n")
        (self.folder / "users.json").write_text(json.dumps(_definitions()))
        (self.folder / "rabbitmq.conf").write_text("\n".join(self._config(fresh)) + "\n")

    def _config(self, fresh: bool) -> list[str]:
        lines = [
            "vm_memory_high_watermark.absolute = 2GB",
            "disk_free_limit.absolute = 10MB",
            "raft.wal_max_size_bytes = 33554432",
        ]
        if fresh:
            lines.append(f"load_definitions = {self.folder / 'users.json'}")
        if self._tls is None:
            return [*lines, f"listeners.tcp.1 = 127.0.0.1:{self.port}"]
        return [
            *lines,
            "listeners.tcp = none",
            f"listeners.ssl.1 = 127.0.0.1:{self.port}",
            f"ssl_options.cacertfile = {self._tls.ca_file}",
            f"ssl_options.certfile = {self._tls.server_cert}",
            f"ssl_options.keyfile = {self._tls.server_key}",
            "ssl_options.verify = verify_peer",
            f"ssl_options.fail_if_no_peer_cert = {str(self._tls.clients_show_theirs).lower()}",
        ]


def _is_needed(library: str) -> bool:
    """Reading what the many plug-ins say of themselves takes half of the time of a start."""
    return not library.startswith("rabbitmq_") or library.startswith("rabbitmq_prelaunch")


def _definitions() -> dict[str, object]:
    """Read at the first start; with them there is no `guest`."""
    return {
        "vhosts": [{"name": "/"}],
        "users": [
            {
                "name": name,
                "password_hash": _password_hash(name),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": tags,
            }
            for name, tags in USERS.items()
        ],
        "permissions": [
            {"user": name, "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"} for name in USERS
        ],
    }


def _password_hash(password: str) -> str:
    salt = os.urandom(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
