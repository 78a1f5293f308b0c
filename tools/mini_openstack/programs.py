"""The programs of MariaDB and RabbitMQ, from Debian's packages. Nothing is started by installing them."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mini_openstack import jobs
from mini_openstack.errors import Trouble
from mini_openstack.jobs import Step
from mini_openstack.places import Places
from mini_openstack.progress import say
from mini_openstack.settings import Settings

RABBITMQ = Path("/usr/lib/rabbitmq")
_SERVERS_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"  # which users often do not have
_POLICY = Path("/usr/sbin/policy-rc.d")


def find(name: str) -> str | None:
    return shutil.which(name, path=_SERVERS_PATH)


def provide(settings: Settings, places: Places) -> None:
    """Root gets what is missing; anybody else is told what to install."""
    missing = _missing(settings)
    if not missing:
        return
    if os.geteuid() != 0 or find("apt-get") is None:
        raise Trouble(
            f"programs are missing; as root: apt-get install --no-install-recommends {' '.join(missing)}"
        )
    say(f"installing {', '.join(missing)}")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "-q"]
    log = places.log_of("apt")
    with _no_services_started():
        jobs.run(Step([*apt, "update"], environment, log))
        jobs.run(Step([*apt, "install", "-y", "--no-install-recommends", *missing], environment, log))
    if still := _missing(settings):
        raise Trouble(f"these packages do not bring the programs that we know: {', '.join(still)}")


def _missing(settings: Settings) -> list[str]:
    packages = []
    if not (find("mariadbd") and find("mariadb-install-db") and find("my_print_defaults")):
        packages += ["mariadb-server-core", "mariadb-client-core"]
    if settings.rabbit_url is None and not ((RABBITMQ / "bin" / "rabbitmq-server").exists() and find("epmd")):
        packages += ["rabbitmq-server"]
    return packages


@contextmanager
def _no_services_started() -> Iterator[None]:
    """Debian's packages ask this file whether they may start what they bring."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    try:
        _POLICY.chmod(0o755)
        yield
    finally:
        _POLICY.unlink()
