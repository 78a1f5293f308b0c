"""The store's side: what is in it, whose sessions live, and a log of every write that it took."""

from collections import deque
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from elastic.adapters.store.memory import MemoryStore
from elastic.adapters.store.memory.state import KeptDomain
from elastic.errors import ElasticError
from elastic.model.assignment import Seat, Tenure, Term
from elastic.model.view import View
from tests.simulation.kernel import Kernel
from tests.simulation.process import Clock

FIRST = 1
REMEMBERED = 5.0  # seconds of the past that a server of the ensemble may still show


@dataclass(frozen=True)
class Written:
    """One write that was taken. `fence`: the number that it went by; `newest`: the one that counted then."""

    time: float
    member: str
    op: str
    fence: int | None = None
    newest: int | None = None

    @property
    def is_stale(self) -> bool:
        return self.fence is not None and self.newest is not None and self.fence < self.newest


class Seats:
    """Lock nodes, the lowest of a role first; each hangs on a session."""

    def __init__(self) -> None:
        self.nodes: dict[str, list[tuple[str, int]]] = {}
        self._numbers = count(1)

    def holds(self, seat: Seat) -> bool:
        return any(token == seat.token for token, _ in self.nodes.get(seat.role, ()))

    def place(self, seat: Seat) -> int:
        """First in its role's row, or not."""
        return FIRST if [token for token, _ in self.nodes.get(seat.role, ())][:1] == [seat.token] else FIRST - 1

    def contend(self, role: str, member: str, session: int) -> Seat | None:
        nodes = self.nodes.setdefault(role, [])
        if all(session != of for _, of in nodes):
            nodes.append((f"{role}/{member}-{next(self._numbers):04}", session))
        token, holder = nodes[0]
        return Seat(role, member, token) if holder == session else None

    def drop(self, session: int, role: str | None = None) -> None:
        for name, nodes in self.nodes.items():
            if role in (None, name):
                nodes[:] = [node for node in nodes if node[1] != session]


class StoreServer:
    """`log`: every write that was taken. `is_down`: it answers nobody, and no session ends meanwhile.

    `slowness`: seconds that each request takes on top.
    """

    def __init__(self, kernel: Kernel, partitions: int, session_timeout: float) -> None:
        self.kernel, self.session_timeout = kernel, session_timeout
        self.store = MemoryStore(partitions=partitions, uid="world", clock=Clock(kernel))
        self.seats: Any = Seats()
        self.store.leases = self.seats
        self.group: dict[str, int] = {}
        self.log: list[Written] = []
        self.is_down, self.slowness = False, 0.0
        self.on_release: list[Callable[[], None]] = []
        self.on_commit: list[Callable[[View], None]] = []
        self.zxid = 0
        self._sessions: set[int] = set()
        self._numbers = count(1)
        self._past: deque[tuple[float, int, MemoryStore]] = deque()
        self._stored: tuple[int, MemoryStore] = (0, _twin(self.store))

    # sessions

    def begin_session(self) -> int:
        number = next(self._numbers)
        self._sessions.add(number)
        return number

    def has(self, session: int) -> bool:
        return session in self._sessions

    def end_session(self, session: int) -> None:
        """What hangs on it goes with it."""
        if session not in self._sessions:
            return
        self.kernel.met["a session ended"] += 1
        self._sessions.discard(session)
        self.seats.drop(session)
        self.group = {name: of for name, of in self.group.items() if of != session}
        self.released()

    def released(self) -> None:
        for act in self.on_release:
            act()

    # reading and writing

    def write(self, member: str, op: str, work: Callable[[MemoryStore], Any], fence: object = None) -> Any:
        """Raises what the store raises; only what was taken is logged."""
        fenced, newest = self._fence(fence)
        try:
            result = work(self.store)
        except ElasticError as refusal:
            self.kernel.met[f"a write was refused: {type(refusal).__name__}"] += 1
            raise
        self._past.append((self.kernel.now, *self._stored))
        while self._past[0][0] < self.kernel.now - REMEMBERED:
            self._past.popleft()
        self.zxid += 1
        self._stored = (self.zxid, _twin(self.store))
        self.log.append(Written(self.kernel.now, member, op, fenced, newest))
        for act in self.on_commit if op == "commit" else ():
            act(result)
        return result

    def _fence(self, fence: object) -> tuple[int | None, int | None]:
        match fence:
            case Tenure():
                return fence.serial, self.store.assignment().serial
            case Term():
                return fence.number, self.store.terms().get(fence.role, 0)
            case Seat():
                return self.seats.place(fence), FIRST
        return None, None

    def as_of(self, age: float, seen: int) -> tuple[int, MemoryStore]:
        """The store as it was `age` seconds ago, but with all that zxid `seen` had; and its zxid."""
        horizon = self.kernel.now - age
        for until, zxid, past in self._past:
            if until > horizon and zxid >= seen:
                self.kernel.met["somebody read what was no longer so"] += 1
                return zxid, past
        return self._stored


def _twin(store: MemoryStore) -> MemoryStore:
    """As it is now, whatever is written later: everything in it is bytes or frozen, but for the containers."""
    twin = copy(store)
    for name, value in vars(store).items():
        if isinstance(value, dict | deque):
            setattr(twin, name, copy(value))
    twin._domains = {key: _kept(domain) for key, domain in store._domains.items()}
    return twin


def _kept(domain: KeptDomain) -> KeptDomain:
    return replace(domain, instances=dict(domain.instances), decisions=domain.decisions)
