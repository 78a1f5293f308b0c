"""What to do next so that the cloud matches one instance's record. Pure.

The rules, and what went wrong without each, are told in doc/decisions/provisioning.md. In short: look before
every create; note the attempt before it is sent; wait out an attempt whose outcome is unknown; record a server
before deleting another; take only 404 twice for gone; prove absence before TERMINATED.

All times here are monotonic seconds of this process.
"""

from elastic.model.instance import Instance
from elastic.model.parts import PartKind
from elastic.model.server import Server, ServerStatus
from elastic.model.states import Health, InstanceState
from elastic.rules.dossier import Dossier, Look, Patience
from elastic.rules.steps import (
    Address,
    Adopt,
    Check,
    Clear,
    Create,
    Delete,
    Keep,
    Listen,
    LookUp,
    Move,
    Prepare,
    Release,
    Settle,
    Step,
    Wait,
)

MOST_ATTEMPTS = 2
DISAPPEARED = "NODE_DISAPPEARED: the cloud no longer has its server"


def next_step(instance: Instance, dossier: Dossier, patience: Patience, now: float) -> Step:
    """The one next thing to do for `instance` at `now`."""
    if dossier.under_way:
        return Wait()
    if now < dossier.wait_until:
        return Wait(dossier.wait_until)
    if instance.state.is_final:
        return _clean_up(instance, dossier, patience, now)
    if instance.state is InstanceState.TERMINATING:
        return _take_down(instance, dossier, patience, now)
    if instance.server_id is None:
        return _bring_about(instance, dossier, patience, now)
    return _follow(instance, dossier, patience, now)


def _bring_about(instance: Instance, dossier: Dossier, patience: Patience, now: float) -> Step:
    """It has no server yet. An attempt may be open, by us or by one who is no more."""
    if dossier.made is not None:
        return Adopt(dossier.made)
    if dossier.refused:
        return Move(*dossier.refused)
    if dossier.not_sent:
        return Settle()
    attempt = instance.attempt
    ready_at = _settled_at(dossier, patience) if attempt and attempt.open else 0.0
    if now < ready_at:
        return Wait(ready_at)
    look = _fresh_look(instance, dossier, ready_at)
    if look is None:
        return LookUp()
    if look.servers:
        return Adopt(_first(look))
    if dossier.prepared is None:
        return _await_parts(dossier, patience, now)
    made = attempt.n if attempt else 0
    if made >= MOST_ATTEMPTS:
        return Move(InstanceState.FAILED, f"the cloud did not make it in {made} attempts")
    return Create(made + 1, look.version, dossier.prepared)


def _await_parts(dossier: Dossier, patience: Patience, now: float) -> Step:
    """Given up only on the cloud's own word that they are still not ready."""
    if dossier.unready and now > dossier.since + patience.boot_timeout:
        return Move(InstanceState.FAILED, f"not prepared within {patience.boot_timeout:g} s: {dossier.unready}")
    return Prepare()


def _follow(instance: Instance, dossier: Dossier, patience: Patience, now: float) -> Step:
    """It has a server, which is to be up."""
    if dossier.gone:
        return Move(InstanceState.TERMINATED, DISAPPEARED)
    if dossier.missed_at is not None:
        return _ask_again(dossier.missed_at, patience, now)
    if dossier.absent:
        return Check()
    move = _as_told(instance, dossier.told)
    if move is not None:
        return move
    if instance.state < InstanceState.STARTED:
        return _await_start(dossier, patience, now)
    if instance.state is InstanceState.STARTED:
        return _await_word(dossier, patience, now)
    return Wait()


def _await_start(dossier: Dossier, patience: Patience, now: float) -> Step:
    """Given up only on the cloud's own word that it is still not up: an outage of its API gives nobody up."""
    deadline = dossier.since + patience.boot_timeout
    if now <= deadline:
        return Wait(deadline + 0.001)
    if dossier.told_at <= deadline:
        return Check()
    return Move(InstanceState.FAILED, f"not up {patience.boot_timeout:g} s after the cloud accepted it")


def _await_word(dossier: Dossier, patience: Patience, now: float) -> Step:
    """Its silence counts only while we could have heard it."""
    deadline = max(dossier.since, dossier.listening_since) + patience.boot_timeout
    if now <= deadline:
        return Wait(deadline + 0.001)
    return Move(InstanceState.RUNNING_FAILED, f"not heard from {patience.boot_timeout:g} s after it started")


def _as_told(instance: Instance, told: Server | None) -> Step | None:
    """What follows from the cloud's newest word about the recorded server."""
    if told is None or told.server_id != instance.server_id:
        return None
    if told.status is ServerStatus.ERROR:
        fault = f"the cloud reports ERROR: {told.fault or 'no reason given'}"
        if instance.state < InstanceState.STARTED:
            return Move(InstanceState.FAILED, fault)
        return _once(instance, InstanceState.RUNNING_FAILED, fault)
    if told.status is ServerStatus.SHUTOFF and instance.state >= InstanceState.STARTED:
        return _once(instance, InstanceState.RUNNING_FAILED, "the cloud reports SHUTOFF")
    if told.status is ServerStatus.ACTIVE and instance.state < InstanceState.STARTED:
        return Move(InstanceState.STARTED, "the cloud reports ACTIVE")
    if _says_new_address(instance, told):
        return Address(told)
    return None


