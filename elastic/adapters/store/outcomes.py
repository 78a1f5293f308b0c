"""What a write makes of what is there: pure, and the same for every adapter."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from elastic.adapters.codec import is_same
from elastic.errors import Conflict, Stale, Superseded
from elastic.model.assignment import Assignment, Seat
from elastic.model.domain import Domain
from elastic.model.instance import Instance
from elastic.ports.store import Change, Commit

DECISIONS_KEPT = 50  # a domain
EVENTS_KEPT = 1_000
NEWS_KEPT = 10_000


class Outcome(NamedTuple):
    """Of one commit: the records as they are to be stored, and the ids of those to be forgotten."""

    added: list[Instance]
    updated: list[Instance]
    dropped: list[str]


def outcome(commit: Commit, newest: Mapping[str, Instance]) -> Outcome:
    """`newest` holds, of the records that the commit names, those that are there.

    Raise Conflict if one to be added is there, Stale if one to be changed is not, or is of another version.
    """
    added = {instance.instance_id: replace(instance, version=1) for instance in commit.added}
    clash = sorted(added.keys() & newest.keys())
    if clash or len(added) < len(commit.added):
        raise Conflict(f"there already: instance {', '.join(clash) or 'named twice'}")

    successors = {i: _successor(i, change, newest.get(i)) for i, change in commit.changes.items()}
    return Outcome(
        list(added.values()),
        [successor for successor in successors.values() if successor is not None],
        [i for i, successor in successors.items() if successor is None],
    )


def _successor(instance_id: str, change: Change, newest: Instance | None) -> Instance | None:
    if newest is None:
        raise Stale(f"instance {instance_id} is not there any more")
    if change.version not in (None, newest.version):
        raise Stale(f"instance {instance_id} has version {newest.version}, no longer {change.version}")
    successor = change.apply(newest)
    if successor is None:
        return None
    return replace(successor, instance_id=instance_id, version=newest.version + 1)


def changed(domain: Domain, fn: Callable[[Domain], Domain]) -> Domain | None:
    """The domain after a client's change; None if there is no difference."""
    wanted = replace(fn(domain), key=domain.key, incarnation=domain.incarnation, revision=domain.revision)
    return None if is_same(wanted, domain) else replace(wanted, revision=domain.revision + 1)


def check_assignable(seat: Seat, term: int, stored_serial: int, assignment: Assignment) -> None:
    """`term`: the one that this very seat has raised, 0 if it has not."""
    if not term or assignment.term != term:
        raise Superseded(f"term {assignment.term} of {seat.role} is not that of {seat.member}'s seat")
    if assignment.serial != stored_serial + 1:
        raise Stale(f"assignment {assignment.serial} does not follow on {stored_serial}")
