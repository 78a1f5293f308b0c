"""What others have changed in the partitions that this handle follows, as the watches tell it."""

import threading
from collections import deque
from collections.abc import Iterable, Mapping

from elastic.adapters.store.outcomes import NEWS_KEPT
from elastic.adapters.store.zookeeper.asks import Children
from elastic.adapters.store.zookeeper.book import Bell, Book, Ward
from elastic.adapters.store.zookeeper.names import key_of
from elastic.adapters.store.zookeeper.session import Session
from elastic.adapters.store.zookeeper.state import ZookeeperState
from elastic.errors import StoreUnavailable
from elastic.model.assignment import Layout
from elastic.model.domain import DomainKey
from elastic.ports.clock import Clock
from elastic.ports.store import News

Nodes = Mapping[DomainKey, str]
"""The domains of one partition, and the names of their nodes."""


class Told:
    """A numbered list, of which the end is kept. None in it: everything may have changed."""

    def __init__(self) -> None:
        self.newest = 0
        self._kept: deque[tuple[int, DomainKey | None]] = deque(maxlen=NEWS_KEPT)

    def add(self, key: DomainKey | None) -> None:
        self.newest += 1
        self._kept.append((self.newest, key))

    def since(self, cursor: int) -> News:
        oldest = self._kept[0][0] if self._kept else 1
        if not oldest - 1 <= cursor <= self.newest:
            return News(self.newest, None)
        keys = frozenset(key for number, key in self._kept if number > cursor)
        return News(self.newest, None if None in keys else keys)  # type: ignore[arg-type]


class ZookeeperNews(ZookeeperState):
    def __init__(self, session: Session, layout: Layout, clock: Clock) -> None:
        super().__init__(session, layout, clock)
        self._book = Book(self._tree)
        self._told = Told()
        self._losses = session.losses
        self._lock = threading.Lock()

    def follow(self, partitions: Iterable[int]) -> None:
        self._book.follow(partitions)

    def news(self, cursor: int) -> News:
        """Asks the server for nothing but the list of a partition of which a watch has rung."""
        losses = self.session.losses
        with self._lock:
            if losses != self._losses:
                self._losses = losses
                self._told.add(None)
                return self._told.since(cursor)
        silent = [
            number
            for number, ward in self._book.wards.items()
            if ward.bell is None or not ward.bell.is_set(losses)
        ]
        if silent:
            self._listed(silent)
        self._hear()
        with self._lock:
            return self._told.since(cursor)

    def _hear(self) -> None:
        rung = self._book.rung
        with self._lock:
            for ward in self._book.wards.values():
                if not ward.is_told:
                    ward.is_told = True
                    self._tell(ward.nodes)
            for _ in range(len(rung)):
                key = rung.popleft()
                if self._book.ward(key) is not None:
                    self._told.add(key)

    def _listed(self, partitions: Iterable[int]) -> dict[int, Nodes]:
        """What lies in them now. Of those that are followed, the watch is set again if it is not."""
        numbers, wards, losses = list(partitions), self._book.wards, self.session.losses
        bells = {n: self._bell(wards[n], losses) for n in numbers if n in wards}
        found = self.session.read([Children(self._tree.partition(n), bells.get(n)) for n in numbers])
        listed: dict[int, Nodes] = {}
        for number, folder in zip(numbers, found, strict=True):
            if folder is None:
                raise StoreUnavailable(f"partition {number} is not there: somebody has taken it away")
            keys = ((key_of(node), node) for node in folder.children)
            listed[number] = {key: node for key, node in keys if key is not None}
            if number in wards:
                self._compare(wards[number], listed[number])
                wards[number].bell = bells[number] or wards[number].bell
        return listed

    def _bell(self, ward: Ward, losses: int) -> Bell | None:
        is_set = ward.bell is not None and ward.bell.is_set(losses)
        return None if is_set else Bell(losses, lambda: None)

    def _compare(self, ward: Ward, nodes: Nodes) -> None:
        before, ward.nodes = ward.nodes, nodes
        if before == nodes:
            return
        differing = [key for key in before.keys() | nodes.keys() if before.get(key) != nodes.get(key)]
        for key in differing:
            ward.drop(key)
        if ward.is_told:
            with self._lock:
                self._tell(differing)

    def _tell(self, keys: Iterable[DomainKey]) -> None:
        for key in sorted(keys):
            self._told.add(key)