def _once(instance: Instance, state: InstanceState, reason: str) -> Step | None:
    return Move(state, reason) if instance.state < state else None


def _says_new_address(instance: Instance, told: Server) -> bool:
    pairs = (
        (told.public_ip, instance.public_ip),
        (told.private_ip, instance.private_ip),
        (told.ipv6, instance.ipv6),
        (told.hostname, instance.hostname),
    )
    return any(new and new != old for new, old in pairs)


def _take_down(instance: Instance, dossier: Dossier, patience: Patience, now: float) -> Step:
    """It is to go, and nothing of it may stay: with an attempt on record, absence has to be proved.

    Where a create may still be under way its ports go first: it fails without them. (One that a server has taken
    stays with it: Neutron lets no member of a project delete that.)
    """
    if instance.attempt is None and instance.server_id is None:
        return _release(instance, dossier) or Move(InstanceState.TERMINATED, "it never had a server")
    if instance.server_id is None and dossier.made is not None:
        return Adopt(dossier.made)
    return _take_apart(instance, dossier, patience, now) or Move(InstanceState.TERMINATED, "its server is gone")


def _take_apart(instance: Instance, dossier: Dossier, patience: Patience, now: float) -> Step | None:
    """None once neither its server nor any part of it is there."""
    if instance.server_id is None and (port := _release(instance, dossier, PartKind.PORT)):
        return port
    if instance.server_id is not None and not dossier.gone:
        return _last_words(instance, dossier) or _delete(instance.server_id, dossier, patience, now)
    return _prove_absence(instance, dossier, patience, now) or _release(instance, dossier)


def _last_words(instance: Instance, dossier: Dossier) -> Step | None:
    """Of one that never served: why is on its console, and that goes with it."""
    if instance.console or not instance.went_wrong:
        return None
    if dossier.console is None:
        return Listen()
    return Keep(dossier.console) if dossier.console else None


def _release(instance: Instance, dossier: Dossier, kind: PartKind | None = None) -> Step | None:
    """The next part to be deleted; what was made and not yet recorded is one as well. Of one kind: only what no
    server has."""
    made = dossier.prepared.parts if dossier.prepared else ()
    for part in dict.fromkeys((*instance.parts, *made)):
        stays = part.kind is PartKind.GROUP and dossier.shared_stays
        is_free = kind is None or (part.kind is kind and part.part_id not in dossier.in_use)
        if part.part_id not in dossier.released and not stays and is_free:
            return Release(part)
    return None


def _clean_up(instance: Instance, dossier: Dossier, patience: Patience, now: float) -> Step:
    """It is over; a server may be left: of one that failed, or of one that still talks."""
    if instance.leftover:
        return _take_apart(instance, dossier, patience, now) or Clear()
    if instance.health is Health.ZOMBIE:
        recent = now - patience.turn
        return _prove_absence(instance, dossier, patience, now, recent) or Wait(now + patience.turn)
    return Wait()


def _prove_absence(
    instance: Instance, dossier: Dossier, patience: Patience, now: float, not_before: float = 0.0
) -> Step | None:
    """None once a listing begun after the settle (and `not_before`) shows nothing of it."""
    ready_at = _settled_at(dossier, patience) if instance.attempt else 0.0
    if now < ready_at:
        return Wait(ready_at)
    look = _fresh_look(instance, dossier, max(ready_at, dossier.deleted_at or 0.0, not_before))
    if look is None:
        return LookUp()
    if not look.servers:
        return None
    if instance.server_id is None and not instance.state.is_final:
        return Adopt(_first(look))
    if dossier.deleted_at is None or now - dossier.deleted_at >= patience.redelete:
        return Delete(_first(look).server_id)
    return LookUp() if now - look.begun >= patience.poll else Wait(look.begun + patience.poll)


def _delete(server_id: str, dossier: Dossier, patience: Patience, now: float) -> Step:
    if dossier.missed_at is not None:
        return _ask_again(dossier.missed_at, patience, now)
    if dossier.deleted_at is None or now - dossier.deleted_at >= patience.redelete:
        return Delete(server_id)
    return Check()


def _ask_again(missed_at: float, patience: Patience, now: float) -> Step:
    """One 404 may be a hiccup; the second has to be a turn later."""
    again = missed_at + patience.turn
    return Check() if now >= again else Wait(again)


def _settled_at(dossier: Dossier, patience: Patience) -> float:
    return dossier.attempt_since + patience.settle


def _fresh_look(instance: Instance, dossier: Dossier, begun_after: float) -> Look | None:
    """The last listing, if it was begun after that moment and on the record as it still is."""
    look = dossier.look
    if look is None or look.version != instance.version or look.begun < begun_after:
        return None
    return look


def _first(look: Look) -> Server:
    """Of several that carry the mark: the oldest, then the lowest id."""
    return min(look.servers, key=lambda s: (s.created, s.server_id))
