"""How many of a site's instances fell silent, over all members: the brake of a whole site.

Each member tells the others its own count; each adds up what it heard lately. So the site's brake needs no
leader, and no store.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated

import msgspec

from elastic.errors import BusUnavailable
from elastic.model.domain import Json
from elastic.model.view import View
from elastic.ports.bus import Peers
from elastic.roles.moment import Moment
from elastic.rules.caution import silent_sites

Count = Annotated[int, msgspec.Meta(ge=0, le=10**9)]

TOPIC = "tally"
LATELY = 120.0  # seconds for which one that was replaced for its silence still counts


class _Told(msgspec.Struct, frozen=True):
    """`sites`: how many of its instances are silent, and how many there are."""

    member: str
    sites: dict[str, tuple[Count, Count]]


class Tally:
    """`share` of a site, but at least `count`, engages its brake. `interval` between two words: seconds."""

    def __init__(self, peers: Peers, member: str, interval: float, share: float, count: int = 5) -> None:
        self._peers, self._member, self.interval = peers, member, interval
        self.share, self.count = share, count
        self._heard: dict[str, tuple[float, Mapping[str, tuple[int, int]]]] = {}
        self._told_at: float | None = None

    def turn(self, views: Callable[[], Iterable[View]], now: Moment) -> None:
        if self._told_at is not None and now.mono - self._told_at < self.interval:
            return
        self._told_at = now.mono
        silent: Counter[str] = Counter()
        total: Counter[str] = Counter()
        for view in views():
            total.update(i.site for i in view.instances if not i.state.is_over)
            silent.update(silent_sites(view, now.wall - LATELY))
        sites = {site: (silent[site], total[site]) for site in total}
        try:
            self._peers.tell(TOPIC, {"member": self._member, "sites": sites})
        except BusUnavailable:
            self._heard[self._member] = (now.mono, sites)

    def hear(self, message: Mapping[str, Json], now: float) -> None:
        """ValueError if it is no tally."""
        told = msgspec.convert(message, _Told)
        self._heard = {name: said for name, said in self._heard.items() if now - said[0] <= 3 * self.interval}
        self._heard[told.member] = (now, told.sites)

    def is_braked(self, site: str, now: float) -> bool:
        silent = total = 0
        for at, sites in tuple(self._heard.values()):  # asked from other threads too
            if now - at <= 3 * self.interval:
                here = sites.get(site, (0, 0))
                silent, total = silent + here[0], total + here[1]
        return silent >= self.count and silent > self.share * total
