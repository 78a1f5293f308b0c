"""How fast we may ask one site, and when we may ask again."""

import threading

from elastic.errors import NotAsked
from elastic.ports.clock import Clock


class Pace:
    """At most `rate` requests a second (0: as many as we like), a second's worth of them at once; and none while
    the site has asked for a pause. For all threads."""

    def __init__(self, clock: Clock, rate: float = 0.0) -> None:
        self._clock, self._rate = clock, rate
        self._lock = threading.Lock()
        self._free_at = clock.monotonic() - 1.0  # when the next request would go, had we asked without a break
        self._paused_until = 0.0
        self._why = ""

    def wait(self, timeout: float) -> None:
        """Return when a request may go. NotAsked if that is more than `timeout` seconds away."""
        pause = self._place(timeout)
        if pause > 0:
            threading.Event().wait(pause)

    def hold(self, seconds: float, why: str) -> None:
        with self._lock:
            until = self._clock.monotonic() + seconds
            if until > self._paused_until:
                self._paused_until, self._why = until, why

    def _place(self, timeout: float) -> float:
        """Seconds to wait; the place is taken."""
        with self._lock:
            now = self._clock.monotonic()
            if now < self._paused_until:
                refused = NotAsked(f"it asked us to wait: {self._why}")
                refused.again = self._paused_until - now
                raise refused
            if self._rate <= 0:
                return 0.0
            free_at = max(self._free_at, now - 1.0)
            if free_at - now > timeout:
                raise NotAsked(f"more than {self._rate:g} requests a second")
            self._free_at = free_at + 1.0 / self._rate
            return free_at - now
