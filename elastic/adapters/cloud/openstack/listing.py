"""Our servers at one site: all of them, or what has changed since we last looked.

A whole listing is one request for each five hundred servers. Once it was read, a turn costs one small request:
`changes-since`, which shows what was deleted too. (Not by tag: Nova drops a server's tags with it.) Nova's own
clock says since when, with an overlap for what comes to light late; and from time to time all is read again.
"""

import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from openstack.connection import Connection
from openstack.exceptions import raise_from_response

from elastic.adapters.cloud.openstack.marks import cluster_tag
from elastic.adapters.cloud.openstack.servers import server_of
from elastic.adapters.cloud.openstack.site import Site
from elastic.adapters.cloud.openstack.turns import in_turn
from elastic.model.server import Server, ServerStatus
from elastic.ports.clock import Clock

PAGE = 500  # servers in one answer
WHOLE_EACH = 300.0  # seconds
DOUBTFUL_EACH = 30.0
"""Seconds, while one that was being built is told of no more: of one that was deleted before it came to a host
nothing remains, and no change is shown."""

OVERLAP = timedelta(seconds=60)

_Page = tuple[Mapping[str, Any], requests.Response]


class Listing:
    """For all threads, one of which reads at a time. Absence is no evidence, also here."""

    def __init__(self, site: Site, clock: Clock) -> None:
        self._site, self._clock = site, clock
        self._lock = threading.Lock()
        self._cluster = ""
        self._known: dict[str, Server] = {}
        self._since = datetime.fromtimestamp(0, UTC) + OVERLAP  # by Nova's clock
        self._whole_at = 0.0

    def of_instance(self, cluster: str, instance_id: str) -> list[Server]:
        with self._site.asked() as cloud:
            return list(self._marked(_pages(cloud, tags=f"{cluster_tag(cluster)},{instance_id}"), cluster))

    def whole(self, cluster: str) -> list[Server]:
        turn = in_turn(self._lock, self._site.timeout, "another listing of it is still under way")
        with turn, self._site.asked() as cloud:
            now = self._clock.monotonic()
            age = now - self._whole_at
            is_due = cluster != self._cluster or age >= WHOLE_EACH
            if is_due or (self._read_changes(cloud, cluster) and age >= DOUBTFUL_EACH):
                self._read_all(cloud, cluster, now)
            return list(self._known.values())

    def _read_all(self, cloud: Connection, cluster: str, now: float) -> None:
        first: list[datetime] = []
        pages = _pages(cloud, tags=cluster_tag(cluster))
        found = {server.server_id: server for server in self._marked(_noting(pages, first), cluster)}
        self._cluster, self._known, self._since, self._whole_at = cluster, found, first[0], now

    def _read_changes(self, cloud: Connection, cluster: str) -> bool:
        """Whether there is any of which it is doubtful that it is still there."""
        first: list[datetime] = []
        begin = (self._since - OVERLAP).strftime("%Y-%m-%dT%H:%M:%SZ")
        known, seen = dict(self._known), set[str]()
        for page, _ in _noting(_pages(cloud, **{"changes-since": begin}), first):
            for said in page["servers"]:
                seen.add(said["id"])
                server = server_of(self._site.name, said)
                if server is None or server.mark.cluster != cluster or server.status is ServerStatus.DELETED:
                    known.pop(said["id"], None)
                else:
                    known[server.server_id] = server
        self._known, self._since = known, first[0]
        return any(known[name].status is ServerStatus.BUILD for name in known.keys() - seen)

    def _marked(self, pages: Iterator[_Page], cluster: str) -> Iterator[Server]:
        for page, _ in pages:
            for said in page["servers"]:
                server = server_of(self._site.name, said)
                if server and server.mark.cluster == cluster and server.status is not ServerStatus.DELETED:
                    yield server


def _pages(cloud: Connection, **params: str) -> Iterator[_Page]:
    marker: dict[str, str] = {}
    while True:
        answer = cloud.compute.get("/servers/detail", params={**params, **marker, "limit": str(PAGE)})
        raise_from_response(answer)
        page = answer.json()
        yield page, answer
        if not page["servers"] or "servers_links" not in page:
            return
        marker = {"marker": page["servers"][-1]["id"]}


def _noting(pages: Iterator[_Page], times: list[datetime]) -> Iterator[_Page]:
    """Keep Nova's own time of the first answer: later changes come with the next listing."""
    for page, answer in pages:
        if not times:
            times.append(_time_of(answer))
        yield page, answer


def _time_of(answer: requests.Response) -> datetime:
    """Without a Date there is none to go by: all that ever changed comes again."""
    try:
        return parsedate_to_datetime(answer.headers["Date"])
    except (KeyError, ValueError, TypeError):
        return datetime.fromtimestamp(0, UTC) + OVERLAP
