"""A RabbitMQ of our own: a node, an epmd, data and one user, all on loopback. The system's is left alone."""

import base64
import hashlib
import json
import os
from pathlib import Path
from string import Template

from mini_openstack.places import Places
from mini_openstack.programs import RABBITMQ, find
from mini_openstack.settings import Settings

_HOST = "127.0.0.1"
_USER = "openstack"
_VHOST = "openstack"  # it must not be shared: in all clouds the queues have the same names
_LOOPBACK = "-kernel inet_dist_use_interface {127,0,0,1}"
_RESTFUL = "+sbwt none +sbwtdcpu none +sbwtdio none"  # Erlang's threads sleep at once when there is nothing to do


def ports(settings: Settings) -> tuple[int, int, int]:
    """For clients, of epmd, and for other nodes."""
    return settings.port + 5, settings.port + 6, settings.port + 7


def url(settings: Settings) -> str:
    return f"rabbit://{_USER}:{settings.password}@{_HOST}:{ports(settings)[0]}/{_VHOST}"


def argv(settings: Settings) -> tuple[str, ...]:
    """epmd goes into the same session, so that it ends with the server."""
    epmd = f"{find('epmd')} -port {ports(settings)[1]} -address {_HOST}"
    return ("/bin/sh", "-c", f"{epmd} & exec {RABBITMQ}/bin/rabbitmq-server")


def environment(settings: Settings, places: Places) -> dict[str, str]:
    home = _home(places)
    client, epmd, distribution = ports(settings)
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("RABBITMQ_", "ERL_"))}
    return ours | {
        "HOME": str(home),
        "ERL_EPMD_PORT": str(epmd),
        "ERL_EPMD_ADDRESS": _HOST,
        "RABBITMQ_NODENAME": f"mini-openstack-{client}@localhost",
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
        "RABBITMQ_PLUGINS_DIR": str(home / "plugins"),
        "RABBITMQ_MNESIA_BASE": str(home / "data"),
        "RABBITMQ_LOG_BASE": str(home),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_ALLOW_INPUT": "1",  # the script becomes the server, rather than waiting for it
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"-noinput {_LOOPBACK} {_RESTFUL}",
    }


def write(settings: Settings, places: Places) -> None:
    home = _home(places)
    (home / "plugins").mkdir(mode=0o700, parents=True, exist_ok=True)
    for library in RABBITMQ.glob("lib/rabbitmq_server-*/plugins/*"):
        link = home / "plugins" / library.name
        if _is_needed(library.name) and not link.is_symlink():
            link.symlink_to(library)
    cookie = home / ".erlang.cookie"
    if not cookie.exists():
        cookie.touch(mode=0o600)
        cookie.write_text(base64.b32encode(os.urandom(15)).decode())
        cookie.chmod(0o400)  # Erlang insists
    template = Template((Path(__file__).with_name("conf") / "rabbitmq.conf").read_text())
    (home / "rabbitmq.conf").write_text(template.substitute(host=_HOST, port=ports(settings)[0], home=home))
    (home / "enabled_plugins").write_text("[].\n")
    definitions = home / "definitions.json"
    definitions.touch(mode=0o600)
    definitions.write_text(json.dumps(_definitions(settings.password)))


def _home(places: Places) -> Path:
    return places.db / "rabbitmq"


def _is_needed(library: str) -> bool:
    """The many plug-ins are looked through at each start, which takes half of its time."""
    return not library.startswith("rabbitmq_") or library.startswith("rabbitmq_prelaunch")


def _definitions(password: str) -> dict[str, object]:
    """Taken over at each start. With them the server makes no user `guest`."""
    user = {
        "name": _USER,
        "password_hash": _password_hash(password),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": "administrator",
    }
    everything = {"user": _USER, "vhost": _VHOST, "configure": ".*", "write": ".*", "read": ".*"}
    return {"vhosts": [{"name": _VHOST}], "users": [user], "permissions": [everything]}


def _password_hash(password: str) -> str:
    salt = os.urandom(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
