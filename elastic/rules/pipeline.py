"""The fixed way from what several laws ask for to one size. Each stage says what it did to the number."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Literal

import msgspec

from elastic.model.kinds import LARGEST_WHOLE, MOST_ITEMS, Count, NotNegative, Section, Whole, about
from elastic.rules.answering import clock, shown
from elastic.rules.behaviour import Behaviour, Fallback
from elastic.rules.census import LastChange
from elastic.rules.exact import Number, exact, first_from, last_until
from elastic.rules.laws import AnyPolicy, Law, Timetable
from elastic.rules.schema import check_distinct
from elastic.rules.signals import NoData, Signals
from elastic.rules.sizing import is_cooling

Combine = Literal["max", "min", "sum"]
LONG, LONGEST = 256, 1024
"""Turns of a history; a memo has to find room in the store."""

COMBINED: Mapping[Combine, Callable[[Iterable[int]], int]] = {"max": max, "min": min, "sum": sum}
Past = tuple[float, int]
"""When, and what entered the stabilisation then."""


class Stage(msgspec.Struct, frozen=True):
    """One stage that looked at the number, which was `value` after it. `tells`: it made a difference."""

    stage: str
    value: int
    reason: str
    tells: bool = False


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What is so now. `signals`: of each law by its name; `counted`: how many instances a share must leave alone,
    unless it is to `reclaim` some; `misses`: turns in a row without any usable law, with this one if it is one."""

    signals: Mapping[str, Signals]
    current: int
    counted: int
    now: Number
    share: int | None = None
    reclaim: bool = False
    misses: int = 0
    history: Sequence[Past] = ()
    last_change: LastChange | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """`raw`: what each law asks for, null where it does not know; `unknown`: the signal that it misses. `entered`:
    what goes into the history. `before`: what the present size is after the clamp."""

    raw: Mapping[str, int | None]
    unknown: Mapping[str, str]
    stages: tuple[Stage, ...]
    entered: int
    desired: int
    before: int


class Capacity(Section, frozen=True, kw_only=True):
    minimum: Annotated[Whole, about("the fewest")] = msgspec.field(name="min", default=0)
    maximum: Annotated[Whole, about("the most")] = msgspec.field(name="max")
    slots: Annotated[Count, about("tasks that one instance works on at a time")] = 1
    weight: Annotated[NotNegative, about("its part where domains share a site; not used yet")] = 1
    boot_timeout: Annotated[
        NotNegative, about("seconds that one may take to be of use; not used yet: see health.boot_timeout")
    ] = 300

    def __post_init__(self) -> None:
        if self.maximum < self.minimum:
            raise ValueError(f"max is {self.maximum}, below min, {self.minimum}")


