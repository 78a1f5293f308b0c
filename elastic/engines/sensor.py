"""Grows and shrinks a domain at one site as a metric crosses its thresholds."""

from typing import Annotated, ClassVar

from elastic.model.actions import Answer, Place, Question
from elastic.model.kinds import Flat, Whole, about
from elastic.rules.answering import answered
from elastic.rules.census import take_census
from elastic.rules.common import Common, manual
from elastic.rules.manual import Manual
from elastic.rules.onesite import NamedSite
from elastic.rules.sizing import Limits, check_limits, stamped
from elastic.rules.thresholds import Thresholds


class Sensor(Common, frozen=True, kw_only=True):
    """Between a minimum and a maximum, by one metric."""

    documentation: ClassVar[Manual] = manual(
        "Changes the number of instances at one site by one metric, between a minimum and a maximum."
    )

    minimum_vms: Annotated[Whole, about("the fewest")] = 0
    maximum_vms: Annotated[Whole | None, about("the most", default="as minimum_vms")] = None
    thresholds: Flat[Thresholds]
    place: Flat[NamedSite]

    def __post_init__(self) -> None:
        check_limits(self.minimum_vms, self.maximum)
        if self.maximum:
            self.place.refuse_nowhere()

    @property
    def maximum(self) -> int:
        return self.minimum_vms if self.maximum_vms is None else self.maximum_vms

    @property
    def places(self) -> tuple[Place, ...]:
        """What it may launch."""
        return self.place.places if self.maximum else ()

    @property
    def interval(self) -> float | None:
        return self.thresholds.interval(self.sample_period)

    def decide(self, question: Question) -> Answer:
        census = take_census(question, self.place.site)
        limits = Limits(minimum=self.minimum_vms, maximum=self.maximum, share=question.share, reclaim=self.reclaim)
        last_change = census.memo.last_change
        asked = self.thresholds.ask(question, census.counted, census.base, last_change, self.sample_period)
        desired = limits.hold(asked.size, census.size)
        return answered(
            census,
            desired,
            self.place.reach(desired, census, question.now, oldest_first=self.oldest_first),
            asked.reasons + limits.reasons(asked.size, census.size),
            stamped(last_change, limits.hold(census.base, census.size), desired, question.now),
        )
