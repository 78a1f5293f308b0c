"""This member's domains, as they stand in the store: read once, then kept true by writing through.

The member that holds a partition is the only writer of its instances, so its mirror goes out of date only by
clients' changes (told by `Store.news`) and by a new assignment. It also remembers, on the monotonic clock,
since when each record has been as it is: the ages that deadlines rest on.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import TypeVar

from elastic.errors import BadMessage, NotFound, OutcomeUnknown, Stale, Superseded, TooMuch
from elastic.model.assignment import Assignment, Layout, Tenure
from elastic.model.decision import Decision, Event
from elastic.model.domain import DomainKey
from elastic.model.instance import Instance
from elastic.model.view import Standing, View
from elastic.ports.clock import Clock
from elastic.ports.store import Change, Commit, Store
from elastic.roles.sightings import Sightings
from elastic.roles.splitting import halves
from elastic.rules.ring import partition_of, slot_of

log = logging.getLogger(__name__)

SAME_COMMIT_TRIES = 3
TOGETHER = 8  # domains that are read in one go
SLICE = 0.05  # seconds of reading in one turn: after a hand-over there is much to read, and others wait

T = TypeVar("T")


class Mirror:
    """`changed(key)` is called for each view that is new, or gone; `progress` before each that is read."""

    def __init__(
        self,
        store: Store,
        member: str,
        clock: Clock,
        fresh_id: Callable[[], str],
        changed: Callable[[DomainKey], None],
        progress: Callable[[], None] = lambda: None,
    ) -> None:
        self._progress = progress
        self.member, self.clock = member, clock
        self.assignment = Assignment()
        self.sightings = Sightings()
        self.layout: Layout | None = None
        self._store, self._fresh_id, self._changed = store, fresh_id, changed
        self._cursor = 0
        self._unread: dict[DomainKey, None] = {}  # kept until all are read: that may take several turns
        self._views: dict[DomainKey, View] = {}
        self._partitions: dict[DomainKey, int] = {}
        self._residents: dict[int, set[DomainKey]] = {}
        self._held: dict[int, int] = {}  # partition -> the `since` with which we hold it
        self._records: dict[str, tuple[DomainKey, Instance]] = {}  # by instance id; read by the bus's threads

    # what is mine

    def keys(self) -> tuple[DomainKey, ...]:
        return tuple(self._views)

    def views(self) -> tuple[View, ...]:
        return tuple(self._views.values())

    def inhabited(self) -> frozenset[int]:
        """Those of our partitions that have a domain."""
        return frozenset(self._residents)

    def sites(self) -> frozenset[str]:
        """Where our instances are."""
        return frozenset(i.site for view in self._views.values() for i in view.unfinished)

    def partitions(self) -> frozenset[int]:
        return frozenset(self._held)

    def view(self, key: DomainKey) -> View | None:
        return self._views.get(key)

    def home_of(self, instance_id: str) -> DomainKey | None:
        found = self._records.get(instance_id)
        return found[0] if found else None

    def record(self, instance_id: str) -> Instance | None:
        found = self._records.get(instance_id)
        return found[1] if found else None

    def instance_ids(self) -> tuple[str, ...]:
        return tuple(self._records)

    def partition(self, key: DomainKey) -> int:
        known = self._partitions.get(key)
        if known is not None:
            return known
        if self.layout is None:
            self.layout = self._store.layout()
        return partition_of(slot_of(key), self.layout.partitions)

    # keeping it true

    def refresh(self) -> None:
        """Take over a new assignment, and clients' news: as much as there is time for, the rest the next time."""
        if self.layout is None:
            self.layout = self._store.layout()
        self._unread.update(dict.fromkeys(self._follow_assignment(self._store.assignment())))
        news = self._store.news(self._cursor)
        changed = (*self.keys(), *self._listed()) if news.keys is None else sorted(news.keys)
        self._unread = dict.fromkeys(changed) | self._unread
        self._cursor = news.cursor
        self._read()

    @property
    def is_whole(self) -> bool:
        """All that is ours has been read, and read again where that was called for."""
        return not self._unread

    def _read(self) -> None:
        """What is unread and still ours, a few at a time."""
        self._unread = {key: None for key in self._unread if self.partition(key) in self._held}
        ends = self.clock.monotonic() + SLICE
        while self._unread and self.clock.monotonic() <= ends:
            self._read_some(tuple(islice(self._unread, TOGETHER)))

    def _read_some(self, keys: Sequence[DomainKey]) -> None:
        """One that cannot be understood harms only itself: it is as good as not there."""
        for key, found in self._store.views(keys):
            self._progress()
            match found:
                case NotFound():
                    self._drop(key)
                case BadMessage():
                    log.error("%s cannot be read: %s", key, found)
                    self._drop(key)
                case view:
                    self._put(view)
            del self._unread[key]

    def reload(self, key: DomainKey) -> View | None:
        """Read it anew from the store; None if it is no more."""
        try:
            view = self._store.view(key)
        except NotFound:
            self._drop(key)
            return None
        self._put(view)
        return view

    def _follow_assignment(self, assignment: Assignment) -> Iterable[DomainKey]:
        """Let go what is no longer ours, or was not without a gap; list what is new."""
        self.assignment = assignment
        mine = {p: assignment.since[p] for p in assignment.partitions_of(self.member)}
        if mine == self._held:
            return ()
        lost = {p for p, since in self._held.items() if mine.get(p) != since}
        gained = {p for p, since in mine.items() if self._held.get(p) != since}
        for key in self.keys():
            if self.partition(key) in lost:
                self._drop(key)
        self._held = {p: since for p, since in self._held.items() if p not in lost}
        self._store.follow(mine)
        keys = self._store.domains_of(sorted(gained))
        self._held = mine
        log.info("holds %d partitions (serial %d): %d domains to read", len(mine), assignment.serial, len(keys))
        return keys

    def _listed(self) -> Sequence[DomainKey]:
        return self._store.domains_of(sorted(self._held))

    # writing through

    def holds(self, key: DomainKey) -> bool:
        """Its partition is ours, without a gap since we read it."""
        partition = self.partition(key)
        tenure = self.assignment.tenure(partition, self.member)
        return tenure is not None and tenure.since == self._held.get(partition)

    def tenure(self, key: DomainKey) -> Tenure:
        """Our fence for writing to that domain. Superseded if its partition is no longer ours without a gap."""
        partition = self.partition(key)
        tenure = self.assignment.tenure(partition, self.member)
        if tenure is None or tenure.since != self._held.get(partition):
            raise Superseded(f"partition {partition} is not {self.member}'s")
        return tenure

    def commit(
        self,
        view: View,
        *,
        decides: bool = False,
        added: Sequence[Instance] = (),
        changes: Mapping[str, Change] | None = None,
        standing: Standing | None = None,
        decision: Decision | None = None,
        events: Sequence[Event] = (),
    ) -> View:
        """Write it all, or nothing; what is too much for one transaction, in parts, of which the first ones stay
        written if a later one fails. A new assignment under which the partition is still ours is no refusal.

        Stale, or an outcome that cannot be known: the view is read anew, and the error goes on up.
        """
        commit = Commit(
            id=self._fresh_id(),
            decides=decides,
            added=added,
            changes=changes or {},
            standing=standing,
            decision=decision,
            events=events,
        )
        try:
            return self._written(view, commit)
        except (Stale, OutcomeUnknown, NotFound):
            self.reload(view.key)
            raise

    def _written(self, view: View, commit: Commit) -> View:
        try:
            written = self._fenced(view.key, lambda tenure: self._store.commit(view, tenure, commit))
        except TooMuch:
            parts = halves(commit, view, (self._fresh_id(), self._fresh_id()))
            if parts is None:
                raise
            return self._written(self._written(view, parts[0]), parts[1])
        self._put(written)
        return written

    def forget(self, view: View, events: Sequence[Event] = ()) -> None:
        """The domain is removed and empty: its last trace goes."""
        try:
            self._fenced(view.key, lambda tenure: self._store.forget_domain(view, tenure, events))
        except Stale:
            self.reload(view.key)
            raise
        self._drop(view.key)

    def _fenced(self, key: DomainKey, write: Callable[[Tenure], T]) -> T:
        for _ in range(SAME_COMMIT_TRIES):
            tenure = self.tenure(key)
            try:
                return write(tenure)
            except Superseded:
                self.assignment = self._store.assignment()
        raise Superseded(f"the assignment changed {SAME_COMMIT_TRIES} times during one write to {key}")

    def _put(self, view: View) -> None:
        before = self._views.get(view.key)
        self._views[view.key] = view
        names = {i.instance_id for i in view.instances}
        self._forget(i for i in (before.instances if before else ()) if i.instance_id not in names)
        for instance in view.instances:
            self._records[instance.instance_id] = (view.key, instance)
        self.sightings.note(view.instances, self.clock.monotonic())
        if before is None:
            partition = self.partition(view.key)
            self._partitions[view.key] = partition
            self._residents.setdefault(partition, set()).add(view.key)
        if view != before:
            self._changed(view.key)

    def _drop(self, key: DomainKey) -> None:
        view = self._views.pop(key, None)
        if view is None:
            return
        self._forget(view.instances)
        partition = self._partitions.pop(key)
        self._residents[partition].discard(key)
        if not self._residents[partition]:
            del self._residents[partition]
        self._changed(key)

    def _forget(self, instances: Iterable[Instance]) -> None:
        for instance in instances:
            self._records.pop(instance.instance_id, None)
            self.sightings.forget(instance.instance_id)
