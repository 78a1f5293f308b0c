"""Services that are being started: which they are, whether they live, and until when they must answer."""

import time
from collections.abc import Iterable, Sequence

from mini_openstack.errors import Trouble
from mini_openstack.jobs import Step, begun, tail
from mini_openstack.places import Places
from mini_openstack.processes import Processes
from mini_openstack.progress import say
from mini_openstack.services import Service, listens, services
from mini_openstack.settings import Settings

_PAUSE = 0.1
_GRACE = 15.0  # seconds


class Launch:
    def __init__(self, settings: Settings, places: Places) -> None:
        self.services = services(settings, places)
        self._places = places
        self._processes = Processes(places)
        self._timeout = settings.timeout
        self._deadline = time.monotonic() + settings.timeout
        self._begun: set[str] = set()
        self._answered: set[str] = set()

    @property
    def seconds_left(self) -> float:
        return max(0.0, self._deadline - time.monotonic())

    def begin(self, names: Iterable[str]) -> None:
        """Those that run already are left as they are."""
        for name in names:
            service = self.services[name]
            self._begun.add(name)
            if self._processes.life(name):
                continue
            self._processes.kill([name])  # of a life before this one, something may be left
            self._check_ports(service)
            self._processes.launch(name, service.argv, service.environment)

    def until_answered(self, names: Iterable[str]) -> None:
        waiting = [name for name in names if name not in self._answered]
        while waiting:
            for name in [name for name in waiting if self.services[name].answers()]:
                say(f"{name} {'answers' if self.services[name].can_be_asked else 'is started'}")
                self._answered.add(name)
                waiting.remove(name)
            if waiting:
                self._wait_for(waiting)

    def until_logged(self, name: str, text: str) -> None:
        log = self._places.log_of(name)
        while text not in log.read_text(errors="replace"):
            self._wait_for([name])

    def check(self) -> None:
        """Trouble if one of those begun has died since."""
        for name in self._begun:
            if not self._processes.life(name):
                log = self._places.log_of(name)
                raise Trouble(f"{name} has died, see {log}:\n{tail(log)}")

    def run(self, step: Step) -> None:
        with begun(step, self.watch):
            pass

    def watch(self) -> None:
        """Trouble as `check`, or if it is late and whatever we run has not told so by itself."""
        self.check()
        if time.monotonic() > self._deadline + _GRACE:
            raise Trouble(f"after {self._timeout} s not all is done, see the logs in {self._places.log}")

    def _wait_for(self, names: Sequence[str]) -> None:
        self.check()
        if not self.seconds_left:
            logs = " ".join(str(self._places.log_of(name)) for name in names)
            raise Trouble(f"after {self._timeout} s there is no answer from {', '.join(names)}, see {logs}")
        time.sleep(_PAUSE)

    def _check_ports(self, service: Service) -> None:
        for port in service.ports:
            if listens(service.address, port):
                raise Trouble(
                    f"port {port}, which {service.name} needs, is taken: choose another MINI_OPENSTACK_PORT"
                )
