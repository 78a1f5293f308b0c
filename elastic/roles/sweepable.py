"""What can be swept: servers, and the parts made for them. How each is listed, whose it is, how it ends."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol, cast

from elastic.errors import BadMessage, CloudRefused, NotFound
from elastic.model.domain import DomainKey
from elastic.model.parts import FoundPart
from elastic.model.server import Server, ServerStatus
from elastic.model.view import View
from elastic.ports.cloud import Cloud
from elastic.ports.store import Store
from elastic.rules.ring import partition_of, slot_of
from elastic.rules.strays import Claim, claim, claim_of_part, home_of

log = logging.getLogger(__name__)


class Found(NamedTuple):
    """One that the cloud shows under our mark. `key`: its domain's; of a part it is known once that was looked up,
    if there is one. `created` is 0 where the cloud does not say."""

    thing_id: str
    instance_id: str
    site: str
    created: float
    key: DomainKey | None
    what: str
    thing: Server | FoundPart


Claims = Mapping[Claim, Sequence[Found]]


class Sweepable(Protocol):
    """All calls block, and may raise what the cloud and the store raise. `timeout`: seconds for a call."""

    name: str

    def listed(self, site: str, uid: str, timeout: float) -> Sequence[Found]:
        """What the cloud shows now."""

    def claims(self, found: Iterable[Found]) -> Claims:
        """Whose each is, by what the store has now; those of a domain that cannot be read are left out."""

    def end(self, found: Found, timeout: float) -> None: ...


class Servers:
    name = "servers"

    def __init__(self, store: Store, cloud: Cloud) -> None:
        self._store, self._cloud = store, cloud

    def listed(self, site: str, uid: str, timeout: float) -> Sequence[Found]:
        servers = self._cloud.servers(site, uid, timeout)
        return [found_server(s) for s in servers if s.status is not ServerStatus.DELETED]

    def claims(self, found: Iterable[Found]) -> Claims:
        things = [(one, cast(Server, one.thing)) for one in found]
        layout = self._store.layout()
        homes = {s.mark.key: partition_of(slot_of(s.mark.key), layout.partitions) for _, s in things}
        views = _views(self._store, homes)
        counters = {p: self._store.incarnation(p) for p in sorted({*homes.values()})}
        claims: dict[Claim, list[Found]] = defaultdict(list)
        for one, server in things:
            key = server.mark.key
            if key in views:
                claims[claim(server, layout, views[key], counters[homes[key]])].append(one)
        return claims

    def end(self, found: Found, timeout: float) -> None:
        """Only what bears that mark by the cloud's own word: we may know of it from another member."""
        server = cast(Server, found.thing)
        seen = self._cloud.server(server.site, server.server_id, timeout)
        if seen.mark != server.mark:
            raise CloudRefused(f"it does not bear the mark of {server.mark.instance_id}")
        self._cloud.delete(server.site, server.server_id, timeout)


class Parts:
    """Their names say an instance and not its domain; that is found by the instance's slot and incarnation."""

    name = "parts"

    def __init__(self, store: Store, cloud: Cloud) -> None:
        self._store, self._cloud = store, cloud

    def listed(self, site: str, uid: str, timeout: float) -> Sequence[Found]:
        return [_found_part(part) for part in self._cloud.parts(site, uid, timeout)]

    def claims(self, found: Iterable[Found]) -> Claims:
        things = [(one, cast(FoundPart, one.thing), home_of(one.instance_id)) for one in found]
        layout = self._store.layout()
        partitions = {home.slot: partition_of(home.slot, layout.partitions) for _, _, home in things}
        listed = self._store.domains_of(sorted({*partitions.values()}))
        keys = [key for key in listed if slot_of(key) in partitions]
        views = _views(self._store, keys)
        unread = {slot_of(key) for key in keys if key not in views}
        there = {(slot_of(key), view.domain.incarnation): view for key, view in views.items() if view is not None}
        counters = {p: self._store.incarnation(p) for p in sorted({*partitions.values()})}
        claims: dict[Claim, list[Found]] = defaultdict(list)
        for one, part, home in things:
            if home.slot not in unread:  # else it might be that one's
                view = there.get((home.slot, home.incarnation))
                said = claim_of_part(part, home, layout, view, counters[partitions[home.slot]])
                claims[said].append(one._replace(key=view.key if view else None))
        return claims

    def end(self, found: Found, timeout: float) -> None:
        part = cast(FoundPart, found.thing)
        self._cloud.release(part.site, part.part, timeout)


def found_server(server: Server) -> Found:
    mark = server.mark
    what = f"server {server.server_id}"
    return Found(server.server_id, mark.instance_id, server.site, server.created, mark.key, what, server)


def _found_part(found: FoundPart) -> Found:
    part = found.part
    what = f"{part.kind} {part.part_id}"
    return Found(part.part_id, found.home, found.site, found.created, None, what, found)


def _views(store: Store, keys: Iterable[DomainKey]) -> dict[DomainKey, View | None]:
    """Null for one that is not there; those that cannot be read are left out."""
    views: dict[DomainKey, View | None] = {}
    for key, found in store.views(tuple(keys)):
        if isinstance(found, BadMessage):
            log.error("what %s has in the cloud is left alone, as its record cannot be read: %s", key, found)
        else:
            views[key] = None if isinstance(found, NotFound) else found
    return views
