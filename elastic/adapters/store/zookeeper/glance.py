"""A look at many domains at once, in as few round trips as will do.

Of a domain that is remembered two versions are asked for: that of its node, and that of `i0`, which every commit
sets. Any other is read: its node and `i0`, then the other buckets, and the version of `i0` once more, for what
was written in between.
"""

from collections.abc import Iterable, Mapping

from elastic.adapters import codec
from elastic.adapters.store.zookeeper.asks import Ask, Exists, Found, Get
from elastic.adapters.store.zookeeper.book import Book, Known
from elastic.adapters.store.zookeeper.heads import Head, known
from elastic.adapters.store.zookeeper.names import HEAD, Tree
from elastic.adapters.store.zookeeper.session import Session
from elastic.errors import BadMessage, NotFound
from elastic.model.domain import DomainKey

Sight = Known | NotFound | BadMessage


class Glance:
    """`sights`: what is settled; `open`: what is not, with its path if that is known."""

    def __init__(self, session: Session, book: Book, tree: Tree, keys: Iterable[DomainKey]) -> None:
        self.sights: dict[DomainKey, Sight] = {}
        self.homes = {key: tree.home(key) for key in keys}
        self._session, self._book, self._tree = session, book, tree
        self._wards = {key: book.wards.get(home) for key, home in self.homes.items()}
        self.open: dict[DomainKey, str | None] = {key: self._remembered_path(key) for key in self.homes}

    @property
    def homeless(self) -> list[DomainKey]:
        return [key for key, path in self.open.items() if path is None]

    def house(self, listed: Mapping[int, Mapping[DomainKey, str]]) -> None:
        """Of those whose path is not known; `listed` tells of their partitions what is there now."""
        for key in self.homeless:
            node = listed[self.homes[key]].get(key)
            if node is None:
                self._settle(key, NotFound(f"domain {key}"))
            else:
                self.open[key] = self._path(key, node)

    def read(self) -> None:
        """One round. What was written to meanwhile stays open, for another."""
        losses = self._session.losses
        paths = {key: path for key, path in self.open.items() if path is not None}
        remembered = {key: self._recalled(key, path) for key, path in paths.items()}
        bells = {key: self._book.bell(path, losses, key) for key, path in paths.items() if self._wards[key]}
        asked: list[Ask] = []
        for key, path in paths.items():
            ask = Get if remembered[key] is None else Exists
            asked += [ask(path, bells.get(key)), ask(f"{path}/{HEAD}")]
        found = iter(self._session.read(asked) if asked else ())

        scattered: dict[DomainKey, tuple[Found, Found, Head]] = {}
        for key, (node, head_node) in zip(paths, zip(found, found, strict=True), strict=True):
            if node is None or head_node is None:
                self.open[key] = None
                continue
            self._book.hang(paths[key], bells.get(key))
            before = remembered[key]
            if before is not None:
                self._compare(key, before, node, head_node)
            else:
                self._open_up(key, node, head_node, scattered)
        if scattered:
            self._gather(scattered)

    def _compare(self, key: DomainKey, before: Known, node: Found, head_node: Found) -> None:
        if (node.version, head_node.version) == (before.version, before.head_version):
            self._settle(key, before)
        elif (ward := self._wards[key]) is not None:
            ward.unlearn(key, before)

    def _open_up(
        self,
        key: DomainKey,
        node: Found,
        head_node: Found,
        scattered: dict[DomainKey, tuple[Found, Found, Head]],
    ) -> None:
        try:
            head = codec.decode(head_node.data, Head)
        except BadMessage as error:
            self._settle(key, error)
            return
        if len(head.buckets) > 1:
            scattered[key] = (node, head_node, head)
        else:
            self._learn(key, node, head_node, head, [])

    def _gather(self, scattered: Mapping[DomainKey, tuple[Found, Found, Head]]) -> None:
        asked: list[Ask] = []
        for key, (_, _, head) in scattered.items():
            asked += [Get(f"{self.open[key]}/{name}") for name in head.buckets[1:]]
            asked.append(Exists(f"{self.open[key]}/{HEAD}"))
        found = iter(self._session.read(asked))
        for key, (node, head_node, head) in scattered.items():
            others = [next(found) for _ in head.buckets[1:]]
            again = next(found)
            whole = [other for other in others if other is not None]
            if again is not None and again.version == head_node.version and len(whole) == len(others):
                self._learn(key, node, head_node, head, whole)

    def _learn(self, key: DomainKey, node: Found, head_node: Found, head: Head, others: list[Found]) -> None:
        try:
            learnt = known(str(self.open[key]), node, head_node, head, others)
        except BadMessage as error:
            self._settle(key, error)
            return
        if (ward := self._wards[key]) is not None:
            ward.known[key] = learnt
        self._settle(key, learnt)

    def _settle(self, key: DomainKey, sight: Sight) -> None:
        self.sights[key] = sight
        del self.open[key]

    def _path(self, key: DomainKey, node: str) -> str:
        return f"{self._tree.partition(self.homes[key])}/{node}"

    def _remembered_path(self, key: DomainKey) -> str | None:
        ward = self._wards[key]
        node = ward.nodes.get(key) if ward is not None and ward.nodes is not None else None
        return None if node is None else self._path(key, node)

    def _recalled(self, key: DomainKey, path: str) -> Known | None:
        ward = self._wards[key]
        remembered = ward.known.get(key) if ward is not None else None
        return remembered if remembered is not None and remembered.path == path else None
