"""Operations on what the cloud has under our mark, and on the sweep that deletes what of it is nobody's."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

from elastic.errors import CloudUnavailable
from elastic.model.domain import Json
from elastic.model.server import Server
from elastic.roles.reactor.desk import Desk
from elastic.roles.reactor.operations import Access, Arguments, Asked, Operations, Owned
from elastic.roles.sweepable import Found, Parts, Servers, Sweepable
from elastic.rules.strays import Claim

operations = Operations()

SWEEP = "sweep"
"""The topic by which members hear that a sweep is wanted now."""


class ListServers(Owned, frozen=True, kw_only=True):
    """`strays`: what the sweep would delete, and nothing else."""

    strays: bool = False


class _Place(NamedTuple):
    site: str
    kind: Sweepable

    def __str__(self) -> str:
        return self.site if isinstance(self.kind, Servers) else f"{self.site} ({self.kind.name})"


@operations.declare(ListServers, Access.OWNER)
def list_servers(desk: Desk, asked: Asked, args: ListServers) -> Json:
    """Stray parts beside stray servers, for those who may have them swept and ask for all there is: a part says
    of no owner that it is theirs."""
    servers = Servers(desk.store, desk.cloud)
    kinds = (servers, Parts(desk.store, desk.cloud)) if args.strays and asked.everything else (servers,)
    found, forms = _found(desk, kinds), []
    for kind in kinds:
        things = [one for one in found[kind] if one.key is None or asked.sees(one.key.owner)]
        strays = _strays(kind, things)
        shown = strays.values() if args.strays else things
        forms += [_form(one, asked, (one.site, one.thing_id) in strays) for one in shown]
    return forms


@operations.declare(Arguments, Access.OPERATOR, mutates=True)
def reap_strays(desk: Desk, _asked: Asked, _args: Arguments) -> Json:
    """Whoever leads the sweep makes the next one now. What was first seen less than a grace ago waits all the
    same, and so does what is more than a few."""
    desk.peers.tell(SWEEP, {"member": desk.member})


def _found(desk: Desk, kinds: Sequence[Sweepable]) -> Mapping[Sweepable, Sequence[Found]]:
    """At all sites, and of all kinds, at once. CloudUnavailable names those that did not answer: a part would
    mislead."""
    uid = desk.store.layout().uid
    places = [_Place(site, kind) for site in desk.cloud.sites() for kind in kinds]
    questions = {place: partial(place.kind.listed, place.site, uid, desk.cloud_patience) for place in places}
    answers = desk.questions.gather(questions, desk.cloud_patience)
    silent = [str(place) for place in places if place not in answers]
    if silent:
        raise CloudUnavailable(f"no answer from {', '.join(silent)}; try again")
    return {kind: [one for place in places if place.kind is kind for one in answers[place]] for kind in kinds}


def _strays(kind: Sweepable, things: Sequence[Found]) -> Mapping[tuple[str, str], Found]:
    """By site and id, as the sweep judges them: read after the listing, and what cannot be judged is none."""
    claims = kind.claims(things)
    strays = [one for claim, ones in claims.items() if claim is not Claim.OURS for one in ones]
    return {(one.site, one.thing_id): one for one in strays}


def _form(found: Found, asked: Asked, stray: bool) -> dict[str, Json]:
    form: dict[str, Json] = {
        "server_id": found.thing_id,
        "instance_id": found.instance_id,
        "domain": asked.shown(found.key) if found.key else "",
        "site": found.site,
        "status": None,
        "created": found.created or None,
        "stray": stray,
        "pid": None,
    }
    thing = found.thing
    if isinstance(thing, Server):
        return {**form, "status": str(thing.status), "pid": thing.pid, "kind": "server"}
    return {**form, "kind": str(thing.part.kind)}
