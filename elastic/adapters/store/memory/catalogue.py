"""Definitions and deployable types, in memory."""

from collections.abc import Mapping, Sequence

from elastic.adapters import codec
from elastic.adapters.store.memory.state import MemoryState
from elastic.errors import Conflict, NotFound
from elastic.model.domain import Json
from elastic.ports.store import Request


class MemoryCatalogue(MemoryState):
    def add_entry(self, kind: str, name: str, body: Mapping[str, Json], request: Request | None = None) -> None:
        blob = codec.encode(body)
        with self.lock:
            self._refuse_answered(request)
            if (kind, name) in self._entries:
                raise Conflict(f"{kind} {name} is there already")
            self._remember(request)
            self._entries[kind, name] = blob

    def update_entry(self, kind: str, name: str, body: Mapping[str, Json], request: Request | None = None) -> None:
        blob = codec.encode(body)
        with self.lock:
            self._refuse_answered(request)
            self._check_there(kind, name)
            self._remember(request)
            self._entries[kind, name] = blob

    def remove_entry(self, kind: str, name: str, request: Request | None = None) -> None:
        with self.lock:
            self._refuse_answered(request)
            self._check_there(kind, name)
            self._remember(request)
            del self._entries[kind, name]

    def entry(self, kind: str, name: str) -> Mapping[str, Json]:
        with self.lock:
            self._check_there(kind, name)
            return codec.decode(self._entries[kind, name], dict)

    def entries(self, kind: str) -> Sequence[str]:
        with self.lock:
            return sorted(name for of_kind, name in self._entries if of_kind == kind)

    def _check_there(self, kind: str, name: str) -> None:
        if (kind, name) not in self._entries:
            raise NotFound(f"{kind} {name}")
