"""`step`: what to do in each band of a metric's values, as step scaling has it."""

from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise
from typing import Any, ClassVar, Self

import msgspec

from elastic.errors import BadRequest
from elastic.rules.exact import Number, exact
from elastic.rules.settings import Settings
from elastic.rules.signals import Signals, up

DEEDS = ("delta", "percent", "exact")


class Band(msgspec.Struct, frozen=True, kw_only=True):
    """Of values from `lower` to below `upper`, null for no end: the size changed by `delta` or by `percent` of
    itself, or `exact`."""

    lower: Number | None
    upper: Number | None
    deed: str
    amount: Number

    def has(self, value: Fraction) -> bool:
        reaches = self.lower is None or exact(self.lower) <= value
        return reaches and (self.upper is None or value < exact(self.upper))

    def size(self, current: int) -> int:
        if self.deed == "exact":
            return int(self.amount)
        if self.deed == "delta":
            return max(0, current + int(self.amount))
        return up(current * (100 + exact(self.amount)) / 100)


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Between bands nothing changes."""

    KEYS: ClassVar[tuple[str, ...]] = ("bands", "metric")

    bands: tuple[Band, ...]
    metric: str | None

    @classmethod
    def read(cls, settings: Settings) -> Self:
        bands = sorted((_band(name, said) for name, said in settings.maps("bands")), key=_beginning)
        for before, after in pairwise(bands):
            if before.upper is None or after.lower is None or exact(before.upper) > exact(after.lower):
                raise BadRequest(
                    f"{settings.named('bands')}: the one from {before.lower} and that from {after.lower} overlap"
                )
        return cls(bands=tuple(bands), metric=settings.text("metric", None))

    def raw(self, signals: Signals, slots: int) -> int:  # noqa: ARG002 - bands are of sizes
        value, current = signals.known("value"), signals.current
        return next((band.size(current) for band in self.bands if band.has(value)), current)


def _beginning(band: Band) -> tuple[bool, Fraction]:
    return (False, Fraction(0)) if band.lower is None else (True, exact(band.lower))


def _band(name: str, said: Mapping[str, Any]) -> Band:
    settings = Settings(said, ("lower", "upper", *DEEDS), inside=name)
    given = [deed for deed in DEEDS if said.get(deed) is not None]
    if len(given) != 1:
        raise BadRequest(f"{name} has to have one of {', '.join(DEEDS)}, and has {' and '.join(given) or 'none'}")
    deed = given[0]
    lower, upper = settings.number("lower", None, signed=True), settings.number("upper", None, signed=True)
    if lower is not None and upper is not None and exact(lower) >= exact(upper):
        raise BadRequest(f"{name}: lower is {lower}, and has to be below upper, {upper}")
    amount = (
        settings.number(deed, signed=True)
        if deed == "percent"
        else settings.integer(deed, minimum=0 if deed == "exact" else None)
    )
    return Band(lower=lower, upper=upper, deed=deed, amount=amount)
