"""Keeps N instances at one site."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import msgspec

from elastic.model.actions import Answer, Place, Question, Reason
from elastic.rules.answering import answered
from elastic.rules.census import take_census
from elastic.rules.onesite import OneSite
from elastic.rules.settings import Settings
from elastic.rules.sizing import Limits

KEYS = ("preserve_n", "force_site", "epuworker_type", "epuworker_allocation")


class Simplest(msgspec.Struct, frozen=True, kw_only=True):
    """The default engine: as many as it is told, the sick ones replaced."""

    documentation: ClassVar[str] = """\
Keeps a fixed number of instances alive at one site.

preserve_n            how many; a whole number, required
force_site            where to launch; ec2-east
epuworker_type        the deployable type; epu_work_consumer
epuworker_allocation  the allocation; small
victims               who goes first when there are too many: newest or oldest; newest
reclaim               whether a share may shrink the domain; false
"""

    preserve_n: int
    reclaim: bool
    place: OneSite

    @classmethod
    def configured(cls, conf: Mapping[str, Any]) -> Self:
        settings = Settings(conf, KEYS)
        common = settings.common()
        place = OneSite(
            site=settings.text("force_site", "ec2-east"),
            deployable_type=settings.text("epuworker_type", "epu_work_consumer"),
            allocation=settings.text("epuworker_allocation", "small"),
            oldest_first=common.oldest_first,
        )
        return cls(preserve_n=settings.integer("preserve_n"), reclaim=common.reclaim, place=place)

    @property
    def places(self) -> tuple[Place, ...]:
        """What it may launch."""
        return self.place.places("force_site", "epuworker_type", "epuworker_allocation") if self.preserve_n else ()

    def decide(self, question: Question) -> Answer:
        census = take_census(question, self.place.site)
        limits = Limits(share=question.share, reclaim=self.reclaim)
        desired = limits.hold(self.preserve_n, census.size)

        reasons = limits.reasons(self.preserve_n, census.size)
        if desired != limits.hold(census.base, census.size):
            reasons = (Reason("policy", f"preserve_n is {self.preserve_n}, in place of {census.base}"), *reasons)
        moves = self.place.reach(desired, census, question.now)
        return answered(census, desired, moves, reasons, census.memo.last_change)
