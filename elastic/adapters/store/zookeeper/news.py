"""What others have changed in the partitions that this handle follows, as the watches tell it."""

import threading
from collections import deque
from collections.abc import Iterable, Mapping

from elastic.adapters.store.outcomes import NEWS_KEPT
from elastic.adapters.store.zookeeper.asks import Children
from elastic.adapters.store.zookeeper.book import Book, Ward
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
        self._book = Book(self._tree, self._rang)
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
                self._book.take_down()
                self._told.add(None)
                return self._told.since(cursor)
        silent = [
            number
            for number, ward in self._book.wards.items()
            if ward.nodes is None or not self._book.is_watched(self._tree.partition(number), losses)
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
                if not ward.is_told and ward.nodes is not None:
                    ward.is_told = True
                    self._tell(ward.nodes)
            for _ in range(len(rung)):
                key = rung.popleft()
                if self._book.ward(key) is not None:
                    self._told.add(key)

    def _listed(self, partitions: Iterable[int]) -> dict[int, Nodes]:
        """What lies in them now. Of those that are followed, the watch is set again if it is not."""
        wards, losses = self._book.wards, self.session.losses
        folders = {number: self._tree.partition(number) for number in partitions}
        bells = {n: self._book.bell(folder, losses) for n, folder in folders.items() if n in wards}
        found = self.session.read([Children(folder, bells.get(n)) for n, folder in folders.items()])
        listed: dict[int, Nodes] = {}
        for (number, path), folder in zip(folders.items(), found, strict=True):
            if folder is None:
                raise StoreUnavailable(f"partition {number} is not there: somebody has taken it away")
            keys = ((key_of(node), node) for node in folder.children)
            listed[number] = {key: node for key, node in keys if key is not None}
            if number in wards:
                self._compare(wards[number], listed[number])
                self._book.hang(path, bells[number])
        return listed

    def _compare(self, ward: Ward, nodes: Nodes) -> None:
        before, ward.nodes = ward.nodes or {}, nodes
        if before == nodes:
            return
        differing = [key for key in before.keys() | nodes.keys() if before.get(key) != nodes.get(key)]
        for key in differing:
            ward.known.pop(key, None)
        if ward.is_told:
            with self._lock:
                self._tell(differing)

    def _tell(self, keys: Iterable[DomainKey]) -> None:
        for key in sorted(keys):
            self._told.add(key)
