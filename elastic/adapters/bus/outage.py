"""How the log is told that the bus is away: once for all that wait for it, and not each time that they try."""

import logging
import threading
import time
from collections.abc import Callable
from functools import cache

log = logging.getLogger(__name__)

TELL_SECONDS = 10.0


class Outage:
    """One line when the bus is lost, one each ten seconds, one when everybody is back. For any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: dict[str, str] = {}
        self._since = self._told = -TELL_SECONDS
        self._is_known = False

    def lost(self, name: str, why: str) -> None:
        """`name` has no bus: it was lost just now, or another try to connect has failed."""
        with self._lock:
            now = self._clock()
            if not self._waiting:
                self._since = now
            self._waiting[name] = why
            if now - self._told < TELL_SECONDS:
                return
            self._told, self._is_known = now, True
            names, age = ", ".join(sorted(self._waiting)), now - self._since
        log.warning("no bus for %.0f s, connecting again (%s): %s", age, names, why)

    def back(self, name: str) -> None:
        """`name` is connected, or waits no more."""
        with self._lock:
            if self._waiting.pop(name, None) is None or self._waiting or not self._is_known:
                return
            self._is_known, age = False, self._clock() - self._since
        log.warning("the bus is back after %.1f s", age)


@cache
def outage_of(_url: str) -> Outage:
    """That of all listeners of this process at that bus."""
    return Outage()
