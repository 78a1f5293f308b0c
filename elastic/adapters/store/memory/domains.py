"""Domains and their instances, in memory."""

from collections.abc import Callable, Iterable, Sequence

from msgspec.structs import replace

from elastic.adapters import codec
from elastic.adapters.store.memory.state import KeptDomain, MemoryState
from elastic.adapters.store.onebyone import OneByOne
from elastic.adapters.store.outcomes import Outcome, changed, outcome
from elastic.errors import Conflict, NotFound, Stale, Superseded
from elastic.model.assignment import Tenure
from elastic.model.decision import Event
from elastic.model.domain import Domain, DomainKey, Json
from elastic.model.instance import Instance
from elastic.model.view import Standing, View
from elastic.ports.store import Commit, News, Request
from elastic.rules.ring import partition_of, slot_of


class MemoryDomains(OneByOne, MemoryState):
    def domains(self, partition: int) -> Sequence[DomainKey]:
        with self.lock:
            return sorted(key for key, kept in self._domains.items() if kept.partition == partition)

    def all_domains(self, owner: str | None = None) -> Sequence[DomainKey]:
        with self.lock:
            return sorted(key for key in self._domains if owner in (None, key.owner))

    def view(self, key: DomainKey) -> View:
        with self.lock:
            return self._kept(key).view()

    def follow(self, partitions: Iterable[int]) -> None:
        """All are told of."""

    def news(self, cursor: int) -> News:
        with self.lock:
            oldest = self._news[0][0] if self._news else 1
            if not oldest - 1 <= cursor <= self._news_seq:
                return News(self._news_seq, None)
            return News(self._news_seq, frozenset(key for seq, key in self._news if seq > cursor))

    def incarnation(self, partition: int) -> int:
        with self.lock:
            return self._incarnations.get(partition, 0)

    def answered(self, key: str) -> tuple[bool, Json]:
        with self.lock:
            if key not in self._requests:
                return False, None
            return True, codec.decode(self._requests[key][1], object)

    def add_domain(self, domain: Domain, request: Request | None = None) -> Domain:
        with self.lock:
            self._refuse_answered(request)
            if domain.key in self._domains:
                raise Conflict(f"domain {domain.key} is there already")
            partition = partition_of(slot_of(domain.key), self._layout.partitions)
            incarnation = self.incarnation(partition) + 1
            body = codec.encode(replace(domain, incarnation=incarnation, revision=1))

            self._remember(request)
            self._incarnations[partition] = incarnation
            self._domains[domain.key] = KeptDomain(incarnation, partition, body, codec.encode(Standing()))
            self._tell(domain.key)
            return codec.decode(body, Domain)

    def change(
        self,
        key: DomainKey,
        fn: Callable[[Domain], Domain],
        request: Request | None = None,
        events: Sequence[Event] = (),
    ) -> Domain:
        with self.lock:
            self._refuse_answered(request)
            kept = self._kept(key)
            successor = changed(codec.decode(kept.body, Domain), fn)
            body = kept.body if successor is None else codec.encode(successor)
            logged = [codec.encode(event) for event in events]

            self._remember(request)
            if successor is not None:
                kept.body, kept.counter = body, kept.counter + 1
                self._log(logged)
                self._tell(key)
            return codec.decode(body, Domain)

    def commit(self, view: View, fence: Tenure, commit: Commit) -> View:
        with self.lock:
            kept = self._same(view)
            if kept.commit_id == commit.id:
                return kept.view()
            self._check(fence)
            if commit.decides and kept.counter != view.counter:
                raise Stale(f"domain {view.key} was decided on or changed since")
            named = commit.changes.keys() | {instance.instance_id for instance in commit.added}
            newest = {i: codec.decode(kept.instances[i], Instance) for i in named if i in kept.instances}
            self._write(kept, commit, outcome(commit, newest))
            return kept.view()

    def _write(self, kept: KeptDomain, commit: Commit, made: Outcome) -> None:
        instances = {i.instance_id: codec.encode(i) for i in (*made.updated, *made.added)}
        standing = kept.standing if commit.standing is None else codec.encode(commit.standing)
        decisions = [] if commit.decision is None else [codec.encode(commit.decision)]
        events = [codec.encode(event) for event in commit.events]

        kept.instances.update(instances)
        for instance_id in made.dropped:
            del kept.instances[instance_id]
        kept.standing, kept.commit_id = standing, commit.id
        kept.counter += commit.decides
        kept.decisions.extend(decisions)
        self._log(events)

    def forget_domain(self, view: View, fence: Tenure, events: Sequence[Event] = ()) -> None:
        with self.lock:
            kept = self._same(view)
            self._check(fence)
            if kept.instances or not codec.decode(kept.body, Domain).removed:
                raise Stale(f"domain {view.key} is not removed, or has instances yet")
            self._log([codec.encode(event) for event in events])
            del self._domains[view.key]
            self._tell(view.key)

    def _kept(self, key: DomainKey) -> KeptDomain:
        if key not in self._domains:
            raise NotFound(f"domain {key}")
        return self._domains[key]

    def _same(self, view: View) -> KeptDomain:
        kept = self._kept(view.key)
        if kept.incarnation != view.domain.incarnation:
            raise NotFound(f"domain {view.key} of incarnation {view.domain.incarnation}")
        return kept

    def _check(self, fence: Tenure) -> None:
        if fence.serial != self._serial:
            raise Superseded(f"assignment {fence.serial} is over: it is {self._serial} now")
