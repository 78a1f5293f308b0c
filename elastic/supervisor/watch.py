"""The loop over the children: all started, each kept alive, all stopped."""

import logging
import signal
import time
from collections.abc import Callable, Sequence

from elastic.errors import Unavailable
from elastic.replica.signals import Signals
from elastic.supervisor.child import Child

log = logging.getLogger(__name__)

GENTLE = 5.0  # seconds that replicas have to stop cleanly

_LOOK = 0.25  # seconds between looks at signs of life; a death wakes us at once
_LATE = 1.0  # seconds; after a gap this long between two looks we know nothing about the children
_KILLED = 1.5  # seconds that the kernel has to end what was killed


class Watch:
    """Keeps `children` alive until a signal says stop. `ready` is called once, when all of them are.

    `check` is called again and again; what it raises ends the watch.
    """

    def __init__(
        self,
        children: Sequence[Child],
        signals: Signals,
        ready: Callable[[], None],
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._children = children
        self._signals = signals
        self._ready = ready
        self._check = check

    def run(self) -> None:
        """Raises Unavailable if a replica refuses to start before all were ready, or if `check` does: `stop` them
        then, too."""
        told = False
        last = fair_since = time.monotonic()
        while not self._signals.stops:
            now = time.monotonic()
            if now - last > _LATE:
                fair_since = now
            last = now
            self._check()
            for child in self._children:
                child.look(now, fair_since)
            if not told:
                told = self._told()
            self._signals.wait(_LOOK)

    def _told(self) -> bool:
        refusing = next((child for child in self._children if child.refuses), None)
        if refusing:
            raise Unavailable(f"replica {refusing.member} will not start: the lines above say why")
        if not all(child.ready for child in self._children):
            return False
        self._ready()
        return True

    def stop(self, gentle: float = GENTLE) -> None:
        """Ask all to stop, and kill those that do not in time or when we are asked a second time."""
        asked = self._signals.stops
        deadline = time.monotonic() + gentle
        for child in self._children:
            child.signal(signal.SIGTERM)
        while not self._gone() and time.monotonic() < deadline and self._signals.stops <= max(asked, 1):
            self._signals.wait(_LOOK)
        deadline = time.monotonic() + _KILLED
        for child in self._children:
            if not child.gone():
                log.warning("replica %s did not stop in time: it is killed", child.member)
                child.signal(signal.SIGKILL)
        while not self._gone() and time.monotonic() < deadline:
            self._signals.wait(_LOOK)

    def _gone(self) -> bool:
        return sum(child.gone() for child in self._children) == len(self._children)
