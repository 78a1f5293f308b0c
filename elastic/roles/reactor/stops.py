"""Operations that stop an owner's domains, or all there are, from launching anything; and then empty them.

Two phases, as EPU's provisioner had them. Once `disable` has answered, each domain's own record says so, and a
decision made before that is refused. The member that looks after a domain takes notice when it reads its news, as
a rule within a second. Until then it may still send creates for what was wished for before: it notes an attempt by
the version of the instance's record alone. `terminate_all` ends these with the others, however late they come up,
as an attempt that is on record is waited out and looked for.
"""

from functools import partial

from msgspec.structs import replace

from elastic.errors import Conflict, NotFound
from elastic.model.decision import Event
from elastic.model.domain import Disabled, Domain, DomainKey, Json
from elastic.model.names import checked_name
from elastic.roles.reactor.desk import Desk
from elastic.roles.reactor.operations import Access, Arguments, Asked, Operations

operations = Operations()

FLAG = "disabled"
"""In the store: for all owners; with `:OWNER` after it, for one. Its value is a word of Disabled."""


class Whose(Arguments, frozen=True, kw_only=True):
    """`owner`: whose domains; all there are without one."""

    owner: str | None = None


@operations.declare(Whose, Access.OPERATOR, mutates=True)
def disable(desk: Desk, asked: Asked, args: Whose) -> Json:
    if _said(desk, args.owner) is Disabled.NOT:
        desk.store.set_flag(_flag(args.owner), str(Disabled.LAUNCHES))
    return _spread(desk, asked, args.owner, "nothing is launched any more")


@operations.declare(Whose, Access.OPERATOR, mutates=True)
def terminate_all(desk: Desk, asked: Asked, args: Whose) -> Json:
    """Every instance ends; the domains stay, empty, until they are enabled or removed."""
    if disabled(desk, args.owner or "") is Disabled.NOT:
        whose = f"--owner {args.owner}" if args.owner else ""
        raise Conflict(f"launches go on meanwhile: first `elastic disable {whose}".rstrip() + "`")
    desk.store.set_flag(_flag(args.owner), str(Disabled.EVERYTHING))
    return _spread(desk, asked, args.owner, "all of it is terminated")


@operations.declare(Whose, Access.OPERATOR, mutates=True)
def enable(desk: Desk, asked: Asked, args: Whose) -> Json:
    """Domains are brought to their size again, as if nothing had been."""
    if args.owner and _said(desk, None) is not Disabled.NOT:
        raise Conflict("the cluster is disabled for all owners: `elastic enable` without an owner first")
    desk.store.set_flag(_flag(args.owner), str(Disabled.NOT))
    return _spread(desk, asked, args.owner, "enabled again")


def disabled(desk: Desk, owner: str) -> Disabled:
    """What holds for that owner's domains: the stronger word of the cluster's and their own."""
    flags = desk.store.flags()
    words = [Disabled(str(flags.get(name) or Disabled.NOT)) for name in (_flag(None), _flag(owner or None))]
    return max(words, key=list(Disabled).index)


def _said(desk: Desk, owner: str | None) -> Disabled:
    return Disabled(str(desk.store.flags().get(_flag(owner)) or Disabled.NOT))


def _flag(owner: str | None) -> str:
    return FLAG if owner is None else f"{FLAG}:{checked_name(owner, 'owner')}"


def _spread(desk: Desk, asked: Asked, owner: str | None, text: str) -> Json:
    """Write it into each domain: that is what members go by. One that was removed meanwhile needs no word."""
    keys = desk.store.all_domains(owner)
    for key in keys:
        obey(
            desk, key, Event(time=asked.now, kind="reconfigured", domain=str(key), text=f"{asked.caller}: {text}")
        )
    return {"domains": len(keys)}


def obey(desk: Desk, key: DomainKey, event: Event | None = None) -> None:
    """Have the domain's record say what holds for its owner."""
    try:
        desk.change(key, partial(_set, disabled(desk, key.owner)), None, [event] if event else [])
    except NotFound:
        return


def _set(word: Disabled, domain: Domain) -> Domain:
    return replace(domain, disabled=word)
