"""Fills sites by rank: what finds no room at the first goes to the next; one metric may drive it."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import msgspec

from elastic.errors import BadRequest
from elastic.model.actions import Answer, Candidate, Place, Question, Reason
from elastic.rules import thresholds
from elastic.rules.answering import Moves, answered, parted
from elastic.rules.census import Census, take_census
from elastic.rules.exact import Number
from elastic.rules.manysites import ManySites, Retired, Site, Taken, by_site, fill, retire
from elastic.rules.settings import Settings, distinct, unquoted
from elastic.rules.sizing import Limits, stamped
from elastic.rules.thresholds import Thresholds
from elastic.rules.victims import in_order_of_going

KEYS = ("clouds", "dtname", "minimum_vms", "maximum_vms", "instance_type", "terminate", *thresholds.KEYS)
CLOUD_KEYS = ("site_name", "size", "rank")
NUMBERS = ("minimum_vms", "maximum_vms", *thresholds.NUMBERS)
REFUSED = {"domain_desired_size": "this engine has minimum_vms and maximum_vms in its place"}
UNLIMITED = -1


class Overflow(msgspec.Struct, frozen=True, kw_only=True):
    """No memory of what a site can hold: each decision tries again, and backoff keeps that in bounds. The sites
    are in the order of their ranks."""

    documentation: ClassVar[str] = """\
Fills sites in the order of their ranks, between a minimum and a maximum, and empties them the other way round.

clouds                  a list of {site_name, size, rank}; required. size: how many it may hold, -1 for any
                        number; ranks are 1, 2, ... What is at another site, or too much for one, has to go
dtname                  the deployable type; required
minimum_vms             how many at least; required
maximum_vms             how many at most; no limit
instance_type           the allocation
terminate               the id of an instance that has to go, and is replaced
metric                  what is looked at; without it the size stays
scale_up_threshold      above it the domain grows by scale_up_n_vms (1)
scale_down_threshold    below it the domain shrinks by scale_down_n_vms (1)
cooldown_period         seconds after a change in which the metric changes nothing more; 0
sample_period           seconds for which a sample counts; 90
victims                 who goes first at a site when there are too many: newest or oldest; newest
reclaim                 whether a share may shrink the domain; false

