"""Services are stopped: those of OpenStack first, and then what they rest on."""

from collections.abc import Sequence

from mini_openstack.places import Places
from mini_openstack.processes import Processes
from mini_openstack.progress import say
from mini_openstack.services import FOUNDATIONS, mark

_PATIENCE = 10.0  # seconds
_FOUNDATIONS_PATIENCE = 30.0


def stop(places: Places, names: Sequence[str]) -> None:
    processes = Processes(places)
    upper = [name for name in names if name not in FOUNDATIONS]
    lower = [name for name in names if name in FOUNDATIONS]
    for wave, patience in ((upper, _PATIENCE), (lower, _FOUNDATIONS_PATIENCE)):
        running = [name for name in wave if processes.life(name)]
        if running:
            say(f"stopping {', '.join(running)}")
        processes.stop(wave, patience)


def stop_all(places: Places) -> None:
    """Whatever was started here, be it that the settings name it still or not."""
    processes = Processes(places)
    stop(places, processes.noted())
    processes.sweep(mark(places))


def kill_all(places: Places) -> None:
    """For whom their data will not be needed again."""
    processes = Processes(places)
    processes.kill(processes.noted())
    processes.sweep(mark(places))
