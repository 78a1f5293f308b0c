"""Group and election among the simulated replicas of one process, by a clock that is set by hand.

    room = Room()
    group, election = MemoryGroup(room, "m1", clock), MemoryElection(store, "m1", clock)

What befalls a member, the test does to the room: `kill`, `cut_off`, `rejoin`, `unreadable`.
"""

from collections.abc import Callable, Mapping

from elastic.adapters.membership.sightings import Sightings
from elastic.adapters.store.memory import MemoryStore
from elastic.errors import StoreUnavailable
from elastic.model.assignment import Seat
from elastic.ports.clock import Clock
from elastic.ports.membership import Capability, Presence


class Room:
    """Where members say that they are there. `unreadable`: nobody can ask who is."""

    def __init__(self) -> None:
        self.unreadable = False
        self._beats: dict[str, float] = {}
        self._away: set[str] = set()
        self._dead: set[str] = set()

    def cut_off(self, member: str) -> None:
        """Its beats do not arrive any more, and the others do not see it."""
        self._away.add(member)

    def rejoin(self, member: str) -> None:
        """Undo `cut_off` and `kill`: its next beat brings it back."""
        self._away.discard(member)
        self._dead.discard(member)
        self._beats.pop(member, None)

    def kill(self, member: str) -> None:
        """It is dead beyond doubt; it still seems to be there until its session is over."""
        self._dead.add(member)

    def is_dead(self, member: str) -> bool:
        return member in self._dead

    def beat(self, member: str, now: float) -> None:
        if member not in self._away:
            self._beats[member] = now

    def leave(self, member: str) -> None:
        self._beats.pop(member, None)

    def members(self, now: float, session_timeout: float) -> set[str]:
        heard = {member for member, at in self._beats.items() if now - at <= session_timeout}
        return heard - self._away


class MemoryGroup:
    def __init__(self, room: Room, member: str, clock: Clock, session_timeout: float = 10.0) -> None:
        self._room = room
        self._member = member
        self._clock = clock
        self._session_timeout = session_timeout
        self._sightings = Sightings(clock)
        self._is_joined = False

    def join(self) -> None:
        self._is_joined = True
        self.beat()

    def leave(self) -> None:
        self._is_joined = False
        self._room.leave(self._member)

    def beat(self) -> None:
        if self._is_joined:
            self._room.beat(self._member, self._clock.monotonic())

    def present(self) -> Mapping[str, Presence]:
        if self._room.unreadable:
            raise StoreUnavailable("the group cannot be read")
        seen = self._room.members(self._clock.monotonic(), self._session_timeout)
        return self._sightings.of(seen, self._room.is_dead)

    def tell(self, capabilities: Mapping[str, Capability]) -> None:
        """Nobody looks."""


class MemoryElection:
    """Its leases lie in the store, which checks them with every write that a seat makes."""

    def __init__(
        self,
        store: MemoryStore,
        member: str,
        clock: Clock,
        ttl: float = 10.0,
        is_dead: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._store = store
        self._member = member
        self._clock = clock
        self._ttl = ttl
        self._is_dead = is_dead
        self._seats: dict[str, Seat] = {}

    def contend(self, role: str) -> Seat | None:
        known = self._seats.pop(role, Seat(role, self._member, ""))
        with self._store.lock:
            seat = self._store.leases.contend(known, self._clock.monotonic(), self._ttl, self._is_dead)
        if seat is not None:
            self._seats[role] = seat
        return seat

    def resign(self, role: str) -> None:
        seat = self._seats.pop(role, None)
        if seat is not None:
            with self._store.lock:
                self._store.leases.resign(seat)

    def set_wake(self, wake: Callable[[], None]) -> None:
        """Nobody is told: the clock is set by hand."""
