"""Keeps N instances at one site."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import msgspec

from elastic.model.actions import Answer, Place, Question
from elastic.rules.fixednumber import kept
from elastic.rules.onesite import WORKER_KEYS, OneSite
from elastic.rules.settings import Settings


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

    size_key: ClassVar[str] = "preserve_n"

    size: int
    reclaim: bool
    place: OneSite

    @classmethod
    def configured(cls, conf: Mapping[str, Any]) -> Self:
        settings = Settings(conf, (cls.size_key, *WORKER_KEYS))
        common = settings.common()
        place = OneSite.read_worker(settings, common)
        return cls(size=settings.integer(cls.size_key), reclaim=common.reclaim, place=place)

    @property
    def places(self) -> tuple[Place, ...]:
        """What it may launch."""
        return self.place.places if self.size else ()

    def decide(self, question: Question) -> Answer:
        return kept(self.size_key, self.size, self.place, question, reclaim=self.reclaim)
