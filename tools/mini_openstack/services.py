"""Which services there are, in the order in which they start."""

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mini_openstack import broker
from mini_openstack.places import Places
from mini_openstack.programs import find
from mini_openstack.settings import Settings

FOUNDATIONS = ("mariadb", "rabbitmq")  # whatever needs them is started after and stopped before
WEB = {
    "keystone": "keystone.wsgi.api",
    "nova-api": "nova.wsgi.osapi_compute",
    "neutron": "neutron.wsgi.api",
    "placement": "placement.wsgi.api",
    "glance": "glance.wsgi.api",
    "cinder-api": "cinder.wsgi.api",
}
_OFFSETS = {"keystone": 0, "glance": 1, "placement": 2, "nova-api": 3, "neutron": 4, "cinder-api": 8}
_AMQP = b"AMQP\x00\x00\x09\x01"
_MARIADB = (
    "--skip-networking",
    "--max-connections=600",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=0",
    # the disk is never waited for: if the machine crashes, `wipe` makes up for it
    "--innodb-flush-method=nosync",
    "--debug-no-sync",
    "--sync-frm=0",
    "--innodb-buffer-pool-size=128M",
    "--performance-schema=OFF",
)


def _at_once() -> bool:
    return True


@dataclass(frozen=True)
class Service:
    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    ports: tuple[int, ...] = ()
    address: str = ""
    answers: Callable[[], bool] = _at_once

    @property
    def can_be_asked(self) -> bool:
        """Agents cannot: their API knows whether they are up, and `inside/wait.py` asks it."""
        return self.answers is not _at_once


def services(settings: Settings, places: Places) -> dict[str, Service]:
    environment = venv_environment(places)
    found = [_mariadb(places)]
    if settings.rabbit_url is None:
        found.append(_rabbitmq(settings, places))
    found += [_web(name, module, settings, places) for name, module in WEB.items()]
    nova = ("--config-file", str(places.etc / "nova.conf"))
    for name in ("nova-conductor", "nova-scheduler"):
        found.append(Service(name, (str(places.venv / "bin" / name), *nova), environment))
    cinder = ("--config-file", str(places.etc / "cinder.conf"))
    for name in ("cinder-scheduler", "cinder-volume"):
        found.append(Service(name, (str(places.venv / "bin" / name), *cinder), environment))
    for compute in settings.computes:
        name = f"nova-compute-{compute}"
        argv = (
            str(places.venv / "bin" / "nova-compute"),
            *nova,
            "--config-file",
            str(places.etc / f"{name}.conf"),
        )
        found.append(Service(name, argv, environment))
    return {service.name: service for service in found}


def mark(places: Places) -> str:
    """In the environment of every process of the stack, and of no other."""
    return f"MINI_OPENSTACK_STACK={places.stack}"


def venv_environment(places: Places) -> dict[str, str]:
    """Whatever runs in the venv finds its configuration, and ours, by it."""
    environment = {name: value for name, value in os.environ.items() if not _leads_elsewhere(name)}
    environment |= _marked(places)
    environment["PATH"] = f"{places.venv}/bin:{os.environ.get('PATH', os.defpath)}"
    environment["PYTHONPATH"] = f"{Path(__file__).parent.parent}:{places.lib}"
    for service in ("KEYSTONE", "GLANCE", "PLACEMENT", "NEUTRON", "NOVA"):
        environment[f"OS_{service}_CONFIG_DIR"] = str(places.etc)
    environment["OS_NEUTRON_CONFIG_FILES"] = "neutron.conf"
    return environment


def listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def _leads_elsewhere(variable: str) -> bool:
    """To another cloud, to other modules, to a proxy."""
    return variable.startswith(("OS_", "MINI_OPENSTACK_", "PYTHON")) or variable.lower().endswith("_proxy")


def _marked(places: Places) -> dict[str, str]:
    name, _, value = mark(places).partition("=")
    return {name: value}


def _mariadb(places: Places) -> Service:
    argv = (
        find("mariadbd") or "mariadbd",
        "--no-defaults",
        f"--datadir={places.db}/mariadb",
        f"--socket={places.socket}",
        f"--pid-file={places.db}/mariadbd.pid",
        *_MARIADB,
        *(["--user=root"] if os.geteuid() == 0 else []),
    )

    def answers() -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            return _greets(client, str(places.socket), b"")

    return Service("mariadb", argv, dict(os.environ) | _marked(places), answers=answers)


def _rabbitmq(settings: Settings, places: Places) -> Service:
    ports = broker.ports(settings)

    def answers() -> bool:
        with socket.socket() as client:
            return _greets(client, ("127.0.0.1", ports[0]), _AMQP)

    environment = broker.environment(settings, places) | _marked(places)
    return Service("rabbitmq", broker.argv(settings), environment, ports, "127.0.0.1", answers)


def _web(name: str, module: str, settings: Settings, places: Places) -> Service:
    port = settings.port + _OFFSETS[name]
    python = str(places.venv / "bin" / "python")
    # the others find theirs by their environment
    options = ("--config-file", str(places.etc / "cinder.conf")) if name == "cinder-api" else ()
    return Service(
        name,
        (python, "-m", "mini_openstack.inside.serve", module, settings.host, str(port), *options),
        venv_environment(places),
        (port,),
        settings.host,
        lambda: listens(settings.host, port),
    )


def _greets(client: socket.socket, address: str | tuple[str, int], hello: bytes) -> bool:
    """Whether it says anything, once it has been told `hello`."""
    client.settimeout(2)
    try:
        client.connect(address)
        client.sendall(hello)
        return bool(client.recv(1))
    except OSError:
        return False
