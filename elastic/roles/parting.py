"""A removed domain's subscribers are let go before it is forgotten: a new one of its name is not theirs."""

import logging
from collections.abc import Callable, Collection
from functools import partial

from elastic.logs import Complaint
from elastic.model.domain import Domain, DomainKey
from elastic.model.view import View
from elastic.ports.bus import Outgoing
from elastic.ports.workers import Workers
from elastic.roles.memory import drop_others
from elastic.roles.moment import Moment

log = logging.getLogger(__name__)

AGAIN = 5.0  # seconds after the bus did not take it


class Parting:
    """`is_telling(key)`: that domain's subscribers are being told something just now, which binds them anew."""

    def __init__(
        self,
        outgoing: Outgoing,
        workers: Workers,
        is_telling: Callable[[DomainKey], bool],
        touch: Callable[[DomainKey], None],
    ) -> None:
        self._outgoing, self._workers, self._is_telling, self._touch = outgoing, workers, is_telling, touch
        self._under_way: set[DomainKey] = set()
        self._done: dict[DomainKey, int] = {}  # by the incarnation that it was
        self._not_before: dict[DomainKey, float] = {}
        self._untaken = Complaint(log, "subscribers of a removed domain could not be let go: %s")

    def is_over(self, view: View, now: Moment) -> bool:
        """Whether nobody is bound to it any more. False: that is under way, and the domain is touched afterwards,
        or `due` says when it is tried again."""
        key = view.key
        if not view.domain.subscribers or self._done.get(key) == view.domain.incarnation:
            return True
        is_free = key not in self._under_way and not self._is_telling(key)
        if is_free and now.mono >= self._not_before.get(key, 0.0):
            self._begin(view.domain, now)
        return False

    def due(self, key: DomainKey) -> float | None:
        return self._not_before.get(key)

    def keep_only(self, instance_ids: Collection[str], keys: Collection[DomainKey]) -> None:  # noqa: ARG002
        drop_others(self._done, keys)
        drop_others(self._not_before, keys)

    def _begin(self, domain: Domain, now: Moment) -> None:
        key = domain.key

        def taken(_: None, error: Exception | None) -> None:
            self._under_way.discard(key)
            if error is None:
                self._done[key] = domain.incarnation
                self._untaken.settled()
            else:
                self._not_before[key] = now.mono + AGAIN
                self._untaken.raised(error)
            self._touch(key)

        self._not_before.pop(key, None)
        self._under_way.add(key)
        self._workers.submit("bus", partial(self._let_go, domain), taken)

    def _let_go(self, domain: Domain) -> None:
        for subscriber in domain.subscribers:
            self._outgoing.unsubscribe(domain.key.owner, domain.key.name, subscriber)
