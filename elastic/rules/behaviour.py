"""How fast a size may follow what the laws ask for, and what to do while none of them knows."""

from fractions import Fraction
from math import ceil
from typing import Annotated, Literal, Self

import msgspec
from msgspec import Meta

from elastic.model.kinds import Count, NotNegative, Section, Whole, about
from elastic.rules.exact import exact

NUMBER = r"[0-9]{1,9}(?:\.[0-9]{1,9})?"
LIMIT = rf"\A(?:{NUMBER}%(?:\|[0-9]{{1,9}})?|[0-9]{{1,9}}\|{NUMBER}%)\Z"
Mode = Literal["hold", "static", "current_if_higher", "current_if_lower"]
Limit = Whole | Annotated[str, Meta(pattern=LIMIT)] | None
"""A number of instances, a part of those there are, or both; null for no limit."""

LIMIT_SAID = 'a whole number, "P%", or both as "P%|N"; null: no limit'


class StepLimit(msgspec.Struct, frozen=True):
    """The larger one of `count` instances and `percent` of those there are; either may be null, not both."""

    count: int | None = None
    percent: str | None = None

    @classmethod
    def read(cls, said: Limit) -> Self | None:
        if not isinstance(said, str):
            return None if said is None else cls(count=said)
        parts = said.split("|")
        counts = [int(part) for part in parts if not part.endswith("%")]
        percents = [part.removesuffix("%") for part in parts if part.endswith("%")]
        return cls(count=counts[0] if counts else None, percent=percents[0])

    def of(self, current: int) -> int:
        part = 0 if self.percent is None else max(1, ceil(current * Fraction(self.percent) / 100))
        return max(self.count or 0, part)


class Behaviour(Section, frozen=True, kw_only=True):
    interval: Annotated[NotNegative, about("seconds from one look to the next")] = 30
    window_up: Annotated[NotNegative, about("seconds for which more has to be wanted before it is followed")] = 0
    window_down: Annotated[NotNegative, about("seconds for which fewer has to be wanted")] = 600
    max_step_up: Annotated[Limit, about("how many more at a time, the larger of two", title=LIMIT_SAID)] = "100%|4"
    max_step_down: Annotated[Limit, about("how many fewer at a time, the larger of two", title=LIMIT_SAID)] = (
        "25%|1"
    )
    cooldown_in: Annotated[NotNegative, about("seconds after any change in which there are not fewer")] = 60
    cooldown_out: Annotated[NotNegative, about("seconds after a growth in which there are not more")] = 0

    @property
    def step_up(self) -> StepLimit | None:
        return StepLimit.read(self.max_step_up)

    @property
    def step_down(self) -> StepLimit | None:
        return StepLimit.read(self.max_step_down)

    @property
    def memory(self) -> Fraction:
        """Seconds for which what was asked for has to be known."""
        return max(exact(self.window_up), exact(self.window_down))


class Fallback(Section, frozen=True, kw_only=True):
    """What holds from the `threshold`-th turn on in which no law knew anything."""

    threshold: Annotated[Count, about("turns in a row without any data, before mode holds")] = msgspec.field(
        name="failure_threshold", default=3
    )
    mode: Annotated[
        Mode, about("what the size is then: as it is; size; the larger or the smaller one of both")
    ] = "hold"
    size: Annotated[Whole | None, about("how many; required unless mode is hold")] = None

    def __post_init__(self) -> None:
        if self.size is None and self.mode != "hold":
            raise ValueError(f"size is missing, and the mode is {self.mode}")

    def acts(self, misses: int) -> Mode:
        """`misses`: turns in a row in which no law knew anything, this one included."""
        return "hold" if misses < self.threshold else self.mode

    def of(self, current: int, misses: int) -> int:
        if self.size is None:
            return current
        match self.acts(misses):
            case "hold":
                return current
            case "static":
                return self.size
            case "current_if_higher":
                return max(current, self.size)
            case _:
                return min(current, self.size)
