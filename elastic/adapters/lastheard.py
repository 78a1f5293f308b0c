"""Last-heard in this process's memory: written by the bus thread, read by the control thread."""

from collections.abc import Iterable
from threading import Lock

from elastic.model.heartbeat import Heard


class MemoryLastHeard:
    def __init__(self) -> None:
        self._lock = Lock()
        self._heard: dict[str, Heard] = {}

    def note(self, instance_id: str, heard: Heard) -> bool:
        with self._lock:
            last = self._heard.get(instance_id)
            if last is not None and last.boot == heard.boot and heard.seq <= last.seq:
                return False
            self._heard[instance_id] = heard
            return True

    def of(self, instance_id: str) -> Heard | None:
        return self._heard.get(instance_id)

    def keep_only(self, instance_ids: Iterable[str]) -> None:
        kept = frozenset(instance_ids)
        with self._lock:
            for instance_id in self._heard.keys() - kept:
                del self._heard[instance_id]
