"""Operations on definitions: templates of domain config. All may read and use each; whoever added one, and
operators, may change it. Domains keep copies of their own."""

from collections.abc import Mapping

from elastic.errors import Conflict, Denied, NotFound
from elastic.model.domain import DEFAULT_ENGINE, Json
from elastic.model.names import checked_name
from elastic.roles.reactor.desk import Desk
from elastic.roles.reactor.operations import Access, Arguments, Asked, Operations
from elastic.roles.reactor.secrets import masked, refuse_masks
from elastic.rules.config import checked_general, checked_health, merged, refuse_depth, refuse_size

operations = Operations()

KIND = "definition"
AUTHOR = "author"
"""The key beside the sections that says who added it; what lies there without one is for operators to change."""


class OneDefinition(Arguments, frozen=True, kw_only=True):
    definition_id: str


class WriteDefinition(OneDefinition, frozen=True, kw_only=True):
    definition: dict[str, Json]


@operations.declare(WriteDefinition, Access.ANYONE, mutates=True)
def add_domain_definition(desk: Desk, asked: Asked, args: WriteDefinition) -> Json:
    name, body = checked_name(args.definition_id, "definition"), _checked(desk, args)
    try:
        desk.store.add_entry(KIND, name, {AUTHOR: asked.caller, **body}, asked.request)
    except Conflict:
        raise Conflict(f"there is a definition {name!r} already") from None


@operations.declare(WriteDefinition, Access.AUTHOR, mutates=True)
def update_domain_definition(desk: Desk, asked: Asked, args: WriteDefinition) -> Json:
    """Domains made from it before keep what they have."""
    name, body = checked_name(args.definition_id, "definition"), _checked(desk, args)
    author = _author(desk, asked, name)
    try:
        desk.store.update_entry(KIND, name, {AUTHOR: author, **body}, asked.request)
    except NotFound:
        raise _no_definition(name) from None


@operations.declare(OneDefinition, Access.AUTHOR, mutates=True)
def remove_domain_definition(desk: Desk, asked: Asked, args: OneDefinition) -> Json:
    name = checked_name(args.definition_id, "definition")
    _author(desk, asked, name)
    try:
        desk.store.remove_entry(KIND, name, asked.request)
    except NotFound:
        raise _no_definition(name) from None


@operations.declare(OneDefinition, Access.ANYONE)
def describe_domain_definition(desk: Desk, _asked: Asked, args: OneDefinition) -> Json:
    name = checked_name(args.definition_id, "definition")
    body = definition(desk, name)
    return {"name": name, "definition": masked(body), "documentation": _documentation(desk, body)}


@operations.declare(Arguments, Access.ANYONE)
def list_domain_definitions(desk: Desk, _asked: Asked, _args: Arguments) -> Json:
    return [{"name": name} for name in sorted(desk.store.entries(KIND))]


def definition(desk: Desk, name: str) -> dict[str, Json]:
    """Its sections. NotFound."""
    return {section: part for section, part in _entry(desk, name).items() if section != AUTHOR}


def _author(desk: Desk, asked: Asked, name: str) -> Json:
    """Who added it. Denied unless that is who asks, or an operator does; NotFound."""
    author = _entry(desk, name).get(AUTHOR)
    if author != asked.caller and not asked.is_operator:
        raise Denied(f"definition {name!r} was added by another: only they and operators may change it")
    return author


def _entry(desk: Desk, name: str) -> Mapping[str, Json]:
    try:
        return desk.store.entry(KIND, name)
    except NotFound:
        raise _no_definition(name) from None


def _checked(desk: Desk, args: WriteDefinition) -> Mapping[str, Json]:
    """A definition need not be whole: what its engine misses, a domain's own config may give."""
    refuse_depth(args.definition)
    refuse_size(args.definition)
    refuse_masks(args.definition)
    body = merged({}, args.definition)
    checked_general(body["general"], desk.engines)
    checked_health(body["health"])
    return {section: part for section, part in body.items() if part}


def _documentation(desk: Desk, body: Mapping[str, Json]) -> str:
    """What its engine understands, and the sensor that it names, if it names one that is here."""
    engine = desk.engines.get(str((body.get("general") or {}).get("engine") or DEFAULT_ENGINE))
    kind = str((body.get("engine_conf") or {}).get("sensor_type") or "")
    sensor = desk.sensors.get(kind)
    parts = [
        engine.documentation if engine else "",
        f"sensor_type {kind}\n\n{sensor.documentation}" if sensor else "",
    ]
    return "\n".join(part for part in parts if part)


def _no_definition(name: str) -> NotFound:
    return NotFound(f"there is no definition {name!r}")
