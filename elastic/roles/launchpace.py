"""So many launches a minute at a site, and no more: the members of the cluster share them evenly."""

from collections.abc import Callable

BURST = 10.0  # seconds' worth of launches may go at once, and one in any case


class LaunchPace:
    """`per_minute`: of the whole cluster, 0 for any number; `members`: among how many it is shared now."""

    def __init__(self, per_minute: int, members: Callable[[], int]) -> None:
        self.per_minute, self._members = per_minute, members
        self._spent: dict[str, float] = {}  # site -> when all that was taken there will have been earned

    def free_at(self, site: str, now: float) -> float:
        """When the next launch may be noted there; all times monotonic."""
        if not self.per_minute:
            return now
        return max(now, self._spent.get(site, now) - max(BURST - self._each, 0.0))

    def take(self, site: str, now: float) -> None:
        if self.per_minute:
            self._spent[site] = max(now, self._spent.get(site, now)) + self._each

    @property
    def _each(self) -> float:
        """Seconds in which this member earns one."""
        return 60.0 / self.per_minute * max(1, self._members())
