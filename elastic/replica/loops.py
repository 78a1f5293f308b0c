"""A step done again and again, in a thread of its own that knows how long it has been at it."""

import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

_AFTER_FAILURE = 1.0  # seconds; a step that raises is tried again, not left


class Loop:
    """`step` does one turn and returns the seconds until the next is due; `wake` cuts that wait short."""

    def __init__(self, name: str, step: Callable[[], float], wake: threading.Event | None = None) -> None:
        self.name = name
        self._step = step
        self._wake = wake or threading.Event()
        self._stopping = False
        self._turned = time.monotonic()
        self._pause = 0.0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._turned = time.monotonic()
        self._thread.start()

    def stop(self) -> None:
        """End after the present step."""
        self._stopping = True
        self._wake.set()

    def join(self, timeout: float) -> bool:
        """Wait for its end; False: it is still at its last step."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def progress(self) -> None:
        """The step has come a step further: what it does now may take as long as a whole one."""
        self._turned = time.monotonic()

    def lateness(self, now: float) -> float:
        """Seconds by which it has not come round, or further: 0 while it waits as it said it would."""
        return max(0.0, now - self._turned - self._pause)

    def _run(self) -> None:
        while not self._stopping:
            self._turned, self._pause = time.monotonic(), 0.0
            pause = self._turn()
            self._turned, self._pause = time.monotonic(), pause
            self._wake.wait(pause)
            self._wake.clear()

    def _turn(self) -> float:
        try:
            return self._step()
        except Exception:  # nobody above us could do better, and a loop that ends is a silent stop
            log.exception("the %s loop failed; its next turn is in %g s", self.name, _AFTER_FAILURE)
            return _AFTER_FAILURE
