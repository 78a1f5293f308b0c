"""Keeps N instances at one site, where it is told which go first, and gives each a value of its own."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import msgspec

from elastic.model.actions import Answer, Place, Question
from elastic.rules import onesite
from elastic.rules.fixednumber import kept
from elastic.rules.onesite import OneSite
from elastic.rules.settings import Settings

KEYS = ("preserve_n", *onesite.KEYS)


class Needy(msgspec.Struct, frozen=True, kw_only=True):
    """As many as somebody else's autoscaler asks for, by reconfiguring it."""

    documentation: ClassVar[str] = """\
Keeps a fixed number of instances alive at one site; whoever sets the number also says which go first.

preserve_n                  how many; 0
deployable_type, iaas_site  what to launch, and where; required unless preserve_n is 0
iaas_allocation             the allocation
retirable_nodes             instances that go first when there are too many; naming one removes nothing
unique_key, unique_values   each instance gets one of the values, in its extravars; no more than there are
victims                     who goes first of the others: newest or oldest; newest
reclaim                     whether a share may shrink the domain; false
"""

    preserve_n: int
    reclaim: bool
    place: OneSite

    @classmethod
    def configured(cls, conf: Mapping[str, Any]) -> Self:
        settings = Settings(conf, KEYS)
        common = settings.common()
        wanted = settings.integer("preserve_n", 0)
        place = OneSite.read(settings, common, needed=wanted > 0)
        return cls(preserve_n=wanted, reclaim=common.reclaim, place=place)

    @property
    def places(self) -> tuple[Place, ...]:
        """What it may launch."""
        return self.place.places if self.preserve_n else ()

    def decide(self, question: Question) -> Answer:
        return kept("preserve_n", self.preserve_n, self.place, question, reclaim=self.reclaim)
