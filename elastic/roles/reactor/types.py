"""Operations on deployable types: what to boot, per site. Each owner has some of their own; the common ones, which
operators write, are for all. A launch takes the owner's own before the common one of that name."""

from collections.abc import Mapping, Sequence
from functools import partial

import msgspec

from elastic.errors import BadRequest, CloudUnavailable, Conflict, Denied, NotFound
from elastic.model.domain import Json
from elastic.model.names import checked_name
from elastic.model.recipe import DeployableType
from elastic.roles.reactor.desk import Desk
from elastic.roles.reactor.operations import Access, Asked, Operations, Owned
from elastic.roles.reactor.secrets import masked, refuse_masks
from elastic.roles.recipes import BODY, KIND, entry_name, find, owner_in, read
from elastic.rules.config import refuse_depth, refuse_size
from elastic.rules.recipes import checked_type, recipe, refuse_weight

operations = Operations()

HINT = "what was launched before stays as it is; each new launch takes this"


class OneType(Owned, frozen=True, kw_only=True):
    """`common`: everybody's."""

    type_id: str
    common: bool = False


class WriteType(OneType, frozen=True, kw_only=True):
    """`check`: nothing is written unless the user data can be sent, and each site says that it has all that is
    named."""

    type: dict[str, Json]
    check: bool = False


@operations.declare(WriteType, Access.OWNER, mutates=True)
def add_type(desk: Desk, asked: Asked, args: WriteType) -> Json:
    name, body = _entry(asked, args), _checked(desk, args)
    try:
        desk.store.add_entry(KIND, name, {BODY: body}, asked.request)
    except Conflict:
        raise Conflict(f"there is a deployable type {args.type_id!r} already") from None


@operations.declare(WriteType, Access.OWNER, mutates=True)
def update_type(desk: Desk, asked: Asked, args: WriteType) -> Json:
    name, body = _entry(asked, args), _checked(desk, args)
    try:
        desk.store.update_entry(KIND, name, {BODY: body}, asked.request)
    except NotFound:
        raise _no_type(args.type_id) from None
    return {"text": HINT}


@operations.declare(OneType, Access.OWNER, mutates=True)
def remove_type(desk: Desk, asked: Asked, args: OneType) -> Json:
    """Domains that launch it go on with what they have, and launch nothing more of it."""
    try:
        desk.store.remove_entry(KIND, _entry(asked, args), asked.request)
    except NotFound:
        raise _no_type(args.type_id) from None


@operations.declare(Owned, Access.OWNER)
def list_types(desk: Desk, asked: Asked, _args: Owned) -> Json:
    """The common ones, and the owner's own; all that there are for an operator who names no owner."""
    rows = []
    for entry in sorted(desk.store.entries(KIND)):
        owner, name = owner_in(entry)
        if owner is not None and not asked.sees(owner):
            continue
        try:
            rows.append(_row(name, owner, read(desk.store.entry(KIND, entry))))
        except NotFound:
            continue
        except BadRequest as reason:
            unread = DeployableType(sites={}, description=f"cannot be read: {reason}")
            rows.append(_row(name, owner, unread))
    return rows


@operations.declare(OneType, Access.OWNER)
def describe_type(desk: Desk, asked: Asked, args: OneType) -> Json:
    """The one that a launch of the owner's would take."""
    owner = None if args.common else asked.owner
    entry, said = find(desk.store, owner, checked_name(args.type_id, "type"))
    return {**_row(args.type_id, owner_in(entry)[0], read(said)), "type": masked(said[BODY])}


def _entry(asked: Asked, args: OneType) -> str:
    """Where it lies. Denied to whoever may not write there."""
    name = checked_name(args.type_id, "type")
    if args.common and not asked.is_operator:
        raise Denied("only operators may change a type that is common to all")
    return entry_name(name, None if args.common else asked.owner)


def _checked(desk: Desk, args: WriteType) -> Mapping[str, Json]:
    refuse_depth({"type": args.type})
    refuse_size(args.type)
    refuse_masks(args.type)
    kind = checked_type(args.type)
    if desk.cloud.needs_recipes:
        _refuse_unknown_sites(desk, kind)
    if args.check:
        refuse_weight(kind)
        _refuse_lacks(desk, kind)
    return args.type


def _refuse_unknown_sites(desk: Desk, kind: DeployableType) -> None:
    known = desk.cloud.sites()
    for site in kind.sites:
        if site not in known:
            raise BadRequest(f"sites: there is no site {site!r}; there are {', '.join(known)}")


def _refuse_lacks(desk: Desk, kind: DeployableType) -> None:
    questions = {
        site: partial(desk.cloud.lacks, site, recipe(kind, site), desk.cloud_patience) for site in kind.sites
    }
    answers: Mapping[str, Sequence[str]] = desk.questions.gather(questions, desk.cloud_patience)
    silent = [site for site in kind.sites if site not in answers]
    if silent:
        raise CloudUnavailable(f"no answer from {', '.join(silent)}: `elastic site check` may say why")
    lacks = [f"sites.{site}: {lack}" for site in sorted(answers) for lack in answers[site]]
    if lacks:
        raise BadRequest("; ".join(lacks))


def _row(name: str, owner: str | None, kind: DeployableType) -> dict[str, Json]:
    return {
        "name": name,
        "owner": owner,
        "sites": sorted(kind.sites),
        "description": kind.description,
        "variables": msgspec.to_builtins(kind.variables),
    }


def _no_type(name: str) -> NotFound:
    return NotFound(f"there is no deployable type {name!r}")
