"""The bus: calls that are queued, served by whoever is there and perhaps twice; heartbeats that may be lost,
doubled, late and out of order; lines that break, and a broker that goes away."""

import random
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from elastic.adapters.bus import topology
from elastic.errors import BusUnavailable
from elastic.model.domain import Json
from elastic.ports.bus import Call, Pulse, Reply
from tests.simulation.kernel import Box, Kernel
from tests.simulation.line import Line
from tests.simulation.process import EPOCH, Process

BEFORE_ASKED_AGAIN = 2.0  # seconds for which a client waits for an answer
NOTICED = 2.0  # seconds until a silent line is taken for broken, at either end
PROBE = "probe"
LOOKS = ("list_", "describe_")  # how the names begin of calls that change nothing


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
    is_doubled: bool = field(default=False)


class Bus:
    def __init__(self, kernel: Kernel, chance: random.Random, partitions: int) -> None:
        self.kernel, self.chance, self.partitions = kernel, chance, partitions
        self.manners = Manners()
        self.is_down = False
        self.ports: dict[str, Port] = {}
        self.asked: dict[str, Callable[[], None]] = {}  # address -> what a VM does when it is asked
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


class Port:
    """One process on the bus: what `elastic/ports/bus.py` asks for."""

    def __init__(self, bus: Bus, process: Process) -> None:
        self._bus, self._process = bus, process
        self._kernel = process.kernel
        self.line = Line(process.kernel, NOTICED)
        self.bound: frozenset[int] = frozenset()
        self.dropped: Counter[str] = Counter()
        self._wanted: frozenset[int] = frozenset()
        self._hear: Callable[[Sequence[Pulse]], None] | None = None
        self._word: Callable[[str, Mapping[str, Json]], None] | None = None
        self._handle: Callable[[Call], Reply] | None = None
        self.on_mutation: Callable[[], None] | None = None  # once, soon after one has been begun
        self._in_hand: Letter | None = None
        self._is_closed = False  # by the broker, as it stood still
        bus.ports[process.name] = self
        self.line.on_down.append(self._unbound)
        self.line.on_down.append(self._give_back)
        self.line.on_up.append(self._bind_soon)
        process.on_death.append(self.line.cut)
        process.on_freeze.append(self._stand_still)
        process.on_thaw.append(self._go_on)

    @property
    def is_connected(self) -> bool:
        return self.line.is_known_up

    # heartbeats

    def start_hearing(self, hear: Callable[[Sequence[Pulse]], None]) -> None:
        self._hear = hear

    def tune(self, partitions: frozenset[int]) -> None:
        if partitions != self._wanted:
            self._wanted = partitions
            self._bind_soon()

    def _bind_soon(self) -> None:
        self._kernel.at(self._bus.chance.uniform(0.01, 0.2), partial(self._bind, self.line.connection))

    def _bind(self, connection: int) -> None:
        if self.line.is_up and connection == self.line.connection and not self._process.is_dead:
            self.bound = self._wanted

    def _unbound(self) -> None:
        self.bound = frozenset()

    def confirmed(self) -> frozenset[int]:
        return self.bound if self.line.is_known_up else frozenset()

    def probe(self, partition: int, body: bytes) -> None:
        self._check()
        if self.line.is_up:
            slot = topology.slots_of(partition, self._bus.partitions)[0]
            self._bus.publish(slot, Pulse(body, PROBE, slot))

    def receive(self, pulse: Pulse, connection: int) -> None:
        if self.line.is_up and connection == self.line.connection and self._hear is not None:
            self._process.deliver(partial(self._hear, [pulse]))

    # member to member

    def start_listening(self, hear: Callable[[str, Mapping[str, Json]], None]) -> None:
        self._word = hear

    def tell(self, topic: str, message: Mapping[str, Json]) -> None:
        self._check()
        for port in self._bus.ports.values() if self.line.is_up else ():
            self._bus.send(partial(port.hear_word, topic, dict(message)))

    def hear_word(self, topic: str, message: Mapping[str, Json]) -> None:
        if self.line.is_up and self._word is not None:
            self._process.deliver(partial(self._word, topic, message))

    # out

    def ask(self, reply_to: str) -> None:
        self._check()
        if self.line.is_up:
            self._bus.send(lambda: self._bus.asked.get(reply_to, lambda: None)())

    def announce(
        self, owner: str, domain: str, subscribers: Sequence[str], state: str, body: Mapping[str, Json]
    ) -> None:
        self._check()

    def subscribe(self, owner: str, domain: str, subscriber: str) -> None:
        self._check()

    unsubscribe = subscribe

    def _check(self) -> None:
        if not self.line.is_known_up:
            raise BusUnavailable("the bus does not answer")

    # calls

    def serve_calls(self, handle: Callable[[Call], Reply]) -> None:
        self._handle = handle

    @property
    def takes_calls(self) -> bool:
        """As far as the broker knows: of a process that stands still it knows nothing yet."""
        is_there = self.line.is_up and not self._process.is_dead
        return is_there and self._handle is not None and self._in_hand is None

    def serve(self, letter: Letter) -> None:
        self._in_hand = letter
        work = partial(self._serve, letter, self.line.connection)
        self._process.deliver(partial(self._process.spawn, work))

    def _serve(self, letter: Letter, connection: int) -> None:
        if self.on_mutation is not None and not letter.call.op.startswith(LOOKS):
            self._kernel.at(self._bus.chance.uniform(0.0, 0.1), self.on_mutation)
            self.on_mutation = None
        reply = self._handle(letter.call) if self._handle is not None else {}
        if self.line.is_up and connection == self.line.connection:
            self._in_hand = None
            self._kernel.at(0.0, self._bus.hand_out)
            self._bus.send(partial(letter.answer.put, reply))

    def _give_back(self) -> None:
        """What was not acknowledged goes to another."""
        letter, self._in_hand = self._in_hand, None
        if letter is not None:
            self._bus.put(replace(letter, call=replace(letter.call, redelivered=True)))

    def _stand_still(self) -> None:
        """The broker misses its signs of life, and closes."""
        self._kernel.at(5 * NOTICED, partial(self._close_if_still, self.line.connection, self._process.frozen_at))

    def _close_if_still(self, connection: int, frozen_at: float) -> None:
        process = self._process
        if process.is_frozen and process.frozen_at == frozen_at and connection == self.line.connection:
            self.line.cut()
            self._is_closed = True

    def _go_on(self) -> None:
        if self._is_closed:
            self._is_closed = False
            self.line.heal(0.5)


class Heartbeats:
    """`HeartbeatIn` on a port."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self.start, self.tune, self.bound, self.probe = port.start_hearing, port.tune, port.confirmed, port.probe
        self.dropped = port.dropped

    @property
    def is_connected(self) -> bool:
        return self._port.is_connected

    def stop(self) -> None:
        """It ends with its process."""


class Peers:
    """`Peers` on a port. Nobody asks in here: who asks waits for threads."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self.tell = port.tell

    def start(
        self, answer: Callable[[str, Mapping[str, Json]], Json], hear: Callable[[str, Mapping[str, Json]], None]
    ) -> None:
        self._port.start_listening(hear)

    def ask(self, member: str, op: str, args: Mapping[str, Json], timeout: float) -> Json:
        raise BusUnavailable("members are not asked in the simulation")

    def stop(self) -> None:
        """It ends with its process."""


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
