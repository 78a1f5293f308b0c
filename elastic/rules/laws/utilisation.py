"""`utilisation`: slots busy for a part of the time, as the HPA has it. Not for a queue by itself: it saturates."""

from typing import Annotated, ClassVar

from elastic.model.kinds import NotNegative, Part, about
from elastic.rules.exact import exact
from elastic.rules.laws.law import Named
from elastic.rules.signals import Signals, up


class Utilisation(Named, frozen=True, kw_only=True, tag="utilisation"):
    metric: ClassVar[None] = None

    target: Annotated[Part, about("part of the slots that is to be busy")] = 0.7
    tolerance: Annotated[
        NotNegative, about("a part of the target, by which slots may differ from it and nothing changes")
    ] = 0.1

    def raw(self, signals: Signals, slots: int) -> int:
        current = signals.current
        if not current:
            return up(signals.known("ready") / slots)
        ratio = signals.known("busy_slots") / (current * slots * exact(self.target))
        if abs(ratio - 1) <= exact(self.tolerance):
            return current
        return up(current * ratio)
