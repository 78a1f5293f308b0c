"""Keeps N instances at one site, under the name that EPU's phantom clients give the number."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import msgspec

from elastic.model.actions import Answer, Place, Question
from elastic.rules.fixednumber import kept
from elastic.rules.onesite import WORKER_KEYS, OneSite
from elastic.rules.settings import Settings

KEYS = ("domain_desired_size", *WORKER_KEYS)


class Phantom(msgspec.Struct, frozen=True, kw_only=True):
    """As `simplest`, but for one key. (EPU's backoff in its own calls is replaced by that of all engines.)"""

    documentation: ClassVar[str] = """\
Keeps a fixed number of instances alive at one site, as simplest does.

domain_desired_size   how many; a whole number, required
force_site            where to launch; ec2-east
epuworker_type        the deployable type; epu_work_consumer
epuworker_allocation  the allocation; small
victims               who goes first when there are too many: newest or oldest; newest
reclaim               whether a share may shrink the domain; false
"""

    size: int
    reclaim: bool
    place: OneSite

    @classmethod
    def configured(cls, conf: Mapping[str, Any]) -> Self:
        settings = Settings(conf, KEYS)
        common = settings.common()
        place = OneSite.read_worker(settings, common)
        return cls(size=settings.integer("domain_desired_size"), reclaim=common.reclaim, place=place)

    @property
    def places(self) -> tuple[Place, ...]:
        """What it may launch."""
        return self.place.places if self.size else ()

    def decide(self, question: Question) -> Answer:
        return kept("domain_desired_size", self.size, self.place, question, reclaim=self.reclaim)
