"""What a listing of the cloud means for this member's own instances.

What it shows of a recorded server is taken as the cloud's word; what it does not show is asked for one by one.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from sys import intern

from msgspec.structs import replace

from elastic.errors import BadMessage, NotFound
from elastic.model.domain import DomainKey
from elastic.model.instance import Instance
from elastic.model.server import Mark, Server, ServerStatus
from elastic.model.states import InstanceState
from elastic.ports.store import Store
from elastic.roles.dossiers import Dossiers
from elastic.roles.mirror import Mirror
from elastic.rules.strays import doubles

log = logging.getLogger(__name__)


class Findings:
    """`remove_double` is called for each server that a fresh record condemns, `touch` for each domain about which
    there is news."""

    def __init__(
        self,
        mirror: Mirror,
        store: Store,
        dossiers: Dossiers,
        remove_double: Callable[[Server], None],
        touch: Callable[[DomainKey], None],
    ) -> None:
        self._mirror, self._store, self._dossiers = mirror, store, dossiers
        self._remove_double, self._touch = remove_double, touch

    def learn(self, site: str, servers: Sequence[Server], begun: float) -> None:
        """`begun`: monotonic; what it does not show counts only of a record that is older."""
        shown: set[str] = set()
        suspects: dict[DomainKey, list[Server]] = defaultdict(list)
        for server in servers:
            if server.status is ServerStatus.DELETED:
                continue  # as good as not shown
            shown.add(server.server_id)
            key = self._mirror.home_of(server.mark.instance_id)
            if key is not None and self._mirror.holds(key):
                self._compare(key, self._mirror.record(server.mark.instance_id), server, suspects)
        self._miss(site, shown, begun)
        for key, found in suspects.items():
            self._judge_doubles(key, found)

    def _compare(
        self,
        key: DomainKey,
        instance: Instance | None,
        server: Server,
        suspects: dict[DomainKey, list[Server]],
    ) -> None:
        if instance is None or instance.server_id is None or instance.site != server.site:
            return
        if instance.server_id != server.server_id:
            suspects[key].append(server)
            return
        tenure = self._mirror.tenure(key).since
        before = self._dossiers.bare(instance.instance_id, tenure)
        if before.told != server or before.missed_at is not None or before.absent:
            told = _leaner(server, key, instance)
            self._dossiers.note(instance.instance_id, tenure, told=told, absent=False, missed_at=None)
            self._touch(key)

    def _miss(self, site: str, shown: set[str], begun: float) -> None:
        """Absence is no evidence: those not shown are asked for one by one."""
        sightings = self._mirror.sightings
        for view in filter(lambda view: self._mirror.holds(view.key), self._mirror.views()):
            missing = [i for i in view.instances if i.site == site and _should_show(i, shown)]
            missed = [i for i in missing if sightings.of(i, begun).state_since <= begun]
            for instance in missed:
                tenure = self._mirror.tenure(view.key).since
                self._dossiers.note(instance.instance_id, tenure, absent=True)
                self._touch(view.key)

    def _judge_doubles(self, key: DomainKey, servers: Sequence[Server]) -> None:
        """Only a record read after the listing may condemn a server that carries its mark."""
        try:
            view = self._store.view(key)
        except NotFound:
            return
        except BadMessage as error:
            log.error("doubles of servers of %s are left alone, as its record cannot be read: %s", key, error)
            return
        for server in doubles(servers, view):
            log.warning("%s: server %s is a double of %s", key, server.server_id, server.mark.instance_id)
            self._remove_double(server)


def _leaner(server: Server, key: DomainKey, instance: Instance) -> Server:
    """The same, made of what is in memory already: one is kept for each instance."""
    mark = Mark(intern(server.mark.cluster), key, server.mark.incarnation, instance.instance_id)
    return replace(
        server,
        server_id=instance.server_id,
        site=instance.site,
        mark=mark,
        public_ip=_known(server.public_ip, instance.public_ip),
        private_ip=_known(server.private_ip, instance.private_ip),
        ipv6=_known(server.ipv6, instance.ipv6),
        hostname=_known(server.hostname, instance.hostname),
    )


def _known(said: str | None, recorded: str | None) -> str | None:
    return recorded if said == recorded else said


def _should_show(instance: Instance, shown: set[str]) -> bool:
    """It has a server that is to be up, and the listing did not show it."""
    is_up = InstanceState.PENDING <= instance.state <= InstanceState.RUNNING_FAILED
    return is_up and instance.server_id is not None and instance.server_id not in shown
