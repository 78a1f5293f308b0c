"""What becomes of a loop that hangs: first it loses its roles, then its process.

Nobody replaces a leader that is alive and does nothing: its session is kept by another thread.

A process that was stopped (SIGSTOP, a suspended VM) finds all its loops late when it goes on, and none of them
hangs: lateness counts only while the watchdog looks on.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from math import inf

log = logging.getLogger(__name__)

EXIT_HUNG = 70
BREATH = 1.0  # seconds without a look that a busy machine may cause: what is beyond them nobody had


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds of lateness: after `resign` others shall lead, after `end` the process is of no use."""

    resign: float
    end: float

    @classmethod
    def of(cls, session_timeout: float) -> "Patience":
        """No turn takes a session, unless the store is lost: then it ends by itself within two."""
        return cls(resign=2 * session_timeout, end=4 * session_timeout)


@dataclass(slots=True)
class Standstills:
    """When nobody looked: (begin, end), monotonic, in order. `looked`: the last look."""

    looked: float = -inf
    past: tuple[tuple[float, float], ...] = ()

    def look(self, now: float) -> None:
        """To be called at each look."""
        if now - self.looked > BREATH:
            self.past += ((self.looked + BREATH, now),)
        self.looked = now

    def forget(self, before: float) -> None:
        self.past = tuple(still for still in self.past if still[1] > before)

    def since(self, due: float) -> float:
        """Seconds of them after `due`."""
        return sum(max(0.0, end - max(begin, due)) for begin, end in self.past)


def in_a_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="give-up", daemon=True).start()


class Watchdog:
    """`late` gives each loop's lateness at a monotonic time; `look` is to be called several times a second.
    `give_up(role)` may hang as well: it is done `apart`."""

    def __init__(
        self,
        patience: Patience,
        late: Callable[[float], Iterable[tuple[str, float]]],
        leads: Callable[[], Iterable[str]],
        give_up: Callable[[str], None],
        end: Callable[[int], None],
        apart: Callable[[Callable[[], None]], None] = in_a_thread,
    ) -> None:
        self._patience = patience
        self._late = late
        self._leads = leads
        self._give_up = give_up
        self._end = end
        self._apart = apart
        self._resigned = False
        self._standstills = Standstills()

    def look(self, now: float) -> None:
        """One look at all loops."""
        name, lateness = self._latest(now)
        if lateness <= self._patience.resign:
            self._resigned = False
            return
        if not self._resigned:
            self._resigned = True
            log.error("the %s loop hangs, %.1f s late: the roles led here are given up", name, lateness)
            for role in sorted(self._leads()):
                self._apart(partial(self._give_up, role))
        if lateness > self._patience.end:
            log.critical("the %s loop hangs, %.1f s late: this process ends", name, lateness)
            self._end(EXIT_HUNG)

    def _latest(self, now: float) -> tuple[str, float]:
        late = dict(self._late(now))
        self._standstills.look(now)
        self._standstills.forget(before=now - max(late.values()))
        counted = {name: seconds - self._standstills.since(now - seconds) for name, seconds in late.items()}
        return max(counted.items(), key=lambda loop: loop[1])
