"""The places from which a site's creates are sent, taken in turn.

Whose turn it is takes all that are free in that visit, as all of a visit is written down at once; who wants a
hundred waits after that like everyone else.
"""

from collections import Counter
from collections.abc import Callable, Collection

from elastic.model.domain import DomainKey


class Turnstile:
    """`places` a site. `is_here`: the domain is still ours; one that is not loses its place in the queue."""

    def __init__(self, places: int, is_here: Callable[[DomainKey], bool]) -> None:
        self._places, self._is_here = places, is_here
        self._taken: Counter[str] = Counter()
        self._turns: dict[str, DomainKey] = {}  # site -> whose visit has taken a place there, until it ends
        self._queues: dict[str, dict[DomainKey, None]] = {}  # site -> domains in order of arrival

    def enter(self, site: str, key: DomainKey) -> bool:
        """Take a place, if one is free and nobody was here before; else queue up."""
        is_its_turn = self._turns.get(site) == key or self._head(site) in (None, key)
        if self._taken[site] >= self._places or not is_its_turn:
            self._queues.setdefault(site, {}).setdefault(key)
            self._end_turn(site, key)
            return False
        self._queues.get(site, {}).pop(key, None)
        self._taken[site] += 1
        self._turns[site] = key
        return True

    def leave(self, site: str) -> None:
        """A call has ended, or was never made."""
        self._taken[site] -= 1

    def pass_by(self, key: DomainKey, but_for: Collection[str] = ()) -> None:
        """Its visit ends; it waits at none but these sites any more."""
        for site in tuple(self._turns):
            self._end_turn(site, key)
        for site, queue in self._queues.items():
            if site not in but_for:
                queue.pop(key, None)

    def called(self) -> list[DomainKey]:
        """Whose turn it is where a place is free."""
        heads = (self._head(site) for site in self._queues if self._taken[site] < self._places)
        return [head for head in heads if head is not None]

    def _end_turn(self, site: str, key: DomainKey) -> None:
        if self._turns.get(site) == key:
            del self._turns[site]

    def _head(self, site: str) -> DomainKey | None:
        queue = self._queues.get(site, {})
        while queue:
            first = next(iter(queue))
            if self._is_here(first):
                return first
            del queue[first]
        return None
