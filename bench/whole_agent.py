"""`elastic-agent` over a bench's cloud (`bench/cloud.py`), that writes down how long its turns take.

    ELASTIC_BENCH_CLOUD=SOCKET ELASTIC_BENCH_TRACE=FILE python -m bench.whole_agent --config-file ... --member a

A line a second, and one after each turn in which it took something over.
"""

import os
import time
from pathlib import Path

import msgspec

from bench.cloud import RemoteCloud
from elastic.adapters.cloud import simulated
from elastic.adapters.cloud.place import CloudPlace
from elastic.agent import Agent
from elastic.cli.agent import main

EVERY = 1.0  # seconds


class Turns(msgspec.Struct, frozen=True, kw_only=True):
    """The turns since the line before; `at` (monotonic) is the end of the last. All in seconds. `whole`: all that
    it holds has been read."""

    at: float
    turns: int
    busy: float
    longest: float
    serial: int
    partitions: int
    domains: int
    visits: int
    whole: bool


class Trace:
    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)
        self._told_at = self._busy = self._longest = 0.0
        self._turns = 0
        self._holding = (0, 0, False)

    def note(self, agent: Agent, began: float, ended: float) -> None:
        self._turns += 1
        self._busy += ended - began
        self._longest = max(self._longest, ended - began)
        mirror, cycles = agent.staff.mirror, agent.staff.cycles
        holding = (mirror.assignment.serial, len(mirror.partitions()), mirror.is_whole)
        if holding == self._holding and ended - self._told_at < EVERY:
            return
        line = Turns(
            at=ended,
            turns=self._turns,
            busy=self._busy,
            longest=self._longest,
            serial=holding[0],
            partitions=holding[1],
            domains=len(mirror.keys()),
            visits=sum(cycle.visits for cycle in cycles),
            whole=mirror.is_whole,
        )
        self._file.write(msgspec.json.encode(line) + b"\n")
        self._holding, self._told_at = holding, ended
        self._turns, self._busy, self._longest = 0, 0.0, 0.0


def traced(path: Path) -> None:
    trace, turn = Trace(path), Agent.turn

    def timed(self: Agent) -> float:
        began = time.monotonic()
        pause = turn(self)
        trace.note(self, began, time.monotonic())
        return pause

    Agent.turn = timed  # type: ignore[method-assign]


class Remote(RemoteCloud):
    @classmethod
    def at(cls, _place: CloudPlace) -> "Remote":
        return cls(Path(os.environ["ELASTIC_BENCH_CLOUD"]))


if __name__ == "__main__":
    simulated.SimulatedCloud = Remote  # type: ignore[assignment,misc]
    traced(Path(os.environ["ELASTIC_BENCH_TRACE"]))
    main()
