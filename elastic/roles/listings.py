"""Whole sites listed for whoever looks for many servers at once: one listing at a time, for all that wait.

A domain that lists its site by itself pays for the servers of all others: a thousand domains launched at once
would read the whole cloud a thousand times. Who asks while a site is being listed shares the next listing, which
is begun after that.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from elastic.model.server import Server
from elastic.ports.clock import Clock
from elastic.ports.cloud import Cloud
from elastic.ports.workers import Workers

PAGE = 1000  # servers that a Nova shows at a time, as it comes

Found = Mapping[str, Sequence[Server]]
"""By instance id."""

Told = Callable[[float, Found | None, Exception | None], None]
"""Gets the monotonic time at which the listing was begun, and what it showed, or why it failed."""


class Listings:
    """For the control loop's thread alone."""

    def __init__(self, cloud: Cloud, workers: Workers, clock: Clock, uid: Callable[[], str]) -> None:
        self._cloud, self._workers, self._clock, self._uid = cloud, workers, clock, uid
        self._waiting: dict[str, list[Told]] = {}  # by site; there while it is being listed
        self._sizes: dict[str, int] = {}  # by site: how many servers it had last

    def pages(self, site: str) -> int:
        """How many a listing of it takes, by the last one."""
        return 1 + self._sizes.get(site, 0) // PAGE

    def ask(self, site: str, timeout: float, told: Told) -> None:
        """`told` is called by `Workers.collect`, with a listing that is begun now or later."""
        if site in self._waiting:
            self._waiting[site].append(told)
        else:
            self._begin(site, timeout, [told])

    def _begin(self, site: str, timeout: float, asked: Sequence[Told]) -> None:
        self._waiting[site] = []
        begun, uid = self._clock.monotonic(), self._uid()

        def ended(found: Found | None, error: Exception | None) -> None:
            waiting = self._waiting.pop(site)
            if found is not None:
                self._sizes[site] = sum(map(len, found.values()))
            if waiting:
                self._begin(site, timeout, waiting)
            for told in asked:
                told(begun, found, error)

        self._workers.submit(site, partial(self._list, site, uid, timeout), ended)

    def _list(self, site: str, uid: str, timeout: float) -> Found:
        found: dict[str, list[Server]] = {}
        for server in self._cloud.servers(site, uid, timeout, None):
            found.setdefault(server.mark.instance_id, []).append(server)
        return found
