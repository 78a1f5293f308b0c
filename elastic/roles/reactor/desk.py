"""What the operations work with."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from elastic.errors import BadMessage, NotFound, Unavailable
from elastic.model.decision import Event
from elastic.model.domain import Domain, DomainKey, Json
from elastic.model.view import View
from elastic.ports.bus import Outgoing, Peers
from elastic.ports.clock import Clock
from elastic.ports.cloud import Cloud
from elastic.ports.engine import Engine
from elastic.ports.lastheard import LastHeard
from elastic.ports.sensor import Closed, Gate, Sensor
from elastic.ports.store import Request, Store
from elastic.roles.reactor.questions import Questions
from elastic.rules.ring import partition_of, slot_of

log = logging.getLogger(__name__)


class MemberStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What a member tells of itself when asked. `loop_age` in seconds; store and bus: connected or lost."""

    leads: tuple[str, ...] = ()
    term: Mapping[str, int] = {}
    loop_age: Mapping[str, float] = {}
    store: str = "connected"
    bus: str = "connected"


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Collaborators of a reactor. `member` is this replica's own name, `status` tells how it is, `sensor_data`
    what is known of a domain's metrics. `patience` is how long, in seconds, another member may take to contribute
    to an answer, `status_patience` to tell how it is before it counts as lost, `cloud_patience` the cloud."""

    store: Store
    clock: Clock
    peers: Peers
    outgoing: Outgoing
    cloud: Cloud
    lastheard: LastHeard
    engines: Mapping[str, type[Engine]]
    sensors: Mapping[str, type[Sensor]] = field(default_factory=dict)
    gate: Gate = field(default_factory=Closed)
    member: str
    status: Callable[[], MemberStatus]
    sensor_data: Callable[[DomainKey], Mapping[str, Json]] = lambda _key: {}
    patience: float = 1.0
    status_patience: float = 3.0
    cloud_patience: float = 10.0
    questions: Questions = field(default_factory=Questions)

    def view(self, key: DomainKey) -> View:
        try:
            return self.store.view(key)
        except NotFound:
            raise no_domain(key) from None

    def views(self, keys: Sequence[DomainKey]) -> list[View]:
        """Those that are still there, and can be understood."""
        found = []
        for key, sight in self.store.views(keys):
            match sight:
                case NotFound():
                    log.debug("%s was forgotten while it was listed", key)
                case BadMessage():
                    log.error("%s is left out, it cannot be read: %s", key, sight)
                case view:
                    found.append(view)
        return found

    def change(
        self,
        key: DomainKey,
        fn: Callable[[Domain], Domain],
        request: Request | None,
        events: Sequence[Event] = (),
    ) -> Domain:
        try:
            return self.store.change(key, fn, request, events)
        except NotFound:
            raise no_domain(key) from None

    def tell(self, event: Event) -> None:
        """Add to the story what has been done already: it stands, whether or not the story gets its line."""
        try:
            self.store.log([event])
        except Unavailable as error:
            log.warning("%s %s was not written to the events: %s", event.domain, event.kind, error)

    def partition_of(self, key: DomainKey) -> int:
        return partition_of(slot_of(key), self.store.layout().partitions)

    def holders_of(self, keys: Iterable[DomainKey]) -> Mapping[DomainKey, str]:
        """The member that looks after each; "" while nobody does. One read for all."""
        holders = self.store.assignment().holders
        partitions = {key: self.partition_of(key) for key in keys}
        return {key: holders[at] if at < len(holders) else "" for key, at in partitions.items()}

    def holder_of(self, key: DomainKey) -> str:
        return self.holders_of((key,))[key]


def no_domain(key: DomainKey) -> NotFound:
    return NotFound(f"{key.owner} has no domain {key.name!r}")
