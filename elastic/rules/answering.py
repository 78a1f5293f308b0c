"""From what is to come and go to an engine's answer: who ends, who drains, and what is remembered."""

from datetime import datetime, timedelta
from fractions import Fraction
from math import ceil

import msgspec

from elastic.model.actions import Answer, Candidate, Launch, Reason
from elastic.rules.census import Census, LastChange

EPOCH = datetime(1970, 1, 1)


class Moves(msgspec.Struct, frozen=True, kw_only=True):
    """`back` are leaving ones that serve again; `going` are counted ones that shall not, in the order chosen.
    `waits`: a launch is due, and its site's backoff holds it up."""

    launches: tuple[Launch, ...] = ()
    back: tuple[Candidate, ...] = ()
    going: tuple[Candidate, ...] = ()
    waits: bool = False
    reasons: tuple[Reason, ...] = ()


def parted(excess: int, going: tuple[Candidate, ...], why_others_stay: str = "the others are protected") -> Moves:
    """`going` are those of `excess` too many that may go."""
    reasons = []
    if going:
        reasons.append(Reason("victims", f"{excess} too many: {named(going)} may go"))
    if len(going) < excess:
        reasons.append(Reason("victims", f"only {len(going)} of {excess} may go: {why_others_stay}"))
    return Moves(going=going, reasons=tuple(reasons))


def answered(
    census: Census,
    desired: int,
    moves: Moves,
    reasons: tuple[Reason, ...] = (),
    last_change: LastChange | None = None,
    retired: tuple[Candidate, ...] = (),
) -> Answer:
    """The whole answer: the sick go whatever `moves` says, and so do the `retired`, who are no more in `census`;
    those that were leaving go on leaving."""
    going = retired + moves.going
    sick = tuple(sorted(census.unhealthy + census.zombies, key=lambda i: i.instance_id))
    leaving = tuple(i for i in census.leaving if i not in moves.back)
    ended = tuple(i for i in leaving if i.is_idle or i.state.is_coming)
    terminates = _ids(sick + ended + tuple(i for i in going if not i.is_busy))
    drains = _ids(tuple(i for i in leaving if i not in ended) + tuple(i for i in going if i.is_busy))

    coming = any(i.state.is_coming for i in census.valid)
    pending = moves.launches or terminates or drains or moves.waits or coming
    return Answer(
        launches=moves.launches,
        terminates=terminates,
        drains=drains,
        desired=desired,
        status="PENDING" if pending else "STABLE",
        reasons=_replaced(census) + reasons + _drained(moves.back, ended, drains) + moves.reasons,
        memo=remembered(last_change, desired, drains),
    )


def remembered(last_change: LastChange | None, size: int, draining: tuple[str, ...]) -> dict[str, object]:
    """The memo in the form that it has in answers and in the store."""
    change = None if last_change is None else {"at": last_change.at, "direction": last_change.direction}
    return {"last_change": change, "size": size, "draining": list(draining)}


def shown(number: Fraction) -> str:
    """A number in a sentence: as short as it can be said."""
    return f"{number}" if number.denominator == 1 else repr(float(number))


def clock(moment: Fraction) -> str:
    """A Unix time in a sentence: in UTC, to the millisecond, and none too early."""
    thousandths = ceil(moment * 1000)
    try:
        told = EPOCH + timedelta(milliseconds=thousandths)
    except OverflowError:
        return shown(moment)
    return told.isoformat(timespec="milliseconds" if thousandths % 1000 else "seconds") + "Z"


def named(instances: tuple[Candidate, ...]) -> str:
    return ", ".join(_ids(instances))


def _ids(instances: tuple[Candidate, ...]) -> tuple[str, ...]:
    return tuple(i.instance_id for i in instances)


def _replaced(census: Census) -> tuple[Reason, ...]:
    reasons = [Reason("replace", f"{i.instance_id} is ill: {i.state}, {i.health}") for i in census.unhealthy]
    reasons += [
        Reason("replace", f"{i.instance_id} is over and still heard: its end is asked again")
        for i in census.zombies
    ]
    return tuple(reasons)


def _drained(
    back: tuple[Candidate, ...], ended: tuple[Candidate, ...], drains: tuple[str, ...]
) -> tuple[Reason, ...]:
    said = (
        (named(back), "wanted again: not draining any more"),
        (named(ended), "drained, without work: ends"),
        (", ".join(drains), "has to finish its work first: drains"),
    )
    return tuple(Reason("drain", f"{names}: {text}") for names, text in said if names)
