"""The provisioner: makes the cloud match the records of this member's domains.

What to do next for an instance is a pure rule (`rules/provisioning`); here it is written down first and then
done, by workers, so that no call to the cloud ever holds up the loop. What a call taught comes back as a note
in the instance's dossier, and the domain is visited again.
"""

import logging
from collections.abc import Callable
from functools import partial

from msgspec.structs import replace

from elastic.errors import ElasticError
from elastic.model.decision import Event
from elastic.model.domain import Disabled, Domain, DomainKey
from elastic.model.instance import Instance
from elastic.model.parts import Part
from elastic.model.states import Health, InstanceState
from elastic.model.view import View
from elastic.ports.store import Change
from elastic.roles.cloudcalls import CloudCalls
from elastic.roles.dossiers import Dossiers
from elastic.roles.launchpace import LaunchPace
from elastic.roles.mirror import Mirror
from elastic.roles.moment import Moment
from elastic.roles.stuck import Stuck
from elastic.roles.turnstile import Turnstile
from elastic.rules import lifecycle, provisioning
from elastic.rules.dossier import Patience, Prepared
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

log = logging.getLogger(__name__)

SEND_WITHIN = (
    2.0  # seconds at most from the note of an attempt to its call, or it is not sent: well within the settle
)
TOLD_AS = {
    InstanceState.TERMINATED: "terminated",
    InstanceState.FAILED: "failed",
    InstanceState.REJECTED: "failed",
    InstanceState.RUNNING_FAILED: "failed",
}


class Plan:
    """What one visit will write, and what it will do once that is written."""

    def __init__(self) -> None:
        self.changes: dict[str, Change] = {}
        self.events: list[Event] = []
        self.deeds: list[Callable[[View], None]] = []
        self.looks: list[Instance] = []
        self.until: list[float] = []
        self.creates: list[str] = []  # sites, one a create
        self.waits_at: set[str] = set()  # sites where it has to wait for its turn


