"""Domains as clients and roles look at them, in ZooKeeper."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from elastic.adapters import codec
from elastic.adapters.store.zookeeper.asks import Create, Exists, Found, Get, Op
from elastic.adapters.store.zookeeper.book import Known
from elastic.adapters.store.zookeeper.glance import Glance, Sight
from elastic.adapters.store.zookeeper.heads import decisions
from elastic.adapters.store.zookeeper.journal import prune
from elastic.adapters.store.zookeeper.names import DECISIONS
from elastic.adapters.store.zookeeper.news import ZookeeperNews
from elastic.adapters.store.zookeeper.session import Session
from elastic.errors import BadMessage, NotFound, StoreUnavailable
from elastic.model.decision import Decision
from elastic.model.domain import DomainKey
from elastic.model.view import View

AT_ONCE = 256  # domains
ROUNDS = 10


class ZookeeperReading(ZookeeperNews):
    def domains(self, partition: int) -> Sequence[DomainKey]:
        return self.domains_of([partition])

    def domains_of(self, partitions: Iterable[int]) -> Sequence[DomainKey]:
        listed, wards = self._listed(partitions), self._book.wards
        for number in listed.keys() & wards.keys():
            wards[number].is_told = True
        return [key for nodes in listed.values() for key in sorted(nodes)]

    def all_domains(self, owner: str | None = None) -> Sequence[DomainKey]:
        keys = self.domains_of(range(self._layout.partitions))
        return sorted(key for key in keys if owner in (None, key.owner))

    def view(self, key: DomainKey) -> View:
        return self._look(key).view

    def views(self, keys: Iterable[DomainKey]) -> Iterator[tuple[DomainKey, View | NotFound | BadMessage]]:
        left = iter(keys)
        while some := list(islice(left, AT_ONCE)):
            sights = self._looks(some)
            for key in some:
                sight = sights[key]
                yield key, sight.view if isinstance(sight, Known) else sight

    def incarnation(self, partition: int) -> int:
        return counter(self.session.get(self._tree.partition(partition)))

    def decisions(self, key: DomainKey, count: int = 50) -> Sequence[Decision]:
        for _ in range(ROUNDS):
            path = self._path(key)
            node, found = self.session.read([Exists(path), Get(f"{path}/{DECISIONS}")])
            if node is not None:
                kept = decisions(found)
                return kept[max(0, len(kept) - count) :]
        raise _restless(key)

    def _path(self, key: DomainKey) -> str:
        """By a list made now. NotFound."""
        home = self._tree.home(key)
        node = self._listed([home])[home].get(key)
        if node is None:
            raise NotFound(f"domain {key}")
        return self._tree.domain(key, node)

    def _look(self, key: DomainKey) -> Known:
        """As of now. NotFound, BadMessage."""
        sight = self._looks([key])[key]
        if isinstance(sight, Known):
            return sight
        raise sight

    def _looks(self, keys: Sequence[DomainKey]) -> dict[DomainKey, Sight]:
        glance = Glance(self.session, self._book, self._tree, keys)
        for _ in range(ROUNDS):
            if glance.homeless:
                glance.house(self._listed(sorted({glance.homes[key] for key in glance.homeless})))
            glance.read()
            if not glance.open:
                return glance.sights
        raise _restless(next(iter(glance.open)))


def counter(found: Found | None) -> int:
    """A partition's: how many domains it ever had."""
    return codec.decode(found.data, int) if found and found.data else 0


def prune_events(session: Session, ops: Sequence[Op], answers: Sequence[Any] | None) -> None:
    """After a write that may have had events, which are its last operation then."""
    if answers and isinstance(ops[-1], Create) and ops[-1].sequence:
        prune(session, answers[-1])


def _restless(key: DomainKey) -> StoreUnavailable:
    return StoreUnavailable(f"domain {key} is written to so often that it cannot be read whole")
