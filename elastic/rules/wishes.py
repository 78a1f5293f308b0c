"""From an engine's answer to the records that say so. Pure."""

from collections.abc import Callable, Mapping
from functools import partial

import msgspec

from elastic.model.actions import Answer, Candidate, Question, Sample
from elastic.model.decision import Action, Event
from elastic.model.instance import Instance
from elastic.model.observed import Observed
from elastic.model.states import Health, InstanceState
from elastic.model.view import View
from elastic.rules.caution import Brake
from elastic.rules.lifecycle import advance
from elastic.rules.memos import believable, draining
from elastic.rules.strays import instance_id

NOTHING = Observed()
NONE: Mapping[str, Sample] = {}


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """`going`: id -> what makes its successor, and the version that has to stand (null: any)."""

    added: tuple[Instance, ...] = ()
    going: Mapping[str, tuple[Callable[[Instance], Instance], int | None]] = {}
    actions: tuple[Action, ...] = ()
    events: tuple[Event, ...] = ()
    next_number: int = 1


def question(
    view: View,
    brake: Brake,
    now: float,
    seconds_seen: Callable[[Instance], float],
    observed: Observed = NOTHING,
) -> Question:
    """The domain as its engine may see it at wall time `now`.

    Those held by the brake are shown as late only; those a client wants gone as going already. A stamp later
    than our own watching allows (the clock was set back) is shown by that, so that no backoff outlives its
    length; `seconds_seen` is for how long we have seen a record in its state. (That is told by two clocks, and
    differs a little each time: in whole seconds it does not.)
    """
    domain = view.domain
    return Question(
        engine=domain.engine,
        engine_conf=domain.engine_conf,
        removed=domain.is_to_be_empty,
        instances=tuple(_candidate(i, view, brake, now - seconds_seen(i), observed) for i in view.instances),
        sensors=observed.domain,
        now=now,
        memo=believable(view.standing.memo, now),
    )


def _candidate(instance: Instance, view: View, brake: Brake, at_latest: float, observed: Observed) -> Candidate:
    state, health = instance.state, instance.health
    if instance.instance_id in view.domain.doomed and not state.is_over:
        state, health = InstanceState.TERMINATING, Health.UNKNOWN
    elif instance.instance_id in brake.held:
        health = Health.OUT_OF_CONTACT
    return Candidate(
        instance_id=instance.instance_id,
        state=state,
        health=health,
        state_time=min(instance.state_time, round(at_latest)),
        site=instance.site,
        deployable_type=instance.deployable_type,
        allocation=instance.allocation,
        extravars=instance.extravars,
        protected=instance.instance_id in view.domain.protected,
        sensors=observed.instances.get(instance.instance_id, NONE),
        work=observed.work.get(instance.instance_id),
    )


def wishes(view: View, answer: Answer, slot: int, now: float) -> Wishes:
    """What has to be written so that `answer` comes about."""
    number = view.standing.next_number
    added = tuple(
        Instance(
            instance_id=instance_id(slot, view.domain.incarnation, number + n),
            site=launch.site,
            deployable_type=launch.deployable_type,
            allocation=launch.allocation,
            extravars=launch.extravars,
            state_time=now,
            health_time=now,
            reason="wished for",
        )
        for n, launch in enumerate(answer.launches)
    )
    leaving = _leaving(view, answer)
    going = {i.instance_id: _farewell(i, why, now) for i, why in leaving}
    actions = [Action("launch", i.instance_id, i.site) for i in added]
    actions += [Action("terminate", i.instance_id, i.site) for i, _ in leaving]
    already = draining(view.standing.memo)
    actions += [Action("drain", name) for name in answer.drains if name not in already]
    return Wishes(
        added=added,
        going=going,
        actions=tuple(actions),
        events=_events(view, answer, added, leaving, now),
        next_number=number + len(added),
    )


def _leaving(view: View, answer: Answer) -> list[tuple[Instance, str]]:
    """Those to terminate that are not over yet, each with the reason. Those clients named come first."""
    records = {i.instance_id: i for i in view.instances}
    names = dict.fromkeys((*view.domain.doomed, *answer.terminates))
    living = [records[name] for name in names if name in records and not records[name].state.is_over]
    return [(i, _why(i, view)) for i in living]


def _why(instance: Instance, view: View) -> str:
    if view.domain.removed:
        return "its domain is removed"
    if view.domain.is_to_be_empty:
        return "an operator has all of it terminated"
    if instance.instance_id in view.domain.doomed:
        return "a client asked for its end"
    if instance.state is InstanceState.RUNNING_FAILED:
        return f"it came up wrong: {instance.reason}"
    if instance.health.is_ill:
        said = f": {'; '.join(instance.errors)}" if instance.errors else ""
        return f"its health is {instance.health}{said}"
    return "more than wanted"


def _farewell(instance: Instance, why: str, now: float) -> tuple[Callable[[Instance], Instance], int | None]:
    """What ends for its health ends only if that is still its newest word."""
    leave = partial(advance, state=InstanceState.TERMINATING, now=now, reason=why)
    return leave, instance.version if instance.is_unhealthy else None


def _events(
    view: View, answer: Answer, added: tuple[Instance, ...], leaving: list[tuple[Instance, str]], now: float
) -> tuple[Event, ...]:
    name, before = str(view.key), view.standing.desired
    told = []
    if before != answer.desired and not view.domain.removed:
        was = "new" if before is None else str(before)
        told.append(Event(time=now, kind="scaled", domain=name, text=f"desired {was} -> {answer.desired}"))
    ill = [(i, why) for i, why in leaving if i.is_unhealthy and not view.domain.removed]
    for (instance, why), new in zip(ill, added, strict=False):
        text = f"by {new.instance_id}: {why}"
        told.append(Event(time=now, kind="replaced", domain=name, instance_id=instance.instance_id, text=text))
    return tuple(told)
