"""Operations on instances. Clients never write an instance's record: they leave a word in its domain's."""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from elastic.errors import BadRequest, NotFound
from elastic.model.domain import Domain, DomainKey, Json
from elastic.model.instance import Instance
from elastic.model.states import InstanceState
from elastic.model.view import View
from elastic.roles.reactor.desk import Desk
from elastic.roles.reactor.domains import refuse_removed
from elastic.roles.reactor.forms import instance_form, instance_row
from elastic.roles.reactor.hearing import LAST_HEARD, LAST_WORDS, LastWord, ages_of, word_of
from elastic.roles.reactor.operations import Access, Arguments, Asked, Operations, Owned
from elastic.rules.ring import partition_of, slot_of
from elastic.rules.strays import number_of

operations = Operations()

_IDENTITY = re.compile(r"i-([0-9a-f]{3})-[0-9]+-[0-9]+")


class ListInstances(Owned, frozen=True, kw_only=True):
    domain_id: str | None = None


class OneInstance(Owned, frozen=True, kw_only=True):
    instance_id: str


class StateRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What EPU's provisioner said of a node; whatever else it said is not looked at."""

    node_id: str
    state: InstanceState


class InstanceInfo(Arguments, frozen=True, kw_only=True):
    record: StateRecord


class Found(NamedTuple):
    view: View
    instance: Instance


@operations.declare(ListInstances, Access.OWNER)
def list_instances(desk: Desk, asked: Asked, args: ListInstances) -> Json:
    if args.domain_id is not None:
        views = [desk.view(asked.key(args.domain_id))]
    else:
        views = desk.views(desk.store.all_domains(asked.owner))
    ages = _heartbeat_ages(desk, {view.key: view.instances for view in views})
    return [
        instance_row(instance, view.key.name, ages.get(instance.instance_id))
        for view in views
        for instance in view.instances
    ]


@operations.declare(OneInstance, Access.OWNER)
def describe_instance(desk: Desk, asked: Asked, args: OneInstance) -> Json:
    view, instance = _find(desk, args.instance_id, asked.owner)
    ages = _heartbeat_ages(desk, {view.key: [instance]})
    age, word = ages.get(instance.instance_id), _word(desk, view.key, instance)
    return instance_form(instance, view.key.name, age, _pid(desk, instance), word)


@operations.declare(OneInstance, Access.OWNER, mutates=True)
def terminate_instance(desk: Desk, asked: Asked, args: OneInstance) -> Json:
    """It is terminated by its domain's next decision, and replaced if the size asks for it."""
    view, instance = _find(desk, args.instance_id, asked.owner)
    if instance.state.is_over:
        return
    desk.change(view.key, partial(_doomed, args.instance_id, view), asked.request)


@operations.declare(OneInstance, Access.OWNER, mutates=True)
def protect_instance(desk: Desk, asked: Asked, args: OneInstance) -> Json:
    """It is not chosen when its domain shrinks."""
    view, instance = _find(desk, args.instance_id, asked.owner)
    if instance.state.is_over:
        raise BadRequest(f"{args.instance_id} is over ({instance.state}): there is nothing to protect")
    desk.change(view.key, partial(_protected, args.instance_id, True, view), asked.request)


@operations.declare(OneInstance, Access.OWNER, mutates=True)
def unprotect_instance(desk: Desk, asked: Asked, args: OneInstance) -> Json:
    view, _ = _find(desk, args.instance_id, asked.owner)
    desk.change(view.key, partial(_protected, args.instance_id, False, view), asked.request)


@operations.declare(InstanceInfo, Access.OPERATOR)
def instance_info(desk: Desk, _asked: Asked, args: InstanceInfo) -> Json:
    """EPU's word from the provisioner. What is no news is taken note of and changes nothing, as it did there;
    news is refused: states are read from the cloud and from heartbeats, by the one member that may write them."""
    _, instance = _find(desk, args.record.node_id, owner=None)
    if args.record.state <= instance.state:
        return {"accepted": False, "state": str(instance.state)}
    raise BadRequest(
        f"{instance.instance_id} stays {instance.state}: states are read from the cloud and from heartbeats, "
        "they cannot be told; use terminate_instance to end one"
    )


