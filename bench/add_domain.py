"""From a client's `add_domain` to the last of its N wishes in the store."""

import statistics
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from bench.fleet import SITE, instance, opened, requests
from bench.rows import Row, tell
from bench.servers import Servers
from bench.solo import Solo, StillCloud
from elastic.adapters import codec
from elastic.adapters.store.zookeeper import ZookeeperStore
from elastic.model.domain import DomainKey
from elastic.ports.bus import Call

SIZES = (10, 100, 1000)
MOST_REQUESTS = {1000: 60}
TIMES, QUICK_TIMES = 7, 2
BOUND = 30.0  # seconds
OWNER = "ann"


class Cost(NamedTuple):
    ms: float
    requests: int


class Watched:
    """Notes, after each commit of the store, when it was and what had been asked by then."""

    def __init__(self, store: ZookeeperStore) -> None:
        self._store, self._commit = store, store.commit
        self.stored: dict[DomainKey, tuple[int, float, int]] = {}
        """By domain: instances, the moment, requests of the session so far."""
        store.commit = self._noted  # type: ignore[assignment, method-assign]

    def _noted(self, *args: Any) -> Any:
        view = self._commit(*args)
        self.stored.setdefault(view.key, (0, 0.0, 0))
        if len(view.instances) > self.stored[view.key][0]:
            self.stored[view.key] = (len(view.instances), time.perf_counter(), requests(self._store))
        return view


def measure(servers: Servers, quick: bool) -> Iterator[Row]:
    for size in SIZES:
        tell(f"add_domain: N = {size}")
        costs = [measured(servers, size) for _ in range(QUICK_TIMES if quick else TIMES)]
        ours, each, at_once = (median(list(column)) for column in zip(*costs, strict=True))
        yield row(size, ours, each, at_once)


def measured(servers: Servers, size: int) -> tuple[Cost, Cost, Cost]:
    """Ours, by a replica that has nothing else to do; then bare kazoo, node by node, and all at once."""
    store = opened(servers.store_url())
    try:
        solo = Solo(store, StillCloud())
        solo.settle(0)
        ask(solo, "add_domain_definition", definition_id="web", definition={"general": {"engine": "simplest"}})
        ours = added(solo, Watched(store), size)
        solo.close()
        return ours, created_one_by_one(store, size), created_at_once(store, size)
    finally:
        store.close()


def added(solo: Solo, watched: Watched, size: int) -> Cost:
    conf = {"preserve_n": size, "force_site": SITE, "epuworker_type": "worker"}
    key = DomainKey(OWNER, "web")
    before, began = requests(solo.store), time.perf_counter()
    ask(solo, "add_domain", domain_id=key.name, definition_id="web", config={"engine_conf": conf})
    while watched.stored.get(key, (0, 0.0, 0))[0] < size:
        assert time.perf_counter() - began < BOUND, f"{size} wishes are not stored in {BOUND:g} s"
        solo.hand.advance(0.001)
        solo.agent.turn()
    _, at, sent = watched.stored[key]
    return Cost(1000 * (at - began), sent - before)


def ask(solo: Solo, op: str, **args: object) -> None:
    reply = solo.agent.reactor.handle(Call(op, args, OWNER, idempotency_key=op))
    assert "error" not in reply, reply


def records(size: int) -> list[bytes]:
    return [codec.encode(instance(f"i-000-1-{number}")) for number in range(size)]


def created_one_by_one(store: ZookeeperStore, size: int) -> Cost:
    """A node a record, each waited for, as the original had it."""
    client, texts = store.session.client, records(size)
    folder = client.create(store.session.at("bench-"), sequence=True)
    before, began = requests(store), time.perf_counter()
    for number, text in enumerate(texts):
        client.create(f"{folder}/{number}", text)
    return Cost(1000 * (time.perf_counter() - began), requests(store) - before)


def created_at_once(store: ZookeeperStore, size: int) -> Cost:
    """A node a record, all in one transaction."""
    client, texts = store.session.client, records(size)
    folder = client.create(store.session.at("bench-"), sequence=True)
    before, began = requests(store), time.perf_counter()
    transaction = client.transaction()
    for number, text in enumerate(texts):
        transaction.create(f"{folder}/{number}", text)
    assert len(transaction.commit()) == size
    return Cost(1000 * (time.perf_counter() - began), requests(store) - before)


def median(costs: list[Cost]) -> Cost:
    return Cost(statistics.median(c.ms for c in costs), round(statistics.median(c.requests for c in costs)))


def row(size: int, ours: Cost, each: Cost, at_once: Cost) -> Row:
    most = MOST_REQUESTS.get(size)
    return Row(
        what=f"add_domain to {size} wishes stored",
        figure=f"{ours.ms:.1f} ms, {ours.requests} requests",
        baseline=(
            f"bare kazoo, a node each: {each.ms:.0f} ms, {each.requests} requests;"
            f" in one transaction {at_once.ms:.1f} ms"
        ),
        ratio=ours.ms / each.ms,
        budget="" if most is None else f"<= {most} round trips",
        met=None if most is None else ours.requests <= most,
        limit="waits for ZooKeeper",
    )
