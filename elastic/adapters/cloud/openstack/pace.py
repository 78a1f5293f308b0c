"""How fast we may ask one site, and when we may ask again."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from elastic.errors import NotAsked
from elastic.ports.clock import Clock


class Pace:
    """At most `rate` requests a second of one site (0: as many as we like), a second's worth of them at once; and
    none of a service that has asked for a pause. For all threads. `rate` may be changed at any time."""

    def __init__(self, clock: Clock, rate: float = 0.0) -> None:
        self._clock, self.rate = clock, rate
        self._lock = threading.Lock()
        self._free_at = clock.monotonic() - 1.0  # when the next request would go, had we asked without a break
        self._paused: dict[str, tuple[float, str]] = {}  # service -> until when, and why
        self._mine = threading.local()

    def wait(self, service: str, timeout: float) -> None:
        """Return when a request may go. NotAsked if that is more than `timeout` seconds away."""
        self._check_pause(service)
        if not getattr(self._mine, "has_place", False):
            self.take_place(timeout)

    def take_place(self, timeout: float) -> None:
        """Wait until one more request may go, for up to `timeout` seconds; NotAsked."""
        pause = self._place(timeout)
        if pause > 0:
            threading.Event().wait(pause)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Around a request whose place this thread has taken before: it goes out at once, or not at all."""
        self._mine.has_place = True
        try:
            yield
        finally:
            self._mine.has_place = False

    def hold(self, service: str, seconds: float, why: str) -> None:
        with self._lock:
            until = self._clock.monotonic() + seconds
            if until > self._paused.get(service, (0.0, ""))[0]:
                self._paused[service] = until, why

    def _check_pause(self, service: str) -> None:
        with self._lock:
            until, why = self._paused.get(service, (0.0, ""))
        left = until - self._clock.monotonic()
        if left > 0:
            raise NotAsked(f"not asked for a while: {why}", left)

    def _place(self, timeout: float) -> float:
        """Seconds to wait; the place is taken."""
        if self.rate <= 0:
            return 0.0
        with self._lock:
            now = self._clock.monotonic()
            free_at = max(self._free_at, now - 1.0)
            if free_at - now > timeout:
                raise NotAsked(f"more than {self.rate:g} requests a second", free_at - now)
            self._free_at = free_at + 1.0 / self.rate
            return free_at - now
