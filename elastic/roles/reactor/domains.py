"""Operations on domains: what their owners ask of them. Each changes one record, at once and wholly."""

from collections.abc import Mapping
from functools import partial

from msgspec.structs import replace

from elastic.errors import BadRequest, Conflict, Denied, NotFound
from elastic.model.decision import Event
from elastic.model.domain import Domain, DomainKey, Json
from elastic.model.names import checked_name
from elastic.roles.reactor.definitions import definition
from elastic.roles.reactor.desk import Desk
from elastic.roles.reactor.forms import decision_form, domain_form, domain_row
from elastic.roles.reactor.hearing import SENSOR_DATA
from elastic.roles.reactor.launchable import refuse_blind, refuse_unlaunchable
from elastic.roles.reactor.operations import Access, Asked, Operations, Owned
from elastic.roles.reactor.secrets import refuse_masks
from elastic.roles.reactor.stops import disabled, obey
from elastic.rules.config import checked_config, merged, refuse_depth, refuse_size, without
from elastic.rules.ring import slot_of

operations = Operations()

MOST_SUBSCRIBERS = 100
"""Of one domain: each has a queue at the broker, and is told of everything."""

Config = Mapping[str, Mapping[str, Json]]


class AddDomain(Owned, frozen=True, kw_only=True):
    """`subscriber_op` is accepted and means nothing: subscribers have queues. `subscribers` are more of them;
    `paused`: nothing is decided, not even once, until it is resumed."""

    domain_id: str
    definition_id: str
    config: dict[str, Json] = {}
    unset: list[str] = []
    subscriber_name: str | None = None
    subscriber_op: str | None = None
    subscribers: list[str] = []
    paused: bool = False


class ListDomains(Owned, frozen=True, kw_only=True):
    all_owners: bool = False


class OneDomain(Owned, frozen=True, kw_only=True):
    domain_id: str


class ReconfigureDomain(OneDomain, frozen=True, kw_only=True):
    """`unset`: names of keys to drop, as `section.key`."""

    config: dict[str, Json] = {}
    unset: list[str] = []


class Subscription(OneDomain, frozen=True, kw_only=True):
    subscriber_name: str
    subscriber_op: str | None = None


class ListDecisions(OneDomain, frozen=True, kw_only=True):
    count: int = 50


@operations.declare(AddDomain, Access.OWNER, mutates=True)
def add_domain(desk: Desk, asked: Asked, args: AddDomain) -> Json:
    key = asked.key(args.domain_id)
    template = checked_name(args.definition_id, "definition")
    named = args.subscribers if args.subscriber_name is None else [args.subscriber_name, *args.subscribers]
    subscribers = _few(tuple(dict.fromkeys(checked_name(name, "subscriber") for name in named)))
    _refuse_double(desk, key)

    config = _reconfigured(definition(desk, template), args.config, args.unset, desk)
    refuse_unlaunchable(desk, key.owner, config)
    fresh = Domain(key=key, definition=template, created=asked.now, subscribers=subscribers, paused=args.paused)
    for subscriber in subscribers:
        desk.outgoing.subscribe(key.owner, key.name, subscriber)
    fresh = replace(fresh, disabled=disabled(desk, key.owner), **config)
    desk.store.add_domain(fresh, asked.request)
    if disabled(desk, key.owner) is not fresh.disabled:
        obey(desk, key)  # an operator spoke while we wrote
    desk.tell(_event(asked, key, "added", f"by {asked.caller}, from definition {template}"))


@operations.declare(OneDomain, Access.OWNER, mutates=True)
def remove_domain(desk: Desk, asked: Asked, args: OneDomain) -> Json:
    key = asked.key(args.domain_id)
    event = _event(asked, key, "reconfigured", f"{asked.caller} asked for its removal")
    desk.change(key, partial(replace, removed=True), asked.request, [event])


@operations.declare(ReconfigureDomain, Access.OWNER, mutates=True)
def reconfigure_domain(desk: Desk, asked: Asked, args: ReconfigureDomain) -> Json:
    def change(domain: Domain) -> Domain:
        refuse_removed(domain)
        return replace(domain, **_reconfigured(domain.config, args.config, args.unset, desk))

    key, config = asked.key(args.domain_id), merged({}, args.config)
    named = [f"{section}.{name}" for section, part in config.items() for name in part] + args.unset
    event = _event(asked, key, "reconfigured", f"by {asked.caller}: {', '.join(named) or 'nothing'}"[:300])
    refuse_unlaunchable(desk, key.owner, change(desk.view(key).domain).config)
    desk.change(key, change, asked.request, [event])


@operations.declare(OneDomain, Access.OWNER)
def describe_domain(desk: Desk, asked: Asked, args: OneDomain) -> Json:
    view = desk.view(asked.key(args.domain_id))
    member, partition = desk.holder_of(view.key), desk.partition_of(view.key)
    form = domain_form(view, slot_of(view.key), partition, member, _sensor_data(desk, view.key, member))
    if view.standing.condition("Quarantined") is None:
        form["conditions"] += _quarantine(desk, view.key, asked.now)
    return form


