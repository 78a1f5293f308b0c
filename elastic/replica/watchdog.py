"""What becomes of a loop that hangs: first it loses its roles, then its process.

Nobody replaces a leader that is alive and does nothing: its session is kept by another thread.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

log = logging.getLogger(__name__)

EXIT_HUNG = 70


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds of lateness: after `resign` others shall lead, after `end` the process is of no use."""

    resign: float
    end: float

    @classmethod
    def of(cls, session_timeout: float) -> "Patience":
        """No turn takes a session, unless the store is lost: then it ends by itself within two."""
        return cls(resign=2 * session_timeout, end=4 * session_timeout)


class Watchdog:
    """`late` gives each loop's lateness. `give_up(role)` may hang as well: it has a thread of its own."""

    def __init__(
        self,
        patience: Patience,
        late: Callable[[], Iterable[tuple[str, float]]],
        leads: Callable[[], Iterable[str]],
        give_up: Callable[[str], None],
        end: Callable[[int], None],
    ) -> None:
        self._patience = patience
        self._late = late
        self._leads = leads
        self._give_up = give_up
        self._end = end
        self._resigned = False

    def look(self) -> None:
        """One look at all loops."""
        name, lateness = max(self._late(), key=lambda loop: loop[1])
        if lateness <= self._patience.resign:
            self._resigned = False
            return
        if not self._resigned:
            self._resigned = True
            log.error("the %s loop hangs, %.1f s late: the roles led here are given up", name, lateness)
            for role in self._leads():
                threading.Thread(target=self._give_up, args=(role,), name=f"give-up-{role}", daemon=True).start()
        if lateness > self._patience.end:
            log.critical("the %s loop hangs, %.1f s late: this process ends", name, lateness)
            self._end(EXIT_HUNG)
