"""What a server needs beside it, made before it and ended on its own: ports, volumes, a floating IP, a group.

Each carries its owner's id in a name that can be asked for exactly, so that whoever comes again finds it; the
oldest of several is taken, and the others are strays. None of them can be tagged in the request that makes it.
"""

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from openstack.connection import Connection
from openstack.exceptions import NotFoundException, raise_from_response

from elastic.adapters.cloud.openstack.choices import FRESH
from elastic.adapters.cloud.openstack.servers import when
from elastic.adapters.cloud.openstack.site import Site
from elastic.errors import CloudUnavailable
from elastic.model.parts import FoundPart, Part, PartKind
from elastic.model.recipe import Recipe
from elastic.model.server import Mark
from elastic.rules.strays import home_in

NAME = re.compile(r"elastic-([^-]+)-(i-[0-9a-f]+-\d+(?:-\d+)?)-(port|volume|floating_ip|group)(\d+)")
POLL = 0.5  # seconds between two looks at a volume that is being made


def name_of(mark: Mark, kind: PartKind, number: int = 0) -> str:
    return f"elastic-{mark.cluster}-{home_in(mark.instance_id, kind)}-{kind}{number}"


def cluster_of(cluster: str) -> str:
    """The description that all of a cluster's carry, where there is one to select by."""
    return f"elastic:{cluster}"


class Extras:
    """At one site. All calls block."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._making_groups = threading.Lock()
        self._groups: dict[str, tuple[str, float]] = {}  # name -> id, and until when that is believed

    def make(self, mark: Mark, recipe: Recipe, kept: Sequence[Part], timeout: float) -> tuple[Part, ...]:
        """All that the recipe asks for: what is there is taken, `kept` before others, what is not is made."""
        known = {(part.kind, part.number): part.part_id for part in kept}
        return tuple(self._made(mark, recipe, known, timeout))

    def _made(
        self, mark: Mark, recipe: Recipe, known: Mapping[tuple[PartKind, int], str], timeout: float
    ) -> Iterator[Part]:
        ports = []
        for number, network in enumerate(recipe.networks):
            kept = known.get((PartKind.PORT, number))
            ports.append(self._port(mark, number, network, recipe.security_groups, kept))
            yield Part(PartKind.PORT, ports[-1], number)
        for number, volume in enumerate(recipe.volumes):
            body = {"size": volume.size, "volume_type": volume.type}
            kept = known.get((PartKind.VOLUME, number))
            yield Part(PartKind.VOLUME, self._volume(mark, number, body, kept, timeout), number)
        if recipe.floating_ip:
            kept = known.get((PartKind.FLOATING_IP, 0))
            yield Part(PartKind.FLOATING_IP, self._floating_ip(mark, recipe.floating_ip, ports[0], kept))
        if recipe.group:
            yield Part(PartKind.GROUP, self._group(mark, recipe.group))

    def _port(
        self, mark: Mark, number: int, network: str, security_groups: Sequence[str], kept: str | None
    ) -> str:
        name, choices = name_of(mark, PartKind.PORT, number), self._site.choices
        with self._site.asked() as cloud:
            body: dict[str, Any] = {
                "name": name,
                "network_id": choices.network(network),
                "description": cluster_of(mark.cluster),
            }
            if security_groups:
                body["security_groups"] = [choices.security_group(group) for group in security_groups]
            return _taken(cloud.network.ports(name=name), kept) or str(cloud.network.create_port(**body).id)

    def _volume(self, mark: Mark, number: int, body: Mapping[str, Any], kept: str | None, timeout: float) -> str:
        """Nova refuses one that is not ready."""
        name, until = name_of(mark, PartKind.VOLUME, number), time.monotonic() + timeout
        with self._site.asked() as cloud:
            storage = cloud.block_storage
            metadata = {"elastic:cluster": mark.cluster}
            made = (
                _taken(storage.volumes(name=name), kept)
                or storage.create_volume(name=name, metadata=metadata, **body).id
            )
            while (status := storage.get_volume(made).status) in ("creating", "downloading"):
                if time.monotonic() > until:
                    raise CloudUnavailable(f"volume {made} is not ready yet")
                time.sleep(POLL)
            if status.startswith("error"):
                storage.delete_volume(made)
                raise CloudUnavailable(f"volume {made} went to {status}")
            return str(made)

    def _floating_ip(self, mark: Mark, network: str, port: str, kept: str | None) -> str:
        name = name_of(mark, PartKind.FLOATING_IP)
        with self._site.asked() as cloud:
            body = {
                "floating_network_id": self._site.choices.network(network),
                "port_id": port,
                "description": name,
            }
            found = _taken(cloud.network.ips(description=name), kept)
            if found is None:
                return str(cloud.network.create_ip(**body).id)
            cloud.network.update_ip(found, port_id=port)
            return found

    def _group(self, mark: Mark, policy: str) -> str:
        """One for all instances of the domain: who asks while it is being made waits for it."""
        name = name_of(mark, PartKind.GROUP)
        with self._making_groups:
            made, until = self._groups.get(name, ("", 0.0))
            if time.monotonic() >= until:
                made = self._group_named(name, policy)
                self._groups[name] = made, time.monotonic() + FRESH
            return made

    def _group_named(self, name: str, policy: str) -> str:
        with self._site.asked() as cloud:
            found = sorted(group.id for group in cloud.compute.server_groups() if group.name == name)
            if found:
                return str(found[0])
            return str(cloud.compute.create_server_group(name=name, policy=policy).id)

    def release(self, part: Part) -> None:
        """Have it deleted; one that is not there is well. A group stays as long as a server is in it."""
        with self._site.asked() as cloud:
            self._forget_group(part)
            with suppress(NotFoundException):
                _RELEASE[part.kind](cloud, part.part_id)

    def _forget_group(self, part: Part) -> None:
        with self._making_groups:
            self._groups = {name: known for name, known in self._groups.items() if known[0] != part.part_id}

    def found(self, cluster: str) -> list[FoundPart]:
        """All of the cluster's, of every kind that the site knows."""
        has_volumes = self._site.has_volumes()
        with self._site.asked() as cloud:
            said = [*_network_parts(cloud, cluster), *(_volumes(cloud, cluster) if has_volumes else ())]
            said += [(g.name, g.id, None) for g in cloud.compute.server_groups()]
        found = []
        for name, identity, created in said:
            match = NAME.fullmatch(name or "")
            if match and match[1] == cluster:
                part = Part(PartKind(match[3]), identity, int(match[4]))
                place = {"site": self._site.name, "cluster": cluster, "home": match[2]}
                found.append(FoundPart(**place, part=part, created=when(created)))
        return found


