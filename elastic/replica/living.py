"""The threads of one agent: its control loop, its place in the group, and an eye on both."""

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Protocol

from elastic.errors import Conflict, ElasticError
from elastic.replica.loops import Loop
from elastic.replica.watchdog import Patience, Watchdog

log = logging.getLogger(__name__)

EXIT_CONFLICT = 1
USUALLY, OFTEN = 3, 15
"""How many times a session a member sees to its place in the group."""


class Stepped(Protocol):
    """An agent, as far as it is stepped from here; see `elastic/agent.py`."""

    def turn(self) -> float: ...

    def join(self) -> None: ...

    def keep(self) -> None: ...

    @property
    def won_at(self) -> float | None: ...

    def set_wake(self, wake: Callable[[], None]) -> None: ...

    def set_keeper_wake(self, wake: Callable[[], None]) -> None: ...

    def set_progress(self, tell: Callable[[], None]) -> None: ...

    def in_ring(self) -> bool: ...

    def leads(self) -> frozenset[str]: ...

    def give_up(self, role: str) -> None: ...

    def stop(self) -> None: ...


def keep_again(won_at: float | None, session_timeout: float, now: float) -> float:
    """Seconds until a member has to see again to its place in the group. Who has just come to lead looks more
    often: whoever led before may have died, and be listed for a moment longer."""
    is_new = won_at is not None and now - won_at < session_timeout
    return session_timeout / (OFTEN if is_new else USUALLY)


class Living:
    """`session_timeout` is in seconds. `ready` is called once, when the agent is in the ring; `alive` is given
    the monotonic time whenever the control loop has come further."""

    def __init__(
        self,
        agent: Stepped,
        session_timeout: float,
        ready: Callable[[], None],
        alive: Callable[[float], None],
        end: Callable[[int], None] = os._exit,
    ) -> None:
        self._agent = agent
        self._ready = ready
        self._alive = alive
        self._is_ready = self._has_joined = False
        self._session_timeout = session_timeout
        self._end = end
        wake, keeper_wake = threading.Event(), threading.Event()
        agent.set_wake(wake.set)
        agent.set_keeper_wake(keeper_wake.set)
        agent.set_progress(self.progress)
        self._control = Loop("control", self._turn, wake)
        self._keeper = Loop("keeper", self._keep, keeper_wake)
        self._watchdog = Watchdog(Patience.of(session_timeout), self._late, agent.leads, agent.give_up, end)

    def start(self) -> None:
        self._keeper.start()
        self._control.start()

    def look(self) -> None:
        """Look after the loops; to be called several times a second."""
        self._watchdog.look(time.monotonic())

    def late(self) -> dict[str, float]:
        """Seconds by which each loop is late."""
        return dict(self._late(time.monotonic()))

    def stop(self, timeout: float) -> bool:
        """Finish the turn, hand over, leave. False: that took longer than `timeout` seconds."""
        deadline = time.monotonic() + timeout
        self._control.stop()
        if not self._control.join(timeout):
            return False
        self._keeper.stop()
        if not self._keeper.join(max(0.0, deadline - time.monotonic())):
            return False
        leaving = threading.Thread(target=self._agent.stop, name="leave", daemon=True)
        leaving.start()
        leaving.join(max(0.0, deadline - time.monotonic()))
        return not leaving.is_alive()

    def progress(self) -> None:
        """The control loop has come further; to be called by its own thread."""
        self._control.progress()
        self._alive(time.monotonic())

    def _turn(self) -> float:
        self.progress()
        pause = self._agent.turn()
        self.progress()
        if not self._is_ready and self._has_joined and self._in_ring():
            self._is_ready = True
            self._ready()
        return pause

    def _in_ring(self) -> bool:
        try:
            return self._agent.in_ring()
        except ElasticError as trouble:
            log.debug("whether we are in the ring cannot be told now: %s", trouble)
            return False

    def _keep(self) -> float:
        try:
            if not self._has_joined:
                self._join()
            self._agent.keep()
        except Conflict as other:
            log.critical("this process ends: %s", other)
            self._end(EXIT_CONFLICT)
        return keep_again(self._agent.won_at, self._session_timeout, time.monotonic())

    def _join(self) -> None:
        try:
            self._agent.join()
            self._has_joined = True
        except Conflict:
            raise
        except ElasticError as trouble:
            log.warning("cannot join the group yet: %s", trouble)

    def _late(self, now: float) -> list[tuple[str, float]]:
        return [(loop.name, loop.lateness(now)) for loop in (self._control, self._keeper)]
