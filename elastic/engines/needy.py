"""Keeps N instances at one site, where it is told which go first, and gives each a value of its own."""

from typing import Annotated, ClassVar

from elastic.model.actions import Answer, Place, Question
from elastic.model.kinds import Flat, Whole, about
from elastic.rules.common import Common, manual
from elastic.rules.fixednumber import kept
from elastic.rules.manual import Manual
from elastic.rules.onesite import NamedSite


class Needy(Common, frozen=True, kw_only=True):
    """As many as somebody else's autoscaler asks for, by reconfiguring it."""

    documentation: ClassVar[Manual] = manual(
        "Keeps a fixed number of instances alive at one site; whoever sets the number also says which go first."
    )

    preserve_n: Annotated[Whole, about("how many")] = 0
    place: Flat[NamedSite]

    def __post_init__(self) -> None:
        if self.preserve_n:
            self.place.refuse_nowhere()

    @property
    def places(self) -> tuple[Place, ...]:
        """What it may launch."""
        return self.place.places if self.preserve_n else ()

    def decide(self, question: Question) -> Answer:
        return kept("preserve_n", self.preserve_n, self.place, self, question)
