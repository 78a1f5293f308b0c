"""The memory of who was heard from, and when: the reactor writes it, the doctor reads it."""

from collections.abc import Iterable
from typing import Protocol

from elastic.model.heartbeat import Heard


class LastHeard(Protocol):
    def note(self, instance_id: str, heard: Heard) -> bool:
        """Keep it if it is news: another boot, or a higher seq than ever of a known one. False: it was not."""

    def of(self, instance_id: str) -> Heard | None: ...

    def keep_only(self, instance_ids: Iterable[str]) -> None:
        """Forget all others."""
