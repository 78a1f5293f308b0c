"""Servers that do not go: each delete is asked for again and again, and after a while the domain says so."""

from collections.abc import Callable, Collection, Iterable

from elastic.model.domain import DomainKey
from elastic.model.instance import Instance
from elastic.roles.memory import drop_others
from elastic.rules.standing import Complaint


class Stuck:
    """`touch` has the domain visited when there is news."""

    def __init__(self, touch: Callable[[DomainKey], None]) -> None:
        self._touch = touch
        self._known: dict[DomainKey, tuple[str, ...]] = {}

    def look(
        self, key: DomainKey, leaving: Iterable[tuple[Instance, float]], patience: float, now: float
    ) -> float | None:
        """`leaving`: with since when we have seen each so. When to look again; all monotonic."""
        late, due = [], []
        for instance, since in leaving:
            if now > since + patience:
                late.append(instance.instance_id)
            else:
                due.append(since + patience + 0.001)
        if tuple(late) != self._known.get(key, ()):
            self._known[key] = tuple(late)
            self._touch(key)
        return min(due, default=None)

    def keep_only(self, instance_ids: Collection[str], keys: Collection[DomainKey]) -> None:  # noqa: ARG002
        drop_others(self._known, keys)

    def complaints(self, key: DomainKey) -> tuple[Complaint, ...]:
        late = self._known.get(key)
        if not late:
            return ()
        shown = ", ".join(late[:3]) + (f" and {len(late) - 3} more" if len(late) > 3 else "")
        return (Complaint("Degraded", "StuckInDeleting", f"the cloud does not delete what {shown} had"),)
