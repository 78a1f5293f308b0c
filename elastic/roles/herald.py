"""The herald: tells a domain's subscribers that an instance runs, or has failed. At least once.

It goes by what the record says was announced last, so a replica that dies between telling and noting tells
again, and none is forgotten. The hostname told is the one that the record has now.
"""

import logging
from collections.abc import Callable, Collection
from functools import partial

from elastic.model.domain import Domain, DomainKey, Json
from elastic.model.instance import Instance
from elastic.model.states import InstanceState
from elastic.model.view import View
from elastic.ports.bus import Outgoing
from elastic.ports.store import Change
from elastic.ports.workers import Workers
from elastic.roles.memory import drop_others
from elastic.roles.mirror import Mirror
from elastic.roles.moment import Moment
from elastic.rules.lifecycle import announced

log = logging.getLogger(__name__)

AGAIN = 5.0  # seconds after the bus did not take it


class Herald:
    def __init__(
        self, mirror: Mirror, outgoing: Outgoing, workers: Workers, touch: Callable[[DomainKey], None]
    ) -> None:
        self._mirror, self._outgoing, self._workers, self._touch = mirror, outgoing, workers, touch
        self._telling: dict[str, DomainKey] = {}  # by instance id
        self._told: dict[str, str] = {}  # instance id -> word that the bus has taken, not yet on record
        self._not_before: dict[str, float] = {}

    def visit(self, view: View, now: Moment) -> float | None:
        if not view.domain.subscribers:
            return None
        news = {i.instance_id: word for i in view.instances if (word := _word(i)) and word != i.announced}
        self._note_told(view, news)
        for name, word in news.items():
            if name not in self._telling and now.mono >= self._not_before.get(name, 0.0):
                self._tell(view.domain, view.instance(name), word, now)
        later = (at for name in news if (at := self._not_before.get(name, 0.0)) > now.mono)
        return min(later, default=None)

    def is_telling(self, key: DomainKey) -> bool:
        """Whether something of that domain is under way to its subscribers."""
        return key in self._telling.values()

    def keep_only(self, instance_ids: Collection[str], keys: Collection[DomainKey]) -> None:  # noqa: ARG002
        drop_others(self._told, instance_ids)
        drop_others(self._not_before, instance_ids)

    def _note_told(self, view: View, news: dict[str, str]) -> None:
        """Put on record what was told; what is to be told by now may be something else again."""
        told = {name: word for name, word in news.items() if self._told.get(name) == word}
        if not told:
            return
        changes = {name: Change(partial(announced, word=word)) for name, word in told.items()}
        self._mirror.commit(view, changes=changes)
        for name in told:
            self._told.pop(name, None)
            news.pop(name)

    def _tell(self, domain: Domain, instance: Instance | None, word: str, now: Moment) -> None:
        if instance is None:
            return
        key, name = domain.key, instance.instance_id
        body = message(instance, domain.key, word)
        work = partial(self._outgoing.announce, key.owner, key.name, domain.subscribers, body["state"], body)

        def taken(_: None, error: Exception | None) -> None:
            self._telling.pop(name, None)
            if error is None:
                self._told[name] = word
                self._not_before.pop(name, None)
            else:
                log.warning("%s %s: subscribers could not be told: %s", key, name, error)
                self._not_before[name] = now.mono + AGAIN
            self._touch(key)

        self._telling[name] = key
        self._workers.submit("bus", work, taken)


def _word(instance: Instance) -> str:
    """What subscribers should know of it last: nothing before RUNNING; then again when its address changes."""
    if instance.state < InstanceState.RUNNING:
        return ""
    if instance.state is InstanceState.RUNNING:
        return f"{instance.state} {instance.hostname or instance.public_ip or ''}"
    return str(InstanceState.FAILED)


def message(instance: Instance, key: DomainKey, word: str) -> dict[str, Json]:
    """EPU's body. `seq` is the record's version: it rises with everything that happens to the instance."""
    return {
        "node_id": instance.instance_id,
        "state": word.split(" ", 1)[0],
        "domain_id": key.name,
        "properties": {"hostname": instance.hostname or instance.public_ip},
        "seq": instance.version,
    }
