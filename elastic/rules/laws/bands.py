"""`step`: what to do in each band of a metric's values, as step scaling has it."""

from fractions import Fraction
from itertools import pairwise
from typing import Annotated

from elastic.model.kinds import MOST_ITEMS, AnyWhole, Name, Section, Signed, Whole, about
from elastic.rules.exact import exact
from elastic.rules.laws.law import Named
from elastic.rules.schema import check_one_of
from elastic.rules.signals import Signals, up


class Band(Section, frozen=True, kw_only=True):
    """Of values from `lower` to below `upper`."""

    lower: Annotated[Signed | None, about("values from here on", default="no end")] = None
    upper: Annotated[Signed | None, about("values below this", default="no end")] = None
    delta: Annotated[AnyWhole | None, about("instances more, or fewer")] = None
    percent: Annotated[Signed | None, about("percent of the present size more, or fewer")] = None
    exact: Annotated[Whole | None, about("how many there shall be")] = None

    def __post_init__(self) -> None:
        check_one_of(self, ("delta", "percent", "exact"))
        if self.lower is not None and self.upper is not None and exact(self.lower) >= exact(self.upper):
            raise ValueError(f"lower is {self.lower}, and has to be below upper, {self.upper}")

    def has(self, value: Fraction) -> bool:
        reaches = self.lower is None or exact(self.lower) <= value
        return reaches and (self.upper is None or value < exact(self.upper))

    def size(self, current: int) -> int:
        if self.exact is not None:
            return self.exact
        if self.delta is not None:
            return max(0, current + self.delta)
        return up(current * (100 + exact(self.percent or 0)) / 100)


class Step(Named, frozen=True, kw_only=True, tag="step"):
    """Between bands nothing changes."""

    bands: Annotated[
        tuple[Band, ...],
        about(
            "what to do where the metric is; each has one of delta, percent and exact",
            min_length=1,
            max_length=MOST_ITEMS,
        ),
    ]
    metric: Annotated[Name | None, about("what is looked at", default="that of the signal value")] = None

    def __post_init__(self) -> None:
        for before, after in pairwise(sorted(self.bands, key=_beginning)):
            if before.upper is None or after.lower is None or exact(before.upper) > exact(after.lower):
                raise ValueError(f"bands: the one from {before.lower} and that from {after.lower} overlap")

    def raw(self, signals: Signals, slots: int) -> int:  # noqa: ARG002 - bands are of sizes
        value, current = signals.known("value"), signals.current
        return next((band.size(current) for band in self.bands if band.has(value)), current)


def _beginning(band: Band) -> tuple[bool, Fraction]:
    return (False, Fraction(0)) if band.lower is None else (True, exact(band.lower))
