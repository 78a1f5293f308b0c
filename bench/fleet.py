"""Domains and instances that run well, laid out in ZooKeeper as many commits would have left them."""

from collections.abc import Iterator
from dataclasses import dataclass

from elastic.adapters import codec
from elastic.adapters.store.place import StorePlace
from elastic.adapters.store.zookeeper import ZookeeperStore
from elastic.adapters.store.zookeeper.asks import Create, Op, Set
from elastic.adapters.store.zookeeper.buckets import RECORDS
from elastic.adapters.store.zookeeper.heads import bucket_data, head_data
from elastic.adapters.store.zookeeper.names import HEAD, node_name
from elastic.model.assignment import Assignment
from elastic.model.domain import Domain, DomainKey
from elastic.model.instance import Instance
from elastic.model.server import Mark, Server, ServerStatus
from elastic.model.states import Health, InstanceState
from elastic.model.view import Condition, Standing
from elastic.rules.ring import partition_of, slot_of
from elastic.rules.strays import instance_id

PARTITIONS = 256
SITE = "north"
OWNERS = 50
BATCH = 200 * 1024  # bytes of one transaction
BORN = 1_700_000_000.25  # wall seconds
SESSION = 30.0  # seconds


@dataclass(frozen=True)
class Fleet:
    """So many domains of so many instances each."""

    domains: int
    instances: int

    def __str__(self) -> str:
        return f"{self.domains} x {self.instances}"

    @property
    def size(self) -> int:
        return self.domains * self.instances

    @property
    def nodes(self) -> int:
        """Of ZooKeeper, that hold all of it."""
        return self.domains * (1 + self.buckets)

    @property
    def buckets(self) -> int:
        """Of one domain."""
        return max(1, -(-self.instances // RECORDS))

    def __iter__(self) -> Iterator[Domain]:
        """With the incarnations that their partitions' counters give them."""
        counters = dict.fromkeys(range(PARTITIONS), 0)
        for number in range(self.domains):
            key = DomainKey(f"owner{number % OWNERS}", f"domain-{number}")
            partition = home(key)
            counters[partition] += 1
            yield self._domain(key, counters[partition])

    def _domain(self, key: DomainKey, incarnation: int) -> Domain:
        return Domain(
            key=key,
            incarnation=incarnation,
            revision=1,
            definition="web",
            general={"engine": "simplest"},
            engine_conf={
                "preserve_n": self.instances,
                "force_site": SITE,
                "epuworker_type": "worker",
                "epuworker_allocation": "m1.small",
            },
        )

    def ids(self, domain: Domain) -> list[str]:
        return [instance_id(slot_of(domain.key), domain.incarnation, n + 1) for n in range(self.instances)]

    def fill(self, store: ZookeeperStore) -> None:
        counters: dict[int, int] = {}
        ops: list[Op] = []
        for domain in self:
            partition = home(domain.key)
            counters[partition] = domain.incarnation
            ops += self._nodes_of(domain, store._tree.partition(partition))
            if sum(len(op.data) for op in ops if isinstance(op, Create)) > BATCH:
                store.session.transact(ops)
                ops = []
        ops += [Set(store._tree.partition(n), codec.encode(counter)) for n, counter in counters.items()]
        store.session.transact(ops)

    def _nodes_of(self, domain: Domain, folder: str) -> list[Create]:
        path = f"{folder}/{node_name(domain.key, domain.incarnation)}"
        texts = [codec.bare(instance(name)) for name in self.ids(domain)]
        runs = [texts[at : at + RECORDS] for at in range(0, len(texts), RECORDS)] or [[]]
        names = [HEAD, *(f"i{n}" for n in range(1, len(runs)))]
        ready = Condition("Ready", True, "AllRunning", f"{self.instances} of {self.instances} run", BORN)
        standing = Standing(
            revision=1,
            desired=self.instances,
            status="STABLE",
            conditions=(ready,),
            next_number=self.instances + 1,
        )
        return [
            Create(path, codec.encode(domain)),
            Create(f"{path}/{HEAD}", head_data("c" * 32, 1, standing, names, runs[0])),
            *(Create(f"{path}/{name}", bucket_data(run)) for name, run in zip(names[1:], runs[1:], strict=True)),
        ]

    def servers(self, uid: str) -> Iterator[Server]:
        """As a cloud would list them."""
        for domain in self:
            for name in self.ids(domain):
                yield server(Mark(uid, domain.key, domain.incarnation, name))


def home(key: DomainKey) -> int:
    return partition_of(slot_of(key), PARTITIONS)


def instance(name: str) -> Instance:
    return Instance(
        instance_id=name,
        site=SITE,
        deployable_type="worker",
        allocation="m1.small",
        state=InstanceState.RUNNING,
        state_time=BORN,
        health=Health.OK,
        health_time=BORN + 30.0,
        server_id=f"8d0e5c3a-{name}",
        public_ip="192.0.2.17",
        private_ip="10.0.0.17",
        hostname=f"{name}.example.org",
        announced="RUNNING",
        version=7,
    )


def server(mark: Mark) -> Server:
    record = instance(mark.instance_id)
    return Server(
        server_id=str(record.server_id),
        site=SITE,
        mark=mark,
        status=ServerStatus.ACTIVE,
        created=BORN,
        public_ip=record.public_ip,
        private_ip=record.private_ip,
        hostname=record.hostname,
    )


def opened(url: str) -> ZookeeperStore:
    """One more handle on the cluster there."""
    return ZookeeperStore.at(StorePlace(url, PARTITIONS, "bench", session_timeout=SESSION, insecure=True))


def deal(store: ZookeeperStore, member: str) -> None:
    """All partitions to that member, as a leader would."""
    table = Assignment(term=1, serial=1, holders=(member,) * PARTITIONS, since=(1,) * PARTITIONS)
    store.session.transact([Set(store._tree.assignment, codec.encode(table), 0)])


def requests(store: ZookeeperStore) -> int:
    """That this client has sent in this session (kazoo numbers them)."""
    return int(store.session.client._connection._xid)


def paths_of(store: ZookeeperStore, buckets: int = 1) -> list[str]:
    """All nodes of all domains: each one's config and so many buckets."""
    found = list[str]()
    for partition in range(PARTITIONS):
        folder = store._tree.partition(partition)
        for name in store.session.children(folder):
            if name != ".keys":
                found += [f"{folder}/{name}", *(f"{folder}/{name}/i{n}" for n in range(buckets))]
    return found
