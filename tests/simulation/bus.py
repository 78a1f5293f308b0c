"""The bus: calls that are queued, served by whoever is there and perhaps twice; heartbeats that may be lost,
doubled, late and out of order; lines that break, and a broker that goes away."""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from elastic.adapters.bus import topology
from elastic.model.domain import Json
from elastic.ports.bus import Call, Pulse, Reply
from tests.simulation.kernel import Box, Kernel
from tests.simulation.process import EPOCH

if TYPE_CHECKING:
    from tests.simulation.port import Port

BEFORE_ASKED_AGAIN = 2.0  # seconds for which a client waits for an answer


@dataclass
class Manners:
    """How the bus behaves: chances between 0 and 1, delays in seconds."""

    loss: float = 0.0
    double: float = 0.0
    delay: tuple[float, float] = (0.002, 0.02)


@dataclass(frozen=True)
class Letter:
    call: Call
    expires: float
    answer: Box


class Bus:
    def __init__(self, kernel: Kernel, chance: random.Random, partitions: int) -> None:
        self.kernel, self.chance, self.partitions = kernel, chance, partitions
        self.manners = Manners()
        self.is_down = False
        self.ports: dict[str, Port] = {}
        self.asked: dict[str, Callable[[bytes, str], None]] = {}  # address -> what a VM does when it is asked
        self._queue: deque[Letter] = deque()
        self._turn = 0

    def delays(self) -> list[float]:
        """One for each copy that arrives."""
        manners = self.manners
        if manners.loss and self.chance.random() < manners.loss:
            return []
        copies = 2 if manners.double and self.chance.random() < manners.double else 1
        return [self.chance.uniform(*manners.delay) for _ in range(copies)]

    def send(self, deliver: Callable[[], None]) -> None:
        if not self.is_down:
            for delay in self.delays():
                self.kernel.at(delay, deliver)

    def go_down(self) -> None:
        self.is_down = True
        for port in self.ports.values():
            port.line.cut()

    def come_up(self) -> None:
        self.is_down = False
        for port in self.ports.values():
            port.line.heal(self.chance.uniform(0.05, 1.0))

    # heartbeats

    def publish(self, slot: int, pulse: Pulse) -> None:
        """To all whose partition the slot is in by now; to nobody, if there is none such."""
        partition = slot * self.partitions // topology.SLOTS
        for port in self.ports.values():
            if partition in port.bound:
                self.send(partial(port.receive, pulse, port.line.connection))

    # calls

    def put(self, letter: Letter) -> None:
        self._queue.append(letter)
        self.kernel.at(0.0, self.hand_out)

    def hand_out(self) -> None:
        """Each waiting call to the next member that has none in hand."""
        while self._queue:
            if self._queue[0].expires < self.kernel.now:
                self._queue.popleft()
                continue
            free = [port for port in self.ports.values() if port.takes_calls]
            if not free or self.is_down:
                self.kernel.at(0.2, self.hand_out)
                return
            self._turn += 1
            free[self._turn % len(free)].serve(self._queue.popleft())


class Client:
    """A user of the cluster, who asks again with the same key when no answer comes."""

    def __init__(
        self, bus: Bus, user: str, fresh_key: Callable[[], str], tries: int = 3, wait: float = BEFORE_ASKED_AGAIN
    ) -> None:
        self._bus, self._user, self._fresh_key, self._tries, self._wait = bus, user, fresh_key, tries, wait

    def call(self, op: str, **args: Json) -> Reply | None:
        """To be called in a task. None: no answer came."""
        bus, key = self._bus, self._fresh_key()
        expires = bus.kernel.now + self._tries * self._wait
        call = Call(op, args, self._user, key, EPOCH + expires)
        reply: Reply | None = None
        for _ in range(self._tries):
            answer = Box(bus.kernel)
            letter = Letter(call, expires, answer)
            bus.send(partial(bus.put, letter))
            if answer.wait(self._wait):
                reply = answer.value
                if reply.get("error", {}).get("type") != "unavailable":
                    return reply
                bus.kernel.sleep(0.3)
        return reply
