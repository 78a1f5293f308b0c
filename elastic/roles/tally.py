"""How many of a site's instances fell silent, over all members: the brake of a whole site.

Each member tells the others its own count; each adds up what it heard lately. So the site's brake needs no
leader, and no store.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from elastic.errors import BusUnavailable
from elastic.model.domain import Json
from elastic.model.view import View
from elastic.ports.bus import Peers
from elastic.roles.moment import Moment
from elastic.rules.caution import silent_sites

TOPIC = "tally"


class Tally:
    """`share` of a site, but at least `count`, engages its brake. `interval` between two words: seconds."""

    def __init__(self, peers: Peers, member: str, interval: float, share: float, count: int = 5) -> None:
        self._peers, self._member, self._interval = peers, member, interval
        self._share, self._count = share, count
        self._heard: dict[str, tuple[float, Mapping[str, Json]]] = {}
        self._told_at: float | None = None

    def turn(self, views: Callable[[], Iterable[View]], now: Moment) -> None:
        if self._told_at is not None and now.mono - self._told_at < self._interval:
            return
        self._told_at = now.mono
        silent: Counter[str] = Counter()
        total: Counter[str] = Counter()
        for view in views():
            total.update(i.site for i in view.instances if not i.state.is_over)
            silent.update(silent_sites(view, now.wall))
        sites = {site: [silent[site], total[site]] for site in total}
        try:
            self._peers.tell(TOPIC, {"member": self._member, "sites": sites})
        except BusUnavailable:
            self._heard[self._member] = (now.mono, sites)

    def hear(self, message: Mapping[str, Json], now: float) -> None:
        self._heard[str(message["member"])] = (now, dict(message["sites"]))

    def is_braked(self, site: str, now: float) -> bool:
        silent = total = 0
        for at, sites in self._heard.values():
            if now - at <= 3 * self._interval:
                here = sites.get(site, (0, 0))
                silent, total = silent + int(here[0]), total + int(here[1])
        return silent >= self._count and silent > self._share * total
