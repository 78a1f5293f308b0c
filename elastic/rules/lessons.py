"""What each kind of answer to a call teaches about an instance: changes of its dossier. Pure.

`error` is what the call raised in place of an answer; `now` the monotonic time at which it came back.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from elastic.errors import BadOrder, CloudRefused, CloudUnavailable, ElasticError, NotAsked, NotReady, ServerGone
from elastic.model.instance import Instance
from elastic.model.parts import Part
from elastic.model.server import Server, ServerStatus
from elastic.model.states import InstanceState
from elastic.rules.dossier import Dossier, Look, Prepared

POLL, RETRY = 0.5, 5.0  # seconds: while a delete is under way; after a call that was not answered

Lesson = dict[str, Any]


class NotSent(ElasticError):
    """The time in which the call had to go out had passed."""


def of_prepare(instance: Instance, prepared: Prepared | None, error: Exception | None, now: float) -> Lesson:
    """It may have taken minutes, in which an attempt that is on record may have taken effect: that is looked for
    again. Without one there was no create; and whoever sends one changes the record, and with it the look."""
    match error:
        case None:
            return {"prepared": prepared, "unready": "", **({"look": None} if instance.attempt else {})}
        case CloudRefused():
            return of_create(None, error, now)
        case NotReady():
            return {"unready": str(error), **_later(error, now)}
    return {"unready": "", **_later(error, now)}


def of_create(server: Server | None, error: Exception | None, now: float) -> Lesson:
    match error:
        case None:
            return {"made": server, "told": server, "prepared": None}
        case NotSent():
            return {"not_sent": True}
        case NotAsked():
            return {"not_sent": True, **_later(error, now)}
        case BadOrder():
            return {"refused": (InstanceState.REJECTED, str(error))}
        case CloudRefused():
            return {"refused": (InstanceState.FAILED, str(error))}
    return {"attempt_since": now}


def of_list(
    instance: Instance,
    begun: float,
    found: Mapping[str, Sequence[Server]] | None,
    error: Exception | None,
    now: float,
) -> Lesson:
    """`found`: by instance id."""
    if error is not None or found is None:
        return _later(error, now)
    mine = (s for s in found.get(instance.instance_id, ()) if s.mark.instance_id == instance.instance_id)
    living = tuple(s for s in mine if s.status is not ServerStatus.DELETED)
    return {"look": Look(begun, instance.version, living)}


def of_check(
    instance: Instance,
    server: Server | None,
    error: Exception | None,
    before: Dossier,
    begun: float,
    now: float,
) -> Lesson:
    """What it says is as old as the question: we may have been stopped while it was under way."""
    if isinstance(error, ServerGone):
        return {"absent": False, **({"missed_at": now} if before.missed_at is None else {"gone": True})}
    if error is not None or server is None:
        return {"absent": False, **_later(error, now)}
    return {
        "absent": False,
        "told": server,
        "told_at": begun,
        "missed_at": None,
        "gone": server.status is ServerStatus.DELETED,
        "wait_until": now + POLL if instance.state.is_over else 0.0,
    }


def of_delete(error: Exception | None, is_recorded: bool, before: Dossier, now: float) -> Lesson:
    if isinstance(error, ServerGone):
        missed = {"missed_at": before.missed_at if before.missed_at is not None else now} if is_recorded else {}
        return {"wait_until": now + POLL, **missed}
    if error is not None:
        return {"deleted_at": None, **_later(error, now)}
    return {"wait_until": now + POLL}


def of_release(part: Part, error: Exception | None, before: Dossier, now: float) -> Lesson:
    """A part that a server has proves that there is one: a listing that showed none counts for nothing."""
    if error is None:
        return {"released": before.released | {part.part_id}}
    in_use = {"in_use": before.in_use | {part.part_id}, "look": None} if isinstance(error, CloudRefused) else {}
    return {**_later(error, now), **in_use}


def _later(error: Exception | None, now: float) -> Lesson:
    """It is asked again when the cloud says so, or after a while."""
    return {"wait_until": now + (error.again if isinstance(error, CloudUnavailable) else RETRY)}
