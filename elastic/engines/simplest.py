"""Keeps N instances at one site."""

from typing import Annotated, ClassVar

import msgspec

from elastic.model.actions import Answer, Place, Question
from elastic.model.kinds import Flat, Whole, about
from elastic.rules.common import Common, manual
from elastic.rules.fixednumber import kept
from elastic.rules.manual import Manual
from elastic.rules.onesite import OneSite
from elastic.rules.schema import key_of


class Simplest(Common, frozen=True, kw_only=True):
    """The default engine: as many as it is told, the sick ones replaced."""

    documentation: ClassVar[Manual] = manual("Keeps a fixed number of instances alive at one site.")

    size: Annotated[Whole, about("how many")] = msgspec.field(name="preserve_n")
    place: Flat[OneSite]

    @property
    def places(self) -> tuple[Place, ...]:
        """What it may launch."""
        return self.place.places if self.size else ()

    def decide(self, question: Question) -> Answer:
        return kept(key_of(type(self), "size"), self.size, self.place, self, question)
