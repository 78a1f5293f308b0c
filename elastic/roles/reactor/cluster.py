"""Operations on the cluster as a whole, most of them for operators."""

from functools import partial
from typing import Annotated

import msgspec

from elastic.errors import BadRequest, Conflict, ElasticError, NotFound
from elastic.model.assignment import ROLES, Assignment, Member
from elastic.model.domain import Json
from elastic.model.names import checked_name
from elastic.model.view import View
from elastic.roles.reactor.desk import Desk, MemberStatus
from elastic.roles.reactor.forms import event_form, key_of_event
from elastic.roles.reactor.operations import Access, Arguments, Asked, Operations, Owned
from elastic.rules.ring import partition_of, slot_of

operations = Operations()

MOST_EVENTS = 1000

SWEEP_ACCEPTED = "sweep_accepted"
"""The flag by which an operator lets the sweep run on a store that was restored; its value is when."""


class ListEvents(Owned, frozen=True, kw_only=True):
    """`after`: the seq of the last one seen."""

    after: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] = 0
    domain_id: str | None = None


class DrainReplica(Arguments, frozen=True, kw_only=True):
    member: str
    weight: float = 0.0


class ForgetReplica(Arguments, frozen=True, kw_only=True):
    member: str


class ReleaseQuarantine(Owned, frozen=True, kw_only=True):
    domain_id: str


@operations.declare(Arguments, Access.ANYONE)
def ping(desk: Desk, asked: Asked, _args: Arguments) -> Json:
    return {"member": desk.member, "caller": asked.caller, "time": asked.now}


@operations.declare(ListEvents, Access.OWNER)
def list_events(desk: Desk, asked: Asked, args: ListEvents) -> Json:
    """Oldest first. What concerns no domain is for all to see."""
    wanted = None if args.domain_id is None else asked.key(args.domain_id)
    forms = []
    for event in desk.store.events(args.after, MOST_EVENTS):
        key = key_of_event(event)
        if wanted is not None and key != wanted:
            continue
        if key is None or asked.sees(key.owner):
            forms.append(event_form(event, asked.shown(key) if key else ""))
    return forms


@operations.declare(Arguments, Access.ANYONE)
def list_replicas(desk: Desk, asked: Asked, _args: Arguments) -> Json:
    members, assignment = desk.store.members(), desk.store.assignment()
    questions = {name: partial(_status, desk, name) for name in members if name != desk.member}
    answers = desk.questions.gather(questions, desk.status_patience)
    answers[desk.member] = desk.status()
    return [_replica_form(members[name], assignment, answers.get(name), asked.now) for name in sorted(members)]


@operations.declare(DrainReplica, Access.OPERATOR, mutates=True)
def drain_replica(desk: Desk, _asked: Asked, args: DrainReplica) -> Json:
    """Weight 0 hands its partitions over; a weight above 0 takes it into service again."""
    member = checked_name(args.member, "member")
    if not 0 <= args.weight <= 100:
        raise BadRequest(f"weight has to be from 0 to 100, not {args.weight:g}")
    try:
        desk.store.set_weight(member, args.weight)
    except NotFound:
        raise NotFound(f"there is no replica {member!r}") from None


@operations.declare(ForgetReplica, Access.OPERATOR, mutates=True)
def forget_replica(desk: Desk, _asked: Asked, args: ForgetReplica) -> Json:
    """One that died for good, and could not say goodbye. It is back in the list as soon as it lives."""
    member = checked_name(args.member, "member")
    if member not in desk.store.members():
        raise NotFound(f"there is no replica {member!r}")
    if desk.store.assignment().partitions_of(member):
        raise Conflict(f"replica {member!r} looks after partitions: wait for its session to end, or drain it")
    question = {member: partial(_status, desk, member)}
    if member == desk.member or desk.questions.gather(question, desk.status_patience):
        raise Conflict(f"replica {member!r} lives: stop it, and it is listed no more")
    desk.store.forget_member(member)


