"""`fixed` and `external`: a size that somebody else has reckoned."""

from typing import ClassVar, Self

import msgspec

from elastic.rules.settings import Settings
from elastic.rules.signals import Signals, up


class Fixed(msgspec.Struct, frozen=True, kw_only=True):
    KEYS: ClassVar[tuple[str, ...]] = ("size",)
    metric: ClassVar[None] = None

    size: int

    @classmethod
    def read(cls, settings: Settings) -> Self:
        return cls(size=settings.integer("size"))

    def raw(self, signals: Signals, slots: int) -> int:  # noqa: ARG002 - whatever is so
        return self.size


class External(msgspec.Struct, frozen=True, kw_only=True):
    """`source`: the plug-in or the URL that is asked, which is a sensor's work; what it answered is a metric."""

    KEYS: ClassVar[tuple[str, ...]] = ("source", "metric")

    source: str
    metric: str | None

    @classmethod
    def read(cls, settings: Settings) -> Self:
        return cls(source=settings.text("source"), metric=settings.text("metric", None))

    def raw(self, signals: Signals, slots: int) -> int:  # noqa: ARG002 - it is told, in instances
        return up(signals.known("value"))
