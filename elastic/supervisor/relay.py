"""Stderr, shared: what replicas write to theirs is passed on to ours, as are the supervisor's own words.

Nobody may be held up by a stderr that is not read: lines that it would not take at once are left out.
(Each process keeps all of its own in a file under DIR/log.)
"""

import logging
import logging.handlers
import os
import select
import threading
from pathlib import Path
from typing import IO

_CHUNK = 4096  # PIPE_BUF: a pipe that select calls writable takes this much without blocking
_FILE_BYTES = 10 * 1024 * 1024
_FILES = 5
_FORMAT = (
    "%(asctime)s.%(msecs)03d %(process)d %(levelname)s %(name)s domain=- member=supervisor term=- %(message)s"
)


class Stderr:
    """The file descriptor `target` as something to write text to, for many threads."""

    def __init__(self, target: int = 2) -> None:
        self._target = target
        self._lock = threading.Lock()

    def write(self, text: str) -> None:
        data = text.encode(errors="backslashreplace")
        with self._lock:
            for start in range(0, len(data), _CHUNK):
                if not self._took(data[start : start + _CHUNK]):
                    return

    def flush(self) -> None: ...

    def _took(self, data: bytes) -> bool:
        try:
            return bool(select.select([], [self._target], [], 0)[1]) and os.write(self._target, data) > 0
        except (OSError, ValueError):
            return False


def follow(pipe: IO[bytes], stderr: Stderr) -> None:
    """Pass on all lines that come out of `pipe`, in a thread that ends with it."""
    threading.Thread(target=_pass_on, args=(pipe, stderr), name="relay", daemon=True).start()


def _pass_on(pipe: IO[bytes], stderr: Stderr) -> None:
    with pipe:
        for line in pipe:
            stderr.write(line.decode(errors="backslashreplace"))


class _Rotated(logging.handlers.RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:
        """A full disk is no reason to stop."""


def log_to(stderr: Stderr, file: Path) -> None:
    """The supervisor's own log: to stderr, and to `file`, which is rotated."""
    kept = _Rotated(file, maxBytes=_FILE_BYTES, backupCount=_FILES)
    logging.basicConfig(
        level=logging.INFO,
        format=_FORMAT,
        datefmt="%Y-%m-%d %H:%M:%S",
        handlers=[logging.StreamHandler(stderr), kept],
        force=True,
    )
