"""The one table: which member looks after which partition. Written by the decider's leader, obeyed by all.

The group's word on who is there is a hint: it may be late, empty or wrong for a moment. So a leader never
writes a table without itself, nor one that drops more than half of the members before they were gone for a
session timeout (unless they are proved dead); joins are debounced, leaves are not.
"""

import logging
from collections.abc import Mapping

from elastic.errors import Stale
from elastic.model.assignment import Assignment, Member, Seat, Term
from elastic.ports.clock import Clock
from elastic.ports.membership import Presence
from elastic.ports.store import Store
from elastic.rules.ring import assign

log = logging.getLogger(__name__)


class Assigner:
    def __init__(
        self, store: Store, member: str, clock: Clock, session_timeout: float, debounce: float = 1.0
    ) -> None:
        self._store, self._member, self._clock = store, member, clock
        self._session_timeout, self.debounce = session_timeout, debounce
        self._absent: dict[str, float] = {}  # holder -> since when we miss it, monotonic
        self._unable: dict[str, float] = {}  # member -> since when it says that it is not able

    def turn(self, seat: Seat, term: Term, present: Mapping[str, Presence], cards: Mapping[str, Member]) -> bool:
        """One look at the group, as the leader of `term`; True if a new table was written.

        Superseded: the seat is another's by now, and the caller stands down.
        """
        now = self._clock.monotonic()
        standing = self._store.assignment()
        weights = self._weights(standing, present, cards, now)
        if weights is None:
            return False
        return self._write(seat, term, standing, weights)

    def stand_down(self) -> None:
        """Another may have led meanwhile: what we missed of the group counts for nothing."""
        self._absent.clear()
        self._unable.clear()

    def _weights(
        self, standing: Assignment, present: Mapping[str, Presence], cards: Mapping[str, Member], now: float
    ) -> dict[str, float] | None:
        """Who is to hold partitions, and how much; null: leave the table as it is."""
        here = {name for name, p in present.items() if name in cards and not p.proved_dead}
        if self._member not in here:
            return None
        holders = set(standing.holders) - {""}
        self._note_absences(holders - here, now)
        if self._drops_too_many(holders, holders - here, present, now):
            log.warning("more than half of the members seem gone (%s): waiting", ", ".join(holders - here))
            return None
        settled = {n for n in here if n in holders or now - present[n].since >= self.debounce}
        if self._member not in settled:
            return None
        self._note_inabilities({n for n in here if not cards[n].is_able}, here, now)
        able = {n for n in settled if not self._is_unable(n, n in holders, now)} or settled
        weights = {n: cards[n].weight for n in able if cards[n].weight > 0}
        return weights or dict.fromkeys((able & holders) or able, 1.0)  # all are drained: better they than nobody

    def _note_absences(self, missing: set[str], now: float) -> None:
        self._absent = {name: self._absent.get(name, now) for name in missing}

    def _note_inabilities(self, unable: set[str], here: set[str], now: float) -> None:
        """While nobody is able it counts against nobody: after an outage of all, one is back before the others."""
        counted = unable if unable < here else ()
        self._unable = {name: self._unable.get(name, now) for name in counted}

    def _is_unable(self, name: str, is_holder: bool, now: float) -> bool:
        """A holder, if for a session by now: a hiccup of the bus must not move everything there and back."""
        return name in self._unable and (not is_holder or now - self._unable[name] >= self._session_timeout)

    def _drops_too_many(
        self, holders: set[str], missing: set[str], present: Mapping[str, Presence], now: float
    ) -> bool:
        """Count only those whose end is neither proved nor a session timeout old."""
        doubtful = [
            name
            for name in missing
            if not (name in present and present[name].proved_dead)
            and now - self._absent[name] < self._session_timeout
        ]
        return bool(doubtful) and 2 * len(missing) > len(holders)

    def _write(self, seat: Seat, term: Term, standing: Assignment, weights: Mapping[str, float]) -> bool:
        count = self._store.layout().partitions
        previous = {p: holder for p, holder in enumerate(standing.holders) if holder}
        table = assign(weights, count, previous)
        holders = tuple(table[p] for p in range(count))
        if holders == standing.holders:
            return False
        serial = standing.serial + 1
        since = tuple(
            standing.since[p] if p < len(standing.holders) and standing.holders[p] == holder else serial
            for p, holder in enumerate(holders)
        )
        try:
            self._store.assign(seat, Assignment(term=term.number, serial=serial, holders=holders, since=since))
        except Stale:
            return False  # our own last write, learnt of late: look again next turn
        loads = ", ".join(f"{name}: {holders.count(name)}" for name in sorted(weights))
        log.info("assignment %d of term %d: %s", serial, term.number, loads)
        return True
