"""Who is there, and who holds a role's lock. Both are hints: the guard is in the store."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from elastic.model.assignment import Seat


@dataclass(frozen=True, slots=True)
class Presence:
    """`since`: monotonic seconds at which this process first saw it there without a gap.

    `proved_dead`: no doubt is possible (its file lock is free), so nobody need wait for its session.
    """

    name: str
    since: float
    proved_dead: bool = False


Capability = str | int | float


class Group(Protocol):
    """The tooz group of all replicas."""

    def join(self) -> None: ...

    def leave(self) -> None: ...

    def beat(self) -> None:
        """Say that we live; heal our own membership if it was lost. Called about three times a session.

        Conflict: another process lives under our name by now, so we must not go on.
        """

    def tell(self, capabilities: Mapping[str, Capability]) -> None:
        """What others shall see beside our name, from the next beat on. The member's card is the truth of it."""

    def present(self) -> Mapping[str, Presence]:
        """Those that are, or seemed to be, there. Raises StoreUnavailable when the group cannot be read."""


class Election(Protocol):
    """One lock a role. A seat can be lost without notice: every write checks it again."""

    def contend(self, role: str) -> Seat | None:
        """Take or keep the lock of `role`; our seat while we hold it, else None. Never blocks for long.

        Called about three times a session; not called for a whole session, the seat may be lost.
        """

    def resign(self, role: str) -> None:
        """Free for others at once. If it raises StoreUnavailable it has to be asked for again."""

    def set_wake(self, wake: Callable[[], None]) -> None:
        """`wake` is called, in any thread, when `contend` may have another answer than before."""
