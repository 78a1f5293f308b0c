"""Last-heard in this process's memory: written by the bus thread, read by the control thread."""

import math
from collections.abc import Iterable
from threading import Lock

from elastic.model.heartbeat import Heard

LIVES_KEPT = 4


class MemoryLastHeard:
    """Of an agent's earlier lives the last few are remembered too: what was said in one is no news when it comes
    again. (One that speaks up in between, as `elastic-node --once` does, ends no life: its seq goes on rising.)"""

    def __init__(self) -> None:
        self._lock = Lock()
        self._heard: dict[str, Heard] = {}
        self._lives: dict[str, dict[str, int]] = {}  # by instance: the last seq of earlier boots, oldest first

    def note(self, instance_id: str, heard: Heard) -> bool:
        with self._lock:
            last = self._heard.get(instance_id)
            if last is not None and heard.seq <= self._last_seq(instance_id, last, heard):
                return False
            if last is not None and last.boot != heard.boot:
                self._begin_life(instance_id, last, heard.boot)
            self._heard[instance_id] = heard
            return True

    def _last_seq(self, instance_id: str, last: Heard, heard: Heard) -> float:
        if heard.boot == last.boot:
            return last.seq
        return self._lives.get(instance_id, {}).get(heard.boot, -math.inf)

    def _begin_life(self, instance_id: str, last: Heard, boot: str) -> None:
        lives = self._lives.setdefault(instance_id, {})
        lives[last.boot] = last.seq
        lives.pop(boot, None)
        while len(lives) > LIVES_KEPT:
            del lives[next(iter(lives))]

    def of(self, instance_id: str) -> Heard | None:
        return self._heard.get(instance_id)

    def keep_only(self, instance_ids: Iterable[str]) -> None:
        kept = frozenset(instance_ids)
        with self._lock:
            for instance_id in self._heard.keys() - kept:
                del self._heard[instance_id]
                self._lives.pop(instance_id, None)
