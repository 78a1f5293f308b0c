"""Which servers in the cloud are nobody's. Pure; the order of reading is the caller's (list first, then read)."""

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from elastic.model.assignment import Layout
from elastic.model.instance import Instance
from elastic.model.parts import FoundPart, Part, PartKind
from elastic.model.server import Server
from elastic.model.view import View


class Claim(Enum):
    OURS = "recorded, or about to be"
    STRAY = "ours by its mark, and no record claims it"
    FROM_THE_FUTURE = "numbered above the store's counters: the store was wiped or restored"
    FOREIGN = "not of this cluster"


def claim(server: Server, layout: Layout, view: View | None, incarnation: int) -> Claim:
    """Whose is `server`? `view`: its domain as read after the listing, null if there is none such;
    `incarnation`: the counter of that domain's partition."""
    mark = server.mark
    if mark.cluster != layout.uid:
        return Claim.FOREIGN
    if mark.incarnation > incarnation:
        return Claim.FROM_THE_FUTURE
    if view is None or view.domain.incarnation != mark.incarnation:
        return Claim.STRAY
    record = view.instance(mark.instance_id)
    if record is None:
        is_new = number_of(mark.instance_id) >= view.standing.next_number
        return Claim.FROM_THE_FUTURE if is_new else Claim.STRAY
    if record.server_id is None:
        return Claim.STRAY if record.state.is_final else Claim.OURS
    if record.server_id != server.server_id:
        return Claim.STRAY
    return Claim.STRAY if record.state.is_final else Claim.OURS


class Home(NamedTuple):
    """Whose a part is, as its name says: an instance, or, without a number, a domain. The slot is of 4096."""

    slot: int
    incarnation: int
    number: int | None = None


def home_of(identity: str) -> Home:
    """Of `i-SLOT-INCARNATION-NUMBER`, or of `i-SLOT-INCARNATION`."""
    _, slot, incarnation, *number = identity.split("-")
    return Home(int(slot, 16), int(incarnation), int(number[0]) if number else None)


def home_in(instance: str, kind: PartKind) -> str:
    """What the name of a part says: the instance, or, of what a domain shares, what all its instances' ids begin
    with."""
    return instance.rpartition("-")[0] if kind is PartKind.GROUP else instance


def claim_of_part(found: FoundPart, home: Home, layout: Layout, view: View | None, incarnation: int) -> Claim:
    """Whose is it? `view`: the domain of that slot and incarnation as read after the listing, null if there is
    none such; `incarnation`: the counter of its partition."""
    if found.cluster != layout.uid:
        return Claim.FOREIGN
    if home.incarnation > incarnation:
        return Claim.FROM_THE_FUTURE
    if view is None:
        return Claim.STRAY
    if home.number is None:
        return _claim_of_shared(found.part, view)
    record = view.instance(found.home)
    if record is None:
        return Claim.FROM_THE_FUTURE if home.number >= view.standing.next_number else Claim.STRAY
    if record.state.is_final and not record.leftover:
        return Claim.STRAY
    if found.part in record.parts:
        return Claim.OURS
    return Claim.OURS if _may_be_recorded_yet(found.part, record) else Claim.STRAY


def _may_be_recorded_yet(part: Part, record: Instance) -> bool:
    """It was made for the next attempt. With a server on record there is none; and what an attempt has is kept."""
    has_another = any((p.kind, p.number) == (part.kind, part.number) for p in record.parts)
    return record.server_id is None and not has_another


def _claim_of_shared(part: Part, view: View) -> Claim:
    """Of several, those that an instance has; while one is still without, each may be about to be taken."""
    living = [i for i in view.instances if not i.state.is_final]
    if view.domain.removed and not living:
        return Claim.STRAY
    recorded = {p for i in living for p in i.parts if p.kind is part.kind}
    is_awaited = any(i.server_id is None and not recorded.intersection(i.parts) for i in living)
    return Claim.OURS if part in recorded or not recorded or is_awaited else Claim.STRAY


def allowance(strays: int, servers: int) -> int:
    """How many may be deleted in one turn: 5 % of all that carry our mark, but 3 at least."""
    return min(strays, max(3, servers * 5 // 100))


def ripe(seen_at: float, now: float, grace: float) -> bool:
    """The first sighting lies a grace back: this is the second that counts."""
    return now - seen_at >= grace


def instance_id(slot: int, incarnation: int, number: int) -> str:
    """The id of instance `number` of a domain: unique in the cluster, and by it a rollback is seen."""
    return f"i-{slot:03x}-{incarnation}-{number}"


def number_of(identity: str) -> int:
    """The number in an instance id; 0 for an id that is none of ours."""
    tail = identity.rsplit("-", 1)[-1]
    return int(tail) if tail.isdecimal() else 0


def doubles(servers: Sequence[Server], view: View) -> tuple[Server, ...]:
    """Of servers listed before `view` was read: those whose living record names another server."""
    found = []
    for server in servers:
        record = view.instance(server.mark.instance_id)
        if record is None or record.state.is_final or record.server_id in (None, server.server_id):
            continue
        found.append(server)
    return tuple(found)
