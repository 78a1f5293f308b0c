"""The ports of `elastic/ports/bus.py` over a `MemoryBroker`: one process, no threads, no waiting."""

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from elastic.adapters.bus import topology, wire
from elastic.adapters.bus.memory_broker import Letter, MemoryBroker, Parcel, Server
from elastic.adapters.bus.ordering import hand_on, unheeded
from elastic.errors import BadMessage, BusUnavailable
from elastic.model.assignment import SLOTS
from elastic.model.domain import Json
from elastic.ports.bus import Call, Pulse, Reply

__all__ = [
    "MemoryBroker",
    "MemoryHeartbeats",
    "MemoryOutgoing",
    "MemoryPeers",
    "MemoryRpcClient",
    "MemoryRpcServer",
    "MemoryVoice",
    "Parcel",
]

TRIES = 3


class MemoryRpcServer:
    def __init__(self, broker: MemoryBroker, member: str) -> None:
        self._broker = broker
        self._member = member
        self.dropped: Counter[str] = Counter()

    @property
    def is_connected(self) -> bool:
        return self._broker.reaches(self._member)

    def start(self, handle: Callable[[Call], Reply]) -> None:
        self._broker.add_server(Server(self._member, handle, self.dropped))

    def stop(self) -> None:
        self._broker.remove_server(self._member)


class MemoryRpcClient:
    """The servers' handlers run in `call` itself. With an idempotency key it is sent up to three times."""

    def __init__(self, broker: MemoryBroker, user: str = "client") -> None:
        self._broker = broker
        self._user = user

    def call(
        self,
        op: str,
        args: Mapping[str, Json],
        timeout: float,
        idempotency_key: str | None = None,
        as_user: str | None = None,
    ) -> Json:
        user = self._user if as_user is None else as_user
        letter = Letter(
            wire.encoded(wire.Request(op, dict(args))),
            wire.headers_of(idempotency_key, self._broker.wall() + timeout),
            {"user_id": user} if user else {},
        )
        for _try in range(1 if idempotency_key is None else TRIES):
            reply = self._broker.publish_rpc(self._user, letter)
            if reply is not None:
                return wire.result_of(reply)
        raise BusUnavailable("no answer came in time")

    def close(self) -> None:
        """There is nothing to close."""


class MemoryHeartbeats:
    """`tune` is done by the next pump; what arrives in a pump is heard at its end, in one batch."""

    def __init__(self, broker: MemoryBroker, member: str, partitions: int) -> None:
        self._broker = broker
        self._member = member
        self._partitions = partitions
        self._wanted: frozenset[int] = frozenset()
        self._bound: frozenset[int] = frozenset()
        self._hear: Callable[[Sequence[Pulse]], None] = lambda _pulses: None
        self._heard: list[Pulse] = []
        self.dropped: Counter[str] = Counter()

    @property
    def is_connected(self) -> bool:
        return self._broker.reaches(self._member)

    def start(self, hear: Callable[[Sequence[Pulse]], None]) -> None:
        self._hear = hear
        self._broker.before_pump.append(self._bind)
        self._broker.after_pump.append(self._flush)

    def stop(self) -> None:
        self._broker.before_pump.remove(self._bind)
        self._broker.after_pump.remove(self._flush)
        self._broker.bindings.pop(self._member, None)
        self._bound = frozenset()

    def tune(self, partitions: frozenset[int]) -> None:
        self._wanted = partitions

    def bound(self) -> frozenset[int]:
        return self._bound if self._broker.reaches(self._member) else frozenset()

    def probe(self, partition: int, body: bytes) -> None:
        slot = topology.slots_of(partition, self._partitions)[0]
        headers = {wire.MAC_HEADER: wire.PROBE_MAC}
        self._broker.publish_heartbeat(self._member, str(slot), headers, body)

    def _bind(self) -> None:
        self._bound = self._wanted if self._broker.reaches(self._member) else frozenset()
        slots = (slot for partition in self._bound for slot in topology.slots_of(partition, self._partitions))
        self._broker.bindings[self._member] = dict.fromkeys(slots, self._take)

    def _take(self, key: str, headers: Mapping[str, Any], properties: Mapping[str, Any], body: bytes) -> None:
        try:
            self._heard.append(wire.pulse_of(body, headers, key, properties))
        except BadMessage as reason:
            self.dropped[str(reason)] += 1

    def _flush(self) -> None:
        heard, self._heard = self._heard, []
        if heard:
            self._hear(heard)


