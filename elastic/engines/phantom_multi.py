"""Keeps N instances, split evenly over several sites."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import msgspec

from elastic.errors import BadRequest
from elastic.model.actions import Answer, Candidate, Launch, Place, Question
from elastic.rules.answering import Moves, answered, parted
from elastic.rules.census import Census, take_census
from elastic.rules.exact import Number
from elastic.rules.fixednumber import held
from elastic.rules.manysites import Site, at_other_sites, by_site, place, retire, spread
from elastic.rules.settings import Settings, distinct
from elastic.rules.sizing import Limits
from elastic.rules.victims import in_order_of_going

KEYS = ("preserve_n", "instance_type", "sites", "deployable_type_name")
UNNAMED = "at a site that the config does not name"


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
    deployable_type: str
    allocation: str
    sites: tuple[Site, ...]
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
            deployable_type=settings.text("deployable_type_name"),
            allocation=settings.text("instance_type"),
            sites=tuple(map(Site, names)),
            oldest_first=common.oldest_first,
            reclaim=common.reclaim,
        )

    @property
    def places(self) -> tuple[Place, ...]:
        """What it may launch."""
        keys = ("engine_conf.sites", "engine_conf.deployable_type_name", "engine_conf.instance_type")
        return tuple(Place(site.name, self.deployable_type, *keys) for site in self.sites if self.preserve_n)

    def decide(self, question: Question) -> Answer:
        whole = take_census(question, self.sites[0].name)
        census, retired, reasons = retire(
            whole, at_other_sites(whole, self.sites), UNNAMED, oldest_first=self.oldest_first
        )
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
        names = {site.name for site in self.sites}
        back = tuple(i for i in census.leaving[::-1] if i.site in names)[:missing]
        placed = place(missing - len(back), self.sites, by_site(census.valid), spread, census.records, now)
        launches = tuple(Launch(site, self.deployable_type, self.allocation) for site in placed.sites)
        return Moves(launches=launches, back=back, waits=placed.waits, reasons=placed.reasons)

    def _going(self, excess: int, census: Census) -> tuple[Candidate, ...]:
        """One by one from where most are; of two such sites from the later one."""
        counts = by_site(census.counted)
        queues = {
            site.name: in_order_of_going(
                [i for i in census.counted if i.site == site.name], oldest_first=self.oldest_first
            )[::-1]
            for site in self.sites
        }
        places = {site.name: number for number, site in enumerate(self.sites)}
        going: list[Candidate] = []
        while len(going) < excess and (left := [name for name, queue in queues.items() if queue]):
            name = max(left, key=lambda name: (counts[name], places[name]))
            going.append(queues[name].pop())
            counts[name] -= 1
        return tuple(going)
