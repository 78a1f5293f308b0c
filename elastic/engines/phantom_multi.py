"""Keeps N instances, split evenly over several sites."""

from typing import Annotated, ClassVar

import msgspec

from elastic.model.actions import Answer, Candidate, Place, Question
from elastic.model.kinds import MOST_ITEMS, Name, Whole, about
from elastic.rules.answering import Moves, answered, parted
from elastic.rules.census import Census, take_census
from elastic.rules.common import Common, manual
from elastic.rules.exact import Number
from elastic.rules.fixednumber import held
from elastic.rules.manual import Manual
from elastic.rules.manysites import ManySites, Retired, Site, by_site, spread
from elastic.rules.schema import check_distinct
from elastic.rules.sizing import Limits
from elastic.rules.victims import in_order_of_going


class PhantomMulti(Common, frozen=True, kw_only=True):
    """Nothing moves while the total is right: launches and removals even the split out."""

    documentation: ClassVar[Manual] = manual(
        "Keeps a fixed number of instances alive, as evenly over several sites as launches and removals make it."
    )

    preserve_n: Annotated[Whole, about("how many in all")]
    sites: Annotated[
        tuple[Name, ...],
        about("where: names of sites. What is at another site has to go", min_length=1, max_length=MOST_ITEMS),
    ]
    deployable_type: Annotated[Name, about("what to launch: a deployable type")] = msgspec.field(
        name="deployable_type_name"
    )
    allocation: Annotated[Name, about("its allocation")] = msgspec.field(name="instance_type")

    def __post_init__(self) -> None:
        check_distinct("sites", self.sites)

    @property
    def where(self) -> ManySites:
        return ManySites(
            sites=tuple(map(Site, self.sites)),
            deployable_type=self.deployable_type,
            allocation=self.allocation,
            placement=spread,
        )

    @property
    def places(self) -> tuple[Place, ...]:
        """What it may launch."""
        return self.where.places("sites", "deployable_type_name", "instance_type") if self.preserve_n else ()

    def decide(self, question: Question) -> Answer:
        whole = take_census(question, self.where.first)
        census, going, reasons = self.where.retire_others(Retired(whole), oldest_first=self.oldest_first)
        limits = Limits(share=question.share, reclaim=self.reclaim)
        desired, said = held("preserve_n", self.preserve_n, census, whole.base, limits)
        moves = self._reach(desired, census, question.now)
        return answered(census, desired, moves, reasons + said, census.memo.last_change, going)

    def _reach(self, desired: int, census: Census, now: Number) -> Moves:
        if desired <= census.size:
            excess = census.size - desired
            return parted(excess, self._going(excess, census))
        missing = desired - census.size
        back = self.where.taken_back(missing, census)
        return self.where.grow(missing, back, by_site(census.valid), census, now)

    def _going(self, excess: int, census: Census) -> tuple[Candidate, ...]:
        """One by one from where most are; of two such sites from the later one."""
        counts = by_site(census.counted)
        queues = {
            site.name: in_order_of_going(
                [i for i in census.counted if i.site == site.name], oldest_first=self.oldest_first
            )[::-1]
            for site in self.where.sites
        }
        places = {site.name: number for number, site in enumerate(self.where.sites)}
        going: list[Candidate] = []
        while len(going) < excess and (left := [name for name, queue in queues.items() if queue]):
            name = max(left, key=lambda name: (counts[name], places[name]))
            going.append(queues[name].pop())
            counts[name] -= 1
        return tuple(going)
