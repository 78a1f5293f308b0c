"""A replica's sign of life for whoever watches it from outside: one stamp in a mapped file.

The control loop renews it itself, each turn: a thread of its own would go on beating for a loop that hangs.
"""

import mmap
import os
import struct
from pathlib import Path

_STAMP = struct.Struct("<d")


class Beat:
    """The writer's side. Raises OSError if the file cannot be made."""

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(descriptor, _STAMP.size)
            self._pages = mmap.mmap(descriptor, _STAMP.size)
        finally:
            os.close(descriptor)

    def renew(self, now: float) -> None:
        """`now` is seconds on CLOCK_MONOTONIC, which all processes of a host share."""
        _STAMP.pack_into(self._pages, 0, now)


def last_beat(path: Path) -> float | None:
    """The newest stamp in `path`; None if there was none yet."""
    try:
        (stamp,) = _STAMP.unpack(path.read_bytes())
    except (OSError, struct.error):
        return None
    return float(stamp) or None
