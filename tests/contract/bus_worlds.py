"""A bus of each kind, and the parts that speak over it, made and stopped the same way."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec
import pytest

from elastic.adapters.bus import rpc, topology
from elastic.adapters.bus.kombu import (
    KombuHeartbeats,
    KombuOutgoing,
    KombuPeers,
    KombuRpcClient,
    KombuRpcServer,
    KombuVoice,
    sqlite_url,
)
from elastic.adapters.bus.memory import (
    MemoryBroker,
    MemoryHeartbeats,
    MemoryOutgoing,
    MemoryPeers,
    MemoryRpcClient,
    MemoryRpcServer,
    MemoryVoice,
)
from elastic.adapters.bus.memory_broker import Letter, Parcel
from elastic.adapters.bus.sender import Sender
from elastic.ports.bus import Call, Pulse
from tests.servers.rabbitmq import RabbitMQ

CLUSTER = "north.1"
PARTITIONS = 256
PATIENCE = 60.0


def first_slot(partition: int) -> int:
    return topology.slots_of(partition, PARTITIONS)[0]


class Ear:
    """What a member has heard."""

    def __init__(self) -> None:
        self.pulses: list[Pulse] = []

    def __call__(self, pulses: Any) -> None:
        self.pulses += pulses

    @property
    def bodies(self) -> list[bytes]:
        return [pulse.body for pulse in self.pulses]


class Serving:
    """A handler that remembers its calls."""

    def __init__(self, answer: Callable[[Call], Any] = lambda call: dict(call.args)) -> None:
        self.calls: list[Call] = []
        self._answer = answer

    def __call__(self, call: Call) -> dict[str, Any]:
        self.calls.append(call)
        return {"result": self._answer(call)}


class World(Protocol):
    name: str

    def until(self, condition: Callable[[], bool]) -> None:
        """Let time pass until it is so; fail if it never is."""

    def settle(self) -> None:
        """Let everything arrive that is on its way."""

    def started(self, part: Any, *handlers: Any) -> Any:
        """Start it, wait until it listens, and stop it in the end."""

    def rpc_server(self, member: str) -> Any: ...
    def rpc_client(self, user: str = "ann") -> Any: ...
    def heartbeats(self, member: str) -> Any: ...
    def outgoing(self) -> Any: ...
    def peers(self, member: str) -> Any: ...
    def voice(self, slot: int, instance_id: str) -> Any: ...
    def raw_rpc(self, body: bytes, headers: Mapping[str, Any], properties: Mapping[str, Any]) -> None: ...
    def raw_heartbeat(self, key: str, headers: Mapping[str, Any], body: bytes, **properties: Any) -> None: ...
    def inbox(self, owner: str, subscriber: str) -> list[Any]: ...
    def lose_one_reply(self, monkeypatch: pytest.MonkeyPatch) -> None: ...
    def close(self) -> None: ...


class Stopping:
    def __init__(self) -> None:
        self._ends: list[Callable[[], None]] = []

    def started(self, part: Any, *handlers: Any) -> Any:
        part.start(*handlers)
        self._ends.append(part.stop)
        if hasattr(part, "is_connected"):
            self.until(lambda: part.is_connected)
        return part

    def close(self) -> None:
        for end in reversed(self._ends):
            end()

    def until(self, condition: Callable[[], bool]) -> None:
        raise NotImplementedError


class MemoryWorld(Stopping):
    name = "memory"

    def __init__(self) -> None:
        super().__init__()
        self.broker = MemoryBroker(wall=time.time)

    def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(100):
            if condition():
                return
            self.broker.pump()
        pytest.fail("it never came about")

    def settle(self) -> None:
        while self.broker.pump():
            pass

    def lose_one_reply(self, monkeypatch: pytest.MonkeyPatch) -> None:
        losses = iter([()])

        def meddle(parcel: Parcel) -> Sequence[int]:
            return next(losses, (0,)) if parcel.kind == "reply" else (0,)

        self.broker.meddle = meddle

    def rpc_server(self, member: str) -> Any:
        return MemoryRpcServer(self.broker, member)

    def rpc_client(self, user: str = "ann") -> Any:
        return MemoryRpcClient(self.broker, user)

    def heartbeats(self, member: str) -> Any:
        return MemoryHeartbeats(self.broker, member, PARTITIONS)

    def outgoing(self) -> Any:
        return MemoryOutgoing(self.broker, "m1")

    def peers(self, member: str) -> Any:
        return MemoryPeers(self.broker, member)

    def voice(self, slot: int, instance_id: str) -> Any:
        return MemoryVoice(self.broker, slot, instance_id)

    def raw_rpc(self, body: bytes, headers: Mapping[str, Any], properties: Mapping[str, Any]) -> None:
        self.broker.publish_rpc("ann", Letter(body, headers, properties))

    def raw_heartbeat(self, key: str, headers: Mapping[str, Any], body: bytes, **properties: Any) -> None:
        self.broker.publish_heartbeat("vm", key, headers, body, properties.get("reply_to"))

    def inbox(self, owner: str, subscriber: str) -> list[Any]:
        return [msgspec.json.decode(body) for body in self.broker.inbox(owner, subscriber)]


class KombuWorld(Stopping):
    """On any kombu URL."""

    def __init__(self, name: str, url: str) -> None:
        super().__init__()
        self.name = name
        self.url = url
        self._sender = Sender(url)
        self._ends.append(self._sender.close)

    def until(self, condition: Callable[[], bool]) -> None:
        ends = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > ends:
                pytest.fail("it never came about")
            time.sleep(0.005)

    def settle(self) -> None:
        """What is sent later than another message to the same listener arrives later: tests rely on that."""

    def lose_one_reply(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def send_reply(*_args: Any) -> None:
            monkeypatch.undo()

        monkeypatch.setattr(rpc, "send_reply", send_reply)

    def rpc_server(self, member: str) -> Any:
        return KombuRpcServer(self.url, CLUSTER)

    def rpc_client(self, user: str = "ann") -> Any:
        client = KombuRpcClient(self.url, CLUSTER, user)
        self._ends.append(client.close)
        return client

    def heartbeats(self, member: str) -> Any:
        return KombuHeartbeats(self.url, CLUSTER, member, PARTITIONS)

    def outgoing(self) -> Any:
        outgoing = KombuOutgoing(self.url, CLUSTER)
        self._ends.append(outgoing.close)
        return outgoing

    def peers(self, member: str) -> Any:
        return KombuPeers(self.url, CLUSTER, member)

    def voice(self, slot: int, instance_id: str) -> Any:
        return KombuVoice(self.url, CLUSTER, slot, instance_id)

    def raw_rpc(self, body: bytes, headers: Mapping[str, Any], properties: Mapping[str, Any]) -> None:
        self._sender.publish(
            body,
            topology.rpc_exchange(CLUSTER),
            f"elastic.rpc.{topology.part(CLUSTER)}",
            headers=dict(headers),
            content_type="application/json",
            **{"reply_to": "elastic.reply.nobody", **properties},
        )

    def raw_heartbeat(self, key: str, headers: Mapping[str, Any], body: bytes, **properties: Any) -> None:
        exchange = topology.heartbeat_exchange(CLUSTER)
        said = {"headers": dict(headers), "content_type": "application/json", **properties}
        self._sender.publish(body, exchange, key, **said)

    def inbox(self, owner: str, subscriber: str) -> list[Any]:
        name = topology.subscriber_queue(CLUSTER, owner, subscriber).name

        def take(channel: Any) -> list[Any]:
            bodies = []
            while (message := channel.basic_get(name, no_ack=True)) is not None:
                bodies.append(msgspec.json.decode(message.body))
            return bodies

        return self._sender.run(take)


class RabbitWorld(KombuWorld):
    """On a broker where everybody who asks has an account of his own; it vouches for nobody else."""

    def __init__(self, broker: RabbitMQ, vhost: str) -> None:
        super().__init__("rabbitmq", broker.url(vhost=vhost))
        self._broker, self._vhost = broker, vhost

    def rpc_client(self, user: str = "ann") -> Any:
        client = KombuRpcClient(self._broker.url(user or "ann", vhost=self._vhost), CLUSTER, user)
        self._ends.append(client.close)
        return client

    def raw_rpc(self, body: bytes, headers: Mapping[str, Any], properties: Mapping[str, Any]) -> None:
        super().raw_rpc(
            body, headers, {**properties, "user_id": "elastic"} if "user_id" in properties else properties
        )


def make_world(name: str, folder: Path) -> World:
    if name == "memory":
        return MemoryWorld()
    return KombuWorld(name, sqlite_url(folder / "bus.db"))
