"""A role's writes to one domain, in ZooKeeper: one transaction each, and nothing read before it as a rule.

It is made from what is remembered, and checks all that it rests on: the assignment, the domain's node, and `i0`.
What is refused, or cannot be made from what is remembered, is made again from what is there now.
"""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from elastic.adapters import codec
from elastic.adapters.store.outcomes import outcome
from elastic.adapters.store.zookeeper.asks import Check, Create, Delete, Exists, Op, Set
from elastic.adapters.store.zookeeper.book import Known
from elastic.adapters.store.zookeeper.buckets import Bucket, Run, free_names, rearranged
from elastic.adapters.store.zookeeper.domains import ZookeeperDomains
from elastic.adapters.store.zookeeper.heads import bucket_data, decisions_data, head_data
from elastic.adapters.store.zookeeper.journal import events_op
from elastic.adapters.store.zookeeper.names import DECISIONS, HEAD
from elastic.adapters.store.zookeeper.reading import ROUNDS, prune_events
from elastic.adapters.store.zookeeper.transaction import Refused
from elastic.errors import BadRequest, Conflict, NotFound, OutcomeUnknown, Stale, StoreUnavailable, Superseded
from elastic.model.assignment import Tenure
from elastic.model.decision import Decision, Event
from elastic.model.view import Standing, View
from elastic.ports.store import Commit

REFUSALS = (NotFound, Stale, Conflict, BadRequest)
"""What is only true if what it was concluded from is."""


class Draft(NamedTuple):
    """What a commit writes to the domain, and what is known after it."""

    ops: list[Op]
    after: Known


class ZookeeperCommits(ZookeeperDomains):
    def commit(self, view: View, fence: Tenure, commit: Commit) -> View:
        after = self._tried(view, fence, commit)
        if after is not None:
            return after.view
        for _ in range(ROUNDS):
            now = self._look(view.key)
            _check_same(now, view)
            if now.commit_id == commit.id:
                return now.view
            self._check_fence(fence)
            written = self._write(drafted(now, view, commit), fence, commit)
            if written is not None:
                return written.view
        raise StoreUnavailable(f"domain {view.key} is written to so often that nothing can be committed")

    def _tried(self, view: View, fence: Tenure, commit: Commit) -> Known | None:
        """By what is remembered. None: that will not do."""
        remembered = self._book.recall(view.key)
        if remembered is None or remembered.commit_id == commit.id:
            return None
        try:
            _check_same(remembered, view)
            draft = drafted(remembered, view, commit)
        except REFUSALS:
            return None
        return self._write(draft, fence, commit)

    def _write(self, draft: Draft, fence: Tenure, commit: Commit) -> Known | None:
        """None: something that it rests on has changed."""
        after = draft.after
        ops: list[Op] = [
            Check(self._tree.assignment, fence.serial),
            *draft.ops,
            *self._decision_ops(after.path, commit.decision),
            *events_op(self.session, commit.events),
        ]
        try:
            answers = self.session.write(ops, lambda: self._has_been_made(commit, after))
        except Refused:
            return None
        if answers is None:
            return self._look(after.view.key)
        self._book.keep(after.view.key, after)
        prune_events(self.session, ops, answers)
        return after

    def _has_been_made(self, commit: Commit, after: Known) -> bool:
        """Whether the domain is as `after` says, by this commit. OutcomeUnknown: others have written since, and it
        may have been before them. NotFound: of that incarnation nothing is left to tell by."""
        now = self._look(after.view.key)
        _check_same(now, after.view)
        if now.commit_id != commit.id and now.head_version > after.head_version:
            raise OutcomeUnknown(f"domain {after.view.key} was written to again meanwhile")
        return now.commit_id == commit.id

    def _decision_ops(self, path: str, decision: Decision | None) -> list[Op]:
        if decision is None:
            return []
        node = f"{path}/{DECISIONS}"
        found = self.session.get(node)
        data = decisions_data(found, decision)
        return [Create(node, data) if found is None else Set(node, data, found.version)]

    def forget_domain(self, view: View, fence: Tenure, events: Sequence[Event] = ()) -> None:
        for _ in range(ROUNDS):
            now = self._look(view.key)
            _check_same(now, view)
            self._check_fence(fence)
            if now.view.instances or not now.view.domain.removed:
                raise Stale(f"domain {view.key} is not removed, or has instances yet")
            below = self.session.children(now.path, fresh=False)
            ops: list[Op] = [
                Check(self._tree.assignment, fence.serial),
                Check(f"{now.path}/{HEAD}", now.head_version),
                *(Delete(f"{now.path}/{name}") for name in below),
                Delete(now.path, now.version),
                *events_op(self.session, events),
            ]
            if self._forgot(now, ops):
                return
        raise StoreUnavailable(f"domain {view.key} is written to so often that it cannot be forgotten")

    def _forgot(self, known: Known, ops: Sequence[Op]) -> bool:
        try:
            answers = self.session.write(ops, lambda: self.session.read([Exists(known.path)]) == [None])
        except Refused:
            return False
        self._book.drop(known.view.key)
        prune_events(self.session, ops, answers)
        return True

    def _check_fence(self, fence: Tenure) -> None:
        [found] = self.session.read([Exists(self._tree.assignment)])
        serial = found.version if found else 0
        if serial != fence.serial:
            self._assignment.drop()
            raise Superseded(f"assignment {fence.serial} is over: it is {serial} now")


