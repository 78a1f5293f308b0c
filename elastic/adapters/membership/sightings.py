"""Since when this process has seen each member without a gap."""

from collections.abc import Callable, Collection, Mapping

from elastic.ports.clock import Clock
from elastic.ports.membership import Presence


class Sightings:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last: Mapping[str, Presence] = {}

    def of(self, seen: Collection[str], is_dead: Callable[[str], bool]) -> Mapping[str, Presence]:
        """`seen`: those that are there now. One that was dead and is not begins anew: it is another life."""
        now = self._clock.monotonic()
        self._last = {name: self._presence(name, is_dead(name), now) for name in sorted(seen)}
        return self._last

    def _presence(self, name: str, is_dead: bool, now: float) -> Presence:
        last = self._last.get(name)
        if last is None or (last.proved_dead and not is_dead):
            return Presence(name, now, is_dead)
        return Presence(name, last.since, is_dead)
