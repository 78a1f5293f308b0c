"""What stands inside the simulated cloud, out of its callers' sight: machines, a timeline, the journal."""

import heapq
import random
from collections.abc import Callable

from elastic.adapters.cloud.weather import Entry, Happened, Span, Weather
from elastic.model.domain import DomainKey
from elastic.model.server import Mark, Server, ServerStatus
from elastic.ports.clock import Clock

NO_MARK = Mark(cluster="", key=DomainKey("", ""), incarnation=0, instance_id="")
NO_HOST = "No valid host was found. There are not enough hosts available."


class Machine:
    """One server. `created` is wall time, `listed_at` monotonic."""

    def __init__(self, number: int, site: str, mark: Mark | None, created: float, listed_at: float) -> None:
        self.number = number
        self.site = site
        self.mark = mark
        self.created = created
        self.listed_at = listed_at
        self.status = ServerStatus.BUILD
        self.fault = ""
        self.is_leaving = False

    @property
    def server_id(self) -> str:
        return f"s-{self.number}"

    @property
    def is_there(self) -> bool:
        return self.status is not ServerStatus.DELETED

    def told(self) -> Server:
        is_up = self.status is ServerStatus.ACTIVE
        return Server(
            server_id=self.server_id,
            site=self.site,
            mark=self.mark or NO_MARK,
            status=self.status,
            created=self.created,
            private_ip=f"10.{self.number >> 16 & 255}.{self.number >> 8 & 255}.{self.number & 255}"
            if is_up
            else None,
            hostname=self.server_id,
            fault=self.fault,
        )


class Dice:
    """Chance. What is certain or impossible draws nothing."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def says(self, probability: float) -> bool:
        return probability > 0 and (probability >= 1 or self._chance.random() < probability)

    def within(self, span: Span) -> float:
        least, most = span
        return least if least == most else self._chance.uniform(least, most)


class Machines:
    """All of them. What is planned happens at its own time, however far the clock goes in one step."""

    def __init__(self, clock: Clock, dice: Dice) -> None:
        self.journal: list[Entry] = []
        self._clock = clock
        self._dice = dice
        self._machines: dict[str, Machine] = {}
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._made = 0
        self._planned = 0
        self._moment = clock.monotonic()

    def catch_up(self) -> None:
        """Let everything happen that is due by the clock."""
        now = self._clock.monotonic()
        while self._due and self._due[0][0] <= now:
            self._moment, _, effect = heapq.heappop(self._due)
            effect()
        self._moment = now

    def plan(self, delay: float, effect: Callable[[], None]) -> None:
        self._planned += 1  # of two at one time the one planned first comes first
        heapq.heappush(self._due, (self._moment + delay, self._planned, effect))

    @property
    def now(self) -> float:
        """Up to when all has happened; monotonic."""
        return self._moment

    def all(self) -> list[Machine]:
        return [machine for machine in self._machines.values() if machine.is_there]

    def listed(self) -> list[Machine]:
        return [machine for machine in self.all() if machine.listed_at <= self._moment]

    def get(self, site: str, server_id: str) -> Machine | None:
        machine = self._machines.get(server_id)
        return machine if machine and machine.site == site else None

    def by_id(self, server_id: str) -> Machine:
        return self._machines[server_id]

    def build(self, site: str, mark: Mark | None, weather: Weather, latency: float = 0.0) -> Machine:
        self._made += 1
        wall = self._clock.now() - (self._clock.monotonic() - self._moment)
        listed_at = self._moment + latency + self._dice.within(weather.listing_lag)
        machine = Machine(self._made, site, mark, wall, listed_at)
        self._machines[machine.server_id] = machine
        self.note(Happened.CREATED, machine)
        fails = self._dice.says(weather.boot_error)
        self.plan(latency + self._dice.within(weather.boot), lambda: self._boot(machine, fails))
        if self._dice.says(weather.vanishes):
            after = self._dice.within(weather.vanishes_after)
            self.plan(after, lambda: self.end(machine, Happened.VANISHED, weather))
        return machine

    def end(self, machine: Machine, what: Happened, weather: Weather) -> None:
        """`what` it is that made it go."""
        if not machine.is_there:
            return
        machine.status = ServerStatus.DELETED
        self.note(what, machine)
        shown = self._dice.within(weather.shown_deleted)
        self.plan(shown, lambda: self._forget(machine))

    def note(self, what: Happened, machine: Machine) -> None:
        self.journal.append(
            Entry(time=self._moment, what=what, server_id=machine.server_id, site=machine.site, mark=machine.mark)
        )

    def _boot(self, machine: Machine, fails: bool) -> None:
        if machine.status is not ServerStatus.BUILD:
            return
        machine.status = ServerStatus.ERROR if fails else ServerStatus.ACTIVE
        machine.fault = NO_HOST if fails else ""
        self.note(Happened.ERROR if fails else Happened.ACTIVE, machine)

    def _forget(self, machine: Machine) -> None:
        del self._machines[machine.server_id]
