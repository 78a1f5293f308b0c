"""The roles that this member leads: seats are hints from the election, terms are what the store grants on them.

A term is raised once a seat. Whoever is told Superseded stands down until it holds another seat; one that the
store refuses and the election does not is given back.
"""

import logging
from collections.abc import Callable
from threading import Lock

from elastic.errors import Superseded
from elastic.model.assignment import ROLES, Seat, Term
from elastic.model.decision import Event
from elastic.ports.membership import Election
from elastic.ports.store import Store
from elastic.roles.moment import Moment

log = logging.getLogger(__name__)

SHY = 5.0  # sessions for which one that gave up a role does not contend for it


class Leadership:
    """`contend` and `give_up` may be called from other threads; `term` by the control loop only."""

    def __init__(
        self,
        election: Election,
        store: Store,
        member: str,
        session_timeout: float,
        now: Callable[[], Moment],
    ) -> None:
        self._election, self._store, self._member, self._now = election, store, member, now
        self._session_timeout = session_timeout
        self._lock = Lock()  # an election is used by one thread at a time
        self._seats: dict[str, Seat] = {}
        self._terms: dict[Seat, Term] = {}
        self._lost: set[Seat] = set()
        self._shy_until: dict[str, float] = {}

    def contend(self) -> None:
        """Take or keep each role's lock. Called about three times a session."""
        for role in ROLES:
            with self._lock:
                seat = self._contended(role)
                if seat is None:
                    self._seats.pop(role, None)
                else:
                    self._seats[role] = seat

    def _contended(self, role: str) -> Seat | None:
        """None also if we do not want it."""
        if self._now().mono < self._shy_until.get(role, 0.0):
            self._election.resign(role)  # again: it may have failed when we gave the role up
            return None
        seat = self._election.contend(role)
        if seat in self._lost:
            self._election.resign(role)  # else nobody would lead for as long as we live
            return None
        return seat

    def set_wake(self, wake: Callable[[], None]) -> None:
        """Called, from any thread, when it is time to contend."""
        self._election.set_wake(wake)

    def leads(self) -> frozenset[str]:
        return frozenset(role for role, seat in tuple(self._seats.items()) if seat not in self._lost)

    def seat(self, role: str) -> Seat | None:
        seat = self._seats.get(role)
        return seat if seat is not None and seat not in self._lost else None

    def terms(self) -> dict[str, int]:
        return {
            seat.role: term.number for seat, term in tuple(self._terms.items()) if self.seat(seat.role) == seat
        }

    def term(self, role: str) -> Term | None:
        """The term that the store has granted us for our present seat."""
        seat = self.seat(role)
        if seat is None:
            return None
        if seat not in self._terms:
            try:
                term = self._store.raise_term(seat)
            except Superseded as lost:
                self.stand_down(seat, lost)
                return None
            self._terms = {s: t for s, t in self._terms.items() if s.role != role} | {seat: term}
            self._tell(term)
        return self._terms[seat]

    def stand_down(self, seat: Seat, why: Exception) -> None:
        """The store has refused it: this seat is no longer ours, whatever the election says."""
        log.info("no longer leads %s: %s", seat.role, why)
        self._lost = {s for s in self._lost if s.role != seat.role} | {seat}

    def give_up(self, role: str, sessions: float = SHY) -> None:
        """Hand the role to another, and keep out of its election for so many sessions."""
        self._resign(role, self._now().mono + sessions * self._session_timeout)

    def resign_all(self) -> None:
        for role in ROLES:
            self._resign(role, float("inf"))

    def _resign(self, role: str, shy_until: float) -> None:
        with self._lock:
            self._shy_until[role] = shy_until
            self._seats.pop(role, None)
            self._election.resign(role)

    def forget_seats(self) -> None:
        """The store does not answer: nobody knows who leads."""
        self._seats.clear()

    def _tell(self, term: Term) -> None:
        text = f"{self._member} leads {term.role}, term {term.number}"
        log.info("%s", text)
        self._store.log([Event(time=self._now().wall, kind="leader", text=text)])
