"""What a replica was looking at when it died: the name of one domain, in memory that outlives a kill -9.

A mapped file costs no system call a visit, and the kernel keeps its pages when the process is gone.
"""

import mmap
import os
import struct
from pathlib import Path

from elastic.model.domain import DomainKey

_LENGTH = struct.Struct("<I")
_SIZE = 512  # two names of 128 characters, the colon and the length


class BlackBox:
    """One a member, at `path`; made if it is not there. Raises OSError if it cannot be.

    The name is written before its length, and the length is taken back before the next name: a death
    between the two leaves nothing, never a wrong name.
    """

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(descriptor, _SIZE)
            self._pages = mmap.mmap(descriptor, _SIZE)
        finally:
            os.close(descriptor)
        self._left_over = self._read()

    def enter(self, key: DomainKey) -> None:
        """The visit of `key` begins."""
        text = str(key).encode()
        self.leave()
        self._pages[_LENGTH.size : _LENGTH.size + len(text)] = text
        _LENGTH.pack_into(self._pages, 0, len(text))

    def leave(self) -> None:
        """The visit is over, and we are alive."""
        _LENGTH.pack_into(self._pages, 0, 0)

    def left_over(self) -> DomainKey | None:
        """The domain in whose visit the member's last life ended; None if it ended elsewhere."""
        return self._left_over

    def _read(self) -> DomainKey | None:
        (length,) = _LENGTH.unpack_from(self._pages, 0)
        if not 0 < length <= _SIZE - _LENGTH.size:
            return None
        owner, colon, name = (
            bytes(self._pages[_LENGTH.size : _LENGTH.size + length]).decode("ascii", "replace").partition(":")
        )
        return DomainKey(owner, name) if colon else None
