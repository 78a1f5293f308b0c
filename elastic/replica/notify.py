"""What systemd is told of us, if it started us (sd_notify(3)): that we are in the ring, and that we still live."""

import logging
import os
import socket
from collections.abc import Mapping

log = logging.getLogger(__name__)

EVERY = 1.0  # seconds between two signs of life


class Notify:
    """Whoever has not been started by systemd (`NOTIFY_SOCKET` is not set) tells nobody anything."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        place = environ.get("NOTIFY_SOCKET", "")
        self._place = "\0" + place[1:] if place.startswith("@") else place
        self._told = float("-inf")

    def ready(self) -> None:
        self._tell("READY=1")

    def alive(self, now: float) -> None:
        """`now`: monotonic seconds."""
        if now - self._told >= EVERY:
            self._told = now
            self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        self._tell("STOPPING=1")

    def _tell(self, word: str) -> None:
        if not self._place:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
                line.setblocking(False)
                line.sendto(word.encode(), self._place)
        except OSError as fault:
            log.debug("systemd was not told %s: %s", word, fault)
