"""Several sites: who has to leave one, where launches go, and who goes from which."""

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import msgspec

from elastic.model.actions import Candidate, Launch, Place, Reason
from elastic.rules.answering import Moves, clock, named
from elastic.rules.backoff import backoff_end
from elastic.rules.census import Census
from elastic.rules.exact import Number, exact
from elastic.rules.victims import in_order_of_going


class Site(msgspec.Struct, frozen=True):
    """`size`: how many instances it may hold, null for any number. `weight`: its part of what is spread."""

    name: str
    size: int | None = None
    weight: Number = 1

    def room(self, taken: int) -> int | None:
        return None if self.size is None else max(0, self.size - taken)


Taken = Counter[str]
"""By site: the places that are not free."""

Placement = Callable[[int, Sequence[Site], Taken], list[str]]
"""A site for each of so many launches, as far as there is room, in the order in which they are chosen."""


class Retired(NamedTuple):
    """Those that have to go whatever the size, and the census without them."""

    census: Census
    going: tuple[Candidate, ...] = ()
    reasons: tuple[Reason, ...] = ()

    def then(self, chosen: Sequence[Candidate], why: str, *, oldest_first: bool = False) -> "Retired":
        """`chosen` too are counted no more, but for the protected, who stay with a reason."""
        staying = tuple(i for i in chosen if i.protected)
        going = tuple(in_order_of_going(chosen, (), oldest_first))
        said = ((going, f"{why}: has to go"), (staying, f"{why}, but it is protected"))
        reasons = tuple(Reason("retire", f"{named(those)}: {text}") for those, text in said if those)
        gone = {i.instance_id for i in going}
        counted = tuple(i for i in self.census.counted if i.instance_id not in gone)
        census = msgspec.structs.replace(self.census, counted=counted)
        return Retired(census, self.going + going, self.reasons + reasons)


def by_site(instances: Iterable[Candidate]) -> Taken:
    return Counter(str(i.site) for i in instances)


class Placed(NamedTuple):
    """`waits`: a launch is due that a site's backoff holds up."""

    sites: list[str]
    waits: bool
    reasons: tuple[Reason, ...]


def place(
    missing: int,
    sites: Sequence[Site],
    taken: Taken,
    placement: Placement,
    records: Sequence[Candidate],
    now: Number,
) -> Placed:
    """A site for each of `missing` launches; those in backoff are passed over."""
    ends = {site.name: backoff_end(records, site.name, now) for site in sites if missing}
    closed = {name: end for name, end in ends.items() if end is not None}
    chosen = placement(missing, [site for site in sites if site.name not in closed], taken)
    wished = placement(missing, sites, taken) if closed else chosen  # were there no backoff
    passed_over = [name for name in closed if name in wished]
    reasons = [
        Reason("backoff", f"{name}: launches failed there, none before {clock(closed[name])}")
        for name in passed_over
    ]
    if chosen:
        told = ", ".join(f"{count} at {name}" for name, count in Counter(chosen).items())
        reasons.insert(0, Reason("launch", told))
    full = [site.name for site in sites if site.room(taken[site.name] + chosen.count(site.name)) == 0]
    if len(chosen) < missing and full:
        text = (
            f"no room for {missing - len(chosen)} more: {', '.join(full)} {'is' if len(full) == 1 else 'are'} full"
        )
        reasons.append(Reason("capacity", text))
    elif len(wished) < missing:
        text = f"no room for {missing - len(wished)} more, even were there no backoff"
        reasons.append(Reason("capacity", text))
    return Placed(chosen, bool(passed_over) and len(chosen) < missing, tuple(reasons))


def fill(missing: int, sites: Sequence[Site], taken: Taken) -> list[str]:
    """One site after the other."""
    chosen: list[str] = []
    for site in sites:
        room, wanted = site.room(taken[site.name]), missing - len(chosen)
        chosen += [site.name] * (wanted if room is None else min(room, wanted))
    return chosen


def spread(missing: int, sites: Sequence[Site], taken: Taken) -> list[str]:
    """Each at the site that is taken least, for its weight; the earlier one of two."""
    weights = [exact(site.weight) for site in sites]
    held = [taken[site.name] for site in sites]
    queue = [(held[n] / weights[n], n) for n, site in enumerate(sites) if site.room(held[n]) != 0]
    heapq.heapify(queue)
    chosen: list[str] = []
    while queue and len(chosen) < missing:
        _, n = heapq.heappop(queue)
        chosen.append(sites[n].name)
        held[n] += 1
        if sites[n].room(held[n]) != 0:
            heapq.heappush(queue, (held[n] / weights[n], n))
    return chosen


class ManySites(msgspec.Struct, frozen=True, kw_only=True):
    """What to launch, and at which sites; `onesite.OneSite` is that for one."""

    sites: tuple[Site, ...]
    deployable_type: str
    allocation: str | None
    placement: Placement

    @property
    def first(self) -> str:
        return self.sites[0].name

    def places(self, *keys: str) -> tuple[Place, ...]:
        """What it may launch; `keys`: those of the sites, the type and the allocation."""
        named_by = [f"engine_conf.{key}" for key in keys]
        return tuple(Place(site.name, self.deployable_type, *named_by) for site in self.sites if site.size != 0)

    def retire_others(self, retired: Retired, *, oldest_first: bool) -> Retired:
        """Those too at a site that the config no longer names."""
        names = {site.name for site in self.sites}
        there = [i for i in retired.census.counted if i.site not in names]
        return retired.then(there, "at a site that the config does not name", oldest_first=oldest_first)

    def taken_back(self, missing: int, census: Census) -> tuple[Candidate, ...]:
        """Leaving ones that serve again, last named first; none at a site that is not named."""
        names = {site.name for site in self.sites}
        return tuple(i for i in census.leaving[::-1] if i.site in names)[:missing]

    def grow(self, missing: int, back: tuple[Candidate, ...], taken: Taken, census: Census, now: Number) -> Moves:
        placed = place(missing - len(back), self.sites, taken, self.placement, census.records, now)
        launches = tuple(Launch(site, self.deployable_type, self.allocation) for site in placed.sites)
        return Moves(launches=launches, back=back, waits=placed.waits, reasons=placed.reasons)
