"""What processes use of the host, by /proc."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Usage(NamedTuple):
    """Seconds of CPU since its start, and bytes in memory."""

    cpu: float
    rss: int


def usage_of(pid: int) -> Usage:
    """Zero of all if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return Usage(0.0, 0)
    return Usage((int(fields[11]) + int(fields[12])) / TICKS, int(fields[21]) * PAGE)


def usages(pids: Mapping[str, int]) -> dict[str, Usage]:
    return {name: usage_of(pid) for name, pid in pids.items()}
