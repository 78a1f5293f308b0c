"""Grows and shrinks a domain at one site as a metric crosses its thresholds."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import msgspec

from elastic.errors import BadRequest
from elastic.model.actions import Answer, Place, Question
from elastic.rules import onesite, thresholds
from elastic.rules.answering import answered
from elastic.rules.census import take_census
from elastic.rules.onesite import OneSite
from elastic.rules.settings import Common, Settings
from elastic.rules.sizing import Limits, stamped
from elastic.rules.thresholds import Thresholds

KEYS = ("minimum_vms", "maximum_vms", *thresholds.KEYS, *onesite.KEYS)


class Sensor(msgspec.Struct, frozen=True, kw_only=True):
    """Between a minimum and a maximum, by one metric."""

    documentation: ClassVar[str] = """\
Changes the number of instances at one site by one metric, between a minimum and a maximum.

minimum_vms, maximum_vms    the limits; 0, and the same as minimum_vms
metric                      what is looked at; without it the size stays
scale_up_threshold          above it the domain grows by scale_up_n_vms (1)
scale_down_threshold        below it the domain shrinks by scale_down_n_vms (1)
cooldown_period             seconds after a change in which the metric changes nothing more; 0
deployable_type, iaas_site  what to launch, and where; required unless maximum_vms is 0
iaas_allocation             the allocation
retirable_nodes             instances that go first when there are too many
unique_key, unique_values   each instance gets one of the values, in its extravars
sample_period               seconds for which a sample counts; 90
victims                     who goes first: newest or oldest; newest
reclaim                     whether a share may shrink the domain; false
"""

    minimum: int
    maximum: int
    thresholds: Thresholds
    place: OneSite
    common: Common

    @classmethod
    def configured(cls, conf: Mapping[str, Any]) -> Self:
        settings = Settings(conf, KEYS)
        common = settings.common()
        minimum = settings.integer("minimum_vms", 0)
        maximum = settings.integer("maximum_vms", minimum)
        if maximum < minimum:
            raise BadRequest(f"maximum_vms is {maximum}, below minimum_vms, {minimum}")
        return cls(
            minimum=minimum,
            maximum=maximum,
            thresholds=Thresholds.read(settings),
            place=OneSite.read(settings, common, needed=maximum > 0),
            common=common,
        )

    @property
    def places(self) -> tuple[Place, ...]:
        """What it may launch."""
        return self.place.places if self.maximum else ()

    @property
    def interval(self) -> float | None:
        """A metric may say something else, or fall silent."""
        return float(self.common.sample_period) / 3 if self.thresholds.metric is not None else None

    def decide(self, question: Question) -> Answer:
        census = take_census(question, self.place.site)
        limits = Limits(
            minimum=self.minimum, maximum=self.maximum, share=question.share, reclaim=self.common.reclaim
        )
        last_change = census.memo.last_change
        asked = self.thresholds.ask(question, census.counted, census.base, last_change, self.common.sample_period)
        desired = limits.hold(asked.size, census.size)
        return answered(
            census,
            desired,
            self.place.reach(desired, census, question.now),
            asked.reasons + limits.reasons(asked.size, census.size),
            stamped(last_change, limits.hold(census.base, census.size), desired, question.now),
        )
