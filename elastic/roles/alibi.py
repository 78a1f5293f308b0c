"""Before a silent instance is given up, the cloud is asked whether it still has its server.

That it has it lets the verdict stand; no answer does not: an outage of the cloud's API gives nobody up.
(Of a server that is gone the provisioner hears by itself and says so in the record.)
"""

from collections.abc import Callable, Collection
from enum import Enum, auto

from elastic.errors import ServerGone
from elastic.model.domain import DomainKey
from elastic.model.instance import Instance
from elastic.model.server import Server, ServerStatus
from elastic.ports.cloud import Cloud
from elastic.ports.workers import Workers
from elastic.roles.memory import drop_others

ASK_AGAIN = 5.0  # seconds after a call that the cloud did not answer


class _Word(Enum):
    WAITING = auto()
    HAS_IT = auto()
    HAS_IT_NOT = auto()
    NONE = auto()


class Alibis:
    """`touch` has the domain visited once there is an answer."""

    def __init__(self, cloud: Cloud, workers: Workers, timeout: float, touch: Callable[[DomainKey], None]) -> None:
        self._cloud, self._workers, self.timeout, self._touch = cloud, workers, timeout, touch
        self._words: dict[str, tuple[_Word, float]] = {}

    def checked(self, key: DomainKey, instance: Instance, now: float) -> bool:
        """True once the cloud has said that it has the server of this silent one; asks if need be."""
        word, at = self._words.get(instance.instance_id, (_Word.NONE, now - ASK_AGAIN))
        if word in (_Word.HAS_IT, _Word.WAITING):
            return word is _Word.HAS_IT
        if now - at >= ASK_AGAIN:
            self._ask(key, instance, now)
        return self._words.get(instance.instance_id, (word, at))[0] is _Word.HAS_IT

    def keep_only(self, instance_ids: Collection[str], keys: Collection[DomainKey]) -> None:  # noqa: ARG002
        drop_others(self._words, instance_ids)

    def forget(self, instance_id: str) -> None:
        self._words.pop(instance_id, None)

    def _ask(self, key: DomainKey, instance: Instance, now: float) -> None:
        identity, site, server_id = instance.instance_id, instance.site, instance.server_id
        if server_id is None:
            return
        self._words[identity] = (_Word.WAITING, now)

        def answered(server: Server | None, error: Exception | None) -> None:
            self._words[identity] = (_heard(server, error), now)
            self._touch(key)

        self._workers.submit(site, lambda: self._cloud.server(site, server_id, self.timeout), answered)


def _heard(server: Server | None, error: Exception | None) -> _Word:
    if isinstance(error, ServerGone) or (server is not None and server.status is ServerStatus.DELETED):
        return _Word.HAS_IT_NOT
    if server is not None and server.status is ServerStatus.BUSY:
        return _Word.NONE  # Masakari's, or an operator's: it may be back soon
    return _Word.HAS_IT if error is None else _Word.NONE
