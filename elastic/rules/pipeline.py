"""The fixed way from what several laws ask for to one size. Each stage says what it did to the number."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar, Literal, Self, get_args

import msgspec

from elastic.errors import BadRequest
from elastic.rules.answering import shown
from elastic.rules.behaviour import Behaviour, Fallback
from elastic.rules.census import LastChange
from elastic.rules.exact import Number, exact, first_from, last_until
from elastic.rules.laws import LAWS, SCHEDULE, Law, Timetable
from elastic.rules.settings import Settings, distinct
from elastic.rules.signals import NoData, Signals
from elastic.rules.sizing import is_cooling

Combine = Literal["max", "min", "sum"]
LONG = 256
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
    """What is so now. `signals`: of each law by its name; `counted`: how many instances a share must leave alone;
    `misses`: turns in a row without any usable law, this one included if it is one."""

    signals: Mapping[str, Signals]
    current: int
    counted: int
    now: Number
    share: int | None = None
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


class Capacity(msgspec.Struct, frozen=True, kw_only=True):
    """`slots`: tasks that one instance works on at a time."""

    minimum: int
    maximum: int
    slots: int

    KEYS: ClassVar[tuple[str, ...]] = ("min", "max", "slots", "weight", "boot_timeout")

    @classmethod
    def read(cls, settings: Settings) -> Self:
        minimum, maximum = settings.integer("min", 0), settings.integer("max")
        if maximum < minimum:
            raise BadRequest(f"{settings.named('max')} is {maximum}, below min, {minimum}")
        settings.number("weight", 1)
        settings.number("boot_timeout", 300)
        return cls(minimum=minimum, maximum=maximum, slots=settings.integer("slots", 1, minimum=1))


class Pipeline(msgspec.Struct, frozen=True, kw_only=True):
    """`reclaim`: a share may shrink the domain."""

    laws: Mapping[str, Law]
    timetables: Mapping[str, Timetable]
    combine: Combine
    behaviour: Behaviour
    fallback: Fallback
    capacity: Capacity
    reclaim: bool = False

    KEYS: ClassVar[tuple[str, ...]] = ("policies", "combine", "behaviour", "fallback", "capacity")

    @classmethod
    def read(cls, settings: Settings, *, reclaim: bool = False) -> Self:
        laws: dict[str, Law] = {}
        timetables: dict[str, Timetable] = {}
        policies = [_policy(where, conf) for where, conf in settings.maps("policies")]
        distinct("policies", [name for name, _ in policies])
        for name, policy in policies:
            if isinstance(policy, Timetable):
                timetables[name] = policy
            else:
                laws[name] = policy
        combine: Any = settings.choice("combine", get_args(Combine))
        return cls(
            laws=laws,
            timetables=timetables,
            combine=combine,
            behaviour=Behaviour.read(settings.section("behaviour", Behaviour.KEYS)),
            fallback=Fallback.read(settings.section("fallback", Fallback.KEYS)),
            capacity=Capacity.read(settings.section("capacity", Capacity.KEYS)),
            reclaim=reclaim,
        )

    def run(self, turn: Turn) -> Outcome:
        raw, unknown = self._raw(turn)
        stages = [self._combined(raw, turn)]
        in_force = [table for table in self.timetables.values() if table.is_in_force(turn.now)]
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
        long only what can still make a difference."""
        oldest = first_from(exact(now) - self.behaviour.memory)
        kept = [(at, value) for at, value in (*history, (now, entered)) if at >= oldest]
        return [[at, value] for at, value in (kept if len(kept) <= LONG else extremes(kept))]

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
        value, misses = self.fallback.of(turn.current, max(1, turn.misses)), max(1, turn.misses)
        acts = self.fallback.mode if misses >= self.fallback.threshold else "hold"
        return Stage("fallback", value, f"no law knows, for {misses} turns: {acts}, {value}", tells=True)

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
        return min(after, turn.share if self.reclaim else max(turn.share, turn.counted))

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
            "cooldown", after, f"changed a short while ago: {after} until {shown(Fraction(end))}", tells=True
        )


def _scheduled(value: int, tables: Sequence[Timetable]) -> Stage:
    """Within the largest floor and the smallest ceiling of those in force."""
    floor = max((table.floor for table in tables if table.floor is not None), default=None)
    ceiling = min((table.ceiling for table in tables if table.ceiling is not None), default=None)
    after = value if floor is None else max(value, floor)
    after = after if ceiling is None else min(after, ceiling)
    told = " and ".join(
        f"{bound} {size}" for bound, size in (("floor", floor), ("ceiling", ceiling)) if size is not None
    )
    if floor is not None and ceiling is not None and floor > ceiling:
        return Stage("schedule", after, f"warning: {told} are in force, and the ceiling wins: {after}", tells=True)
    return Stage("schedule", after, f"in force: {told}: {after}", after != value)


def _policy(where: str, conf: Mapping[str, Any]) -> tuple[str, Law | Timetable]:
    said = Settings(
        {key: conf[key] for key in ("name", "engine") if key in conf}, ("name", "engine"), inside=where
    )
    name, engine = said.text("name"), said.text("engine")
    law = Timetable if engine == SCHEDULE else LAWS.get(engine)
    if law is None:
        raise BadRequest(f"{where}.engine: there is none called {engine!r}, only {', '.join((*LAWS, SCHEDULE))}")
    return name, law.read(Settings(conf, ("name", "engine", *law.KEYS), inside=where))


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
