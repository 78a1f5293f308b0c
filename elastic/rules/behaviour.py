"""How fast a size may follow what the laws ask for, and what to do while none of them knows."""

import re
from fractions import Fraction
from math import ceil
from typing import Any, ClassVar, Literal, Self, get_args

import msgspec

from elastic.errors import BadRequest
from elastic.rules.exact import Number, exact
from elastic.rules.settings import Settings

PERCENT = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)%")
WHOLE = re.compile(r"[0-9]{1,9}")
Mode = Literal["hold", "static", "current_if_higher", "current_if_lower"]


class StepLimit(msgspec.Struct, frozen=True):
    """The larger one of `count` instances and `percent` of those there are; either may be null, not both."""

    count: int | None = None
    percent: str | None = None

    @classmethod
    def read(cls, settings: Settings, key: str, default: Self) -> Self | None:
        """A number, "P%", or both with "|" between; null for no limit."""
        if not settings.says(key):
            return default
        said = settings.anything(key, None)
        if said is None:
            return None
        if not isinstance(said, str):
            return cls(count=settings.integer(key))
        counts = [part for part in said.split("|") if WHOLE.fullmatch(part)]
        percents = [found[1] for part in said.split("|") if (found := PERCENT.fullmatch(part))]
        if len(percents) != 1 or len(counts) > 1 or len(counts) != said.count("|"):
            raise BadRequest(f'{settings.named(key)} has to be a number, "P%", or both as "P%|N", not {said!r}')
        return cls(count=int(counts[0]) if counts else None, percent=percents[0])

    def of(self, current: int) -> int:
        part = 0 if self.percent is None else max(1, ceil(current * Fraction(self.percent) / 100))
        return max(self.count or 0, part)


class Behaviour(msgspec.Struct, frozen=True, kw_only=True):
    """Windows, cooldowns and the interval in seconds."""

    interval: Number
    window_up: Number
    window_down: Number
    step_up: StepLimit | None
    step_down: StepLimit | None
    cooldown_in: Number
    cooldown_out: Number

    KEYS: ClassVar[tuple[str, ...]] = (
        "interval",
        "window_up",
        "window_down",
        "max_step_up",
        "max_step_down",
        "cooldown_in",
        "cooldown_out",
    )

    @classmethod
    def read(cls, settings: Settings) -> Self:
        return cls(
            interval=settings.number("interval", 30),
            window_up=settings.number("window_up", 0),
            window_down=settings.number("window_down", 600),
            step_up=StepLimit.read(settings, "max_step_up", StepLimit(4, "100")),
            step_down=StepLimit.read(settings, "max_step_down", StepLimit(1, "25")),
            cooldown_in=settings.number("cooldown_in", 60),
            cooldown_out=settings.number("cooldown_out", 0),
        )

    @property
    def memory(self) -> Fraction:
        """Seconds for which what was asked for has to be known."""
        return max(exact(self.window_up), exact(self.window_down))


class Fallback(msgspec.Struct, frozen=True, kw_only=True):
    """What holds from the `threshold`-th turn on in which no law knew anything."""

    threshold: int
    mode: Mode
    size: int | None

    KEYS: ClassVar[tuple[str, ...]] = ("failure_threshold", "mode", "size")

    @classmethod
    def read(cls, settings: Settings) -> Self:
        mode: Any = settings.choice("mode", get_args(Mode))
        size = settings.integer("size", None)
        if size is None and mode != "hold":
            raise BadRequest(f"{settings.named('size')} is missing, and the mode is {mode}")
        return cls(threshold=settings.integer("failure_threshold", 3, minimum=1), mode=mode, size=size)

    def of(self, current: int, misses: int) -> int:
        """`misses`: turns in a row in which no law knew anything, this one included."""
        if misses < self.threshold or self.mode == "hold" or self.size is None:
            return current
        match self.mode:
            case "static":
                return self.size
            case "current_if_higher":
                return max(current, self.size)
            case _:
                return min(current, self.size)
