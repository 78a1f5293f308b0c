"""What a server needs beside it, made before it and ended on its own: ports, volumes, a floating IP, a group.

Each carries its owner's id in a name that can be asked for exactly, so that whoever comes again finds it; the
oldest of several is taken, and the others are strays. None of them can be tagged in the request that makes it.
"""

import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from openstack.connection import Connection
from openstack.exceptions import BadRequestException, HttpException, NotFoundException, raise_from_response

from elastic.adapters.cloud.openstack.choices import FRESH
from elastic.adapters.cloud.openstack.servers import when
from elastic.adapters.cloud.openstack.site import Site
from elastic.adapters.cloud.openstack.turns import in_turn
from elastic.errors import BadOrder, CloudRefused, CloudUnavailable, NotReady, ServerGone
from elastic.model.parts import FoundPart, Part, PartKind
from elastic.model.recipe import Recipe, Volume
from elastic.model.server import Mark
from elastic.rules.strays import home_in

log = logging.getLogger(__name__)

NAME = re.compile(r"elastic-([^-]+)-(i-[0-9a-f]+-\d+(?:-\d+)?)-(port|volume|floating_ip|group)(\d+)")
POLL = 0.5  # seconds between two looks at a volume that is being made

READY = "available"
ON_ITS_WAY = frozenset({"creating", "downloading", "detaching"})
TAKEN = frozenset({"in-use", "reserved", "attaching", "detaching"})
"""What Cinder says of a volume. One that is being deleted, or could not be, is of no use any more; one that a
server has is its instance's only if that is on record."""


def name_of(mark: Mark, kind: PartKind, number: int = 0) -> str:
    return f"elastic-{mark.cluster}-{home_in(mark.instance_id, kind)}-{kind}{number}"


def cluster_of(cluster: str) -> str:
    """The description that all of a cluster's carry, where there is one to select by."""
    return f"elastic:{cluster}"


class Extras:
    """At one site. All calls block."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._groups = _Groups(site)

    def make(self, mark: Mark, recipe: Recipe, kept: Sequence[Part], timeout: float) -> tuple[Part, ...]:
        """All that the recipe asks for: what is there is taken, `kept` before others, what is not is made. If one
        is refused, those that were made for it here go again: they are on no record."""
        making = _Making(self._site, self._groups, mark, kept, time.monotonic() + timeout)
        try:
            return tuple(making.parts(recipe))
        except (CloudRefused, ServerGone) as refusal:
            self._undo(making.made, refusal)
            raise

    def _undo(self, made: Sequence[Part], refusal: Exception) -> None:
        """As far as it goes: what stays is a stray."""
        for part in reversed(made):
            try:
                self.release(part)
                log.info("%s %s was made in vain, and is deleted: %s", part.kind, part.part_id, refusal)
            except (CloudRefused, CloudUnavailable) as trouble:
                log.warning("%s %s was made in vain, and stays: %s", part.kind, part.part_id, trouble)
                if isinstance(trouble, CloudUnavailable):
                    return

    def release(self, part: Part) -> None:
        """Have it deleted; one that is not there is well. A group stays as long as a server is in it."""
        try:
            with self._site.asked() as cloud, suppress(NotFoundException):
                _RELEASE[part.kind](cloud, part.part_id)
        finally:
            if part.kind is PartKind.GROUP:
                self._groups.forget(part.part_id)

    def found(self, cluster: str) -> list[FoundPart]:
        """All of the cluster's, of every kind that the site knows."""
        has_volumes = self._site.has_volumes()
        with self._site.asked() as cloud:
            said = [*_ports(cloud, cluster), *_floating_ips(cloud)]
            said += _volumes(cloud, cluster) if has_volumes else ()
            said += [(group["name"], group["id"], None) for group in _server_groups(cloud)]
        found = []
        for name, identity, created in said:
            match = NAME.fullmatch(name or "")
            if match and match[1] == cluster:
                part = Part(PartKind(match[3]), identity, int(match[4]))
                place = {"site": self._site.name, "cluster": cluster, "home": match[2]}
                found.append(FoundPart(**place, part=part, created=when(created)))
        return found