@operations.declare(Arguments, Access.OPERATOR)
def store_check(desk: Desk, _asked: Asked, _args: Arguments) -> Json:
    """Read all that is in the store, and say what does not fit together."""
    layout = desk.store.layout()
    problems, instances = [], 0
    keys = desk.store.all_domains()
    for key in keys:
        try:
            view = desk.store.view(key)
        except NotFound:
            continue
        except ElasticError as error:
            problems.append(f"{key} cannot be read: {error}")
            continue
        instances += len(view.instances)
        problems += _problems(view, desk.store.incarnation(partition_of(slot_of(key), layout.partitions)))
    return {
        "uid": layout.uid,
        "format": layout.format,
        "partitions": layout.partitions,
        "domains": len(keys),
        "instances": instances,
        "problems": problems,
    }


@operations.declare(Arguments, Access.OPERATOR, mutates=True)
def store_accept(desk: Desk, asked: Asked, _args: Arguments) -> Json:
    """After a restore: the store is right as it is, and the sweep may run again."""
    desk.store.set_flag(SWEEP_ACCEPTED, asked.now)


@operations.declare(Arguments, Access.OPERATOR, mutates=True)
def upgrade_finish(desk: Desk, _asked: Asked, _args: Arguments) -> Json:
    """Let the members write the newest format that all of them read."""
    layout, members = desk.store.layout(), desk.store.members()
    readable = min((m.formats for m in members.values()), default=layout.format)
    if readable < layout.format:
        old = sorted(name for name, member in members.items() if member.formats < layout.format)
        raise Conflict(f"format {layout.format} is in use, and {', '.join(old)} cannot read it: upgrade them")
    if readable > layout.format:
        desk.store.set_flag("format", readable)
    return {"format": readable}


@operations.declare(Arguments, Access.OPERATOR)
def list_quarantine(desk: Desk, _asked: Asked, _args: Arguments) -> Json:
    return [
        {"owner": q.key.owner, "domain": q.key.name, "strikes": q.strikes, "until": q.until, "member": q.member}
        for q in desk.store.quarantines()
    ]


@operations.declare(ReleaseQuarantine, Access.OPERATOR, mutates=True)
def release_quarantine(desk: Desk, asked: Asked, args: ReleaseQuarantine) -> Json:
    key = asked.key(args.domain_id)
    if key not in {q.key for q in desk.store.quarantines()}:
        raise NotFound(f"{key.owner} has no domain {key.name!r} in quarantine")
    desk.store.release(key)


def _status(desk: Desk, member: str) -> MemberStatus:
    """What it says of itself; an error if that is not to be understood."""
    said = desk.peers.ask(member, "status", {}, desk.status_patience)
    return msgspec.convert(said, MemberStatus)


def _replica_form(
    member: Member, assignment: Assignment, answer: MemberStatus | None, now: float
) -> dict[str, Json]:
    """`answer` null: it gave none, and what it last wrote has to do."""
    if answer is None:
        ages = {loop: age + max(0.0, now - member.told) for loop, age in member.loop_age.items()}
        answer = MemberStatus(loop_age=ages, store="lost", bus="lost")
    return {
        "member": member.name,
        "host": member.host,
        "pid": member.pid,
        "leads": [role for role in ROLES if role in answer.leads],
        "partitions": len(assignment.partitions_of(member.name)),
        "weight": member.weight,
        "able": dict(member.able),
        "term": dict(answer.term),
        "loop_age": {loop: round(age, 3) for loop, age in answer.loop_age.items()},
        "store": answer.store,
        "bus": answer.bus,
    }


def _problems(view: View, incarnation: int) -> list[str]:
    """What is wrong with one domain's records. `incarnation`: its partition's counter."""
    prefix = f"i-{slot_of(view.key):03x}-{view.domain.incarnation}-"
    servers = [i.server_id for i in view.instances if i.server_id is not None]
    found = [
        f"{i.instance_id} is not an id of {view.key}"
        for i in view.instances
        if not i.instance_id.startswith(prefix)
    ]
    if view.domain.incarnation > incarnation:
        found.append(f"{view.key} has incarnation {view.domain.incarnation}, above the counter ({incarnation})")
    found += [f"{view.key} records server {s} twice" for s in sorted(set(servers)) if servers.count(s) > 1]
    return found
