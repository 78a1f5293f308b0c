"""A call and its answer: elastic's client and a replica's reactor, against bare kombu with direct reply-to.

Ours goes through the cluster's quorum queue, which outlives a broker of three: RabbitMQ writes each call to its
log on disk before it hands it on. Bare kombu is measured on such a queue as well as on a classic one.
"""

import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from multiprocessing.synchronize import Event
from typing import Any

from kombu import Connection, Consumer, Producer, Queue

from bench.rows import Row, tell
from bench.servers import Servers
from elastic.adapters.bus.kombu import KombuRpcClient, KombuRpcServer
from elastic.adapters.clock import SYSTEM_CLOCK
from elastic.adapters.store.memory import MemoryStore
from elastic.client import Client
from elastic.engines import installed_engines
from elastic.roles.reactor import Desk, Hearing, MemberStatus, Reactor

CLUSTER = "bench"
ROUNDS, CALLS = 6, 200
QUICK_ROUNDS, QUICK_CALLS = 2, 50
WARM_UP = 20  # calls
BUDGET = 2.0
BOUND = 30.0  # seconds
REPLY_TO = "amq.rabbitmq.reply-to"
BODY = {"op": "ping", "args": {}}
KINDS = {"classic": {}, "quorum": {"x-queue-type": "quorum"}}

Ask = Callable[[], object]


def measure(servers: Servers, quick: bool) -> Iterator[Row]:
    url = servers.bus_url()
    rounds, calls = (QUICK_ROUNDS, QUICK_CALLS) if quick else (ROUNDS, CALLS)
    with ExitStack() as stack:
        askers: dict[str, Ask] = {"ours": ours(stack, url)}
        askers |= {kind: plain(stack, url, kind) for kind in KINDS}
        for ask in askers.values():
            timed(ask, WARM_UP)
        spent: dict[str, list[float]] = {name: [] for name in askers}
        for number in range(rounds):
            tell(f"rpc: round {number + 1} of {rounds}")
            for name, ask in askers.items():
                spent[name] += timed(ask, calls)
    for kind in KINDS:
        yield row(kind, spent["ours"], spent[kind])


def timed(ask: Ask, calls: int) -> list[float]:
    """Each one's ms."""
    spent = []
    for _ in range(calls):
        began = time.perf_counter()
        ask()
        spent.append(1000 * (time.perf_counter() - began))
    return spent


def row(kind: str, ours: list[float], bare: list[float]) -> Row:
    ratio = statistics.median(ours) / statistics.median(bare)
    limits = {
        "classic": "a quorum queue is on disk before it is delivered; a classic one never was",
        "quorum": "the broker's log on disk",
    }
    return Row(
        what=f"RPC round trip (against a {kind} queue)",
        figure=f"p50 {percentile(ours, 50):.2f}, p99 {percentile(ours, 99):.1f} ms",
        baseline=f"bare kombu: p50 {percentile(bare, 50):.2f}, p99 {percentile(bare, 99):.1f} ms",
        ratio=ratio,
        budget=f"p50 <= {BUDGET:g} x",
        met=ratio <= BUDGET,
        limit=limits[kind],
    )


def percentile(values: list[float], part: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[part - 1]


def started(stack: ExitStack, serve: Callable[..., None], *args: object) -> None:
    """In a process of its own, until the stack is left; returns when it serves."""
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    process = context.Process(target=serve, args=(*args, ready, done), daemon=True)
    process.start()
    stack.callback(process.join, BOUND)
    stack.callback(done.set)
    if not ready.wait(BOUND):
        raise TimeoutError("the server of calls does not come up")


def ours(stack: ExitStack, url: str) -> Ask:
    started(stack, serve_ours, url)
    client = Client(KombuRpcClient(url, CLUSTER))
    stack.callback(client.close)
    return client.ping


def serve_ours(url: str, ready: Event, done: Event) -> None:
    server = KombuRpcServer(url, CLUSTER)
    server.start(reactor().handle)
    while not server.is_connected:
        time.sleep(0.01)
    ready.set()
    done.wait()
    server.stop()


def reactor() -> Reactor:
    """As a replica has it; the calls that are measured ask nothing of its store."""
    nobody: Any = None
    desk = Desk(
        store=MemoryStore(),
        clock=SYSTEM_CLOCK,
        peers=nobody,
        outgoing=nobody,
        cloud=nobody,
        lastheard=nobody,
        engines=installed_engines(),
        member="m1",
        status=MemberStatus,
    )
    hearing = Hearing(SYSTEM_CLOCK, nobody, lambda _: None, lambda *_: False, lambda _: None)
    return Reactor(desk, hearing, None)


def queue_of(kind: str) -> Queue:
    return Queue(f"bench.{kind}", durable=True, queue_arguments=KINDS[kind])


def plain(stack: ExitStack, url: str, kind: str) -> Ask:
    """kombu as its manual has it; the queue is durable, the messages are not."""
    started(stack, serve_plain, url, kind)
    connection = stack.enter_context(Connection(url))
    channel, replies = connection.channel(), list[Any]()
    consumer = Consumer(
        channel, [Queue(REPLY_TO, no_declare=True)], on_message=replies.append, no_ack=True, accept=["json"]
    )
    consumer.consume()
    producer = Producer(channel)

    def ask() -> object:
        producer.publish(BODY, routing_key=f"bench.{kind}", reply_to=REPLY_TO, delivery_mode=1, serializer="json")
        while not replies:
            connection.drain_events(timeout=BOUND)
        return replies.pop().payload

    return ask


def serve_plain(url: str, kind: str, ready: Event, done: Event) -> None:
    with Connection(url) as connection:
        channel = connection.channel()
        producer = Producer(channel)

        def answer(message: Any) -> None:
            reply = {"result": message.payload["op"]}
            producer.publish(reply, routing_key=message.properties["reply_to"], delivery_mode=1, serializer="json")
            message.ack()

        with Consumer(channel, [queue_of(kind)], on_message=answer, accept=["json"], prefetch_count=4):
            ready.set()
            while not done.is_set():
                try:
                    connection.drain_events(timeout=0.2)
                except TimeoutError:
                    continue
