"""All that is there before a service can start. What is there already is left as it is."""

from mini_openstack import config, databases, drivers, packages, programs
from mini_openstack.errors import Trouble
from mini_openstack.places import Places
from mini_openstack.settings import Settings
from mini_openstack.stop import stop


def install(settings: Settings, places: Places) -> None:
    prepare(settings, places)
    if not is_installed(places):
        try:
            databases.provide(settings, places)
        finally:
            stop(places, ["mariadb"])


def prepare(settings: Settings, places: Places) -> None:
    """All but the databases."""
    programs.provide(settings, places)
    packages.provide(settings, places)
    drivers.provide(places)
    config.write(settings, places)


def is_installed(places: Places) -> bool:
    return (places.db / "made").exists()


def check(places: Places) -> None:
    if not places.stack.exists():
        raise Trouble(f"nothing is installed in {places.root}: `mini-openstack install` does that")
