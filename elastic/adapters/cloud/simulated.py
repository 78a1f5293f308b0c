"""A cloud that is not there: it moves with the clock it is given, and fails as often as it is told to.

It starts no thread and never waits. What is due by the clock happens when anybody next looks. Latency
shows in when things happen, not in how long a call takes. Creates are acknowledged before they are
listed, GET is consistent, deletes are acknowledged before they are done, as Nova has it.
"""

import random
from collections.abc import Iterable, Sequence
from threading import RLock
from typing import NoReturn

from elastic.adapters.cloud.bare import BareCloud
from elastic.adapters.cloud.machines import Dice, Machine, Machines
from elastic.adapters.cloud.place import CloudPlace
from elastic.adapters.cloud.weather import Entry, Happened, Weather
from elastic.errors import BadOrder, CloudRefused, CloudUnavailable, NoRoom, ServerGone
from elastic.model.server import Mark, Order, Server, ServerStatus
from elastic.ports.clock import Clock

FULL = "Quota exceeded for instances"
_RUNS = frozenset({ServerStatus.BUILD, ServerStatus.ACTIVE})


class SimulatedCloud(BareCloud):
    """`chance` decides everything that is left to chance; `quota` counts servers of all sites, ours or not.

    `weather` and `quota` may be changed at any time.
    """

    def __init__(
        self,
        clock: Clock,
        chance: random.Random | None = None,
        *,
        weather: Weather | None = None,
        quota: int | None = None,
        site_names: Iterable[str] = ("simulated",),
        seed: int = 0,
    ) -> None:
        self.weather = weather or Weather()
        self.quota = quota
        self._dice = Dice(chance or random.Random(seed))  # noqa: S311 - a game, no secret
        self._machines = Machines(clock, self._dice)
        self._sites = set(site_names)
        self._out: set[str] = set()
        self._lock = RLock()

    @classmethod
    def at(cls, place: CloudPlace) -> "SimulatedCloud":
        return cls(place.clock)

    # What we are asked through the port.

    def sites(self) -> Sequence[str]:
        with self._lock:
            return sorted(self._sites)

    def create(self, order: Order, timeout: float) -> Server:
        with self._lock:
            self._enter(order.site, self.weather.create_unheard)
            self._sites.add(order.site)
            self._refuse(order)
            if self._dice.says(self.weather.create_late):
                self._give_up(order, self._dice.within(self.weather.late_by))
            latency = self._dice.within(self.weather.latency)
            if latency > timeout:
                self._give_up(order, latency)
            machine = self._build(order, latency)
            if self._dice.says(self.weather.reply_lost):
                raise CloudUnavailable("the connection broke before an answer came")
            return machine.told()

    def delete(self, site: str, server_id: str, timeout: float) -> None:
        with self._lock:
            self._enter(site, self.weather.delete_unheard)
            machine = self._machine(site, server_id)
            if not machine.is_there:
                raise ServerGone(f"{site} has no server {server_id}")
            latency = self._dice.within(self.weather.latency)
            self._machines.note(Happened.DELETE_ASKED, machine)
            self._let_go(machine, latency)
            if latency > timeout or self._dice.says(self.weather.delete_reply_lost):
                raise CloudUnavailable("the connection broke before an answer came")

    def server(self, site: str, server_id: str, timeout: float) -> Server:  # noqa: ARG002 - never waits
        with self._lock:
            self._enter(site, self.weather.read_unheard)
            return self._machine(site, server_id).told()

    def servers(
        self,
        site: str,
        cluster: str,
        timeout: float,  # noqa: ARG002 - never waits
        instance_id: str | None = None,
    ) -> Sequence[Server]:
        with self._lock:
            self._enter(site, self.weather.read_unheard)
            return [
                machine.told()
                for machine in self._machines.listed()
                if machine.site == site
                and machine.mark
                and machine.mark.cluster == cluster
                and instance_id in (None, machine.mark.instance_id)
                and not self._dice.says(self.weather.left_out)
            ]

    # What only tests see and do.

    @property
    def journal(self) -> Sequence[Entry]:
        """What really happened up to now, in order, whatever callers were told."""
        with self._lock:
            self._machines.catch_up()
            return tuple(self._machines.journal)

    def all_servers(self) -> list[Server]:
        """Everything that is there, whether listings show it or not."""
        with self._lock:
            self._machines.catch_up()
            return [machine.told() for machine in self._machines.all()]

    def live_servers(self) -> list[Server]:
        """Those that run or are about to; one that is being deleted runs until it is gone."""
        return [server for server in self.all_servers() if server.status in _RUNS]

    def kill(self, server_id: str, status: ServerStatus = ServerStatus.ERROR) -> None:
        """Its guest dies: the server stays, in `status`."""
        with self._lock:
            self._machines.catch_up()
            machine = self._machines.by_id(server_id)
            machine.status, machine.fault = status, "process ended"
            self._machines.note(Happened.KILLED, machine)

    def vanish(self, server_id: str) -> None:
        """Somebody else deletes it."""
        with self._lock:
            self._machines.catch_up()
            self._machines.end(self._machines.by_id(server_id), Happened.VANISHED, self.weather)

    def outage(self, site: str, on: bool) -> None:
        """While on, no call about the site gets through. Its servers run on."""
        (self._out.add if on else self._out.discard)(site)

    def plant(self, site: str, mark: Mark | None = None) -> str:
        """A server that nobody ordered through the port: a stranger's, or an old one of ours. Its id."""
        with self._lock:
            self._machines.catch_up()
            self._sites.add(site)
            return self._machines.build(site, mark, self.weather).server_id

    # How callers fare.

    def _enter(self, site: str, unheard: float) -> None:
        self._machines.catch_up()
        if site in self._out or self._dice.says(unheard):
            raise CloudUnavailable(f"{site} does not answer")

    def _refuse(self, order: Order) -> None:
        obstacle = self._obstacle(order)
        if obstacle is not None:
            raise obstacle
        if self._dice.says(self.weather.no_room):
            raise NoRoom(FULL)
        if self._dice.says(self.weather.bad_order):
            raise BadOrder(f"no image for {order.deployable_type}")

    def _obstacle(self, order: Order) -> CloudRefused | None:  # noqa: ARG002 - for clouds that know more
        """Why it cannot be made now, for certain."""
        is_full = self.quota is not None and len(self._machines.all()) >= self.quota
        return NoRoom(FULL) if is_full else None

    def _build(self, order: Order, latency: float = 0.0) -> Machine:
        return self._machines.build(order.site, order.mark, self.weather, latency)

    def _give_up(self, order: Order, delay: float) -> NoReturn:
        """The caller goes away, the order goes on."""

        def take_effect() -> None:
            if self._obstacle(order) is None:
                self._build(order)

        self._machines.plan(delay, take_effect)
        raise CloudUnavailable("no answer in time")

    def _let_go(self, machine: Machine, latency: float) -> None:
        if machine.is_leaving:
            return
        machine.is_leaving = True
        delay = latency + self._dice.within(self.weather.delete)
        self._machines.plan(delay, lambda: self._machines.end(machine, Happened.GONE, self.weather))

    def _machine(self, site: str, server_id: str) -> Machine:
        machine = self._machines.get(site, server_id)
        if machine is None:
            raise ServerGone(f"{site} has no server {server_id}")
        return machine
