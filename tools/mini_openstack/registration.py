"""What keystone and the others must know before the cloud is of use; anew if the settings in it have changed."""

import hashlib
from pathlib import Path

from mini_openstack.jobs import Step
from mini_openstack.places import Places
from mini_openstack.services import venv_environment
from mini_openstack.settings import Settings


def is_due(settings: Settings, places: Places) -> bool:
    mark = _mark(places)
    return (
        not places.application_credentials.exists()
        or not mark.exists()
        or mark.read_text() != _fingerprint(settings)
    )


def mark_done(settings: Settings, places: Places) -> None:
    mark = _mark(places)
    mark.touch(mode=0o600)
    mark.write_text(_fingerprint(settings))


def bootstrap(settings: Settings, places: Places) -> Step:
    """The user `admin`, with the password that is now set, and keystone's own place in the catalogue."""
    secrets = {
        "OS_BOOTSTRAP_PASSWORD": settings.password,
        "OS_BOOTSTRAP_PROJECT_NAME": "demo",
        "OS_BOOTSTRAP_REGION_ID": "RegionOne",
        "OS_BOOTSTRAP_PUBLIC_URL": settings.auth_url,
        "OS_BOOTSTRAP_INTERNAL_URL": settings.auth_url,  # other services' middleware asks for this one
    }
    argv = [f"{places.venv}/bin/keystone-manage", "--config-file", f"{places.etc}/keystone.conf", "bootstrap"]
    return Step(argv, venv_environment(places) | secrets, places.log_of("keystone-db"))


def register(places: Places) -> Step:
    return _inside(places, "register")


def furnish(places: Places) -> Step:
    return _inside(places, "furnish")


def _inside(places: Places, module: str) -> Step:
    argv = [f"{places.venv}/bin/python", "-m", f"mini_openstack.inside.{module}"]
    return Step(argv, venv_environment(places), places.log_of(module))


def _mark(places: Places) -> Path:
    return places.db / "registered"


def _fingerprint(settings: Settings) -> str:
    parts = [settings.auth_url, settings.password, settings.quota, str(settings.vcpus)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
