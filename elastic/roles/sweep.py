"""The sweep: deletes servers that carry our mark and that no record claims. The reaper's leader runs it.

List first, then read the record from the store, then delete; two sightings a grace apart, the first written
down under the leader's term; never more than a few a turn. What is to be deleted is read once more after that
writing, since then the store cannot be behind (`doc/decisions/freshness.md`). A mark numbered above the store's
counters proves that the store was wiped or restored: then nothing is swept until an operator accepts.

Every domain is read, so that is done by workers, as the listing is: the control loop has others to look after.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from elastic.errors import BadMessage, CloudRefused, NotFound, ServerGone, Superseded
from elastic.model.assignment import Layout, Term
from elastic.model.decision import Event
from elastic.model.domain import DomainKey
from elastic.model.server import Server, ServerStatus
from elastic.model.view import View
from elastic.ports.cloud import Cloud
from elastic.ports.store import Store, Stray
from elastic.ports.workers import Workers
from elastic.roles.moment import Moment
from elastic.rules.ring import partition_of, slot_of
from elastic.rules.strays import Claim, allowance, claim, ripe

log = logging.getLogger(__name__)

ACCEPTED = "sweep_accepted"

_Claims = Mapping[Claim, Sequence[Server]]
_Sight = tuple[Sequence[Server], _Claims]
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
        self._begun: float | None = None
        self._strays: dict[str, set[str] | None] = {}  # site -> ids, by its last listing
        self._known: dict[str, float] = {}  # those noted, and since when we know of them, monotonic
        self._troubles: dict[str, str] = {}  # site -> why nothing is swept, there or elsewhere
        self.ended_at: float | None = None

    @property
    def trouble(self) -> str:
        """Why nothing is swept; health is red while it says so."""
        return "; ".join(trouble for _, trouble in sorted(self._troubles.items()))

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
        uid = self._store.layout().uid
        self._strays = {site: self._strays.get(site) for site in sites}
        self._troubles = {site: text for site, text in self._troubles.items() if site in sites}
        for site in sites:
            self._workers.submit(site, partial(self._look, site, uid), partial(self._seen, site, term))

    def _look(self, site: str, uid: str) -> _Sight:
        """Blocks; the listing first."""
        servers = self._cloud.servers(site, uid, self.timeout)
        living = [s for s in servers if s.status is not ServerStatus.DELETED]
        return servers, self._records(servers).claims(living)

    def _records(self, servers: Iterable[Server]) -> "_Records":
        """Blocks. What the store has now of their domains."""
        layout = self._store.layout()
        homes = {s.mark.key: partition_of(slot_of(s.mark.key), layout.partitions) for s in servers}
        views: dict[DomainKey, View | None] = {}
        for key, found in self._store.views(tuple(homes)):
            if isinstance(found, BadMessage):
                log.error("the servers of %s are left alone, as its record cannot be read: %s", key, found)
            else:
                views[key] = None if isinstance(found, NotFound) else found
        return _Records(layout, homes, views, {p: self._store.incarnation(p) for p in sorted({*homes.values()})})

    def _seen(self, site: str, term: Term, seen: _Sight | None, error: Exception | None) -> None:
        if error is not None or seen is None:
            log.warning("site %s could not be listed for the sweep: %s", site, error)
            return
        try:
            self._judge(site, term, *seen)
        except Superseded as lost:
            log.info("another sweeps now: %s", lost)

    def _judge(self, site: str, term: Term, servers: Sequence[Server], claims: _Claims) -> None:
        accepted = float(self._store.flags().get(ACCEPTED) or 0.0)
        lost = [s for s in claims.get(Claim.FROM_THE_FUTURE, ()) if s.created > accepted]
        if lost:
            self._refuse(site, lost)
        else:
            self._troubles.pop(site, None)
        if not self._troubles:
            self._sweep(term, site, _unclaimed(claims), servers)
            self.ended_at = self._now().mono

    def _refuse(self, site: str, servers: Sequence[Server]) -> None:
        self._troubles[site] = (
            f"site {site} has {len(servers)} servers numbered above the store's counters, e.g. "
            f"{servers[0].mark.instance_id}: the store was wiped or restored; nothing is swept "
            "until `elastic store accept`"
        )
        log.error("%s", self._troubles[site])

    def _sweep(self, term: Term, site: str, strays: Sequence[Server], listed: Sequence[Server]) -> None:
        """Note first sightings; delete those seen a grace ago, a few a turn."""
        now = self._now()
        noted = {s.server_id: s for s in self._store.strays()}
        self._known = {name: self._known.get(name, now.mono) for name in noted}
        fresh = [
            Stray(server_id=s.server_id, instance_id=s.mark.instance_id, at=now.wall)
            for s in strays
            if s.server_id not in noted
        ]
        due = [s for s in strays if s.server_id in noted and self._is_ripe(noted[s.server_id], now)]
        self._strays[site] = {s.server_id for s in strays}
        self._store.note_strays(term, fresh, self._gone(noted, {s.server_id for s in listed}))
        self._known |= dict.fromkeys((stray.server_id for stray in fresh), now.mono)
        condemned = due[: allowance(len(due), len(listed))]
        if condemned:
            self._workers.submit(site, partial(self._records, condemned), partial(self._end, site, condemned))

    def _is_ripe(self, stray: Stray, now: Moment) -> bool:
        """By the clock of who saw it first; or, as that may be wrong, because we have known of it for a grace."""
        return ripe(stray.at, now.wall, self.grace) or ripe(self._known[stray.server_id], now.mono, self.grace)

    def _end(
        self, site: str, condemned: Sequence[Server], records: "_Records | None", error: Exception | None
    ) -> None:
        """Those that are still nobody's go, if we still lead and nothing has come to light meanwhile."""
        if error is not None or records is None:
            log.warning("strays at site %s are left for the next sweep: %s", site, error)
            return
        if self._begun is None or self._troubles:
            return
        for server in _unclaimed(records.claims(condemned)):
            log.warning("sweeps server %s of %s", server.server_id, server.mark.instance_id)
            self.remove(server, "a stray")

    def _gone(self, noted: Collection[str], listed: Collection[str]) -> list[str]:
        """Of those noted: the ones listed as no strays, and the ones that no site shows any more."""
        known = [ids for ids in self._strays.values() if ids is not None]
        shown, is_whole = set().union(*known), len(known) == len(self._strays)
        return [n for n in noted if n not in shown and (is_whole or n in listed)]

    def remove(self, server: Server, why: str) -> None:
        """Delete one that is nobody's, and say so."""
        text = f"server {server.server_id} deleted: {why}"
        event = Event(
            time=self._now().wall,
            kind="terminated",
            domain=str(server.mark.key),
            instance_id=server.mark.instance_id,
            text=text,
        )

        def deleted(_: None, error: Exception | None) -> None:
            if error is None:
                self._store.log([event])
            elif not isinstance(error, ServerGone):
                log.warning("server %s could not be deleted: %s", server.server_id, error)

        self._workers.submit(server.site, partial(self._delete, server), deleted)

    def _delete(self, server: Server) -> None:
        """Only what bears that mark by the cloud's own word: we may know of it from another member."""
        seen = self._cloud.server(server.site, server.server_id, self.timeout)
        if seen.mark != server.mark:
            raise CloudRefused(f"it does not bear the mark of {server.mark.instance_id}")
        self._cloud.delete(server.site, server.server_id, self.timeout)


class _Records(NamedTuple):
    """What the store had of some servers' domains, null for one that is not there, and of their partitions."""

    layout: Layout
    homes: Mapping[DomainKey, int]
    views: Mapping[DomainKey, View | None]
    incarnations: Mapping[int, int]

    def claims(self, servers: Iterable[Server]) -> dict[Claim, list[Server]]:
        """Whose each is; those of a domain that cannot be read are left out."""
        found: dict[Claim, list[Server]] = defaultdict(list)
        for server in servers:
            key = server.mark.key
            if key in self.views:
                incarnation = self.incarnations[self.homes[key]]
                found[claim(server, self.layout, self.views[key], incarnation)].append(server)
        return found


def _unclaimed(claims: _Claims) -> list[Server]:
    return [*claims.get(Claim.STRAY, ()), *claims.get(Claim.FROM_THE_FUTURE, ())]
