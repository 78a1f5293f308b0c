"""The slow look at everything: each domain is read anew once a period, though nothing is known to have changed.

So that a lost notice costs a period and not for ever. The looks are spread over the period by slot.
"""

from elastic.model.assignment import SLOTS
from elastic.model.domain import DomainKey
from elastic.model.view import View
from elastic.roles.mirror import Mirror
from elastic.roles.moment import Moment
from elastic.rules.ring import slot_of


class Resync:
    """`period` in seconds."""

    def __init__(self, mirror: Mirror, period: float) -> None:
        self._mirror, self.period = mirror, period
        self._next: dict[DomainKey, float] = {}

    def visit(self, view: View, now: Moment) -> float | None:
        if len(self._next) > 2 * len(self._mirror.keys()) + 64:
            self._next = {key: at for key, at in self._next.items() if self._mirror.view(key)}
        due = self._next.get(view.key)
        if due is not None and now.mono >= due:
            self._mirror.reload(view.key)
        if due is None or now.mono >= due:
            first = self.period * slot_of(view.key) / SLOTS
            due = self._next[view.key] = now.mono + (self.period if due is not None else first + 1.0)
        return due
