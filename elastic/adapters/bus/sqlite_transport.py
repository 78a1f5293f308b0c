"""A kombu transport over one SQLite file: exchanges, queues and acknowledgements without a server.

`sqlite+elastic:////path/to/bus.db`, for any number of processes of one host, on a local file system. What is
different from RabbitMQ: a queue's limit of length counts taken messages too; exchanges are never auto-deleted.
"""

import math
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

import msgspec
from amqp.protocol import queue_declare_ok_t
from kombu.exceptions import OperationalError
from kombu.transport import TRANSPORT_ALIASES, base, virtual

from elastic.adapters.bus.sqlite_bell import Bell
from elastic.adapters.bus.sqlite_clients import Clients
from elastic.adapters.bus.sqlite_file import BusFile
from elastic.adapters.bus.sqlite_messages import Messages, Slip, Taken
from elastic.adapters.bus.sqlite_topology import EXCHANGE, MAX_LENGTH, QUEUE, QueueSpec, Topology

TEND_SECONDS = 1.0
LOOK_SECONDS = 0.5
"""How long a waiter trusts its bell."""

BATCH = 500
BULK_PREFETCH = 100
GATHER_SECONDS = 0.003
"""One that takes so many at once leaves them time to gather: each look costs a transaction, which is one at a
time for all processes."""

MIN_LOOK_SECONDS = 0.001


def sqlite_url(path: Path | str) -> str:
    """The URL of the bus in the file `path`."""
    return "sqlite+elastic:///" + quote(str(Path(path).absolute()))


def register() -> None:
    """Make kombu know the URLs. `sqlite+anything` is looked up as `sqlite`; kombu has none of that name."""
    TRANSPORT_ALIASES["sqlite"] = f"{__name__}:Transport"


class Subscription(NamedTuple):
    """One `basic_consume`."""

    queue: int
    keep: bool  # until acknowledged
    callback: Callable[[Any], None]


class Outlet:
    """What one connection holds of the file: itself as a client, the topology, the messages, its bell."""

    def __init__(self, path: Path) -> None:
        self.file = BusFile(path)
        self.bell = Bell()
        self.clients = Clients(self.file)
        self.topology = Topology(self.file)
        self.messages = Messages(self.file, self.topology)
        try:
            self.clients.join(self.bell.address)
        except BaseException:
            self.close()
            raise

    def tend(self) -> None:
        """Once in a while, by one client for all: bury the dead, drop the expired. Raises if we count as dead."""
        if not self.file.is_in_place() or not self.clients.am_listed():
            raise OperationalError("the bus file is another one, or does not know us any more")
        if self.file.claim_tending(TEND_SECONDS):
            self.bell.ring(self.clients.bury_the_dead())
            self.messages.drop_expired()

    def close(self) -> None:
        try:
            self.clients.leave()
        except sqlite3.Error:
            pass
        finally:
            self.bell.close()
            self.file.close()


