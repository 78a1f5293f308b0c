"""One replica through all its lives: started, watched, killed when it hangs, started again."""

import logging
import signal
from collections.abc import Callable
from typing import IO

from elastic.supervisor.life import Life, Recipe

log = logging.getLogger(__name__)

_CALM = 60.0  # seconds; a life as long as this clears the count of earlier deaths
_LONGEST_PAUSE = 10.0
_REFUSED = 1  # the exit code of an agent that will not start however often it is tried


def pause_before(deaths: int) -> float:
    """Seconds to wait before a process is started again that died `deaths` times in a row: 0, 0.5, 1, 2..."""
    return 0.0 if deaths <= 1 else min(_LONGEST_PAUSE, 0.5 * 2.0 ** (deaths - 2))


class Child:
    """All times are monotonic seconds. `follow` is handed the stderr of each new life to read."""

    def __init__(self, recipe: Recipe, follow: Callable[[IO[bytes]], None]) -> None:
        self.member = recipe.member
        self.refuses = False
        self._recipe = recipe
        self._follow = follow
        self._life: Life | None = None
        self._deaths = 0
        self._due = 0.0

    @property
    def pid(self) -> int | None:
        return self._life.pid if self._life else None

    @property
    def ready(self) -> bool:
        return self._life is not None and self._life.ready

    def look(self, now: float, fair_since: float) -> None:
        """Start it if it is due, kill it if it hangs, mark its death.

        Silence before `fair_since` is not counted: we were not looking ourselves.
        """
        if self._life is None:
            if now >= self._due:
                self._start(now)
            return
        silence = self._life.overdue(now, fair_since)
        if self._life.ended() is None and silence is None:
            return
        if self._life.ended() is None:
            log.warning("replica %s hangs, no sign of life for %.1f s: it is killed", self.member, silence)
            self._life.signal(signal.SIGKILL)
        self._bury(self._life, now)
        if self._due <= now and not self.refuses:
            self._start(now)

    def _start(self, now: float) -> None:
        try:
            self._life = Life.begin(self._recipe, now, self._follow)
        except OSError as trouble:  # no memory, no processes left: may pass
            self._mark_death(now)
            log.error("replica %s cannot be started, %s", self.member, trouble)
            return
        log.info("replica %s is started, pid %s", self.member, self._life.pid)

    def _bury(self, life: Life, now: float) -> None:
        was_ready = life.ready
        code = life.bury()
        self._life = None
        self.refuses = code == _REFUSED and not was_ready
        if now - life.started > _CALM:
            self._deaths = 0
        self._mark_death(now)
        log.warning("replica %s (pid %s) ended: %s", self.member, life.pid, _cause(code))

    def _mark_death(self, now: float) -> None:
        self._deaths += 1
        self._due = now + pause_before(self._deaths)

    def signal(self, number: signal.Signals) -> None:
        if self._life is not None:
            self._life.signal(number)

    def gone(self) -> bool:
        """For a stop: it has ended, and nothing is started in its place."""
        if self._life is None:
            return True
        if self._life.ended() is None:
            return False
        self._life.bury()
        self._life = None
        return True


def _cause(code: int) -> str:
    if code >= 0:
        return f"exit {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
