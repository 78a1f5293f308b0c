"""How messages reach us and leave us. Bodies are JSON; `doc/protocol.md` fixes them for other languages.

Each part serves from a thread of its own, started by `start` (never by a constructor) and ended by `stop`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from elastic.model.domain import Json


@dataclass(frozen=True, slots=True)
class Call:
    """An RPC as it arrived. `caller` is the broker's word (`user_id`), never the body's; "" if there was none."""

    op: str
    args: Mapping[str, Json]
    caller: str
    idempotency_key: str | None = None
    deadline: float | None = None  # wall seconds
    redelivered: bool = False


Reply = Mapping[str, Json]
"""{"result": ...} or {"error": {"type", "message"}}."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """A heartbeat as it arrived: the bytes as sent, the MAC that came with them, the slot it was sent to.
    `reply_to`: where its sender can be asked for another one; null if it cannot."""

    body: bytes
    mac: str
    slot: int
    reply_to: str | None = None


class RpcServer(Protocol):
    def start(self, handle: Callable[[Call], Reply]) -> None:
        """`handle` never raises. A message is acknowledged once it has returned and the reply was sent;
        what cannot be decoded, or is larger than 1 MiB, is dropped and counted."""

    def stop(self) -> None: ...


class RpcClient(Protocol):
    def call(
        self,
        op: str,
        args: Mapping[str, Json],
        timeout: float,
        idempotency_key: str | None = None,
        as_user: str | None = None,
    ) -> Json:
        """Return the result, or raise the error it tells of (`elastic.errors`); BusUnavailable if no reply
        comes in `timeout`. A mutation is sent again with the same key after a lost reply."""

    def close(self) -> None: ...


class HeartbeatIn(Protocol):
    """Heartbeats and probes for the partitions that this member looks after."""

    @property
    def is_connected(self) -> bool:
        """The broker answers us, as far as we know."""

    @property
    def dropped(self) -> Mapping[str, int]:
        """What could not be taken for a heartbeat, by the reason."""

    def start(self, hear: Callable[[Sequence[Pulse]], None]) -> None: ...

    def tune(self, partitions: frozenset[int]) -> None:
        """Listen to these and no others, from now on; new ones are bound before old ones are let go.
        Returns at once; `bound` tells how far it has come."""

    def bound(self) -> frozenset[int]:
        """Partitions whose binding the broker has confirmed on the connection as it is now."""

    def probe(self, partition: int, body: bytes) -> None:
        """Send `body` the way that a heartbeat of that partition comes (mac "probe"). Raises BusUnavailable."""

    def stop(self) -> None: ...


class Outgoing(Protocol):
    """What we send without waiting for an answer. Returns when the bus has it; raises BusUnavailable."""

    def ask(self, reply_to: str, order: bytes = b"", mac: str = "") -> None:
        """Ask the VM whose heartbeat named this address for another one now, and give it an order with that, if
        there is one, signed with the VM's own key. If nobody is there any more, or the address is none, nothing
        happens."""

    def announce(
        self, owner: str, domain: str, subscribers: Sequence[str], state: str, body: Mapping[str, Json]
    ) -> None:
        """Tell subscribers; each has a durable queue, made when it subscribed."""

    def subscribe(self, owner: str, domain: str, subscriber: str) -> None:
        """Make its durable queue, if need be, and bind it to the domain's states."""

    def unsubscribe(self, owner: str, domain: str, subscriber: str) -> None: ...


class Peers(Protocol):
    """Member to member."""

    def start(
        self, answer: Callable[[str, Mapping[str, Json]], Json], hear: Callable[[str, Mapping[str, Json]], None]
    ) -> None:
        """`answer(op, args)` serves `ask`; `hear(topic, message)` gets every member's `tell`, our own too."""

    def ask(self, member: str, op: str, args: Mapping[str, Json], timeout: float) -> Json:
        """Raises BusUnavailable if it does not answer in time."""

    def tell(self, topic: str, message: Mapping[str, Json]) -> None:
        """To all members that are there now; nothing is kept for others."""

    def stop(self) -> None: ...
