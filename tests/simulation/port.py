"""One process on the bus: its line, the partitions that it hears, the call that it has in hand."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from elastic.adapters.bus import topology
from elastic.errors import BusUnavailable
from elastic.model.domain import Json
from elastic.ports.bus import Call, Pulse, Reply
from tests.simulation.bus import Bus, Letter
from tests.simulation.line import Line
from tests.simulation.process import Process

NOTICED = 2.0  # seconds until a silent line is taken for broken, at either end
PROBE = "probe"
LOOKS = ("list_", "describe_")  # how the names begin of calls that change nothing


def nobody(order: bytes, mac: str) -> None:
    """Who was there has gone."""


class Port:
    """What `elastic/ports/bus.py` asks for."""

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

    def ask(self, reply_to: str, order: bytes = b"", mac: str = "") -> None:
        self._check()
        if self.line.is_up:
            self._bus.send(lambda: self._bus.asked.get(reply_to, nobody)(order, mac))

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
            self._kernel.met["a call was handed to another member"] += 1
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