class Provisioner:
    def __init__(
        self,
        mirror: Mirror,
        calls: CloudCalls,
        dossiers: Dossiers,
        settle: float,
        turn: float,
        creates_at_once: int,
        pace: LaunchPace,
        touch: Callable[[DomainKey], None],
        listening_since: Callable[[DomainKey, float], float],
    ) -> None:
        self._listening_since = listening_since
        self._mirror, self._calls, self._dossiers = mirror, calls, dossiers
        self.settle, self.survey_interval = settle, turn
        self._touch, self.stuck = touch, Stuck(touch)
        self._turnstile, self._pace = Turnstile(creates_at_once, mirror.holds), pace

    def visit(self, view: View, now: Moment) -> float | None:
        tenure = self._mirror.tenure(view.key)
        patience = Patience(
            settle=self.settle, turn=self.survey_interval, boot_timeout=view.domain.health_policy.boot_timeout
        )
        plan = Plan()
        listening = self._listening_since(view.key, now.mono)
        leaving, known = [], self._calls.known
        for instance in view.instances:
            if _is_done(instance):
                continue
            sighting = self._mirror.sightings.of(instance, now.mono)
            if instance.state is InstanceState.TERMINATING or instance.leftover:
                leaving.append((instance, sighting.state_since))
            dossier = replace(
                self._dossiers.of(instance, sighting, tenure),
                **known,
                listening_since=listening,
                shared_stays=not view.domain.removed,
            )
            step = provisioning.next_step(instance, dossier, patience, now.mono)
            self._plan(plan, view.domain, instance, step, now)
        again = self.stuck.look(view.key, leaving, view.domain.health_policy.delete_timeout, now.mono)
        plan.until += [] if again is None else [again]
        view = self._write(view, plan)
        for deed in plan.deeds:
            deed(view)
        self._calls.look(view.key, plan.looks, tenure.since)
        self._turnstile.pass_by(view.key, plan.waits_at)
        self._call_next()
        return min(plan.until, default=None)

    def _write(self, view: View, plan: Plan) -> View:
        """Before anything is done; what cannot be written takes no place."""
        if not plan.changes:
            return view
        try:
            return self._mirror.commit(view, changes=plan.changes, events=plan.events)
        except ElasticError:
            for site in plan.creates:
                self._turnstile.leave(site)
            raise

    def _plan(self, plan: Plan, domain: Domain, instance: Instance, step: Step, now: Moment) -> None:
        match step:
            case Wait(until):
                plan.until += [until] if until is not None else []
            case LookUp():
                plan.looks.append(instance)
            case Prepare() if not _launches_nothing(domain):
                plan.deeds.append(partial(self._prepare, instance=instance))
            case Create():
                self._plan_create(plan, domain, instance, step, now)
            case Listen():
                plan.deeds.append(partial(self._listen, instance=instance))
            case Keep(console):
                self._change(plan, instance, partial(lifecycle.told, console=console))
            case Release(part) if not _is_paused(domain):
                plan.deeds.append(partial(self._release, instance=instance, part=part))
            case Delete(server_id) if not _is_paused(domain):
                plan.deeds.append(partial(self._delete, instance=instance, server_id=server_id))
            case Check():
                plan.deeds.append(partial(self._check, instance=instance))
            case Adopt(server):
                text = f"the cloud has accepted it as {server.server_id}"
                self._change(plan, instance, partial(lifecycle.adopted, server=server, now=now.wall))
                self._tell(plan, domain, instance, "launched", text, now)
            case Move(state, reason):
                self._plan_move(plan, domain, instance, state, reason, now)
            case Settle():
                reason = "its create was not sent in time"
                self._change(plan, instance, partial(lifecycle.settled, now=now.wall, reason=reason))
                plan.deeds.append(partial(self._settled, instance=instance))
            case Clear():
                self._change(plan, instance, lifecycle.cleared)
            case Address(server):
                self._change(plan, instance, partial(lifecycle.addressed, server=server))

    def _plan_create(self, plan: Plan, domain: Domain, instance: Instance, step: Create, now: Moment) -> None:
        """Note the attempt now, if a worker is free to send it at once; else wait for one."""
        if _launches_nothing(domain):
            return
        free_at = self._pace.free_at(instance.site, now.mono)
        if free_at > now.mono:
            plan.until.append(free_at)
            return
        if not self._turnstile.enter(instance.site, domain.key):
            plan.waits_at.add(instance.site)
            return
        self._pace.take(instance.site, now.mono)
        plan.creates.append(instance.site)
        prepared = step.prepared
        noted = partial(lifecycle.attempted, n=step.n, now=now.wall, parts=prepared.parts, mute=prepared.is_mute)
        plan.changes[instance.instance_id] = Change(noted, step.version)
        send_by = now.mono + min(SEND_WITHIN, self.settle / 4)
        plan.deeds.append(partial(self._create, instance=instance, prepared=prepared, send_by=send_by))

    def _plan_move(
        self, plan: Plan, domain: Domain, instance: Instance, state: InstanceState, reason: str, now: Moment
    ) -> None:
        if state >= InstanceState.FAILED:
            move = partial(lifecycle.failed, state=state, now=now.wall, reason=reason)
        elif state is InstanceState.TERMINATED and not instance.state.is_over:
            move = partial(lifecycle.disappeared, now=now.wall, reason=reason)
        else:
            move = partial(lifecycle.advance, state=state, now=now.wall, reason=reason)
        self._change(plan, instance, move)
        if state in TOLD_AS:
            self._tell(plan, domain, instance, TOLD_AS[state], reason, now)

    def _change(self, plan: Plan, instance: Instance, change: Callable[[Instance], Instance]) -> None:
        plan.changes[instance.instance_id] = Change(change, instance.version)

    def _tell(self, plan: Plan, domain: Domain, instance: Instance, kind: str, text: str, now: Moment) -> None:
        log.info("%s %s: %s: %s", domain.key, instance.instance_id, kind, text)
        name, identity = str(domain.key), instance.instance_id
        plan.events.append(Event(time=now.wall, kind=kind, domain=name, instance_id=identity, text=text))

    # deeds, done once the plan is written

    def _prepare(self, view: View, instance: Instance) -> None:
        self._calls.prepare(view.domain, instance, self._mirror.tenure(view.key).since)

    def _listen(self, view: View, instance: Instance) -> None:
        self._calls.listen(view.key, instance, self._mirror.tenure(view.key).since)

    def _release(self, view: View, instance: Instance, part: Part) -> None:
        self._calls.release(view.key, instance, part, self._mirror.tenure(view.key).since)

    def _create(self, view: View, instance: Instance, prepared: Prepared, send_by: float) -> None:
        noted = view.instance(instance.instance_id)
        if noted is None or not self._mirror.holds(view.key):
            self._freed(instance.site)
            return
        tenure = self._mirror.tenure(view.key).since
        then = partial(self._freed, instance.site)
        self._calls.create(view.domain, noted, prepared, send_by, tenure, then)

    def _freed(self, site: str) -> None:
        self._turnstile.leave(site)
        self._call_next()

    def _call_next(self) -> None:
        for key in self._turnstile.called():
            self._touch(key)

    def _delete(self, view: View, instance: Instance, server_id: str) -> None:
        self._calls.delete(view.key, instance, server_id, self._mirror.tenure(view.key).since)

    def _check(self, view: View, instance: Instance) -> None:
        self._calls.check(view.key, instance, self._mirror.tenure(view.key).since)

    def _settled(self, view: View, instance: Instance) -> None:
        self._dossiers.note(instance.instance_id, self._mirror.tenure(view.key).since, not_sent=False)


def _is_done(instance: Instance) -> bool:
    """Nothing more to do in the cloud for it: most records, most of the time."""
    return instance.state.is_final and not instance.leftover and instance.health is not Health.ZOMBIE


def _is_paused(domain: Domain) -> bool:
    return domain.paused and not domain.removed


def _launches_nothing(domain: Domain) -> bool:
    return _is_paused(domain) or domain.disabled is not Disabled.NOT
