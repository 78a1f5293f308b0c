"""The reaper: forgets what is long over, and with it, at last, a removed domain."""

import logging
from collections.abc import Callable

from elastic.model.decision import Event
from elastic.model.instance import Instance
from elastic.model.view import View
from elastic.ports.store import Change
from elastic.roles.mirror import Mirror
from elastic.roles.moment import Moment
from elastic.roles.parting import Parting
from elastic.rules.expiry import expired

log = logging.getLogger(__name__)


class Reaper:
    """`max_age`: seconds that a final record is kept for people to read."""

    def __init__(self, mirror: Mirror, max_age: float, forgotten: Callable[[str], None], parting: Parting) -> None:
        self._mirror, self.max_age, self._forgotten, self._parting = mirror, max_age, forgotten, parting

    def visit(self, view: View, now: Moment) -> float | None:
        def seconds_seen(instance: Instance) -> float:
            return now.mono - self._mirror.sightings.of(instance, now.mono).state_since

        spent = expired(view, self.max_age, now.wall, seconds_seen)
        if spent:
            view = self._mirror.commit(view, changes={i.instance_id: Change(_gone, i.version) for i in spent})
            for instance in spent:
                self._forgotten(instance.instance_id)
            log.info("%s: forgot %d records", view.key, len(spent))
        if view.domain.removed and not view.instances:
            if not self._parting.is_over(view, now):
                return self._parting.due(view.key)
            text = "all its servers are deleted, its records forgotten"
            self._mirror.forget(view, [Event(time=now.wall, kind="removed", domain=str(view.key), text=text)])
            log.info("%s: removed", view.key)
            return None
        return self._next(view, now)

    def _next(self, view: View, now: Moment) -> float | None:
        """When the oldest of the final records will have had its time."""
        kept = [self._mirror.sightings.of(i, now.mono).state_since for i in view.instances if i.state.is_final]
        if not kept or view.domain.removed:
            return None
        return max(min(kept) + self.max_age, now.mono) + 1.0


def _gone(_: Instance) -> None:
    return None
