"""How many heartbeats a second one replica takes from RabbitMQ, against bare kombu that only decodes them.

Both take the same messages, in turn, each from a full queue. Ours checks the signature of each, notes it for the
doctor, and goes on turning meanwhile, on a ZooKeeper of which it asks nothing for them.
"""

import multiprocessing
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import amqp
import msgspec
from kombu import Connection, Consumer, Queue

from bench.fleet import PARTITIONS, Fleet, opened, requests
from bench.rows import Row, tell
from bench.servers import Servers
from bench.solo import ADDRESS, MEMBER, SECRET, Solo, StillCloud
from elastic.adapters.bus import topology, wire
from elastic.adapters.bus.heartbeats import BATCH, PREFETCH, KombuHeartbeats
from elastic.adapters.bus.link import connected, opened_channel
from elastic.adapters.bus.signing import instance_key, sign
from elastic.adapters.clock import SYSTEM_CLOCK
from elastic.adapters.store.zookeeper import ZookeeperStore
from elastic.model.assignment import ROLES
from elastic.model.heartbeat import Heartbeat
from elastic.ports.bus import Pulse
from elastic.rules.ring import slot_of

CLUSTER = "bench"
FLEETS = [Fleet(10, 100), Fleet(100, 100)]
COUNT, ROUNDS = 20_000, 5
QUICK_COUNT, QUICK_ROUNDS = 10_000, 2
LONG_QUEUE = 200_000
BUDGET = 0.8
PLAIN_QUEUE = "elastic.bench.plain"
BOUND = 120.0  # seconds

Spent = tuple[float, float]
"""Seconds, and of them seconds of this process's CPU."""


def measure(servers: Servers, quick: bool) -> Iterator[Row]:
    url = servers.bus_url()
    count, rounds = (QUICK_COUNT, QUICK_ROUNDS) if quick else (COUNT, ROUNDS)
    plain = Plain(url)
    try:
        for fleet in FLEETS:
            with replica(servers, url, fleet) as ours:
                yield compared(url, fleet, plain, ours, count, rounds)
    finally:
        plain.close()


@contextmanager
def replica(servers: Servers, url: str, fleet: Fleet) -> Iterator["Ours"]:
    tell(f"heartbeats: {fleet} are made")
    store = opened(servers.store_url())
    try:
        fleet.fill(store)
        ours = Ours(store, url, fleet)
        try:
            yield ours
        finally:
            ours.close()
    finally:
        store.close()


def compared(url: str, fleet: Fleet, plain: "Plain", ours: "Ours", count: int, rounds: int) -> Row:
    spent: dict[str, list[Spent]] = {"plain": [], "ours": []}
    takers: dict[str, Plain | Ours] = {"plain": plain, "ours": ours}
    for number in range(rounds):
        for name, taker in takers.items():
            tell(f"heartbeats of {fleet}: round {number + 1} of {rounds}, {name}")
            spent[name].append(taker.run(url, fleet, 1 + number * count, count))
    rate = {name: count / statistics.median(seconds for seconds, _ in all_) for name, all_ in spent.items()}
    cost = {name: statistics.median(cpu for _, cpu in all_) / count * 1e6 for name, all_ in spent.items()}
    ratio = rate["ours"] / rate["plain"]
    asked = ours.asked / (rounds * count)
    return Row(
        what=f"heartbeats into one replica, of {fleet.size:,} instances",
        figure=f"{rate['ours']:,.0f}/s, {cost['ours']:.0f} us of CPU; {asked:.6g} store operations each",
        baseline=f"bare kombu, decodes only: {rate['plain']:,.0f}/s, {cost['plain']:.0f} us of CPU",
        ratio=ratio,
        budget=f">= {BUDGET:g} x, 0 operations",
        met=ratio >= BUDGET and not ours.asked,
        limit=f"CPU, of which it has {cost['plain'] / cost['ours']:.2f} x the yield",
    )


def send(url: str, exchange: str, keys: Sequence[tuple[str, str, str, str]], first: int, count: int) -> None:
    """`keys`: of each instance its routing key, id, owner and domain."""
    connection = connected(url, listens=False)
    channel = opened_channel(connection)
    signing = [instance_key(SECRET, name) for _, name, _, _ in keys]
    for number in range(first, first + count):
        at = number % len(keys)
        routing_key, name, owner, domain = keys[at]
        beat = Heartbeat(node_id=name, owner=owner, domain_id=domain, boot="b6d1f3a0", seq=number, state="OK")
        body = msgspec.json.encode(beat)
        said = {
            "application_headers": {wire.MAC_HEADER: sign(signing[at], body)},
            "reply_to": ADDRESS,
            "delivery_mode": 1,
            "expiration": "600000",
            **wire.CONTENT,
        }
        channel.basic_publish(amqp.Message(body, **said), exchange, routing_key)
    channel.basic_qos(0, 1, False)
    connection.release()


