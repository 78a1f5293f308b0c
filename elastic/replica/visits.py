"""Visits as progress: a turn may be long if it comes from one domain to the next; one visit may not."""

from collections.abc import Callable

from elastic.model.domain import DomainKey
from elastic.roles.thoughts import Notebook


class Visits:
    """A notebook that calls `progress` whenever a visit begins or ends."""

    def __init__(self, box: Notebook) -> None:
        self.progress: Callable[[], None] = lambda: None
        self._box = box

    def enter(self, key: DomainKey) -> None:
        self._box.enter(key)
        self.progress()

    def leave(self) -> None:
        self._box.leave()
        self.progress()

    def left_over(self) -> DomainKey | None:
        return self._box.left_over()
