"""What a MemoryStore remembers: everything encoded, so that nothing in it is shared with a caller."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import RLock

from elastic.adapters import codec
from elastic.adapters.store.memory.leases import Leases
from elastic.adapters.store.outcomes import DECISIONS_KEPT, EVENTS_KEPT, NEWS_KEPT
from elastic.errors import Answered
from elastic.model.assignment import Assignment, Layout, Seat, Term
from elastic.model.domain import Domain, DomainKey
from elastic.model.instance import Instance
from elastic.model.view import Standing, View
from elastic.ports.clock import Clock
from elastic.ports.store import Quarantine, Request, Stray


@dataclass(slots=True)
class KeptDomain:
    incarnation: int
    partition: int
    body: bytes
    standing: bytes
    counter: int = 0
    commit_id: str | None = None
    instances: dict[str, bytes] = field(default_factory=dict)
    decisions: deque[bytes] = field(default_factory=lambda: deque(maxlen=DECISIONS_KEPT))

    def view(self) -> View:
        return View(
            domain=codec.decode(self.body, Domain),
            instances=tuple(codec.decode(blob, Instance) for blob in self.instances.values()),
            standing=codec.decode(self.standing, Standing),
            counter=self.counter,
        )


class MemoryState:
    """The parts of a MemoryStore share it, and its lock."""

    def __init__(self, layout: Layout, clock: Clock) -> None:
        self.lock = RLock()
        self.leases = Leases()
        self._clock = clock
        self._layout = layout
        self._assignment = codec.encode(Assignment())
        self._serial = 0
        self._terms: dict[str, tuple[Term, Seat]] = {}
        self._members: dict[str, bytes] = {}
        self._weights: dict[str, float] = {}
        self._strays: dict[str, Stray] = {}
        self._quarantines: dict[DomainKey, Quarantine] = {}
        self._flags: dict[str, bytes] = {}
        self._incarnations: dict[int, int] = {}
        self._domains: dict[DomainKey, KeptDomain] = {}
        self._entries: dict[tuple[str, str], bytes] = {}
        self._requests: dict[str, tuple[float, bytes]] = {}
        self._events: deque[tuple[int, bytes]] = deque(maxlen=EVENTS_KEPT)
        self._event_seq = 0
        self._news: deque[tuple[int, DomainKey]] = deque(maxlen=NEWS_KEPT)
        self._news_seq = 0

    def _refuse_answered(self, request: Request | None) -> None:
        if request and request.key in self._requests:
            raise Answered(codec.decode(self._requests[request.key][1], object))

    def _remember(self, request: Request | None) -> None:
        if request is None:
            return
        now = self._clock.now()
        self._requests = {key: kept for key, kept in self._requests.items() if kept[0] >= now}
        self._requests[request.key] = (request.keep_until, codec.encode(request.answer))

    def _tell(self, key: DomainKey) -> None:
        self._news_seq += 1
        self._news.append((self._news_seq, key))

    def _log(self, events: Sequence[bytes]) -> None:
        for event in events:
            self._event_seq += 1
            self._events.append((self._event_seq, event))