class _Making:
    """One call: what a recipe asks for, part by part. `made`: what was not there before, and is one instance's;
    `until`: monotonic."""

    def __init__(self, site: Site, groups: "_Groups", mark: Mark, kept: Sequence[Part], until: float) -> None:
        self._site, self._groups, self._mark, self._until = site, groups, mark, until
        self._kept = {(part.kind, part.number): part.part_id for part in kept}
        self.made: list[Part] = []

    def parts(self, recipe: Recipe) -> Iterator[Part]:
        """The group comes last: it is others' too, and is not undone."""
        ports = []
        for number, network in enumerate(recipe.networks):
            ports.append(self._port(number, network, recipe.security_groups))
            yield ports[-1]
        for number, volume in enumerate(recipe.volumes):
            yield self._volume(number, volume, recipe.availability_zone)
        if recipe.floating_ip:
            yield self._floating_ip(recipe.floating_ip, ports[0])
        if recipe.group:
            name, kept = name_of(self._mark, PartKind.GROUP), self._kept.get((PartKind.GROUP, 0))
            yield Part(PartKind.GROUP, self._groups.of(name, recipe.group, kept))

    def _port(self, number: int, network: str, security_groups: Sequence[str]) -> Part:
        name, choices = name_of(self._mark, PartKind.PORT, number), self._site.choices
        with self._site.asked() as cloud:
            body: dict[str, Any] = {
                "name": name,
                "network_id": choices.network(network),
                "description": cluster_of(self._mark.cluster),
            }
            if security_groups:
                body["security_groups"] = [choices.security_group(group) for group in security_groups]
            there = cloud.network.ports(name=name)
            return self._taken(PartKind.PORT, number, there, lambda: cloud.network.create_port(**body))

    def _volume(self, number: int, wanted: Volume, zone: str | None) -> Part:
        """Nova refuses one that is not ready."""
        if not self._site.has_volumes():
            raise BadOrder(f"volumes: site {self._site.name} has no block storage")
        name, kept = name_of(self._mark, PartKind.VOLUME, number), self._kept.get((PartKind.VOLUME, number))
        with self._site.asked() as cloud:
            storage = cloud.block_storage

            def make() -> Any:
                body = {"name": name, "metadata": _of_cluster(self._mark.cluster), "size": wanted.size}
                body |= {"volume_type": wanted.type} if wanted.type else {}
                return storage.create_volume(**body, **_zone_of(storage, zone))

            there = [v for v in storage.volumes(name=name) if _is_of_use(v.status, is_kept=v.id == kept)]
            part = self._taken(PartKind.VOLUME, number, there, make)
            self._await(storage, part)
            return part

    def _await(self, storage: Any, part: Part) -> None:
        """One that came to nothing is deleted, and the next call makes another."""
        with _still_there(part):
            while (status := storage.get_volume(part.part_id).status) in ON_ITS_WAY:
                if time.monotonic() > self._until:
                    raise NotReady(f"volume {part.part_id} is not ready yet: {status}")
                time.sleep(POLL)
        if status == READY or status in TAKEN:
            return
        if status == "error":
            with suppress(HttpException):
                storage.delete_volume(part.part_id)
        raise NotReady(f"volume {part.part_id} went to {status}")

    def _floating_ip(self, network: str, port: Part) -> Part:
        name = name_of(self._mark, PartKind.FLOATING_IP)
        with self._site.asked() as cloud:
            body = {
                "floating_network_id": self._site.choices.network(network),
                "port_id": port.part_id,
                "description": name,
            }
            there = cloud.network.ips(description=name)
            part = self._taken(PartKind.FLOATING_IP, 0, there, lambda: cloud.network.create_ip(**body))
            if part not in self.made:
                with _still_there(part):
                    cloud.network.update_ip(part.part_id, port_id=port.part_id)
            return part

    def _taken(self, kind: PartKind, number: int, there: Iterable[Any], make: Callable[[], Any]) -> Part:
        """The one that is kept, if it is there, else the oldest, else a new one."""
        kept = self._kept.get((kind, number))
        first = min(there, key=lambda thing: (thing.id != kept, thing.created_at or "", thing.id), default=None)
        if first is not None:
            return Part(kind, str(first.id), number)
        self.made.append(Part(kind, str(make().id), number))
        return self.made[-1]


