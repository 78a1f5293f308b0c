"""One metric, an upper and a lower threshold, a step each way, and a rest after each step."""

from collections.abc import Sequence
from typing import Self

import msgspec

from elastic.model.actions import Candidate, Question, Reason
from elastic.rules.answering import shown
from elastic.rules.census import LastChange
from elastic.rules.exact import Number, exact
from elastic.rules.sampling import measured
from elastic.rules.settings import Settings
from elastic.rules.sizing import is_cooling

KEYS = (
    "metric",
    "scale_up_threshold",
    "scale_down_threshold",
    "scale_up_n_vms",
    "scale_down_n_vms",
    "cooldown_period",
)
NUMBERS = KEYS[1:]


class Asked(msgspec.Struct, frozen=True):
    """The size that is asked for, before the limits and the share."""

    size: int
    reasons: tuple[Reason, ...] = ()


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """Without a metric, or a threshold, there is no scaling (that way). `cooldown` is in seconds."""

    metric: str | None = None
    up: Number | None = None
    down: Number | None = None
    step_up: int = 1
    step_down: int = 1
    cooldown: Number = 0

    @classmethod
    def read(cls, settings: Settings) -> Self:
        return cls(
            metric=settings.text("metric", None),
            up=settings.number("scale_up_threshold", None, signed=True),
            down=settings.number("scale_down_threshold", None, signed=True),
            step_up=settings.integer("scale_up_n_vms", 1),
            step_down=abs(settings.integer("scale_down_n_vms", 1, minimum=None)),
            cooldown=settings.number("cooldown_period", 0),
        )

    def ask(
        self,
        question: Question,
        counted: Sequence[Candidate],
        base: int,
        last_change: LastChange | None,
        sample_period: Number,
    ) -> Asked:
        """`base`, or one step from it: never two for a launch that was refused or a shrink that was blocked."""
        if self.metric is None:
            return Asked(base)
        value = measured(self.metric, question.sensors, counted, sample_period, question.now)
        held = self._held(value is None, base, last_change, question.now)
        if value is None or held:
            return Asked(base, held)

        size = len(counted)
        if self.up is not None and value > exact(self.up):
            wanted, crossed = max(base, min(base, size) + self.step_up), f"above {self.up}"
        elif self.down is not None and value < exact(self.down):
            wanted, crossed = min(base, max(base, size) - self.step_down), f"below {self.down}"
        else:
            return Asked(base)
        if wanted == base:
            return Asked(base)
        return Asked(
            wanted, (Reason("policy", f"{self.metric} is {crossed}: {wanted} in place of {base}", wanted),)
        )

    def _held(self, no_data: bool, base: int, last_change: LastChange | None, now: Number) -> tuple[Reason, ...]:
        reasons = []
        if no_data:
            reasons.append(Reason("no_data", f"{self.metric} is not known: the size stays {base}", base))
        if last_change is not None and is_cooling(last_change, self.cooldown, now):
            end = shown(exact(last_change.at) + exact(self.cooldown))
            reasons.append(
                Reason("cooldown", f"changed a short while ago: the size stays {base} until {end}", base)
            )
        return tuple(reasons)
