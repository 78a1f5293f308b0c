"""A log that does not fill the disk of the machine it is about."""

import logging
import os
import stat
from typing import TextIO

LOG_LIMIT = "ELASTIC_NODE_LOG_LIMIT"
"""In bytes. Set by the local cloud, for no rotation looks after its servers' logs."""


class BoundedStream(logging.StreamHandler[TextIO]):
    """Writes to `stream`; where that is a file that has grown above `limit` bytes, begins it anew.

    The file has to be open for appending.
    """

    def __init__(self, stream: TextIO, limit: int) -> None:
        super().__init__(stream)
        self._limit = limit

    def emit(self, record: logging.LogRecord) -> None:
        self._make_room()
        super().emit(record)

    def _make_room(self) -> None:
        try:
            descriptor = self.stream.fileno()
            status = os.fstat(descriptor)
            if stat.S_ISREG(status.st_mode) and status.st_size > self._limit:
                os.ftruncate(descriptor, 0)
        except (OSError, ValueError):  # no descriptor behind it, or closed
            return
