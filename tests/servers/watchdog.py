"""Ends servers whose test run has died. Run as a process; its input tells it whom, and ends when the run does.

A line is `+ pid` or `- pid`. Not PR_SET_PDEATHSIG: that one fires when the *thread* that started a server ends.
"""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path


def started_at(pid: int) -> str:
    """The kernel's time of start, which tells a process from a later one of the same number; "" if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def main() -> None:
    watched: dict[int, str] = {}
    for line in sys.stdin:
        sign, pid = line.split()
        if sign == "+":
            watched[int(pid)] = started_at(int(pid))
        else:
            watched.pop(int(pid), None)
    for number, start in watched.items():
        if start and started_at(number) == start:
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)


if __name__ == "__main__":
    main()
