"""The places from which a site's creates are sent, taken in turn: who wants a hundred waits after each."""

from collections import Counter
from collections.abc import Callable, Collection

from elastic.model.domain import DomainKey


class Turnstile:
    """`places` a site. `is_here`: the domain is still ours; one that is not loses its place in the queue."""

    def __init__(self, places: int, is_here: Callable[[DomainKey], bool]) -> None:
        self._places, self._is_here = places, is_here
        self._taken: Counter[str] = Counter()
        self._queues: dict[str, dict[DomainKey, None]] = {}  # site -> domains in order of arrival

    def enter(self, site: str, key: DomainKey) -> bool:
        """Take a place, if one is free and nobody was here before; else queue up."""
        head = self._head(site)
        if self._taken[site] >= self._places or head not in (None, key):
            self._queues.setdefault(site, {}).setdefault(key)
            return False
        self._queues.get(site, {}).pop(key, None)
        self._taken[site] += 1
        return True

    def leave(self, site: str) -> None:
        """A call has ended, or was never made."""
        self._taken[site] -= 1

    def pass_by(self, key: DomainKey, but_for: Collection[str] = ()) -> None:
        """It waits at none but these sites any more."""
        for site, queue in self._queues.items():
            if site not in but_for:
                queue.pop(key, None)

    def called(self) -> list[DomainKey]:
        """Whose turn it is where a place is free."""
        heads = (self._head(site) for site in self._queues if self._taken[site] < self._places)
        return [head for head in heads if head is not None]

    def _head(self, site: str) -> DomainKey | None:
        queue = self._queues.get(site, {})
        while queue:
            first = next(iter(queue))
            if self._is_here(first):
                return first
            del queue[first]
        return None
