"""Definitions and deployable types, in ZooKeeper: a node each."""

from collections.abc import Callable, Mapping, Sequence

from elastic.adapters import codec
from elastic.adapters.store.zookeeper.asks import Create, Delete, Found, Get, Op, Set
from elastic.adapters.store.zookeeper.keys import check_size
from elastic.adapters.store.zookeeper.paths import quoted, unquoted
from elastic.adapters.store.zookeeper.records import persistently
from elastic.adapters.store.zookeeper.state import ZookeeperState
from elastic.errors import Conflict, NotFound
from elastic.model.domain import Json
from elastic.ports.store import Request

Make = Callable[[Found | None], Op]
"""What to do about an entry, as it lies there now."""


class ZookeeperCatalogue(ZookeeperState):
    def add_entry(self, kind: str, name: str, body: Mapping[str, Json], request: Request | None = None) -> None:
        path, blob = self._entry(kind, name), self._blob(kind, name, body)

        def make(found: Found | None) -> Op:
            if found is not None:
                raise Conflict(f"{kind} {name} is there already")
            return Create(path, blob)

        self._mutate(path, make, request, blob)

    def update_entry(self, kind: str, name: str, body: Mapping[str, Json], request: Request | None = None) -> None:
        path, blob = self._entry(kind, name), self._blob(kind, name, body)
        self._mutate(path, lambda found: Set(path, blob, _there(kind, name, found).version), request, blob)

    def remove_entry(self, kind: str, name: str, request: Request | None = None) -> None:
        path = self._entry(kind, name)
        self._mutate(path, lambda found: Delete(path, _there(kind, name, found).version), request, None)

    def entry(self, kind: str, name: str) -> Mapping[str, Json]:
        return codec.decode(_there(kind, name, self.session.get(self._entry(kind, name))).data, dict)

    def entries(self, kind: str) -> Sequence[str]:
        return sorted(unquoted(name) for name in self.session.children(self._folder(kind)))

    def _mutate(self, path: str, make: Make, request: Request | None, blob: bytes | None) -> None:
        """`blob`: what lies there afterwards, None for nothing."""

        def landed() -> bool:
            if request is not None:
                return self._keys.is_kept(request)
            found = self.session.get(path)
            return (found.data if found else None) == blob

        def attempt() -> None:
            *answers, found = self.session.read([*self._keys.asks(request), Get(path)])
            key = self._keys.ops(request, answers)
            self.session.write([*key, make(found)], landed)

        persistently(attempt, fences=0)
        self._keys.tidy(request)

    def _blob(self, kind: str, name: str, body: Mapping[str, Json]) -> bytes:
        blob = codec.encode(body)
        check_size(blob, f"{kind} {name}")
        return blob

    def _entry(self, kind: str, name: str) -> str:
        return f"{self._folder(kind)}/{quoted(name)}"

    def _folder(self, kind: str) -> str:
        return self.session.at(f"{quoted(kind)}s")


def _there(kind: str, name: str, found: Found | None) -> Found:
    if found is None:
        raise NotFound(f"{kind} {name}")
    return found
