"""How long a member needs to read its domains in ZooKeeper: for the first time, after a cut of the connection,
and at a hand-over.

Bare kazoo, in the same run, gets as many nodes with a thousand requests under way.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count, islice
from typing import Any

from bench.fleet import Fleet, deal, opened, paths_of, requests
from bench.rows import Row, tell
from bench.servers import Servers
from bench.solo import MEMBER
from elastic.adapters.clock import SYSTEM_CLOCK
from elastic.adapters.store.zookeeper import ZookeeperStore
from elastic.errors import StoreUnavailable
from elastic.roles.mirror import Mirror
from tests.servers.zookeeper import ZooKeeper

FLEET, QUICK_FLEET = Fleet(10_000, 10), Fleet(1000, 10)
HANDED_OVER = Fleet(100, 100)
BACK_WITHIN = 15.0  # seconds
IN_FLIGHT = 1000
TIMES = 3
BOUND = 120.0  # seconds


def measure(servers: Servers, quick: bool) -> Iterator[Row]:
    yield from cut_off(servers, QUICK_FLEET if quick else FLEET)
    yield handed_over(servers)


def cut_off(servers: Servers, fleet: Fleet) -> Iterator[Row]:
    store = opened(servers.store_url())
    try:
        prepare(store, fleet)
        plain = bare(store, fleet)
        mirror = mirrored(store)
        tell(f"reconnect: {fleet} are read")
        first, asked = timed(store, partial(read_whole, mirror))
        assert len(mirror.instance_ids()) == fleet.size
        yield row(f"first reading of {fleet}", first, asked, plain, fleet)

        tell("reconnect: ZooKeeper is restarted")
        servers.zookeeper.restart()
        until_connected(store)
        back, asked = timed(store, partial(read_whole, mirror))
        assert len(mirror.instance_ids()) == fleet.size
        yield row(
            f"the same after a cut, {fleet}", back, asked, plain, fleet, BACK_WITHIN, watches(servers.zookeeper)
        )
    finally:
        store.close()


def handed_over(servers: Servers) -> Row:
    """To a successor whose session stands already."""
    url = servers.store_url()
    store, successor = opened(url), opened(url)
    try:
        prepare(store, HANDED_OVER)
        plain = min(bare(store, HANDED_OVER) for _ in range(TIMES))
        tell(f"reconnect: {HANDED_OVER} are handed over")
        spent, asked = timed(successor, partial(read_whole, mirrored(successor)))
        return row(f"{HANDED_OVER} read at a hand-over", spent, asked, plain, HANDED_OVER)
    finally:
        store.close()
        successor.close()


def row(
    what: str, seconds: float, asked: int, plain: float, fleet: Fleet, within: float | None = None, limit: str = ""
) -> Row:
    return Row(
        what=what,
        figure=f"{seconds:.2f} s, {asked:,} requests",
        baseline=f"bare kazoo gets {fleet.nodes:,} nodes: {plain:.2f} s",
        ratio=seconds / plain,
        budget="" if within is None else f"< {within:.0f} s",
        met=None if within is None else seconds < within,
        limit=limit or f"kazoo: {seconds / asked * 1e6:.0f} us a request",
    )


def prepare(store: ZookeeperStore, fleet: Fleet) -> None:
    tell(f"reconnect: {fleet} are made")
    fleet.fill(store)
    deal(store, MEMBER)


def mirrored(store: ZookeeperStore) -> Mirror:
    numbers = count()
    return Mirror(store, MEMBER, SYSTEM_CLOCK, lambda: f"c{next(numbers)}", lambda _: None)


def read_whole(mirror: Mirror) -> None:
    """It reads for a while in each turn; here nothing else is done between."""
    mirror.refresh()
    while not mirror.is_whole:
        mirror.refresh()


def bare(store: ZookeeperStore, fleet: Fleet) -> float:
    client, paths = store.session.client, paths_of(store, fleet.buckets)
    assert len(paths) == fleet.nodes
    tell(f"reconnect: bare kazoo reads {fleet}")
    began, left = time.perf_counter(), iter(paths)
    while some := [client.get_async(path) for path in islice(left, IN_FLIGHT)]:
        for flying in some:
            flying.get()
    return time.perf_counter() - began


def timed(store: ZookeeperStore, work: Callable[[], Any]) -> tuple[float, int]:
    before, began = requests(store), time.perf_counter()
    work()
    return time.perf_counter() - began, requests(store) - before


def until_connected(store: ZookeeperStore) -> None:
    deadline = time.monotonic() + BOUND
    while True:
        try:
            store.session.get(store._tree.assignment)
            return
        except StoreUnavailable:
            assert time.monotonic() < deadline, "ZooKeeper does not come back"
            time.sleep(0.01)


def watches(server: ZooKeeper) -> str:
    lines = (line.split("\t") for line in server.says("mntr").splitlines())
    found = next((words[1] for words in lines if words[0] == "zk_watch_count"), "?")
    return f"kazoo drops watches at a cut: {found} were set anew"
