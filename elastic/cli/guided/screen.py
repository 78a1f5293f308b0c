"""How the guided run is shown: redrawn in place on a terminal, or line after line."""

import shutil
import time
from collections.abc import Sequence
from typing import Protocol, TextIO

from elastic.cli.guided.cluster import Sight
from elastic.cli.guided.story import Told

_RESET, _BOLD, _DIM = "\x1b[0m", "\x1b[1m", "\x1b[2m"
_GREEN, _YELLOW, _RED, _CYAN = "\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[36m"
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"

Span = tuple[str, str]  # colour, text
Line = Sequence[Span]


class Screen(Protocol):
    def show(self, steps: Sequence[Told], sight: Sight, left: float) -> None:
        """`left`: seconds that remain for all of it."""


class Plain:
    """A line when a step begins, when an instance or a leader changes, when a step is done."""

    def __init__(self, out: TextIO, now: float) -> None:
        self._out = out
        self._began = now
        self._told: set[str] = set()
        self._states: dict[str, str] = {}

    def show(self, steps: Sequence[Told], sight: Sight, left: float) -> None:  # noqa: ARG002
        for number, step in enumerate(steps, 1):
            self._once(f"{number}. {step.title}")
            if step.took is not None and step is not steps[-1]:
                self._once(f"   done in {step.took:.1f} s: {step.outcome}")
        for row in sight.instances:
            state = f"{row['state']} {row['health']}"
            if self._states.get(row["instance_id"]) != state:
                self._states[row["instance_id"]] = state
                self._line(f"   {row['instance_id']} {state}")
        if steps and steps[-1].took is not None:
            self._once(f"   done in {steps[-1].took:.1f} s: {steps[-1].outcome}")

    def _once(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._line(text)

    def _line(self, text: str) -> None:
        print(f"{time.monotonic() - self._began:6.1f}s  {text}", file=self._out, flush=True)


class Drawn:
    """The same place of the terminal, drawn anew each time."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._height = 0
        self._frame = 0

    def show(self, steps: Sequence[Told], sight: Sight, left: float) -> None:
        self._frame += 1
        width, height = shutil.get_terminal_size()
        lines: list[Line] = [[(_BOLD, "elastic demo"), (_DIM, f"   {left:.0f} s left")], []]
        lines += [line for number, step in enumerate(steps, 1) for line in self._step(number, step)]
        lines += [[], *_replicas(sight), [], *_instances(sight)]
        drawn = [_cut(line, width - 1) for line in lines][: height - 1]
        up = f"\x1b[{self._height}A" if self._height else ""
        self._out.write("\r" + up + "".join(f"{line}\x1b[K\n" for line in drawn) + "\x1b[J")
        self._out.flush()
        self._height = len(drawn)

    def _step(self, number: int, step: Told) -> list[Line]:
        if step.took is None:
            sign = (_YELLOW, _SPINNER[self._frame % len(_SPINNER)])
            return [[sign, ("", f" {number}. {step.title}"), (_DIM, f"  {time.monotonic() - step.began:.1f} s")]]
        head = [(_GREEN, "✓"), ("", f" {number}. {step.title}")]
        return [head, [("", "     "), (_CYAN, f"{step.took:.1f} s"), (_DIM, f"  {step.outcome}")]]


def _replicas(sight: Sight) -> list[Line]:
    head: Line = [(_DIM, f"{'replica':<10}{'pid':>8}  {'partitions':>10}  leads")]
    rows: list[Line] = [
        [("", f"{row['member']:<10}{row['pid']:>8}  {row['partitions']:>10}  "), (_BOLD, " ".join(row["leads"]))]
        for row in sight.replicas
    ]
    return [head, *rows]


def _instances(sight: Sight) -> list[Line]:
    head: Line = [(_DIM, f"{'instance':<18}{'state':<20}{'health':<16}{'last heartbeat'}")]
    return [head, *(_instance(row) for row in sight.instances)]


def _instance(row: dict[str, object]) -> Line:
    state, health, age = str(row["state"]), str(row["health"]), row["last_heartbeat_age"]
    is_up = state == "600-RUNNING" and health == "OK"
    colour = _GREEN if is_up else _RED if state >= "650" or health == "MISSING" else _YELLOW
    heard = f"{age:.1f} s ago" if isinstance(age, int | float) else "-"
    return [("", f"{row['instance_id']!s:<18}"), (colour, f"{state:<20}{health:<16}"), ("", heard)]


def _cut(line: Line, width: int) -> str:
    """The line in its colours, of at most `width` characters: a longer one would upset the count of lines."""
    shown = []
    for colour, text in line:
        shown.append(f"{colour}{text[:width]}{_RESET}" if colour else text[:width])
        width = max(0, width - len(text))
    return "".join(shown)