class Pipeline(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of a config that say a size."""

    policies: Annotated[
        tuple[AnyPolicy, ...],
        about("what asks for a size; by different names", min_length=1, max_length=MOST_ITEMS),
    ]
    combine: Annotated[
        Combine, about("which of the sizes they ask for; fewer than there are only if all agree to fewer")
    ] = "max"
    behaviour: Annotated[Behaviour, about("how fast that is followed")] = Behaviour()
    fallback: Annotated[Fallback, about("what to do while none of them knows")] = Fallback()
    capacity: Annotated[Capacity, about("between what limits")]

    def __post_init__(self) -> None:
        check_distinct("policies", [policy.name for policy in self.policies])

    @property
    def laws(self) -> Mapping[str, Law]:
        return {policy.name: policy for policy in self.policies if not isinstance(policy, Timetable)}

    @property
    def timetables(self) -> tuple[Timetable, ...]:
        return tuple(policy for policy in self.policies if isinstance(policy, Timetable))

    def run(self, turn: Turn) -> Outcome:
        raw, unknown = self._raw(turn)
        stages = [self._combined(raw, turn)]
        in_force = [table for table in self.timetables if table.is_in_force(turn.now)]
        if in_force:
            stages.append(_scheduled(stages[-1].value, in_force))
        entered = stages[-1].value
        for stage in (self._stabilised, self._stepped, self._clamped, self._cooled):
            stages.append(stage(stages[-1].value, turn))
        return Outcome(
            raw=raw,
            unknown=unknown,
            stages=tuple(stages),
            entered=entered,
            desired=stages[-1].value,
            before=self._clamp(turn.current, turn),
        )

    def remembered(self, history: Sequence[Past], now: Number, entered: int) -> list[list[Number]]:
        """The history with this turn's number, and without what is too old for either window; of one that grows
        long only what can still make a difference, and of that the last LONGEST. A number beyond all sizes is
        remembered as the largest one."""
        oldest = first_from(exact(now) - self.behaviour.memory)
        kept = [(at, value) for at, value in (*history, (now, min(entered, LARGEST_WHOLE))) if at >= oldest]
        return [[at, value] for at, value in (kept if len(kept) <= LONG else extremes(kept)[-LONGEST:])]

    def _raw(self, turn: Turn) -> tuple[dict[str, int | None], dict[str, str]]:
        raw: dict[str, int | None] = {}
        unknown: dict[str, str] = {}
        for name, law in self.laws.items():
            try:
                raw[name] = law.raw(turn.signals[name], self.capacity.slots)
            except NoData as lack:
                raw[name], unknown[name] = None, str(lack)
        return raw, unknown

    def _combined(self, raw: Mapping[str, int | None], turn: Turn) -> Stage:
        usable, current = [number for number in raw.values() if number is not None], turn.current
        if not raw:
            least = self.capacity.minimum
            return Stage("combine", least, f"schedules alone: the minimum, {least}", least != current)
        if not usable:
            return self._fallen_back(turn)
        value = COMBINED[self.combine](usable)
        told = ", ".join(f"{name} {'not known' if number is None else number}" for name, number in raw.items())
        if value >= current:
            return Stage("combine", value, f"the {self.combine} of {told} is {value}", value != current)
        if len(usable) == len(raw) and max(usable) < current:
            return Stage(
                "combine", value, f"all agree to fewer: the {self.combine} of {told} is {value}", tells=True
            )
        return Stage("combine", current, f"{told}: not all agree to fewer than {current}", tells=True)

    def _fallen_back(self, turn: Turn) -> Stage:
        """In the same words for as long as it is the same: each other text is written down, and told."""
        misses, turns = max(1, turn.misses), self.fallback.threshold
        value, acts = self.fallback.of(turn.current, misses), self.fallback.acts(misses)
        since = "for" if misses >= turns else "not yet for"
        return Stage("fallback", value, f"no law knows, {since} {turns} turns: {acts}, {value}", tells=True)

    def _stabilised(self, value: int, turn: Turn) -> Stage:
        """Fewer only if it was wanted all through the window; likewise more."""
        current, behaviour = turn.current, self.behaviour
        window = behaviour.window_down if value < current else behaviour.window_up
        before = last_until(exact(turn.now) - exact(window))
        seen = [past for at, past in turn.history if at > before] + [value]
        after = value
        if value < current:
            after = min(current, max(seen))
        elif value > current:
            after = max(current, min(seen))
        text = f"within {shown(exact(window))} s up to {after} was wanted: {after} in place of {value}"
        return Stage("stabilise", after, text if after != value else f"{value}, as in the window", after != value)

    def _stepped(self, value: int, turn: Turn) -> Stage:
        current, up, down = turn.current, self.behaviour.step_up, self.behaviour.step_down
        most = None if up is None else current + up.of(current)
        least = None if down is None else current - down.of(current)
        after = value if most is None else min(value, most)
        after = after if least is None else max(after, least)
        text = f"{after} in place of {value}: no more at a time, from {current}"
        return Stage("step", after, text if after != value else f"{value} is within one step", after != value)

    def _clamp(self, value: int, turn: Turn) -> int:
        after = min(max(value, self.capacity.minimum), self.capacity.maximum)
        if turn.share is None:
            return after
        return min(after, turn.share if turn.reclaim else max(turn.share, turn.counted))

    def _clamped(self, value: int, turn: Turn) -> Stage:
        after = self._clamp(value, turn)
        bounds = f"{self.capacity.minimum} to {self.capacity.maximum}"
        if turn.share is not None:
            bounds += f", a share of {turn.share}"
        return Stage("clamp", after, f"{bounds}: {after}", after != value)

    def _cooled(self, value: int, turn: Turn) -> Stage:
        last, current = turn.last_change, turn.current
        period = self.behaviour.cooldown_in if value < current else self.behaviour.cooldown_out
        counts = value < current or (value > current and last is not None and last.direction == "out")
        if last is None or not counts or not is_cooling(last, period, turn.now):
            return Stage("cooldown", value, f"{value}: nothing has to be waited for")
        end, after = exact(last.at) + exact(period), self._clamp(current, turn)
        return Stage(
            "cooldown", after, f"changed a short while ago: {after} until {clock(Fraction(end))}", tells=True
        )


def _scheduled(value: int, tables: Sequence[Timetable]) -> Stage:
    """Within the largest floor and the smallest ceiling of those in force."""
    floor = max((table.least for table in tables if table.least is not None), default=None)
    ceiling = min((table.most for table in tables if table.most is not None), default=None)
    after = value if floor is None else max(value, floor)
    after = after if ceiling is None else min(after, ceiling)
    told = " and ".join(
        f"{bound} {size}" for bound, size in (("floor", floor), ("ceiling", ceiling)) if size is not None
    )
    if floor is not None and ceiling is not None and floor > ceiling:
        return Stage("schedule", after, f"warning: {told} are in force, and the ceiling wins: {after}", tells=True)
    return Stage("schedule", after, f"in force: {told}: {after}", after != value)


def extremes(history: Sequence[Past]) -> list[Past]:
    """Without those that no window can bring to light: one that holds such a past holds a later one which is as
    large, and one which is as small."""
    kept: list[Past] = []
    largest = smallest = None
    for at, value in sorted(history, key=lambda past: past[0], reverse=True):
        if largest is None or smallest is None or value > largest or value < smallest:
            kept.append((at, value))
            largest = value if largest is None else max(largest, value)
            smallest = value if smallest is None else min(smallest, value)
    return kept[::-1]