@operations.declare(ListDomains, Access.OWNER)
def list_domains(desk: Desk, asked: Asked, args: ListDomains) -> Json:
    if args.all_owners and not asked.everything:
        raise Denied("the domains of all owners are for operators, who then name no owner")
    keys = desk.store.all_domains(None if args.all_owners else asked.owner)
    return [domain_row(view) for view in desk.views(keys)]


@operations.declare(Subscription, Access.OWNER, mutates=True)
def subscribe_domain(desk: Desk, asked: Asked, args: Subscription) -> Json:
    def change(domain: Domain) -> Domain:
        refuse_removed(domain)
        return replace(domain, subscribers=_few(tuple(dict.fromkeys((*domain.subscribers, subscriber)))))

    key, subscriber = asked.key(args.domain_id), checked_name(args.subscriber_name, "subscriber")
    change(desk.view(key).domain)  # what will be refused is refused before anything is done
    # The queue comes first: once we have answered, nothing that happens may miss it.
    desk.outgoing.subscribe(key.owner, key.name, subscriber)
    desk.change(key, change, asked.request)


@operations.declare(Subscription, Access.OWNER, mutates=True)
def unsubscribe_domain(desk: Desk, asked: Asked, args: Subscription) -> Json:
    key, subscriber = asked.key(args.domain_id), checked_name(args.subscriber_name, "subscriber")
    if subscriber not in desk.view(key).domain.subscribers:
        raise NotFound(f"{subscriber!r} is no subscriber of {key.name!r}")
    desk.outgoing.unsubscribe(key.owner, key.name, subscriber)
    desk.change(key, partial(_without_subscriber, subscriber), asked.request)


@operations.declare(OneDomain, Access.OWNER, mutates=True)
def pause_domain(desk: Desk, asked: Asked, args: OneDomain) -> Json:
    key = asked.key(args.domain_id)
    event = _event(asked, key, "reconfigured", f"paused by {asked.caller}")
    desk.change(key, partial(_paused, True, asked.now), asked.request, [event])


@operations.declare(OneDomain, Access.OWNER, mutates=True)
def resume_domain(desk: Desk, asked: Asked, args: OneDomain) -> Json:
    """Also clears the brake."""
    key = asked.key(args.domain_id)
    event = _event(asked, key, "reconfigured", f"resumed by {asked.caller}")
    desk.change(key, partial(_paused, False, asked.now), asked.request, [event])


@operations.declare(ListDecisions, Access.OWNER)
def list_decisions(desk: Desk, asked: Asked, args: ListDecisions) -> Json:
    key = asked.key(args.domain_id)
    desk.view(key)
    return [decision_form(d) for d in desk.store.decisions(key, max(1, min(args.count, 50)))]


def _sensor_data(desk: Desk, key: DomainKey, member: str) -> Mapping[str, Json]:
    """By the member that has it asked for; nothing if that does not answer."""
    if member == desk.member:
        return desk.sensor_data(key)
    ask = partial(desk.peers.ask, member, SENSOR_DATA, {"owner": key.owner, "name": key.name}, desk.patience)
    said = desk.questions.gather({"said": ask} if member else {}, desk.patience).get("said")
    return said if isinstance(said, Mapping) else {}


def refuse_removed(domain: Domain) -> None:
    if domain.removed:
        raise Conflict(f"domain {domain.key.name!r} is being removed")


def _refuse_double(desk: Desk, key: DomainKey) -> None:
    """Said before anything is done; the store says it again."""
    try:
        known = desk.store.view(key).domain
    except NotFound:
        return
    refuse_removed(known)
    raise Conflict(f"{key.owner} has a domain {key.name!r} already")


def _reconfigured(old: Config, new: Config, unset: list[str], desk: Desk) -> dict[str, dict[str, Json]]:
    """The three sections, whole and fit to run on; or BadRequest, which names the key."""
    refuse_depth(new)
    refuse_masks(new)
    config = without(merged(old, new), unset)
    refuse_size(config)
    checked_config(**config, engines=desk.engines)
    refuse_blind(desk, config["engine_conf"])
    return config


def _few(subscribers: tuple[str, ...]) -> tuple[str, ...]:
    if len(subscribers) > MOST_SUBSCRIBERS:
        raise BadRequest(f"a domain has at most {MOST_SUBSCRIBERS} subscribers")
    return subscribers


def _without_subscriber(subscriber: str, domain: Domain) -> Domain:
    return replace(domain, subscribers=tuple(s for s in domain.subscribers if s != subscriber))


def _paused(paused: bool, now: float, domain: Domain) -> Domain:
    refuse_removed(domain)
    if paused:
        return replace(domain, paused=True)
    return replace(domain, paused=False, brake_cleared=now)


def _quarantine(desk: Desk, key: DomainKey, now: float) -> list[Json]:
    """Nobody visits a quarantined domain, so its own conditions may not say yet that it is."""
    found = [q for q in desk.store.quarantines() if q.key == key and q.until > now]
    return [
        {
            "type": "Quarantined",
            "status": True,
            "reason": f"{q.strikes} strikes",
            "text": f"replica {q.member} died while it looked at this domain; next try at {q.until:.0f}",
            "since": q.until,
        }
        for q in found
    ]


def _event(asked: Asked, key: DomainKey, kind: str, text: str) -> Event:
    return Event(time=asked.now, kind=kind, domain=str(key), text=text)
