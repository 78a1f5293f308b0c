"""The doctor: says how well each instance is. It never terminates anything itself.

Heartbeats are in memory only; what is written is a change of health, and with it the step to RUNNING of an
instance first heard from. Before MISSING the VM is asked, if its last heartbeat said where, and so is the cloud:
while that does not answer, nobody is given up.
"""

import logging
from collections.abc import Callable, Collection
from functools import partial

from msgspec.structs import replace

from elastic.model.decision import Event
from elastic.model.domain import DomainKey, HealthPolicy
from elastic.model.heartbeat import Heard
from elastic.model.instance import Instance
from elastic.model.states import Health, InstanceState
from elastic.model.view import View
from elastic.ports.bus import Outgoing
from elastic.ports.lastheard import LastHeard
from elastic.ports.store import Change
from elastic.ports.workers import Workers
from elastic.roles.alibi import ASK_AGAIN, Alibis
from elastic.roles.memory import drop_others
from elastic.roles.mirror import Mirror
from elastic.roles.moment import Moment
from elastic.roles.pipe import Pipe
from elastic.rules.diagnosis import Verdict, diagnose, next_look, well_until
from elastic.rules.lifecycle import advance, pronounced

log = logging.getLogger(__name__)

Successor = Callable[[Instance], Instance]

MUTE = "silent, and it left no address to ask it at"


class Doctor:
    def __init__(
        self,
        mirror: Mirror,
        heard: LastHeard,
        pipe: Pipe,
        outgoing: Outgoing,
        alibis: Alibis,
        workers: Workers,
    ) -> None:
        self._mirror, self._heard, self._pipe, self._outgoing = mirror, heard, pipe, outgoing
        self._alibis, self._workers = alibis, workers
        self._asked: dict[str, float] = {}  # instance id -> when the VM was asked, monotonic

    def visit(self, view: View, now: Moment) -> float | None:
        policy = view.domain.health_policy
        policy = replace(policy, really_missing_timeout=max(policy.really_missing_timeout, self._pipe.doubt))
        changes: dict[str, Change] = {}
        events: list[Event] = []
        looks: list[float] = []
        watching = self._pipe.watching_since(self._mirror.partition(view.key), now.mono)
        for instance in view.instances:
            verdict, again = self._examine(view.key, instance, policy, watching, now)
            looks += [] if again is None else [again]
            change = _treatment(instance, verdict, policy, now.wall)
            if change(instance) is instance:
                continue
            changes[instance.instance_id] = Change(change, instance.version)
            events += _story(view.key, instance, change(instance), verdict, now.wall)
        if changes:
            self._mirror.commit(view, changes=changes, events=events)
        return min(looks, default=None)

    def keep_only(self, instance_ids: Collection[str], keys: Collection[DomainKey]) -> None:  # noqa: ARG002
        drop_others(self._asked, instance_ids)

    def _examine(
        self, key: DomainKey, instance: Instance, policy: HealthPolicy, watching: float, now: Moment
    ) -> tuple[Verdict, float | None]:
        """The verdict, and the monotonic time by which it has to be thought over."""
        if not _is_monitored(instance, policy):
            health = (
                Health.UNKNOWN if instance.health in (Health.MISSING, Health.OUT_OF_CONTACT) else instance.health
            )
            return Verdict(health, "not monitored", False), None
        sighting = self._mirror.sightings.of(instance, now.mono)
        heard = self._heard.of(instance.instance_id)
        until = well_until(
            policy, instance.state, sighting.state_since, instance.health, heard, watching, now.mono
        )
        if until is not None:
            return Verdict(instance.health, "it says OK, or nothing yet", False), until
        signs = (
            policy,
            instance.state,
            sighting.state_since,
            instance.health,
            sighting.health_since,
            heard,
            self._asked.get(instance.instance_id),
            watching,
            now.mono,
        )
        verdict = diagnose(*signs)
        if verdict.ask:
            self._ask(instance.instance_id, heard, now.mono)
            sighting.health_since = now.mono  # anew, if it spoke since it was last out of contact
            signs = (*signs[:4], now.mono, *signs[5:])
        if verdict.health is Health.MISSING and instance.health is not Health.MISSING:
            if not self._alibis.checked(key, instance, now.mono):
                held = Verdict(instance.health, "silent; the cloud is being asked about it", False)
                return held, now.mono + ASK_AGAIN
            if heard is None or heard.reply_to is None:
                verdict = Verdict(Health.MISSING, MUTE, False)
        elif verdict.health is not Health.OUT_OF_CONTACT:
            self._asked.pop(instance.instance_id, None)
            self._alibis.forget(instance.instance_id)
        return verdict, next_look(*signs)

    def _ask(self, instance_id: str, heard: Heard | None, now: float) -> None:
        """Ask the VM for a sign of life; if the bus has not got it, it is asked again. One whose address nobody
        here knows counts as asked."""
        self._asked[instance_id] = now
        address = None if heard is None else heard.reply_to
        if address is None:
            return

        def done(_: object, error: Exception | None) -> None:
            if error is not None:
                self._asked.pop(instance_id, None)

        self._workers.submit("bus", lambda: self._outgoing.ask(address), done)


def _treatment(instance: Instance, verdict: Verdict, policy: HealthPolicy, now: float) -> Successor:
    """What the verdict makes of the record."""
    speaks = verdict.health is not Health.UNKNOWN or not _is_monitored(instance, policy)
    if instance.state is InstanceState.STARTED and speaks:
        return partial(_first_heard, verdict=verdict, now=now)
    return partial(_pronounce, verdict=verdict, now=now)


def _is_monitored(instance: Instance, policy: HealthPolicy) -> bool:
    return policy.monitor_health and not instance.mute


def _pronounce(instance: Instance, *, verdict: Verdict, now: float) -> Instance:
    errors = (verdict.reason,) if verdict.health in (Health.MONITOR_ERROR, Health.PROCESS_ERROR) else ()
    return pronounced(instance, verdict.health, errors, now)


def _first_heard(instance: Instance, *, verdict: Verdict, now: float) -> Instance:
    heard = "heard from" if verdict.health is not Health.UNKNOWN else verdict.reason
    running = advance(instance, InstanceState.RUNNING, now, heard)
    return _pronounce(running, verdict=verdict, now=now)


def _story(key: DomainKey, old: Instance, new: Instance, verdict: Verdict, now: float) -> list[Event]:
    """One line a change: what it was, what it is, and why."""
    told = []
    if new.state is not old.state:
        told.append(("running", f"{old.state} -> {new.state}"))
    if new.health is not old.health and old.health is not Health.UNKNOWN:
        told.append(("health", f"{old.health} -> {new.health}: {verdict.reason}"))
    for _, text in told:
        log.info("%s %s: %s", key, old.instance_id, text)
    return [
        Event(time=now, kind=kind, domain=str(key), instance_id=old.instance_id, text=text) for kind, text in told
    ]
