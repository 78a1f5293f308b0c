"""What one member of a cluster stands in: a store, a bus, a cloud, a clock set by hand."""

from collections.abc import Callable, Sequence
from itertools import count, islice
from typing import Any

from elastic.adapters.bus.memory import MemoryBroker
from elastic.adapters.cloud.simulated import SimulatedCloud
from elastic.adapters.membership.memory import MemoryElection
from elastic.adapters.store.memory import MemoryStore
from elastic.adapters.workers import InlineWorkers
from elastic.errors import StoreUnavailable
from elastic.model.assignment import Assignment
from elastic.model.domain import Domain, DomainKey
from elastic.model.instance import Instance
from elastic.model.server import Mark, Server, ServerStatus
from elastic.model.view import View
from elastic.ports.store import Change, Commit
from elastic.roles.mirror import Mirror
from elastic.roles.moment import Moment
from elastic.rules.ring import partition_of, slot_of
from tests.scenario.world import Hand

WEB = DomainKey("ann", "web")
PARTITIONS = 4


class Setting:
    """The table is written by a leader elsewhere, `deal`; at first all is `me`'s."""

    def __init__(self) -> None:
        self.clock = Hand()
        self.store = MemoryStore(PARTITIONS, uid="uid", clock=self.clock)
        self.broker = MemoryBroker(self.clock.now)
        self.cloud = SimulatedCloud(self.clock, site_names=("north",))
        self.workers = InlineWorkers()
        self.touched: list[DomainKey] = []
        self._ids = count(1)
        seat = MemoryElection(self.store, "leader", self.clock, ttl=1e9).contend("decider")
        assert seat is not None
        self.seat, self.term = seat, self.store.raise_term(seat)
        self.deal("me")

    @property
    def now(self) -> Moment:
        return Moment.of(self.clock)

    def deal(self, *holders: str) -> Assignment:
        """One holder a partition, or one for all of them."""
        table = holders * (PARTITIONS if len(holders) == 1 else 1)
        before = self.store.assignment()
        serial = before.serial + 1
        old = before.holders or ("",) * PARTITIONS
        since = tuple(before.since[p] if old[p] == table[p] else serial for p in range(PARTITIONS))
        dealt = Assignment(term=self.term.number, serial=serial, holders=table, since=since)
        self.store.assign(self.seat, dealt)
        return dealt

    def deal_one(self, partition: int, holder: str) -> Assignment:
        holders = list(self.store.assignment().holders)
        holders[partition] = holder
        return self.deal(*holders)

    def mirror(self, store: Any = None, changed: Callable[[DomainKey], None] | None = None) -> Mirror:
        told = changed or self.touched.append
        return Mirror(store or self.store, "me", self.clock, lambda: f"c{next(self._ids)}", told)

    def add(self, name: str = "web", *instances: Instance, **of_domain: Any) -> DomainKey:
        key = DomainKey("ann", name)
        self.store.add_domain(Domain(key=key, **of_domain))
        if instances:
            self.write(key, added=instances)
        return key

    def write(self, key: DomainKey, **commit: Any) -> View:
        """What the partition's holder, whoever that is, would write."""
        assignment, partition = self.store.assignment(), partition_of(slot_of(key), PARTITIONS)
        tenure = assignment.tenure(partition, assignment.holders[partition])
        assert tenure is not None
        return self.store.commit(self.store.view(key), tenure, Commit(id=f"w{next(self._ids)}", **commit))

    def alter(self, key: DomainKey, name: str, change: Callable[[Instance], Instance | None]) -> View:
        return self.write(key, changes={name: Change(change)})


def partition(key: DomainKey) -> int:
    return partition_of(slot_of(key), PARTITIONS)


def names_in(wanted: int, how_many: int = 1) -> Sequence[str]:
    """Domains of ann's that lie in that partition."""
    names = (f"d{n}" for n in count() if partition(DomainKey("ann", f"d{n}")) == wanted)
    return list(islice(names, how_many))


def server(name: str, server_id: str = "s-1", status: str = "ACTIVE", **rest: Any) -> Server:
    """One that carries the mark of that instance of ann's web."""
    mark = Mark(rest.pop("cluster", "uid"), rest.pop("key", WEB), rest.pop("incarnation", 1), name)
    return Server(server_id=server_id, site="north", mark=mark, status=ServerStatus(status), **rest)


class Failing:
    """A store that does not answer its `fails`-th call, counted from 1, of those named; null: all are answered."""

    def __init__(self, inner: Any, *names: str) -> None:
        self.__dict__.update(inner=inner, names=names, fails=None, calls=0)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        if name not in self.names:
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            self._count()
            return found(*args, **kwargs)

        def one_by_one(*args: Any, **kwargs: Any) -> Any:
            for item in found(*args, **kwargs):
                self._count()
                yield item

        return one_by_one if name == "views" else call

    def _count(self) -> None:
        self.__dict__["calls"] += 1
        if self.calls == self.fails:
            raise StoreUnavailable("cut off")

    def fail(self, number: int | None) -> None:
        self.__dict__.update(fails=number, calls=0)
