"""How things look in answers: the JSON that `doc/protocol.md` promises. Pure."""

from collections.abc import Mapping

import msgspec

from elastic.model.decision import Decision, Event
from elastic.model.domain import Disabled, DomainKey, Json
from elastic.model.instance import Instance
from elastic.model.states import InstanceState
from elastic.model.view import Condition, View
from elastic.roles.reactor.hearing import LastWord
from elastic.roles.reactor.secrets import masked


def domain_status(view: View) -> str:
    """PENDING until a decision has been made on the domain as its owner left it."""
    if view.domain.removed:
        return "REMOVING"
    if view.domain.paused:
        return "PAUSED"
    if view.domain.disabled is not Disabled.NOT:
        return "DISABLED"
    if view.standing.revision != view.domain.revision:
        return "PENDING"
    failed = view.standing.condition("EngineFailed")
    if failed is not None and failed.status:
        return "ERROR"
    return view.standing.status


def domain_row(view: View) -> dict[str, Json]:
    running = [i for i in view.instances if i.is_valid and i.state is InstanceState.RUNNING]
    return {
        "owner": view.key.owner,
        "name": view.key.name,
        "engine": view.domain.engine,
        "status": domain_status(view),
        "desired": view.standing.desired,
        "running": len(running),
        "unhealthy": sum(1 for i in view.instances if i.is_unhealthy),
        "paused": view.domain.paused,
        "left": sum(1 for i in view.instances if not i.state.is_final or i.leftover),
    }


def domain_form(
    view: View, slot: int, partition: int, member: str, sensor_data: Mapping[str, Json]
) -> dict[str, Json]:
    """All of a domain: for `elastic domain show`, and (from `definition` on) for programs."""
    return {
        **domain_row(view),
        "config": masked(msgspec.to_builtins(view.domain.config)),
        "conditions": [condition_form(c) for c in view.standing.conditions],
        "sensor_data": dict(sensor_data),
        "slot": slot,
        "partition": partition,
        "member": member,
        "definition": view.domain.definition,
        "revision": view.domain.revision,
        "created": view.domain.created,
        "subscribers": list(view.domain.subscribers),
        "instances": [instance_row(i, view.key.name) for i in view.instances],
    }


def condition_form(condition: Condition) -> dict[str, Json]:
    return {
        "type": condition.type,
        "status": condition.status,
        "reason": condition.reason,
        "text": condition.text,
        "since": condition.since,
    }


def instance_row(instance: Instance, domain: str, age: float | None = None) -> dict[str, Json]:
    """`age`: seconds since its last heartbeat, null if not known."""
    return {
        "instance_id": instance.instance_id,
        "domain": domain,
        "state": str(instance.state),
        "state_time": instance.state_time,
        "health": str(instance.health),
        "health_time": instance.health_time,
        "last_heartbeat_age": age,
        "site": instance.site,
        "server_id": instance.server_id,
        "public_ip": instance.public_ip,
        "private_ip": instance.private_ip,
        "reason": instance.reason,
    }


def instance_form(
    instance: Instance, domain: str, age: float | None, pid: int | None, word: LastWord
) -> dict[str, Json]:
    return {
        **instance_row(instance, domain, age),
        "pid": pid,
        "ipv6": instance.ipv6,
        "console": instance.console,
        "parts": [{"kind": str(part.kind), "id": part.part_id} for part in instance.parts],
        "extravars": masked(msgspec.to_builtins(instance.extravars)),
        "errors": list(instance.errors),
        "work": msgspec.to_builtins(word.work),
        "drain": word.drain,
        "metrics": dict(word.metrics),
    }


def event_form(event: Event, domain: str) -> dict[str, Json]:
    return {
        "time": event.time,
        "domain": domain,
        "kind": event.kind,
        "instance_id": event.instance_id,
        "text": event.text,
        "seq": event.seq,
    }


def decision_form(decision: Decision) -> Json:
    return masked(msgspec.to_builtins(decision))


def key_of_event(event: Event) -> DomainKey | None:
    owner, colon, name = event.domain.partition(":")
    return DomainKey(owner, name) if colon else None