Numbers may be texts: "3".
"""

    where: ManySites
    minimum: int
    maximum: int | None
    condemned: str | None
    thresholds: Thresholds
    sample_period: Number
    oldest_first: bool
    reclaim: bool

    @classmethod
    def configured(cls, conf: Mapping[str, Any]) -> Self:
        settings = Settings(unquoted(conf, NUMBERS), KEYS, REFUSED)
        common, sites = settings.common(), _ranked(settings)
        minimum, maximum = settings.integer("minimum_vms"), settings.integer("maximum_vms", None)
        if maximum is not None and maximum < minimum:
            raise BadRequest(f"maximum_vms is {maximum}, below minimum_vms, {minimum}")
        return cls(
            where=ManySites(
                sites=sites,
                deployable_type=settings.text("dtname"),
                allocation=settings.text("instance_type", None),
                placement=fill,
            ),
            minimum=minimum,
            maximum=maximum,
            condemned=settings.text("terminate", None),
            thresholds=Thresholds.read(settings),
            sample_period=common.sample_period,
            oldest_first=common.oldest_first,
            reclaim=common.reclaim,
        )

    @property
    def places(self) -> tuple[Place, ...]:
        """What it may launch."""
        return self.where.places("clouds", "dtname", "instance_type") if self.maximum != 0 else ()

    @property
    def interval(self) -> float | None:
        """A metric may say something else, or fall silent."""
        return float(self.sample_period) / 3 if self.thresholds.metric is not None else None

    def decide(self, question: Question) -> Answer:
        whole = take_census(question, self.where.first)
        base = whole.base
        census, retired, reasons = self._retire(whole)
        limits = Limits(minimum=self.minimum, maximum=self.maximum, share=question.share, reclaim=self.reclaim)
        last_change = census.memo.last_change
        asked = self.thresholds.ask(question, census.counted, base, last_change, self.sample_period)
        desired = limits.hold(asked.size, census.size)
        moves = self._reach(desired, census, retired, question.now)
        return answered(
            census,
            desired,
            msgspec.structs.replace(moves, going=retired + moves.going),
            reasons + asked.reasons + limits.reasons(asked.size, census.size),
            stamped(last_change, limits.hold(base, census.size), desired, question.now),
        )

    def _retire(self, census: Census) -> tuple[Census, tuple[Candidate, ...], tuple[Reason, ...]]:
        """Whatever the metric says: the one that is named, those at other sites, those too many for a site."""
        going: tuple[Candidate, ...] = ()
        reasons: tuple[Reason, ...] = ()

        def away(retired: Retired) -> None:
            nonlocal census, going, reasons
            census, going, reasons = retired.census, going + retired.going, reasons + retired.reasons

        away(retire(census, [i for i in census.counted if i.instance_id == self.condemned], "named by terminate"))
        away(self.where.retire_others(census, oldest_first=self.oldest_first))
        for site in self.where.sites:
            here = [i for i in census.counted if i.site == site.name]
            if site.size is not None and len(here) > site.size:
                candidates = in_order_of_going(here, oldest_first=self.oldest_first)
                protected = [i for i in here if i.protected]  # told when the others are too few
                too_many = (candidates + protected)[: len(here) - site.size]
                away(retire(census, too_many, f"{site.name} may hold {site.size}", oldest_first=self.oldest_first))
        return census, going, reasons

    def _reach(self, desired: int, census: Census, retired: Sequence[Candidate], now: Number) -> Moves:
        """Too few: by rank, as there is room. Too many: from the last rank on."""
        if desired <= census.size:
            excess = census.size - desired
            return parted(excess, self._going(excess, census))
        missing = desired - census.size
        back = self._back(missing, census)
        taken = by_site((*census.valid, *(i for i in retired if i.is_busy)))
        return self.where.grow(missing, back, taken, census, now)

    def _back(self, missing: int, census: Census) -> tuple[Candidate, ...]:
        """Those that serve again: where there is room for them."""
        counts: Taken = by_site(census.counted)
        sizes = {site.name: site for site in self.where.sites}
        back: list[Candidate] = []
        for leaving in census.leaving[::-1]:
            site = sizes.get(str(leaving.site))
            if len(back) < missing and site is not None and site.room(counts[site.name]) != 0:
                back.append(leaving)
                counts[site.name] += 1
        return tuple(back)

    def _going(self, excess: int, census: Census) -> tuple[Candidate, ...]:
        going: list[Candidate] = []
        for site in self.where.sites[::-1]:
            here = [i for i in census.counted if i.site == site.name]
            going += in_order_of_going(here, oldest_first=self.oldest_first)
        return tuple(going[:excess])


def _ranked(settings: Settings) -> tuple[Site, ...]:
    sites: dict[int, Site] = {}
    names = []
    for name, cloud in settings.maps("clouds"):
        said = Settings(unquoted(cloud, ("size", "rank")), CLOUD_KEYS, inside=name)
        size, rank = said.integer("size", minimum=UNLIMITED), said.integer("rank")
        if rank in sites:
            raise BadRequest(f"{name}.rank is {rank}, as that of {sites[rank].name} is")
        names.append(said.text("site_name"))
        sites[rank] = Site(names[-1], None if size == UNLIMITED else size)
    distinct("clouds", names)
    if sorted(sites) != list(range(1, len(sites) + 1)):
        raise BadRequest(f"clouds: their ranks have to be 1 to {len(sites)}, not {sorted(sites)}")
    return tuple(sites[rank] for rank in sorted(sites))
