"""The decider: asks each domain's engine what should be, and writes it down as wishes.

It never calls the cloud. A decision is written only if nobody decided or changed the domain since it was
looked at; what ends for its health ends only if that is still its newest word.
"""

import logging
from collections.abc import Callable, Collection, Mapping
from functools import partial

from elastic.errors import BadRequest
from elastic.model.actions import Answer
from elastic.model.decision import Decision, Event, Stage
from elastic.model.domain import Disabled, DomainKey
from elastic.model.instance import Instance
from elastic.model.observed import Observed
from elastic.model.states import Health, InstanceState
from elastic.model.view import Standing, View
from elastic.ports.engine import Engine
from elastic.ports.lastheard import LastHeard
from elastic.ports.store import Change
from elastic.ports.workers import Overrun
from elastic.roles.isolation import Isolation
from elastic.roles.memory import drop_others
from elastic.roles.mirror import Mirror
from elastic.roles.moment import Moment
from elastic.roles.thoughts import BLINK, Thoughts
from elastic.rules import policy
from elastic.rules.caution import Brake, BrakePolicy, brake
from elastic.rules.config import MOST_INSTANCES
from elastic.rules.policy import Considered
from elastic.rules.ring import slot_of
from elastic.rules.standing import Complaint, concluded, undecided
from elastic.rules.wishes import NOTHING, Wishes, question, wishes

log = logging.getLogger(__name__)

HEARING = 1.0  # seconds from one look to the next at whether one that is to go was heard


