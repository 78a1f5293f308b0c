"""The services' configuration, written anew at each start. Only its owner can read it."""

import json
import os
from pathlib import Path
from string import Template

from mini_openstack import broker
from mini_openstack.places import Places
from mini_openstack.settings import Settings

DATABASES = ("keystone", "glance", "placement", "neutron", "nova_api", "nova_cell0", "nova_cell1", "cinder")
_TEMPLATES = Path(__file__).with_name("conf")
_FILES = (
    "keystone.conf",
    "glance-api.conf",
    "placement.conf",
    "neutron.conf",
    "nova.conf",
    "cinder.conf",
    "nova-policy.yaml",
)
_CATALOGUE = {"image": ("glance", 1, ""), "placement": ("placement", 2, ""), "compute": ("nova", 3, "/v2.1")} | {
    "network": ("neutron", 4, ""),
    "block-storage": ("cinder", 8, "/v3"),
}


def write(settings: Settings, places: Places) -> None:
    values = _values(settings, places)
    for name in _FILES:
        _write(places.etc / name, _rendered(name, values))
    for compute in settings.computes:
        (places.run / f"nova-compute-{compute}").mkdir(exist_ok=True)
        _write(
            places.etc / f"nova-compute-{compute}.conf",
            _rendered("nova-compute.conf", values | {"compute": compute}),
        )
    # nova's API reads both of its files from one directory
    _write(places.etc / "api-paste.ini", (places.venv / "etc" / "nova" / "api-paste.ini").read_text())
    _write(places.stack, json.dumps(_stack(settings, places), indent=1))
    (places.run / "cinder").mkdir(exist_ok=True)
    if settings.rabbit_url is None:
        broker.write(settings, places)


def write_clouds(settings: Settings, places: Places) -> None:
    """Of use as soon as there are application credentials."""
    values = _values(settings, places)
    for name, credential in json.loads(places.application_credentials.read_text()).items():
        values |= {f"{name}_id": credential["id"], f"{name}_secret": credential["secret"]}
    _write(places.clouds, _rendered("clouds.yaml", values))


def database_url(places: Places, name: str) -> str:
    return f"mysql+pymysql://root@localhost/{name}?charset=utf8mb4&unix_socket={places.socket}"


def _rabbit_url(settings: Settings) -> str:
    return settings.rabbit_url or broker.url(settings)


def _values(settings: Settings, places: Places) -> dict[str, str]:
    values = {
        "auth_url": settings.auth_url,
        "host": settings.host,
        "password": settings.password,
        "rabbit_url": _rabbit_url(settings),
        "db": str(places.db),
        "etc": str(places.etc),
        "run": str(places.run),
        "venv": str(places.venv),
    }
    values |= {f"{name}_db": database_url(places, name) for name in DATABASES}
    for name in ("pool", "service-user", "common"):  # the last has the one before it in it
        values[name.replace("-", "_")] = _rendered(f"{name}.part", values).rstrip()
    return values


def _rendered(name: str, values: dict[str, str]) -> str:
    return Template((_TEMPLATES / name).read_text()).substitute(values)


def _stack(settings: Settings, places: Places) -> dict[str, object]:
    return {
        "auth_url": settings.auth_url,
        "password": settings.password,
        "rabbit_url": _rabbit_url(settings),
        "catalogue": [
            {"type": kind, "name": name, "url": f"http://{settings.host}:{settings.port + offset}{path}"}
            for kind, (name, offset, path) in _CATALOGUE.items()
        ],
        "computes": settings.computes,
        "vcpus": settings.vcpus,
        "memory_mb": settings.memory_mb,
        "disk_gb": settings.disk_gb,
        "unlimited": settings.quota == "unlimited",
        "socket": str(places.socket),
        "databases": DATABASES,
        "neutron_db": database_url(places, "neutron"),
        "application_credentials": str(places.application_credentials),
        "log": str(places.log),
    }


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w") as file:
        os.fchmod(descriptor, 0o600)
        file.write(text)
