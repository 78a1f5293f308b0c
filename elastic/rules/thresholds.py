"""One metric, an upper and a lower threshold, a step each way, and a rest after each step."""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from elastic.model.actions import Candidate, Question, Reason
from elastic.model.kinds import AnyWhole, Name, NotNegative, Signed, Whole, about
from elastic.rules.answering import clock
from elastic.rules.census import LastChange
from elastic.rules.exact import Number, exact
from elastic.rules.sampling import measured
from elastic.rules.sizing import is_cooling


class Asked(msgspec.Struct, frozen=True):
    """The size that is asked for, before the limits and the share."""

    size: int
    reasons: tuple[Reason, ...] = ()


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """Without a metric, or a threshold, there is no scaling (that way)."""

    metric: Annotated[Name | None, about("what is looked at; without it the size stays")] = None
    up: Annotated[Signed | None, about("above it the domain grows")] = msgspec.field(
        name="scale_up_threshold", default=None
    )
    down: Annotated[Signed | None, about("below it the domain shrinks")] = msgspec.field(
        name="scale_down_threshold", default=None
    )
    step_up: Annotated[Whole, about("by how many it grows")] = msgspec.field(name="scale_up_n_vms", default=1)
    step_down: Annotated[AnyWhole, about("by how many it shrinks; a sign does not count")] = msgspec.field(
        name="scale_down_n_vms", default=1
    )
    cooldown: Annotated[NotNegative, about("seconds after a change in which the metric changes nothing more")] = (
        msgspec.field(name="cooldown_period", default=0)
    )

    def interval(self, sample_period: Number) -> float | None:
        """Seconds after which the metric may say something else, or have fallen silent; null if there is none."""
        return float(sample_period) / 3 if self.metric is not None else None

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
            wanted, crossed = min(base, max(base, size) - abs(self.step_down)), f"below {self.down}"
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
            end = clock(exact(last_change.at) + exact(self.cooldown))
            reasons.append(
                Reason("cooldown", f"changed a short while ago: the size stays {base} until {end}", base)
            )
        return tuple(reasons)
