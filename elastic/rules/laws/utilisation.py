"""`utilisation`: slots busy for a part of the time, as the HPA has it. Not for a queue by itself: it saturates."""

from typing import ClassVar, Self

import msgspec

from elastic.rules.exact import Number, exact
from elastic.rules.settings import Settings
from elastic.rules.signals import Signals, up


class Utilisation(msgspec.Struct, frozen=True, kw_only=True):
    KEYS: ClassVar[tuple[str, ...]] = ("target", "tolerance")
    metric: ClassVar[None] = None

    target: Number
    tolerance: Number

    @classmethod
    def read(cls, settings: Settings) -> Self:
        return cls(
            target=settings.number("target", 0.7, positive=True, maximum=1),
            tolerance=settings.number("tolerance", 0.1),
        )

    def raw(self, signals: Signals, slots: int) -> int:
        current = signals.current
        if not current:
            return up(signals.known("ready") / slots)
        ratio = signals.known("busy_slots") / (current * slots * exact(self.target))
        if abs(ratio - 1) <= exact(self.tolerance):
            return current
        return up(current * ratio)