class _Groups:
    """Server groups: of each name and policy one, for all instances of a domain. (A type's policy may change, and
    Nova takes groups of equal names.) Who asks while one is being made waits for it. For all threads."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._asking = threading.Lock()  # held while Nova is asked
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], tuple[float, Sequence[str]]] = {}  # until when it is so, and ids

    def of(self, name: str, policy: str, kept: str | None) -> str:
        """The one that is kept, if it is one of them, else always the same."""
        ids = self._remembered(name, policy)
        if not ids:
            with in_turn(self._asking, self._site.timeout, "server groups are still being asked for"):
                ids = self._remembered(name, policy) or self._asked(name, policy)
        return kept if kept is not None and kept in ids else ids[0]

    def forget(self, identity: str) -> None:
        with self._lock:
            self._known = {key: known for key, known in self._known.items() if identity not in known[1]}

    def _remembered(self, name: str, policy: str) -> Sequence[str]:
        with self._lock:
            until, ids = self._known.get((name, policy), (0.0, ()))
        return ids if time.monotonic() < until else ()

    def _asked(self, name: str, policy: str) -> Sequence[str]:
        with self._site.asked() as cloud:
            groups = _server_groups(cloud)
            ids = sorted(g["id"] for g in groups if (g["name"], g["policy"]) == (name, policy))
            ids = ids or [str(cloud.compute.create_server_group(name=name, policy=policy).id)]
        with self._lock:
            self._known[name, policy] = time.monotonic() + FRESH, ids
        return ids


def _ports(cloud: Connection, cluster: str) -> Iterator[tuple[str, str, str | None]]:
    for port in cloud.network.ports(description=cluster_of(cluster)):
        yield port.name, port.id, port.created_at


def _floating_ips(cloud: Connection) -> Sequence[tuple[str, str, str | None]]:
    try:
        return [(address.description, address.id, address.created_at) for address in cloud.network.ips()]
    except NotFoundException:  # a site without routers
        return ()


def _volumes(cloud: Connection, cluster: str) -> Iterator[tuple[str, str, str | None]]:
    """Cinder wants the filter as Python writes a mapping, and by any other finds nothing; openstacksdk passes it
    on as it is under this name only. One that is not set up for it answers with 400: it is asked for all."""
    try:
        there = list(cloud.block_storage.volumes(properties=str(_of_cluster(cluster))))
    except BadRequestException:
        there = list(cloud.block_storage.volumes())
    for volume in there:
        yield volume.name, volume.id, volume.created_at


def _server_groups(cloud: Connection) -> Sequence[Mapping[str, Any]]:
    """All of the project's. Nova shows a thousand at once, and does not say that there are more."""
    found: dict[str, Mapping[str, Any]] = {}
    while True:
        answer = cloud.compute.get("/os-server-groups", params={"offset": str(len(found))})
        raise_from_response(answer)
        more = {group["id"]: group for group in answer.json()["server_groups"] if group["id"] not in found}
        if not more:
            return list(found.values())
        found |= more


def _of_cluster(cluster: str) -> Mapping[str, str]:
    return {"elastic:cluster": cluster}


def _zone_of(storage: Any, zone: str | None) -> Mapping[str, str]:
    """Cinder may have zones of its own, and refuses what is none of them."""
    is_known = zone is not None and any(z.name == zone for z in storage.availability_zones())
    return {"availability_zone": zone} if zone is not None and is_known else {}


def _is_of_use(status: str, *, is_kept: bool) -> bool:
    return status == READY or (status in ON_ITS_WAY - TAKEN) or (is_kept and status in TAKEN)


@contextmanager
def _still_there(part: Part) -> Iterator[None]:
    """Somebody else may delete what we have found: that is no fault of the order's."""
    try:
        yield
    except NotFoundException as gone:
        raise CloudUnavailable(f"{part.kind} {part.part_id} went meanwhile") from gone


def _release_group(cloud: Connection, identity: str) -> None:
    if not cloud.compute.get_server_group(identity).member_ids:
        cloud.compute.delete_server_group(identity, ignore_missing=False)


def _release_volume(cloud: Connection, identity: str) -> None:
    """Asked twice, Cinder refuses."""
    storage = cloud.block_storage
    try:
        storage.delete_volume(identity, ignore_missing=False)
    except BadRequestException:
        if storage.get_volume(identity).status != "deleting":
            raise


_RELEASE: Mapping[PartKind, Callable[[Connection, str], None]] = {
    PartKind.PORT: lambda cloud, name: cloud.network.delete_port(name, ignore_missing=False),
    PartKind.VOLUME: _release_volume,
    PartKind.FLOATING_IP: lambda cloud, name: cloud.network.delete_ip(name, ignore_missing=False),
    PartKind.GROUP: _release_group,
}
