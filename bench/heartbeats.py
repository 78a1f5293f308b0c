"""How many heartbeats a second one member takes from RabbitMQ, against a consumer that only decodes them.

    .venv/bin/python bench/heartbeats.py amqp://user:password@127.0.0.1:5672/vhost [--count 40000] [--rounds 5]

The broker has to be one for tests: exchanges and queues of a cluster called `bench` are made there. Both take the
same messages, in turn, each from a full queue. Budget: the ratio of the medians is 0.8 or more.
"""

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Callable
from typing import Any

import amqp
import msgspec
from kombu import Connection, Consumer, Queue

from elastic.adapters.bus import topology, wire
from elastic.adapters.bus.heartbeats import BATCH, PREFETCH, KombuHeartbeats
from elastic.adapters.bus.link import connected, opened_channel
from elastic.adapters.bus.signing import instance_key, sign, verify
from elastic.adapters.clock import SYSTEM_CLOCK
from elastic.adapters.lastheard import MemoryLastHeard
from elastic.model.domain import DomainKey
from elastic.model.heartbeat import Heartbeat
from elastic.roles.reactor.hearing import Hearing
from elastic.rules.ring import slot_of

CLUSTER, PARTITIONS = "bench", 256
SECRET = b"s" * 32
INSTANCES = 1000
KEY = DomainKey("ann", "web")
ADDRESS = "amq.rabbitmq.reply-to.g1h2AA5yZXBseUA1MDA1NzI2OAAALacAAAABawGjMg==.DbcA+oqjJFVMVMXvs5MQFg=="
PLAIN_QUEUE = "elastic.bench.plain"


def send(url: str, exchange: str, key: str, first: int, count: int) -> None:
    connection = connected(url, listens=False)
    channel = opened_channel(connection)
    keys = [instance_key(SECRET, f"i-{number}") for number in range(INSTANCES)]
    for number in range(first, first + count):
        name = f"i-{number % INSTANCES}"
        beat = Heartbeat(
            node_id=name, owner=KEY.owner, domain_id=KEY.name, boot="b6d1f3a0", seq=number, state="OK"
        )
        body = msgspec.json.encode(beat)
        said = {
            "application_headers": {wire.MAC_HEADER: sign(keys[number % INSTANCES], body)},
            "reply_to": ADDRESS,
            "delivery_mode": 1,
            "expiration": "600000",
            **wire.CONTENT,
        }
        channel.basic_publish(amqp.Message(body, **said), exchange, key)
    channel.basic_qos(0, 1, False)
    connection.release()


def fill(url: str, exchange: str, key: str, first: int, count: int) -> None:
    process = multiprocessing.Process(target=send, args=(url, exchange, key, first, count))
    process.start()
    process.join()


class Plain:
    """kombu, as its manual has it, with batches acknowledged: it decodes and counts."""

    def __init__(self, url: str) -> None:
        self._connection = Connection(url, heartbeat=0)
        self._channel = self._connection.channel()
        self._queue = Queue(PLAIN_QUEUE, durable=False, max_length=200_000)
        self._channel.queue_delete(PLAIN_QUEUE)
        self._queue(self._channel).declare()
        self._decode = msgspec.json.Decoder(Heartbeat).decode
        self._seen = 0

    def run(self, url: str, first: int, count: int) -> tuple[float, float]:
        fill(url, "", PLAIN_QUEUE, first, count)
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


class Ours:
    """All between the wire and the memory of who was heard."""

    def __init__(self) -> None:
        known = dict.fromkeys((f"i-{number}" for number in range(INSTANCES)), KEY)
        keys = {name: instance_key(SECRET, name) for name in known}

        def is_signed(name: str, body: bytes, mac: str) -> bool:
            return verify(keys[name], body, mac)

        self._hearing = Hearing(SYSTEM_CLOCK, MemoryLastHeard(), known.get, is_signed, lambda _body: None)
        self._slot = slot_of(KEY)
        self._partition = frozenset({self._slot * PARTITIONS // topology.SLOTS})

    def run(self, url: str, first: int, count: int) -> tuple[float, float]:
        gate: list[Callable[[], None]] = []
        heartbeats = KombuHeartbeats(url, CLUSTER, "m1", PARTITIONS)
        heartbeats.tune(self._partition)
        topology_length, topology.HEARTBEATS_LENGTH = topology.HEARTBEATS_LENGTH, 200_000
        began = used = 0.0
        before = self._hearing.heard

        def hear(pulses: Any) -> None:
            nonlocal began, used
            if not began:
                gate[0]()
                began, used = time.perf_counter(), time.process_time()
            self._hearing.hear(pulses)

        filled = multiprocessing.Event()
        gate.append(lambda: filled.wait(120))
        heartbeats.start(hear)
        while heartbeats.bound() != self._partition:
            time.sleep(0.01)
        fill(url, topology.heartbeat_exchange(CLUSTER).name, str(self._slot), first, count)
        filled.set()
        while self._hearing.heard - before < count:
            time.sleep(0.002)
        spent = time.perf_counter() - began, time.process_time() - used
        heartbeats.stop()
        topology.HEARTBEATS_LENGTH = topology_length
        assert not self._hearing.dropped, self._hearing.dropped
        return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--count", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    rates: dict[str, list[float]] = {"plain": [], "ours": []}
    costs: dict[str, list[float]] = {"plain": [], "ours": []}
    plain = Plain(asked.url)
    takers: dict[str, Plain | Ours] = {"plain": plain, "ours": Ours()}
    for number in range(asked.rounds):
        for name, taker in takers.items():
            seconds, used = taker.run(asked.url, 1 + number * asked.count, asked.count)
            rates[name].append(asked.count / seconds)
            costs[name].append(used / asked.count * 1e6)
    plain.close()
    for name in takers:
        rate, cost = statistics.median(rates[name]), statistics.median(costs[name])
        spread = f"{min(rates[name]):,.0f} to {max(rates[name]):,.0f}"
        print(f"{name:6} {rate:8,.0f} heartbeats/s ({spread}), {cost:.1f} us of CPU each")
    ratio = statistics.median(rates["ours"]) / statistics.median(rates["plain"])
    of_cpu = statistics.median(costs["plain"]) / statistics.median(costs["ours"])
    print(f"ratio  {ratio:8.2f} (budget: at least 0.80), of CPU {of_cpu:.2f}: that one says more on a busy host")


if __name__ == "__main__":
    main()