class Channel(virtual.Channel):
    do_restore = False
    supports_fanout = True

    def __init__(self, connection: "Transport", **kwargs: Any) -> None:
        super().__init__(connection, **kwargs)
        self._outlet = connection.outlet
        self._subscriptions: dict[str, Subscription] = {}
        self._arrived: deque[tuple[Subscription, int, Any]] = deque()
        self._unacknowledged: dict[int, Slip] = {}
        self._last_tag = 0
        self._rests_until = 0.0

    def prepare_queue_arguments(self, arguments: dict[str, Any], **options: Any) -> dict[str, Any]:
        return base.to_rabbitmq_queue_arguments(arguments, **options)

    def exchange_declare(self, exchange: str, type: str = "direct", passive: bool = False, **_others: Any) -> None:
        self._outlet.topology.declare_exchange(exchange, type or "direct", passive)

    def exchange_delete(self, exchange: str, **_others: Any) -> None:
        self._outlet.topology.delete_exchange(exchange)

    def exchange_bind(self, destination: str, source: str = "", routing_key: str = "", **_others: Any) -> None:
        self._outlet.topology.bind(source, routing_key, EXCHANGE, destination)

    def exchange_unbind(self, destination: str, source: str = "", routing_key: str = "", **_others: Any) -> None:
        self._outlet.topology.unbind(source, routing_key, EXCHANGE, destination)

    def queue_declare(
        self,
        queue: str = "",
        passive: bool = False,
        exclusive: bool = False,
        auto_delete: bool = False,
        arguments: dict[str, Any] | None = None,
        **_others: Any,
    ) -> Any:
        limits = arguments or {}
        spec = QueueSpec(
            name=queue or f"amq.gen-{self._next_delivery_tag()}",
            owner=self._outlet.clients.me if exclusive else 0,
            auto_delete=auto_delete,
            ttl=limits.get("x-message-ttl", 0) / 1000,
            max_length=limits.get("x-max-length", MAX_LENGTH),
        )
        self._outlet.topology.declare_queue(spec, passive)
        return queue_declare_ok_t(spec.name, self._size(spec.name), 0)

    def queue_delete(self, queue: str, **_others: Any) -> None:
        self._outlet.topology.delete_queue(queue)

    def queue_bind(self, queue: str, exchange: str = "", routing_key: str = "", **_others: Any) -> None:
        self._outlet.topology.bind(exchange, routing_key, QUEUE, queue)

    def queue_unbind(self, queue: str, exchange: str = "", routing_key: str = "", **_others: Any) -> None:
        self._outlet.topology.unbind(exchange, routing_key, QUEUE, queue)

    def queue_purge(self, queue: str, **_others: Any) -> int:
        return self._outlet.messages.purge(self._outlet.topology.queue_id(queue))

    def basic_publish(self, message: dict[str, Any], exchange: str, routing_key: str, **_others: Any) -> None:
        body = message.pop("body")
        message["properties"]["delivery_info"] = {"exchange": exchange, "routing_key": routing_key}
        expiration = message["properties"].get("expiration")
        woken = self._outlet.messages.publish(
            exchange,
            routing_key,
            msgspec.json.encode(message),
            body.encode() if isinstance(body, str) else bytes(body),
            None if expiration is None else int(expiration) / 1000,
        )
        self._outlet.bell.ring(woken)

    def basic_consume(
        self, queue: str, no_ack: bool, callback: Callable[[Any], None], consumer_tag: str, **_others: Any
    ) -> None:
        found = self._outlet.topology.queue_id(queue)
        self._outlet.topology.add_consumer(found, self._outlet.clients.me, consumer_tag)
        self._subscriptions[consumer_tag] = Subscription(found, not no_ack, callback)

    def basic_cancel(self, consumer_tag: str, **_others: Any) -> None:
        gone = self._subscriptions.pop(consumer_tag, None)
        if gone is None:
            return
        unseen = [tag for subscription, tag, _message in self._arrived if subscription is gone]
        self._arrived = deque(item for item in self._arrived if item[0] is not gone)
        self._give_back(unseen)
        self._outlet.topology.drop_consumer(gone.queue, self._outlet.clients.me, consumer_tag)

    def basic_get(self, queue: str, no_ack: bool = False, **_others: Any) -> Any:
        found = self._outlet.topology.queue_id(queue)
        taken = self._outlet.messages.take(found, 1, self._outlet.clients.me, not no_ack)
        return self._unpacked(taken[0], not no_ack)[1] if taken else None

    def basic_ack(self, delivery_tag: int, multiple: bool = False) -> None:
        tags = [tag for tag in self._unacknowledged if tag <= delivery_tag] if multiple else [delivery_tag]
        slips = [self._unacknowledged[tag] for tag in tags if tag in self._unacknowledged]
        self._outlet.messages.acknowledge(slips, self._outlet.clients.me)
        for tag in tags:
            self._unacknowledged.pop(tag, None)

    def basic_reject(self, delivery_tag: int, requeue: bool = False) -> None:
        if requeue:
            self._give_back([delivery_tag])
        else:
            self.basic_ack(delivery_tag)

    def basic_recover(self, **_others: Any) -> None:
        self._arrived.clear()
        self._give_back(list(self._unacknowledged))

    def drain(self) -> bool:
        """Hand what has arrived to the consumers; False if there was nothing."""
        if self.rest() <= 0:
            for subscription in list(self._subscriptions.values()):
                self._fetch(subscription)
        handed = bool(self._arrived)
        while self._arrived:
            subscription, _tag, message = self._arrived.popleft()
            subscription.callback(message)
        return handed

    def rest(self) -> float:
        """Seconds that it lets messages gather yet, after it took some."""
        return self._rests_until - time.monotonic() if self.qos.prefetch_count >= BULK_PREFETCH else 0.0

    def close(self) -> None:
        if self.closed:
            return
        try:
            for tag in list(self._subscriptions):
                self.basic_cancel(tag)
            self._give_back(list(self._unacknowledged))
        except sqlite3.Error:
            self._subscriptions.clear()  # the file gives all back once we are gone
        super().close()

    def _fetch(self, subscription: Subscription) -> None:
        room = BATCH
        if self.qos.prefetch_count and subscription.keep:
            room = min(room, self.qos.prefetch_count - len(self._unacknowledged))
        if room <= 0:
            return
        taken = self._outlet.messages.take(subscription.queue, room, self._outlet.clients.me, subscription.keep)
        self._arrived.extend((subscription, *self._unpacked(one, subscription.keep)) for one in taken)
        if taken:
            self._rests_until = time.monotonic() + GATHER_SECONDS

    def _unpacked(self, taken: Taken, keep: bool) -> tuple[int, Any]:
        self._last_tag += 1
        if keep:
            self._unacknowledged[self._last_tag] = taken.slip
        payload = msgspec.json.decode(taken.envelope)
        payload["body"] = taken.body
        payload["properties"]["delivery_tag"] = self._last_tag
        payload["properties"]["delivery_info"]["redelivered"] = taken.redelivered
        return self._last_tag, self.Message(payload, channel=self)

    def _give_back(self, tags: list[int]) -> None:
        slips = [self._unacknowledged.pop(tag) for tag in tags if tag in self._unacknowledged]
        if slips:
            self._outlet.bell.ring(self._outlet.messages.give_back(slips, self._outlet.clients.me))

    def _size(self, queue: str) -> int:
        return self._outlet.messages.count(self._outlet.topology.queue_id(queue))


