"""How a process that waits for messages is woken: a datagram to its socket, so nobody polls a busy file."""

import contextlib
import secrets
import select
import socket
import sys
import time
from collections.abc import Iterable

POLL_SECONDS = 0.005


class Bell:
    """A socket in Linux's abstract name space: no file to clean up, no limit of 107 bytes to run into.

    A ring that is lost costs the waiter its own slow look, never a message. Elsewhere than on Linux there is no
    such name space, and the waiter looks each few milliseconds.
    """

    def __init__(self) -> None:
        self.address = ""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | getattr(socket, "SOCK_CLOEXEC", 0))
        self._socket.setblocking(False)
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        if sys.platform == "linux":
            self.address = f"elastic-bus-{secrets.token_hex(12)}"
            self._socket.bind(f"\0{self.address}")

    def wait(self, seconds: float) -> None:
        """Return when rung, or after `seconds`."""
        if not self.address:
            time.sleep(min(seconds, POLL_SECONDS))
            return
        self._poll.poll(max(0.0, seconds) * 1000)
        with contextlib.suppress(BlockingIOError):
            while self._socket.recv(1):
                pass

    def ring(self, addresses: Iterable[str]) -> None:
        for address in addresses:
            # Refused: it is gone. Would block: it has rings enough to wake up by.
            with contextlib.suppress(OSError):
                self._socket.sendto(b"!", f"\0{address}")

    def close(self) -> None:
        self._socket.close()
