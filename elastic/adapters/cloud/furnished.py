"""A simulated cloud that knows deployable types, and makes parts for servers: ports, volumes, groups.

It keeps to what Nova and Neutron promise, and to no more: a port serves one server at a time, and stays as long
as that does; a create without its port fails, also one that takes effect late; a floating IP goes whoever uses it,
and a server comes up without; names are not unique; what was made is not listed at once; a group goes only when
nothing is in it. What a recipe says of images and flavors it takes on trust.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from typing import Any

import msgspec

from elastic.adapters.cloud.machines import Machine
from elastic.adapters.cloud.simulated import SimulatedCloud
from elastic.errors import BadOrder, CloudRefused, CloudUnavailable, NoRoom
from elastic.model.parts import FoundPart, Part, PartKind
from elastic.model.recipe import Recipe
from elastic.model.server import Order
from elastic.rules.strays import home_in

NO_PARTS = "Quota exceeded for resources"
HELD_FAST = frozenset({PartKind.PORT, PartKind.VOLUME})
"""What serves one server at a time, has to be there for it, and does not go before it."""


class Befell(StrEnum):
    MADE = "made"
    TAKEN = "taken"  # a server was made with it
    RELEASE_ASKED = "release-asked"  # through the port: by us
    GONE = "gone"  # after that
    VANISHED = "vanished"  # gone, and nobody asked through the port


class PartEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that really happened to a part. `time` is monotonic seconds of the cloud's clock; `holders`: ids
    of the servers there that have it then."""

    time: float
    what: Befell
    found: FoundPart
    holders: tuple[str, ...] = ()


@dataclass
class _Thing:
    """A part. `machines`: those that were made with it."""

    found: FoundPart
    shown_at: float
    machines: list[Machine] = field(default_factory=list)

    @property
    def holders(self) -> tuple[str, ...]:
        return tuple(machine.server_id for machine in self.machines if machine.is_there)