def fill(url: str, exchange: str, fleet: Fleet, first: int, count: int, routing_key: str | None = None) -> None:
    """`routing_key`: one for all, in place of each one's slot."""
    keys = [
        (routing_key or str(slot_of(domain.key)), name, *domain.key)
        for domain in fleet
        for name in fleet.ids(domain)
    ]
    process = multiprocessing.Process(target=send, args=(url, exchange, keys, first, count))
    process.start()
    process.join()
    assert process.exitcode == 0, "the heartbeats could not be sent"


class Plain:
    """kombu, as its manual has it, with batches acknowledged: it decodes and counts."""

    def __init__(self, url: str) -> None:
        self._connection = Connection(url, heartbeat=0)
        self._channel = self._connection.channel()
        self._queue = Queue(PLAIN_QUEUE, durable=False, max_length=LONG_QUEUE)
        self._channel.queue_delete(PLAIN_QUEUE)
        self._queue(self._channel).declare()
        self._decode = msgspec.json.Decoder(Heartbeat).decode
        self._seen = 0

    def run(self, url: str, fleet: Fleet, first: int, count: int) -> Spent:
        fill(url, "", fleet, first, count, PLAIN_QUEUE)
        self._seen = 0
        consumer = Consumer(
            self._channel, [self._queue], on_message=self._take, accept=["json"], prefetch_count=PREFETCH
        )
        began, used = time.perf_counter(), time.process_time()
        consumer.consume()
        while self._seen < count:
            self._connection.drain_events(timeout=60)
        spent = time.perf_counter() - began, time.process_time() - used
        consumer.cancel()
        return spent

    def close(self) -> None:
        self._channel.queue_delete(PLAIN_QUEUE)
        self._connection.release()

    def _take(self, message: Any) -> None:
        self._decode(message.body)
        self._seen += 1
        if self._seen % BATCH == 0:
            message.ack(multiple=True)


class Gated(KombuHeartbeats):
    """Hears no heartbeat until the gate is opened: all of them wait in the queue by then."""

    def __init__(self, url: str) -> None:
        super().__init__(url, CLUSTER, MEMBER, PARTITIONS)
        self.gate = threading.Event()

    def start(self, hear: Callable[[Sequence[Pulse]], None]) -> None:
        def gated(pulses: Sequence[Pulse]) -> None:
            self.gate.wait(BOUND)
            hear(pulses)

        super().start(gated)


class Ours:
    """A whole replica that owns the fleet, and goes on turning in a thread of its own."""

    def __init__(self, store: ZookeeperStore, url: str, fleet: Fleet) -> None:
        self._store, self._ended = store, threading.Event()
        self._stepping, self._keeps = threading.Lock(), 0
        listing = tuple(fleet.servers(store.layout().uid))
        self._heartbeats = Gated(url)
        self._heartbeats.gate.set()
        self._solo = Solo(store, StillCloud(lambda: listing), SYSTEM_CLOCK, self._heartbeats)
        self._solo.settle(fleet.size)
        until(lambda: self._solo.step(0.0) >= 0.0 and len(self._heartbeats.bound()) == PARTITIONS)
        self._began = requests(store)
        self._thread = threading.Thread(target=self._turn, name="control", daemon=True)
        self._thread.start()

    @property
    def asked(self) -> int:
        """Of its store, since it was there; its looks at its own seats apart."""
        with self._stepping:
            return requests(self._store) - self._began - self._keeps * len(ROLES)

    def run(self, url: str, fleet: Fleet, first: int, count: int) -> Spent:
        reactor, gate = self._solo.agent.reactor, self._heartbeats.gate
        before = reactor.heard
        gate.clear()
        fill(url, topology.heartbeat_exchange(CLUSTER).name, fleet, first, count)
        began, used = time.perf_counter(), time.process_time()
        gate.set()
        until(lambda: reactor.heard - before >= count)
        return time.perf_counter() - began, time.process_time() - used

    def close(self) -> None:
        """What was dropped was not measured."""
        self._heartbeats.gate.set()
        self._ended.set()
        self._thread.join()
        self._solo.close()
        dropped = dict(self._solo.agent.reactor.dropped)
        assert not dropped, dropped

    def _turn(self) -> None:
        wait = 0.0
        while not self._ended.wait(max(wait, 0.02)):
            with self._stepping:
                wait = self._solo.step(0.0)
                self._keeps += 1


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + BOUND
    while not condition():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.002)
