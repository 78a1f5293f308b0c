"""The sweep: deletes servers and parts that carry our mark and that no record claims. The reaper's leader runs it.

List first, then read the record from the store, then delete; two sightings a grace apart, the first written
down under the leader's term; never more than a few a turn. What is to be deleted is read once more after that
writing, since then the store cannot be behind (`doc/decisions/freshness.md`). A mark numbered above the store's
counters proves that the store was wiped or restored: then nothing is swept until an operator accepts. So a site's
parts are looked at after its servers, in the same round: those may be what proves it, and are not heard of always.

Every domain is read, so that is done by workers, as the listing is: the control loop has others to look after.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from functools import partial
from math import inf

from elastic.errors import ServerGone, Superseded
from elastic.model.assignment import Term
from elastic.model.decision import Event
from elastic.model.server import Server
from elastic.ports.cloud import Cloud
from elastic.ports.store import Store, Stray
from elastic.ports.workers import Workers
from elastic.roles.moment import Moment
from elastic.roles.sweepable import Claims, Found, Parts, Servers, Sweepable, found_server
from elastic.rules.strays import Claim, allowance, ripe

log = logging.getLogger(__name__)

ACCEPTED = "sweep_accepted"
TOPIC = "sweep"
"""An operator asks for the next sweep now, by its usual rules."""

_Sight = tuple[Sequence[Found], Claims]
"""What a site shows, and whose those are that live."""


class Sweep:
    """`interval` between turns, `grace` between two sightings, `timeout` a call: seconds."""

    def __init__(
        self,
        store: Store,
        cloud: Cloud,
        workers: Workers,
        interval: float,
        grace: float,
        timeout: float,
        now: Callable[[], Moment],
    ) -> None:
        self._store, self._cloud, self._workers, self._now = store, cloud, workers, now
        self.interval, self.grace, self.timeout = interval, grace, timeout
        self._servers, self._parts = Servers(store, cloud), Parts(store, cloud)
        self._begun: float | None = None
        self._strays: dict[tuple[str, str], set[str] | None] = {}  # site, kind -> ids, by its last listing
        self._known: dict[str, float] = {}  # those noted, and since when we know of them, monotonic
        self._troubles: dict[tuple[str, str], str] = {}  # site, kind -> why nothing is swept, there or elsewhere
        self.ended_at: float | None = None

    @property
    def trouble(self) -> str:
        """Why nothing is swept; health is red while it says so."""
        return "; ".join(trouble for _, trouble in sorted(self._troubles.items()))

    def hurry(self) -> None:
        """Have the next turn begin one, if it is ours to sweep."""
        if self._begun is not None:
            self._begun = -inf

    def turn(self, term: Term | None) -> bool:
        """List each site, if it is time; the rest follows when the listings are there. False: it is not."""
        now = self._now()
        if term is None:
            self._begun, self._strays, self._known, self._troubles = None, {}, {}, {}
            return False
        if self._begun is not None and now.mono - self._begun < self.interval:
            return False
        self._begun = now.mono
        self._workers.submit("sites", self._cloud.sites, partial(self._begin, term))
        return True

    def _begin(self, term: Term, sites: Sequence[str] | None, error: Exception | None) -> None:
        if error is not None or sites is None:
            log.warning("the sites could not be listed for the sweep: %s", error)
            return
        lists = [(site, kind.name) for site in sites for kind in (self._servers, self._parts)]
        self._strays = {each: self._strays.get(each) for each in lists}
        self._troubles = {place: text for place, text in self._troubles.items() if place[0] in sites}
        for site in sites:
            self._list(self._servers, site, term)

    def _list(self, kind: Sweepable, site: str, term: Term) -> None:
        look = partial(_look, kind, site, self._store.layout().uid, self.timeout)
        self._workers.submit(site, look, partial(self._seen, kind, site, term))

    def _seen(self, kind: Sweepable, site: str, term: Term, seen: _Sight | None, error: Exception | None) -> None:
        if error is not None or seen is None:
            log.warning("the %s of site %s could not be listed for the sweep: %s", kind.name, site, error)
            return
        try:
            self._judge(kind, site, term, *seen)
        except Superseded as lost:
            log.info("another sweeps now: %s", lost)
            return
        if kind is self._servers:
            self._list(self._parts, site, term)

    def _judge(self, kind: Sweepable, site: str, term: Term, found: Sequence[Found], claims: Claims) -> None:
        self._look_for_loss(kind, site, claims)
        if not self._troubles:
            self._sweep(kind, term, site, _unclaimed(claims), found)
            self.ended_at = self._now().mono

    def _look_for_loss(self, kind: Sweepable, site: str, claims: Claims) -> None:
        accepted, place = float(self._store.flags().get(ACCEPTED) or 0.0), (site, kind.name)
        later = claims.get(Claim.FROM_THE_FUTURE, ())
        lost = [found for found in later if found.created > accepted or not accepted]
        if not lost:
            self._troubles.pop(place, None)
            return
        self._troubles[place] = (
            f"site {site} has {len(lost)} {kind.name} numbered above the store's counters, e.g. "
            f"{lost[0].instance_id}: the store was wiped or restored; nothing is swept "
            "until `elastic store accept`"
        )
        log.error("%s", self._troubles[place])

    def _sweep(
        self, kind: Sweepable, term: Term, site: str, strays: Sequence[Found], listed: Sequence[Found]
    ) -> None:
        """Note first sightings; delete those seen a grace ago, a few a turn."""
        now = self._now()
        noted = {s.server_id: s for s in self._store.strays()}
        self._known = {name: self._known.get(name, now.mono) for name in noted}
        fresh = [
            Stray(server_id=s.thing_id, instance_id=s.instance_id, at=now.wall)
            for s in strays
            if s.thing_id not in noted
        ]
        due = [s for s in strays if s.thing_id in noted and self._is_ripe(noted[s.thing_id], now)]
        self._strays[site, kind.name] = {s.thing_id for s in strays}
        self._store.note_strays(term, fresh, self._gone(noted, {s.thing_id for s in listed}))
        self._known |= dict.fromkeys((stray.server_id for stray in fresh), now.mono)
        condemned = due[: allowance(len(due), len(listed))]
        if condemned:
            look, end = partial(kind.claims, condemned), partial(self._end, kind, site)
            self._workers.submit(site, look, end)

    def _is_ripe(self, stray: Stray, now: Moment) -> bool:
        """By the clock of who saw it first; or, as that may be wrong, because we have known of it for a grace."""
        return ripe(stray.at, now.wall, self.grace) or ripe(self._known[stray.server_id], now.mono, self.grace)

    def _end(self, kind: Sweepable, site: str, claims: Claims | None, error: Exception | None) -> None:
        """Those that are still nobody's go, if we still lead and nothing has come to light meanwhile."""
        if error is not None or claims is None:
            log.warning("strays at site %s are left for the next sweep: %s", site, error)
            return
        if self._begun is None or self._troubles:
            return
        for found in _unclaimed(claims):
            log.warning("sweeps %s of %s", found.what, found.instance_id)
            self._remove(kind, found, "a stray")

    def _gone(self, noted: Collection[str], listed: Collection[str]) -> list[str]:
        """Of those noted: the ones listed as no strays, and the ones that no site shows any more."""
        known = [ids for ids in self._strays.values() if ids is not None]
        shown, is_whole = set().union(*known), len(known) == len(self._strays)
        return [n for n in noted if n not in shown and (is_whole or n in listed)]

    def remove(self, server: Server, why: str) -> None:
        """Delete one that is nobody's, and say so."""
        self._remove(self._servers, found_server(server), why)

    def _remove(self, kind: Sweepable, found: Found, why: str) -> None:
        event = Event(
            time=self._now().wall,
            kind="terminated",
            domain=str(found.key or ""),
            instance_id=found.instance_id,
            text=f"{found.what} deleted: {why}",
        )

        def deleted(_: None, error: Exception | None) -> None:
            if error is None:
                self._store.log([event])
            elif not isinstance(error, ServerGone):
                log.warning("%s could not be deleted: %s", found.what, error)

        self._workers.submit(found.site, partial(kind.end, found, self.timeout), deleted)


def _look(kind: Sweepable, site: str, uid: str, timeout: float) -> _Sight:
    """Blocks; the listing first."""
    found = kind.listed(site, uid, timeout)
    return found, kind.claims(found) if found else {}


def _unclaimed(claims: Claims) -> list[Found]:
    return [*claims.get(Claim.STRAY, ()), *claims.get(Claim.FROM_THE_FUTURE, ())]
