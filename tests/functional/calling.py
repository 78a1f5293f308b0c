"""Who serves calls and who makes them, on a real broker."""

import threading
import time
from collections.abc import Callable
from typing import Any

from kombu import Exchange

from elastic.adapters.bus.kombu import KombuPeers, KombuRpcClient, KombuRpcServer
from elastic.adapters.bus.memory import MemoryBroker, MemoryOutgoing, MemoryPeers
from elastic.adapters.clock import SYSTEM_CLOCK
from elastic.adapters.cloud.simulated import SimulatedCloud
from elastic.adapters.lastheard import MemoryLastHeard
from elastic.engines.simplest import Simplest
from elastic.ports.bus import Call, Reply
from elastic.ports.store import Store
from elastic.roles.reactor import Desk, Hearing, MemberStatus, Reactor
from tests.servers.proxy import Proxy
from tests.servers.rabbitmq import RabbitMQ

CLUSTER = "north.1"
QUEUE = "elastic.rpc.north%2E1"
PATIENCE = 30.0


def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it never came about"
        time.sleep(0.01)


def echo(call: Call) -> Reply:
    return {"result": [call.op, call.caller]}


class Doing:
    """A handler that remembers its calls; `hang` is its op that hangs until freed."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.free = threading.Event()
        self.taken = threading.Event()

    def __call__(self, call: Call) -> Reply:
        self.calls.append(call)
        if call.op == "hang":
            self.taken.set()
            self.free.wait(PATIENCE)
        return {"result": call.op}


def reactor_over(store: Store) -> Reactor:
    """The real one, without anybody around."""
    broker = MemoryBroker(time.time)
    desk = Desk(
        store=store,
        clock=SYSTEM_CLOCK,
        peers=MemoryPeers(broker, "m1"),
        outgoing=MemoryOutgoing(broker, "m1"),
        cloud=SimulatedCloud(SYSTEM_CLOCK),
        lastheard=MemoryLastHeard(),
        engines={"simplest": Simplest},
        member="m1",
        status=MemberStatus,
    )
    hearing = Hearing(SYSTEM_CLOCK, desk.lastheard, lambda _id: None, lambda *_said: False, lambda _body: None)
    return Reactor(desk, hearing)


class Serving:
    """Servers and clients of one bus, ended with the test."""

    def __init__(self) -> None:
        self._ends: list[Callable[[], None]] = []

    def server(
        self, url: str, handle: Callable[[Call], Reply] = echo, patience: float = PATIENCE
    ) -> KombuRpcServer:
        server = KombuRpcServer(url, CLUSTER)
        server.start(handle)
        self._ends.append(server.stop)
        until(lambda: server.is_connected, patience)
        return server

    def client(self, url: str, user: str | None = None) -> KombuRpcClient:
        client = KombuRpcClient(url, CLUSTER, user)
        self._ends.append(client.close)
        return client

    def peers(self, url: str, member: str, answer: Any, hear: Any = lambda _topic, _message: None) -> KombuPeers:
        peers = KombuPeers(url, CLUSTER, member)
        peers.start(answer, hear)
        self._ends.append(peers.stop)
        until(lambda: peers.is_connected)
        return peers

    def close(self) -> None:
        for end in reversed(self._ends):
            end()


def through(proxy: Proxy, rabbitmq: RabbitMQ, vhost: str, user: str = "elastic") -> str:
    return rabbitmq.url(user, vhost=vhost).replace(f":{rabbitmq.port}/", f":{proxy.port}/")


def publish(channel: Any, body: bytes, **properties: Any) -> None:
    said = {"content_type": "application/json", "content_encoding": "utf-8", **properties}
    channel.Producer().publish(body, QUEUE, exchange=Exchange(""), **said)