def drafted(now: Known, view: View, commit: Commit) -> Draft:
    """Stale, Conflict, BadRequest."""
    if commit.decides and now.view.counter != view.counter:
        raise Stale(f"domain {view.key} was decided on or changed since")
    named = commit.changes.keys() | {instance.instance_id for instance in commit.added}
    there = ((name, now.view.instance(name)) for name in named)
    made = outcome(commit, {name: instance for name, instance in there if instance is not None})
    runs = rearranged(now.buckets, now.view.instances, made)
    standing = now.view.standing
    if commit.standing is not None:
        standing = codec.decode(codec.encode(commit.standing), Standing)
    return _laid_out(now, runs, commit, standing)


def _laid_out(now: Known, runs: Sequence[Run], commit: Commit, standing: Standing) -> Draft:
    taken = [bucket.name for bucket in now.buckets]
    fresh = iter(free_names(taken, sum(run.bucket is None for run in runs)))
    names = [run.bucket.name if run.bucket else next(fresh) for run in runs]
    decisions = now.decisions + commit.decides
    ops: list[Op] = [
        Check(now.path, now.version),
        Set(
            f"{now.path}/{HEAD}", head_data(commit.id, decisions, standing, names, runs[0].texts), now.head_version
        ),
    ]
    buckets = [Bucket(HEAD, now.head_version + 1, len(runs[0].records))]
    for name, run in zip(names[1:], runs[1:], strict=True):
        version = 0 if run.bucket is None else run.bucket.version + run.is_touched
        if run.bucket is None:
            ops.append(Create(f"{now.path}/{name}", bucket_data(run.texts)))
        elif run.is_touched:
            ops.append(Set(f"{now.path}/{name}", bucket_data(run.texts), run.bucket.version))
        buckets.append(Bucket(name, version, len(run.records)))
    ops += [Delete(f"{now.path}/{b.name}", b.version) for b in now.buckets if b.name not in names]

    view = replace(
        now.view,
        instances=tuple(record for run in runs for record in run.records),
        standing=standing,
        counter=now.version + decisions,
    )
    after = Known(now.path, view, now.version, now.head_version + 1, commit.id, tuple(buckets))
    return Draft(ops, after)


def _check_same(now: Known, view: View) -> None:
    if now.view.domain.incarnation != view.domain.incarnation:
        raise NotFound(f"domain {view.key} of incarnation {view.domain.incarnation}")
