"""Who looks after what: domain -> slot -> partition -> member.

Every member gets the floor or the ceiling of its fair share, and as few partitions move as that allows.
The answer depends on names, weights and the partitions held before, never on the order they come in.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from fractions import Fraction
from hashlib import blake2b
from math import ceil, floor
from typing import TypeVar

from elastic.errors import BadRequest
from elastic.model.assignment import SLOTS
from elastic.model.domain import DomainKey
from elastic.rules.exact import exact

T = TypeVar("T", int, tuple[str, int])


def slot_of(key: DomainKey) -> int:
    """The domain's slot, for life: VMs carry it."""
    return _hash(str(key)) % SLOTS


def partition_of(slot: int, partitions: int) -> int:
    """`partitions` is the layout's."""
    return slot * partitions // SLOTS


def assign(
    weights: Mapping[str, float], partitions: int, previous: Mapping[int, str] | None = None
) -> dict[int, str]:
    """Give each partition to one of the members whose weight is above 0.

    Raise BadRequest when nobody may hold any, and when `previous` names a partition that there is not.
    """
    previous = previous or {}
    quotas = _quotas(weights, partitions)
    _check_known(previous, partitions)

    held = {p: member for p, member in previous.items() if member in quotas}
    loads = _loads(quotas, partitions, Counter(held.values()))
    kept = _kept(held, loads)
    return dict(sorted({**kept, **_dealt(loads, partitions, kept)}.items()))


def moved(previous: Mapping[int, str], assignment: Mapping[int, str]) -> list[int]:
    """Partitions that one member had before and another has now, in order."""
    return sorted(p for p, member in previous.items() if assignment[p] != member)


def _quotas(weights: Mapping[str, float], partitions: int) -> dict[str, Fraction]:
    if partitions < 1:
        raise BadRequest(f"partitions has to be 1 or more, not {partitions}")
    shares = {member: _weight(member, weight) for member, weight in weights.items()}
    total = sum(shares.values(), Fraction(0))
    if not total:
        raise BadRequest("members: none has a weight above 0, so nobody may hold a partition")
    return {member: partitions * share / total for member, share in shares.items() if share}


def _weight(member: str, weight: float) -> Fraction:
    try:
        share = exact(weight)
    except ValueError:
        raise BadRequest(f"members: the weight of {member!r} is not finite") from None
    if share < 0:
        raise BadRequest(f"members: the weight of {member!r} is negative")
    return share


def _check_known(previous: Mapping[int, str], partitions: int) -> None:
    for partition in previous:
        if not 0 <= partition < partitions:
            raise BadRequest(f"previous names partition {partition}, but there are only 0 to {partitions - 1}")


def _loads(quotas: Mapping[str, Fraction], partitions: int, holding: Mapping[str, int]) -> dict[str, int]:
    """How many partitions each member shall have. Who has more than its floor already may keep one more; then
    those that gain anyway get one more; so nobody gives only for another old member to gain."""
    loads = {member: floor(quota) for member, quota in quotas.items()}

    def claim(member: str) -> tuple[object, ...]:
        spare = holding.get(member, 0) - loads[member]
        rank = 0 if spare > 0 else 1 if spare < 0 else 2
        return rank, member in holding, loads[member] - quotas[member], member

    uneven = (member for member, quota in quotas.items() if ceil(quota) > floor(quota))
    left = partitions - sum(loads.values())
    for member in sorted(uneven, key=claim)[:left]:
        loads[member] += 1
    return loads


def _kept(held: Mapping[int, str], loads: Mapping[str, int]) -> dict[int, str]:
    """What stays where it is; a member that has too many keeps those that rank highest with it."""
    kept: dict[int, str] = {}
    theirs: dict[str, list[int]] = {}
    for partition, member in held.items():
        theirs.setdefault(member, []).append(partition)
    for member, own in theirs.items():
        if len(own) > loads[member]:
            own = sorted(own, key=lambda p: (_hash(f"{member}/{p}"), p))
        kept.update(dict.fromkeys(own[: loads[member]], member))
    return kept


def _dealt(loads: Mapping[str, int], partitions: int, kept: Mapping[int, str]) -> dict[int, str]:
    """The partitions that nobody keeps and the places that nobody fills, each shuffled by hash, in pairs."""
    holding = Counter(kept.values())
    places = [(member, n) for member, load in loads.items() for n in range(holding[member], load)]
    free = [p for p in range(partitions) if p not in kept]
    return dict(zip(_shuffled(free), (member for member, _ in _shuffled(places)), strict=True))


def _shuffled(things: Iterable[T]) -> list[T]:
    return sorted(things, key=lambda thing: (_hash(repr(thing)), thing))


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