def _network_parts(cloud: Connection, cluster: str) -> Iterator[tuple[str, str, str | None]]:
    for port in cloud.network.ports(description=cluster_of(cluster)):
        yield port.name, port.id, port.created_at
    answer = cloud.network.get("/floatingips")
    if answer.status_code != 404:  # a site without routers
        raise_from_response(answer)
        for address in answer.json()["floatingips"]:
            yield address.get("description", ""), address["id"], address.get("created_at")


def _volumes(cloud: Connection, cluster: str) -> Iterator[tuple[str, str, str | None]]:
    for volume in cloud.block_storage.volumes(metadata={"elastic:cluster": cluster}):
        yield volume.name, volume.id, volume.created_at


def _release_group(cloud: Connection, identity: str) -> None:
    if not cloud.compute.get_server_group(identity).member_ids:
        cloud.compute.delete_server_group(identity, ignore_missing=False)


_RELEASE: Mapping[PartKind, Callable[[Connection, str], None]] = {
    PartKind.PORT: lambda cloud, name: cloud.network.delete_port(name, ignore_missing=False),
    PartKind.VOLUME: lambda cloud, name: cloud.block_storage.delete_volume(name, ignore_missing=False),
    PartKind.FLOATING_IP: lambda cloud, name: cloud.network.delete_ip(name, ignore_missing=False),
    PartKind.GROUP: _release_group,
}


def _taken(found: Iterator[Any], kept: str | None) -> str | None:
    """The one that is kept, if it is there, else the oldest."""
    there = sorted(found, key=lambda thing: (thing.id != kept, thing.created_at or "", thing.id))
    return str(there[0].id) if there else None