def _find(desk: Desk, identity: str, owner: str | None) -> Found:
    """By its id alone: the slot in it tells where to look. `owner` null: whoever owns it."""
    parts = _IDENTITY.fullmatch(identity)
    if parts is not None:
        slot = int(parts[1], 16)
        partition = partition_of(slot, desk.store.layout().partitions)
        keys = [k for k in desk.store.domains(partition) if slot_of(k) == slot and owner in (None, k.owner)]
        for view in desk.views(keys):
            instance = view.instance(identity)
            if instance is not None:
                return Found(view, instance)
    raise NotFound(f"there is no instance {identity[:60]!r}")


def _doomed(identity: str, view: View, domain: Domain) -> Domain:
    refuse_removed(domain)
    kept = _without_forgotten(domain, view)
    return replace(
        kept,
        doomed=tuple(dict.fromkeys((*kept.doomed, identity))),
        protected=tuple(i for i in kept.protected if i != identity),
    )


def _protected(identity: str, protect: bool, view: View, domain: Domain) -> Domain:
    kept = _without_forgotten(domain, view)
    others = tuple(i for i in kept.protected if i != identity)
    return replace(kept, protected=(*others, identity) if protect else others)


def _without_forgotten(domain: Domain, view: View) -> Domain:
    """Ids of records that are no more need not be remembered. One numbered above the view's may be new."""

    def is_kept(identity: str) -> bool:
        return view.instance(identity) is not None or number_of(identity) >= view.standing.next_number

    return replace(
        domain,
        doomed=tuple(i for i in domain.doomed if is_kept(i)),
        protected=tuple(i for i in domain.protected if is_kept(i)),
    )


def _heartbeat_ages(desk: Desk, instances: Mapping[DomainKey, Sequence[Instance]]) -> dict[str, float | None]:
    """Seconds since each was heard from, by the word of the member that listens to it."""
    by_member: dict[str, list[str]] = {}
    for key, holder in desk.holders_of(instances).items():
        theirs = instances[key]
        by_member.setdefault(holder, []).extend(i.instance_id for i in theirs if not i.state.is_final)

    ages = ages_of(by_member.pop(desk.member, []), desk.lastheard, desk.clock.monotonic())
    questions = {
        member: partial(_ages_told, desk, member, ids) for member, ids in by_member.items() if member and ids
    }
    for answer in desk.questions.gather(questions, desk.patience).values():
        ages.update(answer)
    return ages


def _word(desk: Desk, key: DomainKey, instance: Instance) -> LastWord:
    """What it said last, by the word of the member that listens to it; nothing if that does not answer."""
    holder = desk.holder_of(key)
    if instance.state.is_final or not holder:
        return LastWord()
    if holder == desk.member:
        return word_of(instance.instance_id, desk.lastheard)
    question = partial(_word_told, desk, holder, instance.instance_id)
    return desk.questions.gather({"word": question}, desk.patience).get("word", LastWord())


def _ages_told(desk: Desk, member: str, ids: Sequence[str]) -> dict[str, float | None]:
    """By another member; an error if what it says is not to be understood."""
    said = desk.peers.ask(member, LAST_HEARD, {"instance_ids": ids}, desk.patience)
    return msgspec.convert(said, dict[str, float | None])


def _word_told(desk: Desk, member: str, instance_id: str) -> LastWord:
    """By another member; an error if what it says is not to be understood."""
    said = desk.peers.ask(member, LAST_WORDS, {"instance_ids": [instance_id]}, desk.patience)
    return next(iter(msgspec.convert(said, list[LastWord])), LastWord())


def _pid(desk: Desk, instance: Instance) -> int | None:
    """Of the process that plays the server; real clouds have none."""
    if instance.server_id is None or instance.state.is_final:
        return None
    question = partial(desk.cloud.server, instance.site, instance.server_id, desk.patience)
    server = desk.questions.gather({"server": question}, desk.patience).get("server")
    return server.pid if server is not None else None
