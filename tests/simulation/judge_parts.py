"""The verdict over ports, volumes, floating IPs and groups: from the cloud's journal of them, from what is there
in the end, and from what clients were told. Where the cloud makes none there is nothing to say."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from elastic.adapters.cloud.furnished import Befell
from elastic.adapters.cloud.weather import Happened
from elastic.model.domain import DomainKey
from elastic.model.parts import FoundPart, PartKind
from elastic.rules.ring import slot_of
from elastic.rules.strays import home_of
from tests.simulation.evidence import Evidence, servers_lives
from tests.simulation.plans import POLICED
from tests.simulation.schedule import DOMAINS
from tests.simulation.world import LESS, RECIPE, Held


def _needed(recipe: Mapping[str, Any]) -> Counter[PartKind]:
    """By each server."""
    return Counter(
        {
            PartKind.PORT: len(recipe.get("networks", ())),
            PartKind.VOLUME: len(recipe.get("volumes", ())),
            PartKind.FLOATING_IP: int("floating_ip" in recipe),
            PartKind.GROUP: int("group" in recipe),
        }
    )


ENDS = (Befell.GONE, Befell.VANISHED)
DOMAIN_OF = {slot_of(DomainKey(*name.split(":"))): name for name in (*DOMAINS, *POLICED)}


def is_our_part(found: FoundPart) -> bool:
    return found.cluster == "world"


def domain_of(found: FoundPart) -> str:
    return DOMAIN_OF.get(home_of(found.home).slot, "")


def no_part_orphaned(seen: Evidence) -> Iterator[str]:
    """P2, P7: in the end each part is of an instance that lives, by what clients are told, or a server has it. The
    group of a domain that is there and has no instance waits for one."""
    told = {part for known in seen.ledger.furnished.values() for part in known.parts}
    for held in seen.parts:
        found = held.found
        if not is_our_part(found) or held.holders or found.part.part_id in told or _waits(seen, held):
            continue
        is_gone = seen.ledger.accounts[domain_of(found)].sizes == {None}
        yield f"{'P7' if is_gone else 'P2'}: in the end {found.part.part_id} of {found.home} is nobody's"


def _waits(seen: Evidence, held: Held) -> bool:
    home, domain = home_of(held.found.home), domain_of(held.found)
    is_there = bool(seen.ledger.listings) and domain in seen.ledger.listings[-1].domains
    if held.found.part.kind is not PartKind.GROUP or not is_there or seen.live[domain]:
        return False
    made = [home_of(e.found.home) for e in seen.parts_journal if is_our_part(e.found)]
    return home.incarnation == max(other.incarnation for other in made if other.slot == home.slot)


def told_parts_are_there(seen: Evidence) -> Iterator[str]:
    """P2: in the end all parts that clients are told of are there, and the instance's server has them. What a
    stranger deleted is nobody's fault."""
    holders = {held.found.part.part_id: held.holders for held in seen.parts}
    for name, known in sorted(seen.ledger.furnished.items()):
        if known.server_id is None or known.server_id in seen.ledger.planted:
            continue
        for part in sorted(known.parts - seen.ledger.taken_parts):
            if known.server_id not in holders.get(part, ()):
                yield f"P2: in the end {part} is told of as {name}'s, and {known.server_id} has it not"


def servers_are_furnished(seen: Evidence) -> Iterator[str]:
    """P2: in the end each server that was ordered has all that its type asks for, but for what a stranger deleted
    before it was made: it comes up without a floating IP. (It may ask for less by now, or have asked for less.)"""
    if not seen.parts_journal:
        return
    most, least = _needed(RECIPE), _needed(LESS if seen.ledger.types_changed else RECIPE)
    has: dict[str, Counter[PartKind]] = defaultdict(Counter)
    lost: dict[str, set[PartKind]] = defaultdict(set)
    for entry in seen.parts_journal:
        if entry.what is Befell.TAKEN:
            has[entry.holders[-1]][entry.found.part.kind] += 1
        elif entry.what is Befell.VANISHED and entry.found.part.kind is PartKind.FLOATING_IP:
            lost[entry.found.home].add(PartKind.FLOATING_IP)
    for life in servers_lives(seen):
        lacks, beyond = least - has[life.server_id], has[life.server_id] - most
        if life.ended > seen.ended_at and (beyond or lacks.keys() - lost[life.instance_id]):
            told = ", ".join(f"{count} {kind}" for kind, count in sorted(has[life.server_id].items()))
            yield f"P2: in the end {life.server_id} of {life.domain} was made with {told or 'nothing'}"


def one_server_a_part(seen: Evidence) -> Iterator[str]:
    """P1: of two servers none has the same port, volume or floating IP."""
    for entry in seen.parts_journal:
        if entry.what is Befell.TAKEN and entry.found.part.kind is not PartKind.GROUP and len(entry.holders) > 1:
            yield f"P1: {entry.found.part.part_id} was taken by {' and '.join(entry.holders)} at {entry.time:.1f}"


def no_part_taken_away(seen: Evidence) -> Iterator[str]:
    """P5: what a server has is not asked to go before that server is, but for a port: where no server is on record
    that is how one is found."""
    if seen.is_slow:
        return
    asked = _first(seen, Happened.DELETE_ASKED)
    for entry in seen.parts_journal:
        kind = entry.found.part.kind
        if entry.what is not Befell.RELEASE_ASKED or kind not in (PartKind.VOLUME, PartKind.FLOATING_IP):
            continue
        if left := [name for name in entry.holders if not asked.get(name, seen.ended_at) <= entry.time]:
            yield f"P5: {entry.found.part.part_id}, which {left[0]} has, was to go at {entry.time:.1f}"


def no_foreign_part_touched(seen: Evidence) -> Iterator[str]:
    """P6."""
    for entry in seen.parts_journal:
        if entry.found.part.part_id in seen.ledger.foreign_parts and entry.what in (
            Befell.RELEASE_ASKED,
            *ENDS,
        ):
            yield f"P6: {entry.found.part.part_id}, which is not ours, was to go at {entry.time:.1f}"


def removed_has_no_part(seen: Evidence) -> Iterator[str]:
    """P7: when a client has been shown that a domain is gone, what its servers had is gone. (What no server ever
    had is found by the sweep, and so is a group that waited for instances.)"""
    if seen.is_slow:
        return
    ended = {e.found.part.part_id: e.time for e in seen.parts_journal if e.what in ENDS}
    taken: dict[str, tuple[float, FoundPart]] = {}
    for entry in seen.parts_journal:
        if entry.what is Befell.TAKEN and entry.found.part.kind is not PartKind.GROUP:
            taken.setdefault(entry.found.part.part_id, (entry.time, entry.found))
    for listing in seen.ledger.listings:
        for name, (since, found) in taken.items():
            domain = domain_of(found)
            if domain in listing.domains or since >= listing.begun - 0.5:
                continue
            if ended.get(name, seen.ended_at) > listing.ended:
                yield f"P7: {domain} was shown to be gone at {listing.ended:.1f}, and {name} is there"


def _first(seen: Evidence, what: Happened) -> Mapping[str, float]:
    """When that happened first to each server."""
    return {entry.server_id: entry.time for entry in reversed(seen.journal) if entry.what is what}


PARTS_RULES = (
    no_part_orphaned,
    told_parts_are_there,
    servers_are_furnished,
    one_server_a_part,
    no_part_taken_away,
    no_foreign_part_touched,
    removed_has_no_part,
)