class Transport(virtual.Transport):
    Channel = Channel
    can_parse_url = True
    driver_type = "sqlite"
    driver_name = "sqlite"
    connection_errors = (*base.Transport.connection_errors, OperationalError, sqlite3.Error, OSError)
    implements = base.Transport.implements.extend(exchange_type=frozenset(["direct", "topic", "fanout"]))

    outlet: Outlet

    def establish_connection(self) -> "Transport":
        self.outlet = Outlet(Path(unquote(str(self.client.hostname).partition("://")[2])[1:]))
        self._tended = 0.0
        self._woken = threading.Event()
        return super().establish_connection()

    def close_connection(self, connection: "Transport") -> None:
        try:
            super().close_connection(connection)
        finally:
            self.outlet.close()

    def wake(self) -> None:
        """Have `drain_events` return, as if nothing had come in time. From any thread."""
        self._woken.set()
        self.outlet.bell.ring([self.outlet.bell.address])

    def drain_events(self, _connection: "Transport", timeout: float | None = None) -> None:
        """Raises TimeoutError if nothing came within `timeout` seconds."""
        ends = math.inf if timeout is None else time.monotonic() + timeout
        while not self._drain_once():
            left = ends - time.monotonic()
            if left <= 0 or self._woken.is_set():
                self._woken.clear()
                raise TimeoutError
            rest = max((channel.rest() for channel in self.channels), default=0.0)
            if rest > 0:
                time.sleep(min(rest, left))
            else:
                self.outlet.bell.wait(max(MIN_LOOK_SECONDS, min(left, LOOK_SECONDS)))

    def _drain_once(self) -> bool:
        now = time.monotonic()
        if now - self._tended >= TEND_SECONDS:
            self._tended = now
            self.outlet.tend()
        handed = [channel.drain() for channel in list(self.channels)]
        return any(handed)

    def driver_version(self) -> str:
        return sqlite3.sqlite_version


register()
