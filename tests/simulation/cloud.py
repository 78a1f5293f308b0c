"""The cloud as one process sees it: calls that take time on the way there and back."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from elastic.adapters.cloud.bare import BareCloud
from elastic.adapters.cloud.furnished import FurnishedCloud
from elastic.adapters.cloud.simulated import SimulatedCloud
from elastic.errors import CloudUnavailable, ElasticError
from elastic.model.parts import FoundPart, Part
from elastic.model.server import Order, Server
from tests.simulation.kernel import Box
from tests.simulation.line import Line
from tests.simulation.process import Process

UNHURRIED = 1e9  # the caller's patience is ours to keep, not the cloud's


@dataclass
class Road:
    """Seconds from a process to the cloud, and back. Shared by all; it may get longer."""

    there: tuple[float, float] = (0.02, 0.2)
    back: tuple[float, float] = (0.02, 0.2)


class CloudPort(BareCloud):
    def __init__(self, cloud: SimulatedCloud, road: Road, process: Process, chance: random.Random) -> None:
        self._cloud, self._road, self._process, self._chance = cloud, road, process, chance
        self._kernel = process.kernel
        self.line = Line(process.kernel, patience=1e9)

    def sites(self) -> Sequence[str]:
        return self._cloud.sites()

    def create(self, order: Order, timeout: float) -> Server:
        return self._call(lambda: self._cloud.create(order, UNHURRIED), timeout, deed=True)

    def delete(self, site: str, server_id: str, timeout: float) -> None:
        self._call(lambda: self._cloud.delete(site, server_id, UNHURRIED), timeout, deed=True)

    def server(self, site: str, server_id: str, timeout: float) -> Server:
        return self._call(lambda: self._cloud.server(site, server_id, UNHURRIED), timeout)

    def servers(self, site: str, cluster: str, timeout: float, instance_id: str | None = None) -> Sequence[Server]:
        return self._call(lambda: self._cloud.servers(site, cluster, UNHURRIED, instance_id), timeout)

    def _call(self, work: Callable[[], Any], timeout: float, deed: bool = False) -> Any:
        """What the cloud says to it, unless that takes longer than `timeout`: then it has happened, or will."""
        if deed:
            self._process.step(after=False)
        if self._process.is_dead:  # who stands still has sent it: between look and deed no time passes
            self._process.check()
        box = Box(self._kernel)
        back = self._chance.uniform(*self._road.back)
        self._kernel.at(self._chance.uniform(*self._road.there), partial(self._arrive, work, box, back, deed))
        answered = box.wait(timeout)
        self._process.check()
        if not answered:
            raise CloudUnavailable("no answer in time")
        if box.error is not None:
            raise box.error
        return box.value

    def _arrive(self, work: Callable[[], Any], box: Box, back: float, deed: bool) -> None:
        if not self.line.is_up:
            return
        try:
            said = partial(box.put, work())
        except ElasticError as error:
            said = partial(box.put, error=error)
        if deed:
            self._process.step(after=True)
        self._kernel.at(back, partial(self._reply, said))

    def _reply(self, said: Callable[[], None]) -> None:
        if self.line.is_up:
            self._process.deliver(said)


class FurnishedPort(CloudPort):
    """To a cloud that boots what deployable types say, and makes parts for it."""

    needs_recipes = True
    _cloud: FurnishedCloud

    def prepare(self, order: Order, timeout: float) -> tuple[Part, ...]:
        return self._call(lambda: self._cloud.prepare(order, UNHURRIED), timeout, deed=True)

    def parts(self, site: str, cluster: str, timeout: float) -> Sequence[FoundPart]:
        return self._call(lambda: self._cloud.parts(site, cluster, UNHURRIED), timeout)

    def release(self, site: str, part: Part, timeout: float) -> None:
        self._call(lambda: self._cloud.release(site, part, UNHURRIED), timeout, deed=True)

    def console(self, site: str, server_id: str, timeout: float) -> str:
        return self._call(lambda: self._cloud.console(site, server_id, UNHURRIED), timeout)
