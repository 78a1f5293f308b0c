"""Engines at work: most answer in a blink; one that takes longer thinks on, and nobody waits for it.

The key of the domain whose engine is at work stands in a notebook that outlives us, so that a replica which
dies in a visit can say in whose.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from elastic.model.domain import DomainKey
from elastic.ports.workers import Overrun, Workers
from elastic.rules.policy import Considered

BLINK = 0.1  # seconds that the control loop waits for an engine


class Notebook(Protocol):
    """The file that outlives us."""

    def enter(self, key: DomainKey) -> None: ...

    def leave(self) -> None: ...

    def left_over(self) -> DomainKey | None: ...


class Thought(NamedTuple):
    """An engine call that took longer than a blink, on the view of that `counter`; `since` is monotonic."""

    counter: int
    since: float
    call: Overrun


class Thoughts:
    """`budget`: seconds that one engine call may take in all."""

    def __init__(self, workers: Workers, notebook: Notebook, budget: float) -> None:
        self._workers, self._notebook, self.budget = workers, notebook, budget
        self._pending: dict[DomainKey, Thought] = {}
        self.overruns = 0  # calls that took longer than a blink

    def think(self, key: DomainKey, counter: int, work: Callable[[], Considered], now: float) -> Considered | None:
        """The engine's answer; null while it is still at it. Whatever it raises is raised here; Overrun when
        it exceeds its budget. A call that has not returned is never started again."""
        pending = self._pending.get(key)
        if pending is None:
            return self._begin(key, counter, work, now)
        if pending.call.still_running():
            if now - pending.since > self.budget:
                raise pending.call
            return None
        del self._pending[key]
        self._put_down()
        if pending.counter != counter:
            return self._begin(key, counter, work, now)  # it thought about what is no longer so
        answer: Considered = pending.call.result()
        return answer

    def _begin(
        self, key: DomainKey, counter: int, work: Callable[[], Considered], now: float
    ) -> Considered | None:
        self._notebook.enter(key)
        try:
            answer: Considered = self._workers.run(work, BLINK)
        except Overrun as slow:
            self.overruns += 1
            self._pending[key] = Thought(counter, now, slow)
            return None
        finally:
            self._put_down()
        return answer

    def _put_down(self) -> None:
        """The one that has been at it longest is the likeliest to end us."""
        running = [(t.since, key) for key, t in self._pending.items() if t.call.still_running()]
        if running:
            self._notebook.enter(min(running)[1])
        else:
            self._notebook.leave()
