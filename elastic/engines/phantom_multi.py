"""Keeps N instances, split evenly over several sites."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import msgspec

from elastic.errors import BadRequest
from elastic.model.actions import Answer, Candidate, Place, Question
from elastic.rules.answering import Moves, answered, parted
from elastic.rules.census import Census, take_census
from elastic.rules.exact import Number
from elastic.rules.fixednumber import held
from elastic.rules.manysites import ManySites, Site, by_site, spread
from elastic.rules.settings import Settings, distinct
from elastic.rules.sizing import Limits
from elastic.rules.victims import in_order_of_going

KEYS = ("preserve_n", "instance_type", "sites", "deployable_type_name")


class PhantomMulti(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing moves while the total is right: launches and removals even the split out."""

    documentation: ClassVar[str] = """\
Keeps a fixed number of instances alive, as evenly over several sites as launches and removals make it.

preserve_n            how many in all; required
sites                 where: a list of names; required. What is at another site has to go
deployable_type_name  the deployable type; required
instance_type         the allocation; required
victims               who goes first at a site when there are too many: newest or oldest; newest
reclaim               whether a share may shrink the domain; false
"""

    preserve_n: int
    where: ManySites
    oldest_first: bool
    reclaim: bool

    @classmethod
    def configured(cls, conf: Mapping[str, Any]) -> Self:
        settings = Settings(conf, KEYS)
        common = settings.common()
        names = settings.names("sites", required=True)
        if not names:
            raise BadRequest("sites must not be empty")
        distinct("sites", names)
        return cls(
            preserve_n=settings.integer("preserve_n"),
            where=ManySites(
                sites=tuple(map(Site, names)),
                deployable_type=settings.text("deployable_type_name"),
                allocation=settings.text("instance_type"),
                placement=spread,
            ),
            oldest_first=common.oldest_first,
            reclaim=common.reclaim,
        )

    @property
    def places(self) -> tuple[Place, ...]:
        """What it may launch."""
        return self.where.places("sites", "deployable_type_name", "instance_type") if self.preserve_n else ()

    def decide(self, question: Question) -> Answer:
        whole = take_census(question, self.where.first)
        census, retired, reasons = self.where.retire_others(whole, oldest_first=self.oldest_first)
        limits = Limits(share=question.share, reclaim=self.reclaim)
        desired, said = held("preserve_n", self.preserve_n, census, whole.base, limits)
        moves = self._reach(desired, census, question.now)
        moves = msgspec.structs.replace(moves, going=retired + moves.going)
        return answered(census, desired, moves, reasons + said, census.memo.last_change)

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
