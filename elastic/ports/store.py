"""Where the cluster remembers. One contract suite (`tests/contract/test_store.py`) runs over every adapter.

Every method but `layout` may raise StoreUnavailable; nothing was written then. A write whose reply was lost is
read back by the adapter (by its commit id or idempotency key); only if that fails too it raises OutcomeUnknown,
and the caller must look before it tries again. A value of a newer format than we know is refused.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from elastic.errors import BadMessage, NotFound
from elastic.model.assignment import Assignment, Layout, Member, Seat, Tenure, Term
from elastic.model.decision import Decision, Event
from elastic.model.domain import Domain, DomainKey, Json
from elastic.model.instance import Instance
from elastic.model.view import Standing, View


@dataclass(frozen=True, slots=True)
class Request:
    """A client's mutation. Its key and `answer` are written in the mutation's own transaction.

    The same key again makes the store raise Answered in place of acting. Keys are kept at least until
    `keep_until` (wall seconds).
    """

    key: str
    answer: Json = None
    keep_until: float = 0.0


@dataclass(frozen=True, slots=True)
class Change:
    """`apply` makes of the newest record its successor; None: forget the record. It must be pure.

    With `version`, the commit is Stale unless the newest record still has it.
    """

    apply: Callable[[Instance], Instance | None]
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """All that one visit writes to one domain: the whole of it, or nothing.

    A decision (`decides`) is refused as Stale unless the view's counter still stands, and raises it.
    Everything else goes by the versions of the records it names.
    `id` is fresh for each commit: by it an unknown outcome is read back.
    """

    id: str
    decides: bool = False
    added: Sequence[Instance] = ()
    changes: Mapping[str, Change] = field(default_factory=dict)
    standing: Standing | None = None
    decision: Decision | None = None
    events: Sequence[Event] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.changes or self.standing or self.decision or self.events)


@dataclass(frozen=True, slots=True)
class News:
    """`keys`: domains that clients added, changed or that were forgotten since the cursor asked with.

    None: too much to say, look at everything anew. A cursor is good only with the handle that gave it.
    """

    cursor: int
    keys: frozenset[DomainKey] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stray:
    """A server that the sweep has seen once (wall time `at`) and that nobody may claim."""

    server_id: str
    instance_id: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """A domain in whose visit a replica died: not visited until `until` (wall). `strikes` counts."""

    key: DomainKey
    strikes: int
    until: float
    member: str


class ClusterRecords(Protocol):
    """The whole picture: who is who. Written by leaders, by their fence.

    The assignment, the members and the quarantines are asked for each turn, and may be a moment old: not older
    than what this handle has written, or was refused for.
    """

    def layout(self) -> Layout:
        """Read when the store was opened, and the same for as long as it is: told also while it is away."""

    def assignment(self) -> Assignment:
        """Serial 0 and nobody anywhere, before the first was written."""

    def terms(self) -> Mapping[str, int]:
        """The newest term of each role that ever had one."""

    def raise_term(self, seat: Seat) -> Term:
        """Once per seat: asked again with the same seat, the same term. Superseded unless the seat is held."""

    def assign(self, seat: Seat, assignment: Assignment) -> None:
        """Write it down. Superseded unless `seat` is held and its term is the assignment's and the newest;
        Stale unless its serial is the stored one's plus one."""

    def members(self) -> Mapping[str, Member]: ...

    def describe_member(self, member: Member) -> None:
        """What it says of itself; its weight, once set, is left alone."""

    def set_weight(self, name: str, weight: float) -> None:
        """An operator's word: it outlives the member's restarts. NotFound."""

    def forget_member(self, name: str) -> None: ...

    def strays(self) -> Sequence[Stray]: ...

    def note_strays(self, fence: Term, seen: Sequence[Stray], gone: Sequence[str]) -> None:
        """Add or renew `seen`; drop the server ids in `gone`. Superseded by a newer term."""

    def quarantines(self) -> Sequence[Quarantine]: ...

    def quarantine(self, entry: Quarantine) -> None: ...

    def release(self, key: DomainKey) -> None: ...

    def flags(self) -> Mapping[str, Json]:
        """Operators' words for the whole cluster, e.g. `sweep_accepted_at`."""

    def set_flag(self, name: str, value: Json) -> None: ...


