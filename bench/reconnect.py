"""How long a member needs to read its domains in ZooKeeper: for the first time, after a cut of the connection,
and at a hand-over.

    python -m bench.reconnect [--domains 10000] [--instances 10] [--url zookeeper://HOST:PORT/CHROOT]

Without a URL it starts a server of its own (Debian's package), and restarts that for the cut; with one it fills
a fresh cluster below the chroot, and the cut is of the client's own connection. The last column compares with
bare kazoo in the same run: as many nodes, got one after another without waiting for the answers.
"""

import argparse
import secrets
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count, islice
from pathlib import Path
from typing import Any, NamedTuple

from elastic.adapters import codec
from elastic.adapters.clock import SYSTEM_CLOCK
from elastic.adapters.store.place import StorePlace
from elastic.adapters.store.zookeeper import ZookeeperStore
from elastic.adapters.store.zookeeper.asks import Create, Op, Set
from elastic.adapters.store.zookeeper.buckets import RECORDS
from elastic.adapters.store.zookeeper.heads import bucket_data, head_data
from elastic.adapters.store.zookeeper.names import HEAD, node_name
from elastic.errors import StoreUnavailable
from elastic.model.assignment import Assignment
from elastic.model.domain import Domain, DomainKey
from elastic.model.instance import Instance
from elastic.model.states import Health, InstanceState
from elastic.model.view import Standing
from elastic.roles.mirror import Mirror
from elastic.rules.ring import partition_of, slot_of
from tests.servers.zookeeper import ZooKeeper

PARTITIONS = 256
HAND_OVER = (100, 100)  # domains, and instances of each
BATCH = 200 * 1024  # bytes of one transaction
BOUND = 120.0  # seconds


class Row(NamedTuple):
    what: str
    seconds: float
    requests: int
    watches: str = ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--domains", type=int, default=10_000)
    parser.add_argument("--instances", type=int, default=10)
    parser.add_argument("--url")
    said = parser.parse_args()
    with served(said.url) as (url, cut, watches):
        rows = measured(url, said.domains, said.instances, cut, watches)
        show(rows, said.domains, said.instances)
        show(handed_over(url, watches), *HAND_OVER)


@contextmanager
def served(url: str | None) -> Iterator[tuple[str, Callable[[ZookeeperStore], None], Callable[[], str]]]:
    """Where to measure, how to cut the connection, and how to count the watches."""
    if url is not None:
        yield url, dropped, lambda: "?"
        return
    with tempfile.TemporaryDirectory() as folder:
        server = ZooKeeper(Path(folder))
        server.start()
        try:
            yield f"zookeeper://{server.hosts}", lambda _: server.restart(), lambda: told(server, "zk_watch_count")
        finally:
            server.stop()


def dropped(store: ZookeeperStore) -> None:
    store.session.client._connection._socket.shutdown(socket.SHUT_RDWR)


def told(server: ZooKeeper, name: str) -> str:
    lines = (line.split("\t") for line in server.says("mntr").splitlines())
    return next((words[1] for words in lines if words[0] == name), "?")


def measured(
    url: str, domains: int, instances: int, cut: Callable[[ZookeeperStore], None], watches: Callable[[], str]
) -> list[Row]:
    store = ZookeeperStore.at(placed(url))
    try:
        fill(store, domains, instances)
        assign(store)
        rows = [bare(store, domains)]

        mirror = mirrored(store)
        rows.append(timed(store, "first reading of all", mirror.refresh, watches))
        assert len(mirror.instance_ids()) == domains * instances
        rows.append(timed(store, "a quiet turn", mirror.refresh, watches))

        cut(store)
        connected(store)
        rows.append(timed(store, "after a cut of the connection", mirror.refresh, watches))
        assert len(mirror.instance_ids()) == domains * instances

        return rows
    finally:
        store.close()


