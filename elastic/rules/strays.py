"""Which servers in the cloud are nobody's. Pure; the order of reading is the caller's (list first, then read)."""

from collections.abc import Sequence
from enum import Enum

from elastic.model.assignment import Layout
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
