"""A member's name, held by one process of the cluster at a time: an ephemeral node of the store's client.

    <root>/names/<member> {"host": ..., "pid": ..., "life": ...}

The node of a process that was killed stays until its session ends: whoever comes after it waits for that. One
that stays longer is kept by a living process.
"""

import json
import secrets
from collections.abc import Mapping
from typing import NamedTuple

from elastic.adapters.membership.nodes import make, number_of, remove
from elastic.adapters.store.zookeeper.session import Session
from elastic.errors import Conflict, StoreUnavailable
from elastic.model.names import checked_name
from elastic.ports.clock import Clock
from elastic.ports.membership import Capability, Group, Presence

FOLDER = "names"
MARGIN = 5.0  # seconds beyond a session, for the server to end it


class Holder(NamedTuple):
    """Whom the node speaks of. `session` is that of the node."""

    life: str
    session: int
    text: str


class MemberName:
    """`whereabouts`: host and process, for people. `session` is the store's own."""

    def __init__(
        self,
        session: Session,
        member: str,
        clock: Clock,
        session_timeout: float,
        whereabouts: tuple[str, int] = ("", 0),
    ) -> None:
        self._session = session
        self._member = checked_name(member, "member")
        self._path = session.at(FOLDER, member)
        self._clock = clock
        self._patience = session_timeout + MARGIN
        self._life = secrets.token_hex(8)
        self._whereabouts = whereabouts
        self._seen: dict[str, float] = {}  # another life -> since when we see it, monotonic
        self._was_ours = False

    def take(self) -> None:
        """Take or keep it. StoreUnavailable: not yet, try again; Conflict: another process lives under it.

        Once it has been ours, another's life is believed at once: our session was over, and that one came.
        """
        holder = self._holder()
        current = number_of(self._session)
        if holder is None:
            self._make(current)
        elif holder.life != self._life:
            self._yield_to(holder)
        elif holder.session != current:
            remove(self._session, self._path)
            self._make(current)
        self._was_ours = True
        self._seen.clear()

    def release(self) -> None:
        """If it is ours."""
        if self._was_ours:
            holder = self._holder()
            if holder is not None and holder.life == self._life:
                remove(self._session, self._path)
            self._was_ours = False

    def _yield_to(self, holder: Holder) -> None:
        now = self._clock.monotonic()
        self._seen = {holder.life: self._seen.get(holder.life, now)}
        if self._was_ours or now - self._seen[holder.life] >= self._patience:
            raise Conflict(f"a replica called {self._member} is running already: {holder.text}")
        raise StoreUnavailable(
            f"the name {self._member} is held by {holder.text}: it may be until its session ends"
        )

    def _holder(self) -> Holder | None:
        found = self._session.get(self._path)
        if found is None:
            return None
        try:
            said = json.loads(found.data)
            text = f"process {int(said['pid'])} on {str(said['host'])[:64]!r}"
            return Holder(str(said["life"]), int(said["session"], 16), text)
        except (ValueError, KeyError, TypeError):
            return Holder(f"unreadable {found.made}", 0, "an unknown process")

    def _make(self, current: int) -> None:
        host, pid = self._whereabouts
        said = {"host": host, "pid": pid, "life": self._life, "session": f"{current:x}"}
        if not make(self._session, (FOLDER,), self._member, json.dumps(said).encode()):
            raise StoreUnavailable(f"the name {self._member} was taken in this moment")


class NamedGroup:
    """A group whose members hold their names: without that nothing is said to the others."""

    def __init__(self, group: Group, name: MemberName) -> None:
        self._group = group
        self._name = name

    def join(self) -> None:
        self._name.take()
        self._group.join()

    def leave(self) -> None:
        """Where the group cannot be told, the name is left to the end of the session."""
        self._group.leave()
        self._name.release()

    def beat(self) -> None:
        self._name.take()
        self._group.beat()

    def tell(self, capabilities: Mapping[str, Capability]) -> None:
        self._group.tell(capabilities)

    def present(self) -> Mapping[str, Presence]:
        return self._group.present()
