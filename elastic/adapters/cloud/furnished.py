"""A simulated cloud that knows deployable types, and makes parts for servers: ports, volumes, groups.

It keeps to what Nova and Neutron promise, and to no more: a port serves one server at a time, and stays as long
as that does; a create without its port fails, also one that takes effect late; names are not unique; what was
made is not listed at once; a group goes only when nothing is in it. What a recipe says of images and flavors it
takes on trust.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from elastic.adapters.cloud.machines import Machine
from elastic.adapters.cloud.simulated import SimulatedCloud
from elastic.errors import BadOrder, CloudRefused, CloudUnavailable
from elastic.model.parts import FoundPart, Part, PartKind
from elastic.model.recipe import Recipe
from elastic.model.server import Order
from elastic.rules.strays import home_in


@dataclass
class _Thing:
    """A part. `holders`: the servers that were made with it."""

    found: FoundPart
    shown_at: float
    holders: list[Machine] = field(default_factory=list)

    @property
    def is_in_use(self) -> bool:
        return any(machine.is_there for machine in self.holders)


class FurnishedCloud(SimulatedCloud):
    needs_recipes = True

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._things: dict[str, _Thing] = {}
        self._numbers = count(1)

    def prepare(self, order: Order, timeout: float) -> tuple[Part, ...]:  # noqa: ARG002 - never waits
        with self._lock:
            self._enter(order.site, self.weather.read_unheard)
            if order.recipe is None:
                raise BadOrder(f"there is no deployable type {order.deployable_type!r}")
            return tuple(self._part(order, kind, number) for kind, number in _wanted(order.recipe))

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
            if thing is None or (part.kind is PartKind.GROUP and thing.is_in_use):
                return
            if thing.is_in_use:
                raise CloudRefused(f"{part.kind} {part.part_id} is in use")
            del self._things[part.part_id]
            if self._dice.says(self.weather.delete_reply_lost):
                raise CloudUnavailable("the connection broke before an answer came")

    def all_parts(self) -> list[FoundPart]:
        """For tests: all that are there, listed or not."""
        with self._lock:
            return [thing.found for thing in self._things.values()]

    def _part(self, order: Order, kind: PartKind, number: int) -> Part:
        home = home_in(order.mark.instance_id, kind)
        seen = self._all(order) if kind is PartKind.GROUP else self._shown(order.site, order.mark.cluster)
        fitting = [
            thing.found.part
            for thing in seen
            if (thing.found.home, thing.found.part.kind, thing.found.part.number) == (home, kind, number)
        ]
        if fitting:
            return min(fitting, key=lambda part: part not in order.parts)
        part = Part(kind, f"{kind}-{next(self._numbers)}", number)
        now = self._machines.now
        found = FoundPart(site=order.site, cluster=order.mark.cluster, home=home, part=part, created=now)
        self._things[part.part_id] = _Thing(found, now + self._dice.within(self.weather.listing_lag))
        if self._dice.says(self.weather.reply_lost):
            raise CloudUnavailable("the connection broke before an answer came")
        return part

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
            if thing is None:
                return BadOrder(f"{part.kind} {part.part_id} could not be found")
            if part.kind is not PartKind.GROUP and thing.is_in_use:
                return CloudRefused(f"{part.kind} {part.part_id} is in use")
        return super()._obstacle(order)

    def _build(self, order: Order, latency: float = 0.0) -> Machine:
        machine = super()._build(order, latency)
        for part in order.parts:
            self._things[part.part_id].holders.append(machine)
        return machine


def _wanted(recipe: Recipe) -> Iterator[tuple[PartKind, int]]:
    yield from ((PartKind.PORT, number) for number in range(len(recipe.networks)))
    yield from ((PartKind.VOLUME, number) for number in range(len(recipe.volumes)))
    if recipe.floating_ip:
        yield PartKind.FLOATING_IP, 0
    if recipe.group:
        yield PartKind.GROUP, 0