class FurnishedCloud(SimulatedCloud):
    needs_recipes = True

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._things: dict[str, _Thing] = {}
        self._numbers = count(1)
        self._befell: list[PartEntry] = []

    def prepare(self, order: Order, timeout: float) -> tuple[Part, ...]:  # noqa: ARG002 - never waits
        with self._lock:
            self._enter(order.site, self.weather.read_unheard)
            if order.recipe is None:
                raise BadOrder(f"there is no deployable type {order.deployable_type!r}")
            made: list[Part] = []
            try:
                return tuple(self._part(order, kind, number, made) for kind, number in _wanted(order.recipe))
            except CloudRefused:
                self._undo(made)
                raise

    def console(self, site: str, server_id: str, timeout: float) -> str:  # noqa: ARG002 - never waits
        with self._lock:
            self._enter(site, self.weather.read_unheard)
            return f"{server_id}: it said this"

    def parts(self, site: str, cluster: str, timeout: float) -> Sequence[FoundPart]:  # noqa: ARG002 - never waits
        with self._lock:
            self._enter(site, self.weather.read_unheard)
            return [thing.found for thing in self._shown(site, cluster)]

    def release(self, site: str, part: Part, timeout: float) -> None:  # noqa: ARG002 - never waits
        with self._lock:
            self._enter(site, self.weather.delete_unheard)
            thing = self._things.get(part.part_id)
            if thing is None:
                return
            self._note(Befell.RELEASE_ASKED, thing)
            if part.kind is PartKind.GROUP and thing.holders:
                return
            if part.kind in HELD_FAST and thing.holders:
                raise CloudRefused(f"{part.kind} {part.part_id} is in use")
            self._end(thing, Befell.GONE)
            if self._dice.says(self.weather.delete_reply_lost):
                raise CloudUnavailable("the connection broke before an answer came")

    # What only tests see and do.

    def all_parts(self) -> list[FoundPart]:
        """All that are there, listed or not."""
        with self._lock:
            return [thing.found for thing in self._things.values()]

    def holders(self, part_id: str) -> tuple[str, ...]:
        """Ids of the servers there that have it."""
        with self._lock:
            self._machines.catch_up()
            return self._things[part_id].holders

    @property
    def parts_journal(self) -> Sequence[PartEntry]:
        """What really happened to parts up to now, in order, whatever callers were told."""
        with self._lock:
            self._machines.catch_up()
            return tuple(self._befell)

    def plant_part(self, site: str, cluster: str, home: str, kind: PartKind, number: int = 0) -> str:
        """One that nobody asked for through the port. Its id."""
        with self._lock:
            self._machines.catch_up()
            return self._make(site, cluster, home, kind, number).part_id

    def lose_part(self, part_id: str) -> None:
        """Somebody else deletes it."""
        with self._lock:
            self._machines.catch_up()
            self._end(self._things[part_id], Befell.VANISHED)

    def _undo(self, made: Sequence[Part]) -> None:
        """What was made in vain goes again, as far as it goes; a group is its domain's."""
        for part in made:
            if part.kind is not PartKind.GROUP and not self._dice.says(self.weather.delete_unheard):
                self._end(self._things[part.part_id], Befell.GONE)

    def _part(self, order: Order, kind: PartKind, number: int, made: list[Part]) -> Part:
        """`made` grows by it, if it was not there."""
        home = home_in(order.mark.instance_id, kind)
        seen = self._all(order) if kind is PartKind.GROUP else self._shown(order.site, order.mark.cluster)
        fitting = [
            thing.found.part
            for thing in seen
            if (thing.found.home, thing.found.part.kind, thing.found.part.number) == (home, kind, number)
        ]
        if fitting:
            return min(fitting, key=lambda part: part not in order.parts)
        if self._dice.says(self.weather.no_room):
            raise NoRoom(f"{NO_PARTS}: {kind}")
        part = self._make(order.site, order.mark.cluster, home, kind, number)
        made.append(part)
        if self._dice.says(self.weather.reply_lost):
            raise CloudUnavailable("the connection broke before an answer came")
        return part

    def _make(self, site: str, cluster: str, home: str, kind: PartKind, number: int) -> Part:
        part, now = Part(kind, f"{kind}-{next(self._numbers)}", number), self._machines.now
        found = FoundPart(site=site, cluster=cluster, home=home, part=part, created=now)
        thing = _Thing(found, now + self._dice.within(self.weather.listing_lag))
        self._things[part.part_id] = thing
        self._note(Befell.MADE, thing)
        return part

    def _end(self, thing: _Thing, what: Befell) -> None:
        self._note(what, thing)
        del self._things[thing.found.part.part_id]

    def _note(self, what: Befell, thing: _Thing) -> None:
        now = self._machines.now
        self._befell.append(PartEntry(time=now, what=what, found=thing.found, holders=thing.holders))

    def _all(self, order: Order) -> Iterator[_Thing]:
        """Also what is not listed yet: whoever makes a group remembers it."""
        for thing in self._things.values():
            if (thing.found.site, thing.found.cluster) == (order.site, order.mark.cluster):
                yield thing

    def _shown(self, site: str, cluster: str) -> Iterator[_Thing]:
        for thing in tuple(self._things.values()):
            is_listed = thing.shown_at <= self._machines.now
            if is_listed and (thing.found.site, thing.found.cluster) == (site, cluster):
                yield thing

    def _obstacle(self, order: Order) -> CloudRefused | None:
        for part in order.parts:
            thing = self._things.get(part.part_id)
            if thing is None and part.kind is not PartKind.FLOATING_IP:
                return BadOrder(f"{part.kind} {part.part_id} could not be found")
            if thing is not None and part.kind in HELD_FAST and thing.holders:
                return CloudRefused(f"{part.kind} {part.part_id} is in use")
        return super()._obstacle(order)

    def _build(self, order: Order, latency: float = 0.0) -> Machine:
        machine = super()._build(order, latency)
        for part in order.parts:
            if thing := self._things.get(part.part_id):
                thing.machines.append(machine)
                self._note(Befell.TAKEN, thing)
        return machine


def _wanted(recipe: Recipe) -> Iterator[tuple[PartKind, int]]:
    yield from ((PartKind.PORT, number) for number in range(len(recipe.networks)))
    yield from ((PartKind.VOLUME, number) for number in range(len(recipe.volumes)))
    if recipe.floating_ip:
        yield PartKind.FLOATING_IP, 0
    if recipe.group:
        yield PartKind.GROUP, 0