class MemoryOutgoing:
    def __init__(self, broker: MemoryBroker, member: str) -> None:
        self._broker = broker
        self._member = member

    def ask(self, reply_to: str, order: bytes = b"", mac: str = "") -> None:
        def deliver() -> None:
            instance_id, on_ask = self._broker.asked.get(reply_to, ("", None))
            if on_ask is not None and self._broker.reaches(instance_id):
                on_ask(order, mac)

        self._broker.send(Parcel("ask", self._member, reply_to, order or wire.ASK), deliver)

    def announce(
        self, owner: str, domain: str, subscribers: Sequence[str], state: str, body: Mapping[str, Json]
    ) -> None:
        for subscriber in subscribers:
            self.subscribe(owner, domain, subscriber)
        key, said = topology.events_key(owner, domain, state), wire.encoded(body)
        self._broker.send(
            Parcel("news", self._member, key, said), partial(self._broker.queue_news, owner, domain, said)
        )

    def subscribe(self, owner: str, domain: str, subscriber: str) -> None:
        self._broker.check(self._member)
        self._broker.inboxes.setdefault((owner, subscriber), deque())
        self._broker.subscriptions.add((owner, domain, subscriber))

    def unsubscribe(self, owner: str, domain: str, subscriber: str) -> None:
        self._broker.check(self._member)
        self._broker.subscriptions.discard((owner, domain, subscriber))

    def close(self) -> None:
        """There is nothing to close."""


class MemoryPeers:
    """The other's `answer` runs in `ask` itself; `tell` is delivered by the pump."""

    def __init__(self, broker: MemoryBroker, member: str) -> None:
        self._broker = broker
        self._member = member

    @property
    def is_connected(self) -> bool:
        return self._broker.reaches(self._member)

    def start(
        self, answer: Callable[[str, Mapping[str, Json]], Json], hear: Callable[[str, Mapping[str, Json]], None]
    ) -> None:
        def reply(body: bytes) -> bytes:
            request = wire.decoded(body, wire.Request, wire.PEER_LIMIT)
            return wire.guarded(lambda: {"result": answer(request.op, request.args)}, request.op)

        def word(body: bytes) -> None:
            tidings = wire.decoded(body, wire.Tidings, wire.PEER_LIMIT)
            hear(tidings.topic, tidings.message)

        self._broker.questions[self._member] = reply
        self._broker.words[self._member] = word

    def stop(self) -> None:
        self._broker.questions.pop(self._member, None)
        self._broker.words.pop(self._member, None)

    def ask(self, member: str, op: str, args: Mapping[str, Json], timeout: float) -> Json:
        self._broker.check(self._member)
        question = wire.encoded(wire.Request(op, dict(args)))
        answer = self._broker.questions.get(member)
        if (
            answer is None
            or not self._broker.reaches(member)
            or 0 not in self._broker.meddle(Parcel("question", self._member, member, question))
        ):
            raise BusUnavailable(f"no answer came in {timeout:g} s")
        reply = answer(question)
        if 0 not in self._broker.meddle(Parcel("answer", member, self._member, reply)):
            raise BusUnavailable(f"no answer came in {timeout:g} s")
        return wire.result_of(reply)

    def tell(self, topic: str, message: Mapping[str, Json]) -> None:
        self._broker.check(self._member)
        body = wire.encoded(wire.Tidings(topic, dict(message)))
        for member in sorted(self._broker.words):
            self._broker.send(Parcel("word", self._member, member, body), partial(self._hand_on, member, body))

    def _hand_on(self, member: str, body: bytes) -> None:
        if self._broker.reaches(member) and member in self._broker.words:
            self._broker.words[member](body)


class MemoryVoice:
    """What a simulated VM speaks with. It can be asked once it has been started."""

    def __init__(self, broker: MemoryBroker, slot: int, instance_id: str) -> None:
        if not 0 <= slot < SLOTS:
            raise ValueError(f"there is no slot {slot}")
        self._broker = broker
        self._slot = slot
        self._instance_id = instance_id
        self._address: str | None = None

    def start(self, on_ask: Callable[[], None], on_order: Callable[[bytes, str], None] = unheeded) -> None:
        def asked(order: bytes, mac: str) -> None:
            if order:
                hand_on(on_order, order, mac)
            on_ask()

        self._address = self._broker.fresh_address(self._instance_id)
        self._broker.asked[self._address] = (self._instance_id, asked)

    def say(self, body: bytes, mac: str) -> None:
        headers = {wire.MAC_HEADER: mac}
        self._broker.publish_heartbeat(self._instance_id, str(self._slot), headers, body, self._address)

    def stop(self) -> None:
        if self._address is not None:
            del self._broker.asked[self._address]
            self._address = None
