"""Proof of death: a file that a replica keeps locked for its whole life, and the kernel unlocks at its end.

    DIR/run/<member>.lock

The proof holds for kill -9 too, and at once; a process that merely hangs keeps its lock. The file stays when
the lock goes: whoever finds no file has proof of nothing.
"""

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

from elastic.errors import Conflict
from elastic.model.names import checked_name

PATIENCE = 1.0  # seconds; somebody's look at the lock holds it for an instant


class AliveLock:
    def __init__(self, run_dir: str | Path, member: str) -> None:
        self._path = _path(run_dir, member)
        self._member = member
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Raise Conflict if another process lives under that member's name."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not _locked_in_time(descriptor):
            pid = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
            os.close(descriptor)
            raise Conflict(f"a replica called {self._member} is running already: process {pid or 'unknown'}")
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def is_dead(run_dir: str | Path, member: str) -> bool:
    """Whether `member` has lived and does no more. A look shares the lock, so that two lookers agree."""
    try:
        descriptor = os.open(_path(run_dir, member), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return _locked(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _path(run_dir: str | Path, member: str) -> Path:
    return Path(run_dir) / f"{checked_name(member, 'member')}.lock"


def _locked_in_time(descriptor: int) -> bool:
    until = time.monotonic() + PATIENCE
    while not _locked(descriptor, fcntl.LOCK_EX):
        if time.monotonic() >= until:
            return False
        time.sleep(0.02)
    return True


def _locked(descriptor: int, kind: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        return True
    return False
