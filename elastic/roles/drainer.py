"""The drainer: tells instances that are to finish their work and go, and those that are to serve again.

Level-triggered: who is to drain stands in the memo of the last decision, who does so is in its heartbeats, and
what differs is told again until it does not. Nothing of this is written.
"""

from collections.abc import Callable, Collection

import msgspec
from msgspec.structs import replace

from elastic.model.actions import Work
from elastic.model.domain import DomainKey
from elastic.model.heartbeat import DrainOrder
from elastic.model.observed import Observed
from elastic.model.states import InstanceState
from elastic.model.view import View
from elastic.ports.bus import Outgoing
from elastic.ports.lastheard import LastHeard
from elastic.ports.workers import Workers
from elastic.roles.memory import drop_others
from elastic.roles.moment import Moment
from elastic.rules.drains import Patience, order_for
from elastic.rules.memos import draining

AGAIN = 5.0  # seconds from one telling to the next
DONE = Work()


class Drainer:
    """`sign(instance_id, body)` is the MAC by which an instance knows that it is us."""

    def __init__(
        self, heard: LastHeard, outgoing: Outgoing, workers: Workers, sign: Callable[[str, bytes], str]
    ) -> None:
        self._heard, self._outgoing, self._workers, self._sign = heard, outgoing, workers, sign
        self._since: dict[str, float] = {}  # who drains -> since when we have seen so, monotonic
        self._told: dict[str, float] = {}

    def visit(self, view: View, now: Moment) -> float | None:
        named = frozenset(draining(view.standing.memo))
        patience = Patience.of(view.domain.engine_conf)
        again = False
        for instance in view.instances:
            name = instance.instance_id
            if name not in named or instance.state.is_over:
                self._since.pop(name, None)
            if instance.state is not InstanceState.RUNNING:
                continue
            if name in named:
                self._since.setdefault(name, now.mono)
                again = True
            heard = self._heard.of(name)
            if heard is None or heard.reply_to is None:
                continue
            gives_back = name in named and patience.gives_back(self._seconds(name, now))
            order = order_for(name, name in named, gives_back, heard)
            if order is not None:
                again = True
                self._tell(heard.reply_to, order, now)
        return now.mono + AGAIN if again else None

    def judged(self, view: View, observed: Observed, now: Moment) -> Observed:
        """As `observed`; but the work of those that have drained for too long counts no more."""
        patience = Patience.of(view.domain.engine_conf)
        over = {name: DONE for name in draining(view.standing.memo) if patience.is_over(self._seconds(name, now))}
        return replace(observed, work={**observed.work, **over}) if over else observed

    def keep_only(self, instance_ids: Collection[str], keys: Collection[DomainKey]) -> None:  # noqa: ARG002
        drop_others(self._since, instance_ids)
        drop_others(self._told, instance_ids)

    def _seconds(self, name: str, now: Moment) -> float:
        return now.mono - self._since.get(name, now.mono)

    def _tell(self, address: str, order: DrainOrder, now: Moment) -> None:
        name = order.instance_id
        if now.mono - self._told.get(name, now.mono - AGAIN) < AGAIN:
            return
        self._told[name] = now.mono
        body = msgspec.json.encode(order)
        mac = self._sign(name, body)

        def done(_: object, error: Exception | None) -> None:
            if error is not None:
                self._told.pop(name, None)

        self._workers.submit("bus", lambda: self._outgoing.ask(address, body, mac), done)
