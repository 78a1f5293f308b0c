"""What needs the whole picture: done by the leader of a role, each under its own term."""

import logging
from collections.abc import Callable, Mapping

from elastic.errors import StoreUnavailable, Superseded
from elastic.model.assignment import Member, Term
from elastic.ports.membership import Presence
from elastic.ports.store import Store
from elastic.roles.assignment import Assigner
from elastic.roles.leadership import Leadership
from elastic.roles.moment import Moment
from elastic.roles.survey import Surveyor
from elastic.roles.sweep import Sweep

log = logging.getLogger(__name__)

GIVE_UP_AFTER = 3  # turns in a row that a leader fails its duty while another is able


class Duties:
    """`look_again`: seconds between two looks at a group that stays as it is."""

    def __init__(
        self,
        leadership: Leadership,
        store: Store,
        member: str,
        assigner: Assigner,
        surveyor: Surveyor,
        sweep: Sweep,
        look_again: float,
    ) -> None:
        self.present: Mapping[str, Presence] = {}  # written by the keeper's thread
        self.cards: Mapping[str, Member] = {}
        self._leadership, self._store, self._member = leadership, store, member
        self._assigner, self._surveyor, self._sweep = assigner, surveyor, sweep
        self._look_again = look_again
        self._looked_at: float | None = None
        self._seen: Mapping[str, Presence] = {}  # who was there then
        self._failed: dict[str, int] = {}

    def turn(self, sites: Callable[[], frozenset[str]], now: Moment) -> None:
        """Each role's duty, if we lead it; one that fails does not hold up the others."""
        self._do("decider", self._assign, now)
        self._do("reaper", lambda term, _: self._sweep.turn(term), now)
        if self._leadership.seat("decider") is None:
            self._assigner.stand_down()
        if self._leadership.seat("reaper") is None:
            self._sweep.turn(None)
        leads_doctors = self._leadership.term("doctor") is not None
        self._surveyor.turn(leads_doctors, sites, now.mono)
        if leads_doctors and self._surveyor.failures >= GIVE_UP_AFTER:
            self._hand_over("doctor")

    def _do(self, role: str, duty: Callable[[Term, Moment], bool], now: Moment) -> None:
        """`duty` returns False if there was nothing to do yet."""
        term = self._leadership.term(role)
        if term is None:
            return
        try:
            is_done = duty(term, now)
        except StoreUnavailable:
            raise
        except Superseded as lost:
            seat = self._leadership.seat(role)
            if seat is not None:
                self._leadership.stand_down(seat, lost)
            self._failed.pop(role, None)
        except Exception:
            self._failed[role] = self._failed.get(role, 0) + 1
            log.exception("the duty of the leading %s failed (%d in a row)", role, self._failed[role])
            if self._failed[role] >= GIVE_UP_AFTER:
                self._hand_over(role)
        else:
            if is_done:
                self._failed.pop(role, None)

    def _assign(self, term: Term, now: Moment) -> bool:
        present = self.present
        is_same = self._seen == present
        if is_same and self._looked_at is not None and now.mono - self._looked_at < self._look_again:
            return False
        self._looked_at, self._seen = now.mono, present
        self.cards = self._store.members()
        seat = self._leadership.seat("decider")
        if seat is not None:
            self._assigner.turn(seat, term, present, self.cards)
        return True

    def lead_nothing_if_drained(self) -> None:
        """To be called while we look after nothing. What an operator drains is about to be stopped: others lead,
        if there are any. Without a role to lose it costs nothing."""
        leads = self._leadership.leads()
        if not leads:
            return
        cards = self._store.members()
        if self._member in cards and cards[self._member].weight == 0 and self._another_could_lead(cards):
            log.info("drained: gives up the lead of %s", ", ".join(sorted(leads)))
            for role in sorted(leads):
                self._leadership.give_up(role, sessions=1)  # it may be taken into service again at any moment

    def _hand_over(self, role: str) -> None:
        """Another that is able may do better; alone, we go on trying."""
        if self._another_could_lead(self._store.members()):
            log.warning("gives up the lead of %s: its duty fails, and another is able", role)
            self._leadership.give_up(role)
            self._failed.pop(role, None)

    def _another_could_lead(self, cards: Mapping[str, Member]) -> bool:
        others = (m for m in cards.values() if m.name != self._member and m.name in self.present)
        return any(m.is_able and m.weight > 0 for m in others)
