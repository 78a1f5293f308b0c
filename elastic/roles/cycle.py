"""The one loop that every role runs in: visit what has changed, what is due, and nothing else.

A visit that raises is logged, counted, told as a complaint and tried again with backoff; nobody else waits.
Only duty that is lost, or a store that does not answer, ends the turn.
"""

import heapq
import logging
from collections.abc import Callable, Iterable
from typing import Protocol

from elastic.errors import NotFound, OutcomeUnknown, Stale, StoreUnavailable, Superseded
from elastic.logs import about
from elastic.model.domain import DomainKey
from elastic.model.view import View
from elastic.ports.clock import Clock
from elastic.roles.mirror import Mirror
from elastic.roles.moment import Moment

log = logging.getLogger(__name__)

FIRST_RETRY, LONGEST_RETRY = 1.0, 300.0


class Role(Protocol):
    def visit(self, view: View, now: Moment) -> float | None:
        """Do for this domain what the role is there for; return the monotonic time by which it has to be
        visited again even if nothing changes (null: never)."""


class Failure:
    """A domain that this role could not serve, how often in a row, and why."""

    __slots__ = ("count", "text")

    def __init__(self) -> None:
        self.count, self.text = 0, ""

    def again(self, text: str) -> float:
        """Count one more; return the seconds to wait."""
        self.count, self.text = self.count + 1, text
        wait: float = FIRST_RETRY * 2 ** min(self.count - 1, 20)
        return min(wait, LONGEST_RETRY)


class Cycle:
    """`complained(key)` is called when the role begins or ceases to fail on that domain, `progress` before each
    visit: a turn over many domains is long, and does not hang. A role that does not heed itself is not visited
    again for what it has just written: an engine may write down at each visit that it was asked."""

    def __init__(
        self,
        name: str,
        role: Role,
        mirror: Mirror,
        clock: Clock,
        complained: Callable[[DomainKey], None] = lambda _: None,
        progress: Callable[[], None] = lambda: None,
        *,
        heeds_itself: bool = True,
    ) -> None:
        self._progress, self._heeds_itself = progress, heeds_itself
        self._visiting: DomainKey | None = None
        self.name, self.role, self._complained = name, role, complained
        self.failures: dict[DomainKey, Failure] = {}
        self.visits = self.failed_visits = 0
        self.ended_at: float | None = None  # monotonic; its age is what the watchdog looks at
        self._mirror, self._clock = mirror, clock
        self._dirty: dict[DomainKey, None] = {}  # in order of arrival
        self._due: list[tuple[float, DomainKey]] = []
        self._due_at: dict[DomainKey, float] = {}

    def touch(self, keys: Iterable[DomainKey]) -> None:
        """These changed: visit them in the next turn."""
        own = None if self._heeds_itself else self._visiting
        self._dirty.update(dict.fromkeys(key for key in keys if key != own))

    def next_due(self) -> float | None:
        """Monotonic time of the next visit, if nothing changes before."""
        if self._dirty:
            return self._clock.monotonic()
        return self._due[0][0] if self._due else None

    def turn(self) -> int:
        """Visit what has to be visited now; return how many."""
        self._take_due(self._clock.monotonic())
        keys, self._dirty = list(self._dirty), {}
        for done, key in enumerate(keys):
            try:
                with about(domain=key):
                    self._visit(key)
            except StoreUnavailable:
                self.touch(keys[done:])
                raise
        self.ended_at = self._clock.monotonic()
        return len(keys)

    def _take_due(self, now: float) -> None:
        while self._due and self._due[0][0] <= now:
            at, key = heapq.heappop(self._due)
            if self._due_at.get(key) == at:
                del self._due_at[key]
                self._dirty[key] = None

    def _visit(self, key: DomainKey) -> None:
        view = self._mirror.view(key)
        if view is None:
            self.failures.pop(key, None)
            return
        self.visits += 1
        self._progress()
        self._visiting = key
        try:
            due = self.role.visit(view, Moment.of(self._clock))
        except StoreUnavailable:
            raise
        except (Stale, NotFound, OutcomeUnknown) as late:
            log.info("%s: %s changed meanwhile (%s); visited again", self.name, key, late)
            self._schedule(key, self._clock.monotonic())
            return
        except Superseded as lost:
            log.info("%s: %s is no longer ours: %s", self.name, key, lost)
            self._schedule(key, self._clock.monotonic() + FIRST_RETRY)  # unless it is, by a newer table
            return
        except Exception as error:
            self._failed(key, error)
            return
        finally:
            self._visiting = None
        if self.failures.pop(key, None):
            self._complained(key)
        self._schedule(key, due)

    def _failed(self, key: DomainKey, error: Exception) -> None:
        self.failed_visits += 1
        failure = self.failures.setdefault(key, Failure())
        wait = failure.again(f"{type(error).__name__}: {error}")
        log.exception("%s failed on %s (%d in a row), again in %g s", self.name, key, failure.count, wait)
        self._schedule(key, self._clock.monotonic() + wait)
        if failure.count == 1:
            self._complained(key)

    def _schedule(self, key: DomainKey, at: float | None) -> None:
        """The latest word counts; an earlier entry of the heap is passed over when it comes up."""
        if at is None:
            self._due_at.pop(key, None)
        elif self._due_at.get(key) != at:
            self._due_at[key] = at
            heapq.heappush(self._due, (at, key))
