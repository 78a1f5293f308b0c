"""Fills sites by rank: what finds no room at the first goes to the next; one metric may drive it."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Self

import msgspec
from msgspec import Meta

from elastic.errors import BadRequest
from elastic.model.actions import Answer, Candidate, Place, Question
from elastic.model.kinds import LARGEST_WHOLE, MOST_ITEMS, Count, Flat, Name, Section, Whole, about
from elastic.rules.answering import Moves, answered, parted
from elastic.rules.census import Census, take_census
from elastic.rules.common import Common, manual
from elastic.rules.exact import Number
from elastic.rules.manual import Manual
from elastic.rules.manysites import ManySites, Retired, Site, Taken, by_site, fill
from elastic.rules.schema import check_distinct, keys_of, unquoted
from elastic.rules.sizing import Limits, check_limits, stamped
from elastic.rules.thresholds import Thresholds
from elastic.rules.victims import in_order_of_going

UNLIMITED = -1
NUMBERS = {"minimum_vms", "maximum_vms", *keys_of(Thresholds)} - {"metric"}
NUMBERS_OF_CLOUD = {"size", "rank"}


class Cloud(Section, frozen=True, kw_only=True):
    """One site."""

    site_name: Annotated[Name, about("the site's name")]
    size: Annotated[int, Meta(ge=UNLIMITED, le=LARGEST_WHOLE), about("how many it may hold; -1: any number")]
    rank: Annotated[Count, about("when it is filled: 1 first, then 2, and so on")]

    @property
    def site(self) -> Site:
        return Site(self.site_name, None if self.size == UNLIMITED else self.size)


class Overflow(Common, frozen=True, kw_only=True):
    """No memory of what a site can hold: each decision tries again, and backoff keeps that in bounds."""

    documentation: ClassVar[Manual] = manual(
        "Fills sites in the order of their ranks, between a minimum and a maximum, and empties them the other way"
        ' round. Numbers may be texts: "3".'
    )

    clouds: Annotated[
        tuple[Cloud, ...],
        about(
            "the sites, with ranks 1, 2 and so on. What is at another site, or too much for one, has to go",
            min_length=1,
            max_length=MOST_ITEMS,
        ),
    ]
    deployable_type: Annotated[Name, about("what to launch: a deployable type")] = msgspec.field(name="dtname")
    allocation: Annotated[Name | None, about("its allocation")] = msgspec.field(name="instance_type", default=None)
    minimum_vms: Annotated[Whole, about("the fewest")]
    maximum_vms: Annotated[Whole | None, about("the most", default="no limit")] = None
    thresholds: Flat[Thresholds]
    terminate: Annotated[Name | None, about("the id of an instance that has to go, and is replaced")] = None

    def __post_init__(self) -> None:
        check_distinct("clouds", [cloud.site_name for cloud in self.clouds])
        by_rank = {cloud.rank: cloud for cloud in self.clouds[::-1]}
        for number, cloud in enumerate(self.clouds):
            if by_rank[cloud.rank] is not cloud:
                other = by_rank[cloud.rank].site_name
                raise ValueError(f"clouds[{number}].rank is {cloud.rank}, as that of {other} is")
        if max(by_rank) != len(self.clouds):
            raise ValueError(f"clouds: their ranks have to be 1 to {len(self.clouds)}, not {sorted(by_rank)}")
        check_limits(self.minimum_vms, self.maximum_vms)

    @classmethod
    def configured(cls, conf: Mapping[str, Any]) -> Self:
        if "domain_desired_size" in conf:
            raise BadRequest("domain_desired_size: this engine has minimum_vms and maximum_vms in its place")
        return super().configured(_with_numbers(conf))

    @property
    def where(self) -> ManySites:
        """The sites in the order of their ranks."""
        return ManySites(
            sites=tuple(cloud.site for cloud in sorted(self.clouds, key=lambda cloud: cloud.rank)),
            deployable_type=self.deployable_type,
            allocation=self.allocation,
            placement=fill,
        )

    @property
    def places(self) -> tuple[Place, ...]:
        """What it may launch."""
        return self.where.places("clouds", "dtname", "instance_type") if self.maximum_vms != 0 else ()

    @property
    def interval(self) -> float | None:
        return self.thresholds.interval(self.sample_period)

    def decide(self, question: Question) -> Answer:
        whole = take_census(question, self.where.first)
        base = whole.base
        retired = self._retire(whole)
        census = retired.census
        limits = Limits(
            minimum=self.minimum_vms, maximum=self.maximum_vms, share=question.share, reclaim=self.reclaim
        )
        last_change = census.memo.last_change
        asked = self.thresholds.ask(question, census.counted, base, last_change, self.sample_period)
        desired = limits.hold(asked.size, census.size)
        return answered(
            census,
            desired,
            self._reach(desired, census, retired.going, question.now),
            retired.reasons + asked.reasons + limits.reasons(asked.size, census.size),
            stamped(last_change, limits.hold(base, census.size), desired, question.now),
            retired.going,
        )

    def _retire(self, census: Census) -> Retired:
        """Whatever the metric says: the one that is named, those at other sites, those too many for a site."""
        condemned = [i for i in census.counted if i.instance_id == self.terminate]
        retired = Retired(census).then(condemned, "named by terminate")
        retired = self.where.retire_others(retired, oldest_first=self.oldest_first)
        for site in self.where.sites:
            here = [i for i in retired.census.counted if i.site == site.name]
            if site.size is not None and len(here) > site.size:
                candidates = in_order_of_going(here, oldest_first=self.oldest_first)
                protected = [i for i in here if i.protected]  # told when the others are too few
                too_many = (candidates + protected)[: len(here) - site.size]
                why = f"{site.name} may hold {site.size}"
                retired = retired.then(too_many, why, oldest_first=self.oldest_first)
        return retired

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
        sites = {site.name: site for site in self.where.sites}
        back: list[Candidate] = []
        for leaving in census.leaving[::-1]:
            site = sites.get(str(leaving.site))
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


def _with_numbers(conf: Mapping[str, Any]) -> Mapping[str, Any]:
    """Those that stand as texts are numbers."""
    said, clouds = unquoted(conf, NUMBERS), conf.get("clouds")
    if isinstance(clouds, list | tuple):
        said["clouds"] = [unquoted(c, NUMBERS_OF_CLOUD) if isinstance(c, Mapping) else c for c in clouds]
    return said
