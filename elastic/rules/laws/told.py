"""`fixed` and `external`: a size that somebody else has reckoned."""

from typing import Annotated, ClassVar

from elastic.model.kinds import Name, Whole, about
from elastic.rules.laws.law import Named
from elastic.rules.signals import Signals, up


class Fixed(Named, frozen=True, kw_only=True, tag="fixed"):
    metric: ClassVar[None] = None

    size: Annotated[Whole, about("how many")]

    def raw(self, signals: Signals, slots: int) -> int:  # noqa: ARG002 - whatever is so
        return self.size


class External(Named, frozen=True, kw_only=True, tag="external"):
    source: Annotated[Name, about("who reckons it: for those who read")]
    metric: Annotated[Name | None, about("what a sensor calls it", default="that of the signal value")] = None

    def raw(self, signals: Signals, slots: int) -> int:  # noqa: ARG002 - it is told, in instances
        return up(signals.known("value"))