def handed_over(url: str, watches: Callable[[], str]) -> list[Row]:
    """A successor reads them for the first time, with a session that stands already."""
    place = placed(url)
    store, successor = ZookeeperStore.at(place), ZookeeperStore.at(place)
    try:
        fill(store, *HAND_OVER)
        assign(store)
        rows = [bare(store, HAND_OVER[0], buckets=-(-HAND_OVER[1] // RECORDS))]
        mirror = mirrored(successor)
        rows.append(timed(successor, "read at a hand-over", mirror.refresh, watches))
        assert len(mirror.instance_ids()) == HAND_OVER[0] * HAND_OVER[1]
        return rows
    finally:
        store.close()
        successor.close()


def placed(url: str) -> StorePlace:
    return StorePlace(url, PARTITIONS, f"bench-{secrets.token_hex(4)}", session_timeout=30.0, insecure=True)


def fill(store: ZookeeperStore, domains: int, instances: int) -> None:
    """As many commits would have left it."""
    incarnations = dict.fromkeys(range(PARTITIONS), 0)
    ops: list[Op] = []
    for number in range(domains):
        key = DomainKey(f"owner{number % 50}", f"domain-{number}")
        partition = partition_of(slot_of(key), PARTITIONS)
        incarnations[partition] += 1
        ops += born(store, key, partition, incarnations[partition], instances)
        if sum(len(op.data) for op in ops if isinstance(op, Create)) > BATCH:
            store.session.transact(ops)
            ops = []
    folders = (store._tree.partition(n) for n in incarnations)
    ops += [Set(folder, codec.encode(n)) for folder, n in zip(folders, incarnations.values(), strict=True)]
    store.session.transact(ops)


def born(store: ZookeeperStore, key: DomainKey, partition: int, incarnation: int, instances: int) -> list[Create]:
    path = f"{store._tree.partition(partition)}/{node_name(key, incarnation)}"
    domain = Domain(
        key=key,
        incarnation=incarnation,
        revision=1,
        definition="web",
        general={"engine": "simplest"},
        engine_conf={"preserve_n": instances, "epuworker_type": "worker", "iaas_site": "north"},
    )
    texts = [codec.bare(instance(f"i-{partition:03x}-{incarnation}-{n}")) for n in range(instances)]
    runs = [texts[at : at + RECORDS] for at in range(0, len(texts), RECORDS)] or [[]]
    names = [HEAD, *(f"i{n}" for n in range(1, len(runs)))]
    standing = Standing(revision=1, desired=instances, status="STABLE", next_number=instances + 1)
    return [
        Create(path, codec.encode(domain)),
        Create(f"{path}/{HEAD}", head_data("c" * 32, 1, standing, names, runs[0])),
        *(Create(f"{path}/{name}", bucket_data(run)) for name, run in zip(names[1:], runs[1:], strict=True)),
    ]


def instance(name: str) -> Instance:
    return Instance(
        instance_id=name,
        site="north",
        deployable_type="worker",
        allocation="m1.small",
        state=InstanceState.RUNNING,
        state_time=1_700_000_000.25,
        health=Health.OK,
        health_time=1_700_000_030.5,
        server_id=f"8d0e5c3a-{name}",
        public_ip="192.0.2.17",
        private_ip="10.0.0.17",
        hostname=f"{name}.example.org",
        announced="RUNNING",
        version=7,
    )


def assign(store: ZookeeperStore) -> None:
    table = Assignment(term=1, serial=1, holders=("me",) * PARTITIONS, since=(1,) * PARTITIONS)
    store.session.transact([Set(store._tree.assignment, codec.encode(table), 0)])


def mirrored(store: ZookeeperStore) -> Mirror:
    numbers = count()
    return Mirror(store, "me", SYSTEM_CLOCK, lambda: f"c{next(numbers)}", lambda _: None)


def bare(store: ZookeeperStore, domains: int, buckets: int = 1) -> Row:
    """All nodes of the domains, 1,000 in flight."""
    client, paths = store.session.client, list[str]()
    for partition in range(PARTITIONS):
        folder = store._tree.partition(partition)
        for name in store.session.children(folder):
            if name != ".keys":
                paths += [f"{folder}/{name}", *(f"{folder}/{name}/i{n}" for n in range(buckets))]
    assert len(paths) == (1 + buckets) * domains
    begin = time.perf_counter()
    left = iter(paths)
    while some := [client.get_async(path) for path in islice(left, 1000)]:
        for flying in some:
            flying.get()
    return Row(f"bare kazoo: get of {1 + buckets} nodes a domain", time.perf_counter() - begin, len(paths))


def timed(store: ZookeeperStore, what: str, work: Callable[[], Any], watches: Callable[[], str]) -> Row:
    before, begin = requests(store), time.perf_counter()
    work()
    return Row(what, time.perf_counter() - begin, requests(store) - before, watches())


def requests(store: ZookeeperStore) -> int:
    """That this client has sent in this session (kazoo numbers them)."""
    return int(store.session.client._connection._xid)


def connected(store: ZookeeperStore) -> None:
    deadline = time.monotonic() + BOUND
    while True:
        try:
            store.session.get(store._tree.assignment)
            return
        except StoreUnavailable:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def show(rows: Sequence[Row], domains: int, instances: int) -> None:
    print(
        f"\n{domains} domains x {instances} instances, {len(codec.bare(instance('i-0ff-12-7')))} bytes a record\n"
    )
    print(f"{'':36}{'seconds':>9}{'requests':>10}{'watches':>9}{'x bare':>8}")
    for row in rows:
        ratio = row.seconds / rows[0].seconds
        print(f"{row.what:36}{row.seconds:9.3f}{row.requests:10}{row.watches:>9}{ratio:8.2f}")


if __name__ == "__main__":
    main()