class Decider:
    def __init__(
        self,
        mirror: Mirror,
        engines: Mapping[str, type[Engine]],
        heard: LastHeard,
        thoughts: Thoughts,
        isolation: Isolation,
        interval: float,
        brake_policy: BrakePolicy,
        site_braked: Callable[[str], bool],
        complaints: Callable[[DomainKey], tuple[Complaint, ...]],
        observe: Callable[[View, Moment], Observed] = lambda _view, _now: NOTHING,
    ) -> None:
        self._observe = observe
        self._mirror, self._engines, self._heard, self._thoughts = mirror, engines, heard, thoughts
        self._isolation, self.interval, self.brake_policy = isolation, interval, brake_policy
        self._site_braked, self._complaints = site_braked, complaints
        self._last_refusal: dict[DomainKey, tuple[str, ...]] = {}

    def visit(self, view: View, now: Moment) -> float | None:
        blocked = self._isolation.blocks(view.key, view.domain.revision, now)
        if blocked is not None and not view.domain.removed:
            self._conclude(view, undecided(view, (blocked.complaint,), now.wall))
            return blocked.until
        if view.domain.paused and not view.domain.removed:
            paused = Complaint("Paused", "PausedByClient", "paused by a client: nothing is decided")
            self._conclude(view, undecided(view, (paused, *self._complaints(view.key)), now.wall))
            return None
        if view.domain.disabled is Disabled.LAUNCHES and not view.domain.removed:
            stopped = Complaint("Paused", "DisabledByOperator", "disabled by an operator: nothing is decided")
            self._conclude(view, undecided(view, (stopped, *self._complaints(view.key)), now.wall))
            return None
        held, observed = self._brake(view, now), self._observe(view, now)
        try:
            considered = self._ask_engine(view, held, observed, now)
        except Exception as error:
            return self._engine_failed(view, error, now)
        if considered is None:
            return now.mono + BLINK
        if considered.answer.desired > MOST_INSTANCES:
            crowd = (
                f"its engine wants {considered.answer.desired} instances: a domain has {MOST_INSTANCES} at most"
            )
            return self._engine_failed(view, BadRequest(crowd), now)
        self._isolation.succeeded(view.key)
        again = self._write(view, considered.answer, held, observed, now)
        later = None if considered.again is None else now.mono + considered.again
        return min((at for at in (again, later) if at is not None), default=None)

    def keep_only(self, instance_ids: Collection[str], keys: Collection[DomainKey]) -> None:  # noqa: ARG002
        drop_others(self._last_refusal, keys)

    def _brake(self, view: View, now: Moment) -> Brake:
        sites = {i.site for i in view.instances}
        return brake(view, self.brake_policy, now.wall, any(self._site_braked(site) for site in sites))

    def _ask_engine(self, view: View, held: Brake, observed: Observed, now: Moment) -> Considered | None:
        """Null: it is still thinking."""
        sightings = self._mirror.sightings
        asked = question(
            view, held, now.wall, lambda i: now.mono - sightings.of(i, now.mono).state_since, observed
        )
        if view.domain.is_to_be_empty:
            return policy.consider(asked, self._engines)  # no engine has a say, so none can hold it up
        work = partial(policy.consider, asked, self._engines)
        return self._thoughts.think(view.key, view.counter, work, now.mono)

    def _engine_failed(self, view: View, error: Exception, now: Moment) -> float:
        """The domain stays as it is, and says why; it is tried again later, or when its config changes."""
        running = error.still_running if isinstance(error, Overrun) else None
        failure = self._isolation.failed(view.key, view.domain.revision, error, now, running)
        if isinstance(error, BadRequest):
            log.warning("engine of %s: %s", view.key, error)
        else:
            log.warning("engine of %s failed", view.key, exc_info=error)
        self._conclude(view, undecided(view, (failure.complaint,), now.wall))
        return failure.until

    def _write(self, view: View, answer: Answer, held: Brake, observed: Observed, now: Moment) -> float | None:
        wished = wishes(view, answer, slot_of(view.key), now.wall)
        if any(self._is_back(i) for i in view.instances if i.instance_id in wished.going):
            return now.mono + BLINK  # the doctor has yet to write what we have heard
        if any(self._is_unheard(i, view) for i in view.instances if i.instance_id in wished.going):
            return now.mono + HEARING
        standing = concluded(view, answer, wished, held, self._complaints(view.key), now.wall)
        decision = self._decision(view, answer, wished, held, observed, now)
        if wished.added or wished.going:
            self._mirror.commit(
                view,
                decides=True,
                added=wished.added,
                changes={name: Change(fn, version) for name, (fn, version) in wished.going.items()},
                standing=standing,
                decision=decision,
                events=wished.events + _brake_story(view, held, now.wall),
            )
            log.info("%s: %s", view.key, decision.reason if decision else "")
        else:
            self._conclude(view, standing, decision, wished.events + _brake_story(view, held, now.wall))
        return now.mono + self.interval if standing.status != "STABLE" or held.is_on else None

    def _is_back(self, instance: Instance) -> bool:
        """Given up for its silence, and heard from since: never act on the older word."""
        if instance.health is not Health.MISSING:
            return False
        heard = self._heard.of(instance.instance_id)
        since = self._mirror.sightings.of(instance, 0.0).health_since
        return heard is not None and heard.at >= since

    def _is_unheard(self, instance: Instance, view: View) -> bool:
        """It is well and has to go, and we have just begun to listen: what it has in hand it has told another."""
        if view.domain.is_to_be_empty or instance.instance_id in view.domain.doomed:
            return False
        is_well = instance.state is InstanceState.RUNNING and instance.health is Health.OK
        is_listened_to = view.domain.health_policy.monitor_health
        return is_well and is_listened_to and self._heard.of(instance.instance_id) is None

    def _conclude(
        self,
        view: View,
        standing: Standing,
        decision: Decision | None = None,
        events: tuple[Event, ...] = (),
    ) -> None:
        """Write the standing, if there is anything new in it."""
        changed = standing if standing != view.standing else None
        if changed or decision or events:
            self._mirror.commit(view, decides=True, standing=changed, decision=decision, events=events)

    def _decision(
        self, view: View, answer: Answer, wished: Wishes, held: Brake, observed: Observed, now: Moment
    ) -> Decision | None:
        """What `explain` shows: each visit that changes something; a refusal once, until its reason changes."""
        stages = _asked_for(view, wished) + tuple(Stage("sensor", None, text) for text in observed.lacks)
        stages += tuple(Stage(r.stage, r.value, r.text) for r in answer.reasons)
        if held.is_on:
            stages += (Stage("brake", None, held.text),)
        reasons = tuple(f"{s.stage}: {s.text}" for s in stages)
        before = self._last_refusal.pop(view.key, ())
        if not wished.actions and answer.desired == view.standing.desired:
            if not reasons:
                return None
            self._last_refusal[view.key] = reasons
            if reasons == before:
                return None
        return Decision(
            time=now.wall,
            member=self._mirror.member,
            term=self._mirror.assignment.term,
            inputs=_inputs(view, observed),
            stages=stages,
            actions=wished.actions,
            reason="; ".join(reasons) or "nothing to do",
        )


def _asked_for(view: View, wished: Wishes) -> tuple[Stage, ...]:
    """What goes because a client named it, whatever the engine wants."""
    named = [name for name in view.domain.doomed if name in wished.going]
    return (Stage("asked", None, f"a client wants {', '.join(named)} terminated"),) if named else ()


def _inputs(view: View, observed: Observed) -> dict[str, object]:
    """The domain in brief, as the engine saw it."""
    told = {
        name: {"value": sample.value, "at": sample.at, "source": observed.sources.get(name, "")}
        for name, sample in observed.domain.items()
    }
    valid = [i for i in view.instances if i.is_valid]
    return {
        "engine": view.domain.engine,
        "revision": view.domain.revision,
        "valid": len(valid),
        "unhealthy": sum(i.is_unhealthy for i in view.instances),
        "coming": sum(i.state.is_coming for i in valid),
        "desired_before": view.standing.desired,
        **({"sensors": told} if told else {}),
    }


def _brake_story(view: View, held: Brake, now: float) -> tuple[Event, ...]:
    """The brake came on, or went off."""
    before = view.standing.condition("BrakeOn")
    if held.is_on == bool(before and before.status):
        return ()
    text = held.text if held.is_on else "the brake is off"
    return (Event(time=now, kind="brake", domain=str(view.key), text=text),)
