"""One listing of the cloud a site a turn, for all members: the doctor's leader makes it and tells the others.

It is a hint with an age: a member that has not heard one for two turns lists for itself.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import msgspec

from elastic.errors import CloudUnavailable
from elastic.logs import Complaint
from elastic.model.domain import Json
from elastic.model.server import Server
from elastic.ports.bus import Peers
from elastic.ports.clock import Clock
from elastic.ports.cloud import Cloud
from elastic.ports.workers import Workers

log = logging.getLogger(__name__)

TOPIC = "survey"
PART = 2000  # servers in one message
UNABLE_AFTER = 3  # turns in a row
MOST_ROUNDS, MOST_SERVERS = 1_000, 1_000_000
"""That we keep of surveys whose end has not come: beyond it a part was lost, or there is no end."""


class _Part(msgspec.Struct, frozen=True):
    """Of one member's listing of one site. `before`: how many servers the parts before it had; null from
    a member that does not say. `age`: seconds since it was begun."""

    site: str
    member: str
    round: str
    last: bool
    servers: list[Server]
    before: int | None = None
    age: float = 0.0


class Surveyor:
    """Makes the listings: all of them while it leads, its own when nobody else tells."""

    def __init__(
        self,
        cloud: Cloud,
        workers: Workers,
        peers: Peers,
        member: str,
        clock: Clock,
        interval: float,
        timeout: float,
        uid: Callable[[], str],
        learn: Callable[[str, Sequence[Server], float], None],
    ) -> None:
        self._cloud, self._workers, self._peers, self._clock = cloud, workers, peers, clock
        self._member = member
        self.interval, self.timeout, self._uid, self._learn = interval, timeout, uid, learn
        self._cloud_sites: tuple[str, ...] = ()  # by its last word
        self._begun: dict[str, float] = {}
        self._heard: dict[str, float] = {}
        self._parts: dict[tuple[str, str], list[Server]] = {}
        self._telling: set[str] = set()  # sites
        self._next_look = 0.0
        self._in_doubt = False
        self._untold = Complaint(log, "what the cloud lists could not be told: %s")
        self._failing_since: float | None = None
        self._silent: dict[str, int] = {}  # site -> turns in a row in which it did not answer us

    def doubt(self) -> None:
        """A call of ours was not answered: see for ourselves, though another may tell us."""
        self._in_doubt = True

    @property
    def failures(self) -> int:
        """Turns in a row in which no site answered us."""
        return min(tuple(self._silent.values()), default=0)

    @property
    def is_able(self) -> bool:
        """False: the cloud answers another, and not us. If it answers nobody, it is not for us to yield."""
        since = self._failing_since
        if self.failures < UNABLE_AFTER or since is None:
            return True
        return not any(at > since for at in tuple(self._heard.values()))

    def turn(self, leads: bool, sites: Callable[[], Iterable[str]], now: float) -> None:
        """List each site that is due: by us as the leader, or because nobody told us for two turns."""
        if now < self._next_look:
            return
        self._next_look = now + (self.interval if leads else self.interval / 2)
        to_list = sorted({*sites(), *self._named()})
        self._silent = {site: turns for site, turns in self._silent.items() if site in to_list}
        for site in to_list:
            looks = leads or self._in_doubt
            patience = self.interval if looks else 2 * self.interval
            last = self._begun.get(site, now - self.interval) if looks else self._last_word(site, now)
            if now - last >= patience:
                self._begun[site] = now
                work = partial(self._cloud.servers, site, self._uid(), self.timeout)
                self._workers.submit(site, work, partial(self._listed, site, leads, now))

    def _named(self) -> Sequence[str]:
        """The cloud's own list; its last one if it does not answer."""
        try:
            self._cloud_sites = tuple(self._cloud.sites())
        except CloudUnavailable as trouble:
            log.warning("the cloud does not say which sites it has: %s", trouble)
        return self._cloud_sites

    def _last_word(self, site: str, now: float) -> float:
        return max(self._heard.setdefault(site, now), self._begun.get(site, 0.0))

    def _listed(
        self, site: str, leads: bool, begun: float, servers: Sequence[Server] | None, error: Exception | None
    ) -> None:
        if error is not None or servers is None:
            self._silent[site], self._in_doubt = self._silent.get(site, 0) + 1, True
            if self._failing_since is None:
                self._failing_since = self._clock.monotonic()
            log.warning("site %s could not be listed: %s", site, error)
            return
        self._silent[site], self._in_doubt, self._failing_since = 0, False, None
        self._learn(site, servers, begun)
        if leads and site not in self._telling:  # else the others wait for the next one
            self._telling.add(site)
            tell = partial(self._tell, site, servers, begun)
            self._workers.submit("bus", tell, partial(self._told, site))

    def _tell(self, site: str, servers: Sequence[Server], begun: float) -> None:
        """Blocks: the bus confirms each part."""
        parts = [servers[n : n + PART] for n in range(0, len(servers), PART)] or [()]
        for number, part in enumerate(parts, 1):
            body = {
                "site": site,
                "member": self._member,
                "round": f"{self._member} {begun:.3f}",
                "before": PART * (number - 1),
                "last": number == len(parts),
                "age": self._clock.monotonic() - begun,
                "servers": msgspec.to_builtins(part),
            }
            self._peers.tell(TOPIC, body)

    def _told(self, site: str, _: None, error: Exception | None) -> None:
        self._telling.discard(site)
        if error is None:
            self._untold.settled()
        else:
            self._untold.raised(error)

    def hear(self, message: Mapping[str, Json]) -> None:
        """A leader's survey arrives, perhaps in parts. (Ours we have learnt from already.) ValueError."""
        if message.get("member") == self._member:
            return
        part = msgspec.convert(message, _Part)
        key = (part.site, part.round)
        self._parts = {k: v for k, v in self._parts.items() if k == key or k[0] != part.site}
        gathered = self._parts.setdefault(key, [])
        if part.before not in (None, len(gathered)):  # one was lost, and what was in it is not missing
            self._parts.pop(key)
            return
        gathered += part.servers
        if part.last:
            now = self._heard[part.site] = self._clock.monotonic()
            self._parts.pop(key)
            self._learn(part.site, gathered, now - part.age)
        elif len(self._parts) > MOST_ROUNDS or len(gathered) > MOST_SERVERS:
            self._parts.pop(next(iter(self._parts)) if len(self._parts) > MOST_ROUNDS else key)
