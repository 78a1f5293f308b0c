"""Replicas of an earlier run that outlived their supervisor: they end by themselves, or we end them."""

import contextlib
import os
import select
import signal
import time
from pathlib import Path

from elastic.errors import Conflict

_PATIENCE = 4.0  # seconds; a replica ends within 3 s of its supervisor
_KILLED = 3.0


def clear(config: Path) -> list[int]:
    """Wait until no agent runs on `config`, killing those that stay; return the pids of those killed.

    Conflict if one cannot be killed.
    """
    left = _opened(replicas_of(config))
    try:
        _wait(left, _PATIENCE)
        killed = list(left)
        for descriptor in left.values():
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        _wait(left, _KILLED)
    finally:
        for descriptor in left.values():
            os.close(descriptor)
    if left:
        raise Conflict(f"replicas of an earlier run cannot be ended (pids {sorted(left)})")
    return killed


def replicas_of(config: Path) -> list[int]:
    """Pids of our user's replicas that a supervisor started on `config`."""
    wanted = os.fsencode(config)
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            argv = (entry / "cmdline").read_bytes().split(b"\0")
            ours = entry.stat().st_uid == os.geteuid()
        except OSError:  # it has just ended
            continue
        if ours and wanted in argv and b"--parent-pipe" in argv:
            found.append(int(entry.name))
    return found


def _opened(pids: list[int]) -> dict[int, int]:
    """Descriptors that mean these very processes, whatever becomes of their numbers."""
    opened = {}
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            opened[pid] = os.pidfd_open(pid)
    return opened


def _wait(left: dict[int, int], seconds: float) -> None:
    """Drop from `left` what ends within `seconds`."""
    deadline = time.monotonic() + seconds
    while left and (rest := deadline - time.monotonic()) > 0:
        ended, _, _ = select.select(list(left.values()), [], [], rest)
        for pid, descriptor in list(left.items()):
            if descriptor in ended:
                os.close(descriptor)
                del left[pid]