class DomainRecords(Protocol):
    """Views of followed partitions may be remembered, and shared with whoever asks next: nobody alters them."""

    def domains(self, partition: int) -> Sequence[DomainKey]: ...

    def domains_of(self, partitions: Iterable[int]) -> Sequence[DomainKey]:
        """Those of all these partitions, in one go."""

    def all_domains(self, owner: str | None = None) -> Sequence[DomainKey]: ...

    def view(self, key: DomainKey) -> View:
        """The whole domain, as of now. NotFound.

        A replica of the store may be behind by a moment, until something is written through this handle: what was
        there by then is seen for certain. Whoever cannot take back what it does writes first, as the sweep does.
        """

    def views(self, keys: Iterable[DomainKey]) -> Iterator[tuple[DomainKey, View | NotFound | BadMessage]]:
        """Each as `view` would return or raise it, in one go; what is known already is not read again."""

    def follow(self, partitions: Iterable[int]) -> None:
        """News is wanted of these only, from now on: others may be told of, or not."""

    def news(self, cursor: int) -> News:
        """Cheap; asked often. Cursor 0: from the beginning of time.

        A domain that was told and has not been read since need not be told again.
        """

    def add_domain(self, domain: Domain, request: Request | None = None) -> Domain:
        """Give it its incarnation (the partition's counter plus one) and revision 1. Conflict if it is there."""

    def change(
        self,
        key: DomainKey,
        fn: Callable[[Domain], Domain],
        request: Request | None = None,
        events: Sequence[Event] = (),
    ) -> Domain:
        """The reactor's alone: clients' words. Raises revision and decision counter, unless `fn` returns an
        equal record. `fn` is pure, may refuse by raising, and may be called again. NotFound."""

    def commit(self, view: View, fence: Tenure, commit: Commit) -> View:
        """A role's write; return the view as it stands afterwards.

        Superseded unless the assignment's serial is the fence's; NotFound if the domain is gone or is of
        another incarnation than the view's; Stale as `Commit` says; Conflict if an added id is there.
        Versions of added records are 1, of changed ones one more than before.
        """

    def forget_domain(self, view: View, fence: Tenure, events: Sequence[Event] = ()) -> None:
        """Only when removed and without records (else Stale)."""

    def incarnation(self, partition: int) -> int:
        """The partition's counter: no domain ever had a higher one."""

    def answered(self, key: str) -> tuple[bool, Json]:
        """(True, answer) if a mutation with that idempotency key was made before this was asked."""


class CatalogueRecords(Protocol):
    """Definitions and deployable types: `kind` is `definition` or `type`."""

    def add_entry(self, kind: str, name: str, body: Mapping[str, Json], request: Request | None = None) -> None:
        """Conflict if it is there."""

    def update_entry(
        self, kind: str, name: str, body: Mapping[str, Json], request: Request | None = None
    ) -> None: ...

    def remove_entry(self, kind: str, name: str, request: Request | None = None) -> None: ...

    def entry(self, kind: str, name: str) -> Mapping[str, Json]: ...

    def entries(self, kind: str) -> Sequence[str]: ...


class JournalRecords(Protocol):
    """The story: kept short, never decided upon."""

    def decisions(self, key: DomainKey, count: int = 50) -> Sequence[Decision]:
        """Newest last; at most 50 are kept a domain. NotFound."""

    def log(self, events: Sequence[Event]) -> None: ...

    def events(self, after: int = 0, count: int = 1000) -> Sequence[Event]:
        """The newest `count` with a seq above `after`, oldest first. The last 1,000 are kept."""


class Store(ClusterRecords, DomainRecords, CatalogueRecords, JournalRecords, Protocol):
    def set_wake(self, wake: Callable[[], None]) -> None:
        """`wake` is called, in any thread, when the assignment or the news of followed partitions may be others
        than before; never, by a store that is not told."""

    def close(self) -> None: ...
