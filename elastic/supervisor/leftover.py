"""What outlives that to which it belongs: replicas their supervisor, servers the directory of their records."""

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from elastic.adapters.cloud.local import SETTINGS
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
        _kill(left)
    finally:
        _close(left)
    if left:
        raise Conflict(f"replicas of an earlier run cannot be ended (pids {sorted(left)})")
    return killed


def end_servers(cloud: str) -> int:
    """End the servers of the local cloud in `cloud`, whose records are gone; return how many there were."""
    left = _opened(servers_of(cloud))
    count = len(left)
    try:
        _kill(left)
    finally:
        _close(left)
    return count


def servers_of(cloud: str) -> list[int]:
    """Pids of our user's processes that were started as servers of the local cloud in `cloud`."""
    wanted = os.fsencode(f"{SETTINGS}={cloud}/")
    return [
        int(entry.name)
        for entry in _processes()
        if any(setting.startswith(wanted) for setting in _words(entry / "environ"))
    ]


def replicas_of(config: Path) -> list[int]:
    """Pids of our user's replicas that a supervisor started on `config`."""
    wanted = os.fsencode(config)
    return [
        int(entry.name)
        for entry in _processes()
        if wanted in (argv := _words(entry / "cmdline")) and b"--parent-pipe" in argv
    ]


def _processes() -> Iterator[Path]:
    """Our user's."""
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):  # it has just ended
            if entry.name.isdigit() and entry.stat().st_uid == os.geteuid():
                yield entry


def _words(file: Path) -> list[bytes]:
    try:
        return file.read_bytes().split(b"\0")
    except OSError:  # it has just ended
        return []


def _opened(pids: list[int]) -> dict[int, int]:
    """Descriptors that mean these very processes, whatever becomes of their numbers."""
    opened = {}
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            opened[pid] = os.pidfd_open(pid)
    return opened


def _close(left: dict[int, int]) -> None:
    for descriptor in left.values():
        os.close(descriptor)


def _kill(left: dict[int, int]) -> None:
    """Drop from `left` what ends by it."""
    for descriptor in left.values():
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    _wait(left, _KILLED)


def _wait(left: dict[int, int], seconds: float) -> None:
    """Drop from `left` what ends within `seconds`."""
    deadline = time.monotonic() + seconds
    while left and (rest := deadline - time.monotonic()) > 0:
        ended, _, _ = select.select(list(left.values()), [], [], rest)
        for pid, descriptor in list(left.items()):
            if descriptor in ended:
                os.close(descriptor)
                del left[pid]
