"""A memory of heartbeats that says when one of them matters: the doctor need not look at the others."""

from collections.abc import Callable, Iterable

from elastic.model.domain import DomainKey
from elastic.model.heartbeat import Heard
from elastic.model.states import InstanceState
from elastic.ports.lastheard import LastHeard
from elastic.roles.mirror import Mirror


class Attention:
    """A LastHeard over another one. `matters(key)` is called, in the bus's thread, for news of health."""

    def __init__(self, inner: LastHeard, mirror: Mirror, matters: Callable[[DomainKey], None]) -> None:
        self._inner, self._mirror, self._matters = inner, mirror, matters

    def note(self, instance_id: str, heard: Heard) -> bool:
        before = self._inner.of(instance_id)
        if not self._inner.note(instance_id, heard):
            return False
        record, key = self._mirror.record(instance_id), self._mirror.home_of(instance_id)
        if key is not None and record is not None:
            is_as_known = heard.state == record.health and record.state is InstanceState.RUNNING
            if not is_as_known or _drains_otherwise(before, heard):
                self._matters(key)
        return True

    def of(self, instance_id: str) -> Heard | None:
        return self._inner.of(instance_id)

    def keep_only(self, instance_ids: Iterable[str]) -> None:
        self._inner.keep_only(instance_ids)


def _drains_otherwise(before: Heard | None, heard: Heard) -> bool:
    """It has begun to drain, or ended; or its work has ended meanwhile."""
    if before is None:
        return bool(heard.drain)
    return before.drain != heard.drain or bool(heard.drain and before.work != heard.work)
