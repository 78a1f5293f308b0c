"""The story, in memory."""

from collections.abc import Sequence

from msgspec.structs import replace

from elastic.adapters import codec
from elastic.adapters.store.memory.state import MemoryState
from elastic.errors import NotFound
from elastic.model.decision import Decision, Event
from elastic.model.domain import DomainKey


class MemoryJournal(MemoryState):
    def decisions(self, key: DomainKey, count: int = 50) -> Sequence[Decision]:
        with self.lock:
            if key not in self._domains:
                raise NotFound(f"domain {key}")
            kept = list(self._domains[key].decisions)
        return [codec.decode(blob, Decision) for blob in kept[max(0, len(kept) - count) :]]

    def log(self, events: Sequence[Event]) -> None:
        blobs = [codec.encode(event) for event in events]
        with self.lock:
            self._log(blobs)

    def events(self, after: int = 0, count: int = 1000) -> Sequence[Event]:
        with self.lock:
            kept = [(seq, blob) for seq, blob in self._events if seq > after]
        return [replace(codec.decode(blob, Event), seq=seq) for seq, blob in kept[max(0, len(kept) - count) :]]
