"""Numbers that go along with a heartbeat: how loaded the machine is, and what its owner writes into files."""

import math
import os
import stat
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from elastic.model.actions import Work
from elastic.model.inside import Number

MEMORY = Path("/proc/meminfo")
MOST_BYTES = 4096


def numbers(asked: Sequence[Number], fill: Callable[[str], str]) -> Callable[[], dict[str, float]]:
    """What says all of them; one that cannot be had is left out. `fill` puts names into paths."""

    def said() -> dict[str, float]:
        found: dict[str, float] = {}
        for number in asked:
            try:
                found[number.name or number.kind] = KINDS[number.kind](fill(number.path))
            except (OSError, ValueError, IndexError, KeyError, ArithmeticError):
                continue  # no number is better than a wrong one
        return found

    return said


def work_in(path: str) -> Work | None:
    """What a file says of the tasks in hand, {"active": 1, "reserved": 0, "scheduled": 0}; null if nothing."""
    if not path:
        return None
    try:
        return msgspec.json.decode(_start_of(Path(path)), type=Work)
    except (OSError, ValueError, RecursionError):
        return None


def _start_of(path: Path) -> bytes:
    """Of a plain file: whoever opens a pipe waits for somebody to write into it."""
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise ValueError(f"{path} is no plain file")
        return os.read(file, MOST_BYTES)
    finally:
        os.close(file)


def _load(_path: str) -> float:
    return os.getloadavg()[0] / (os.cpu_count() or 1)


def _memory(_path: str) -> float:
    lines = dict(line.split(":", 1) for line in MEMORY.read_text().splitlines() if ":" in line)
    total, free = (int(lines[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
    return 1 - free / total


def _file(path: str) -> float:
    number = float(_start_of(Path(path)).decode())
    if not math.isfinite(number):
        raise ValueError(f"{number} is none that can be told")
    return number


KINDS: Mapping[str, Callable[[str], float]] = {"load": _load, "memory": _memory, "file": _file}
