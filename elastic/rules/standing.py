"""What the owner of a domain concludes about it: size wanted, status, conditions. Pure.

A condition keeps its `since` for as long as it says the same.
"""

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from elastic.model.actions import Answer
from elastic.model.states import InstanceState
from elastic.model.view import Condition, Standing, View
from elastic.rules.caution import Brake, silent_ones
from elastic.rules.wishes import Wishes


class Complaint(msgspec.Struct, frozen=True):
    """A condition that is true and should not be. `reason` is one word for machines, `text` for people."""

    type: str
    reason: str
    text: str


def concluded(
    view: View, answer: Answer, wished: Wishes, held: Brake, complaints: Iterable[Complaint], now: float
) -> Standing:
    """The standing after a decision on the domain's present config."""
    found = [*complaints, *_of_the_answer(view, answer, wished), *_of_the_brake(held)]
    size = sum(i.state is InstanceState.RUNNING and i.is_valid for i in view.instances)
    ready = size >= answer.desired and not view.domain.removed
    text = f"{size} of {answer.desired} run"
    standing = replace(
        view.standing,
        revision=view.domain.revision,
        desired=answer.desired,
        status=answer.status,
        memo=answer.memo,
        next_number=wished.next_number,
        last_trickle=_trickle(view, wished, now),
    )
    own = Condition("Ready", ready, "AllRunning" if ready else "TooFew", text, now)
    return replace(standing, conditions=_kept(view.standing.conditions, (own, *_conditions(found, now))))


def undecided(view: View, complaints: Iterable[Complaint], now: float) -> Standing:
    """The standing when no decision was made: all else stays as it was concluded last.

    The revision stays too, unless this config itself is at fault: a client who waits is told by ERROR.
    """
    found = tuple(complaints)
    revision = view.domain.revision if any(c.type != "Quarantined" for c in found) else view.standing.revision
    ready = tuple(c for c in view.standing.conditions if c.type == "Ready")
    conditions = _kept(view.standing.conditions, (*ready, *_conditions(found, now)))
    return replace(view.standing, revision=revision, conditions=conditions)


def _of_the_answer(view: View, answer: Answer, wished: Wishes) -> Iterable[Complaint]:
    if wished.added or wished.going:
        yield Complaint("Scaling", "Deciding", f"{len(wished.added)} to launch, {len(wished.going)} to terminate")
    elif answer.drains:
        yield Complaint("Scaling", "Draining", f"{len(answer.drains)} finish their work before they go")
    ill = [i for i in view.instances if i.is_unhealthy]
    if ill:
        yield Complaint("Degraded", "Unhealthy", f"{len(ill)} instances are unhealthy")
    stuck = [r.text for r in answer.reasons if r.stage in ("backoff", "capacity")]
    if stuck:
        last = max(
            (i for i in view.instances if i.state >= InstanceState.FAILED),
            key=lambda i: i.state_time,
            default=None,
        )
        why = f" (last: {last.reason})" if last else ""
        yield Complaint("ProvisioningFailed", "Backoff", "; ".join(stuck) + why)


def _of_the_brake(held: Brake) -> Iterable[Complaint]:
    if held.is_on:
        yield Complaint("BrakeOn", "SilentTogether", held.text)


def _trickle(view: View, wished: Wishes, now: float) -> float:
    is_replaced = any(i.instance_id in wished.going for i in silent_ones(view))
    return now if is_replaced else view.standing.last_trickle


def _conditions(complaints: Iterable[Complaint], now: float) -> tuple[Condition, ...]:
    return tuple(Condition(c.type, True, c.reason, c.text, now) for c in complaints)


def _kept(before: tuple[Condition, ...], now: Iterable[Condition]) -> tuple[Condition, ...]:
    """Those that say what they said keep the time since when they do."""
    known = {(c.type, c.status, c.reason): c.since for c in before}
    return tuple(replace(c, since=known.get((c.type, c.status, c.reason), c.since)) for c in now)
