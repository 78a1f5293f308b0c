"""What the services of `openstack_stub` have and answer: collections of things that look as they do there.

Nothing comes to pass by itself: a test says what a thing's status is, and what time it is.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, NamedTuple

Thing = dict[str, Any]

VERSIONS = {
    "/identity/v3": {"id": "v3.14", "status": "stable"},
    "/compute/v2.1": {"id": "v2.1", "status": "CURRENT", "version": "2.96", "min_version": "2.1"},
    "/image/v2": {"id": "v2.16", "status": "CURRENT"},
    "/network/v2.0": {"id": "v2.0", "status": "CURRENT"},
    "/volume/v3": {"id": "v3.0", "status": "CURRENT", "version": "3.71", "min_version": "3.0"},
}

COLLECTIONS = {  # and what one of them is called in a body; "": it is the body
    "/compute/v2.1/servers": "server",
    "/compute/v2.1/os-server-groups": "server_group",
    "/compute/v2.1/flavors": "flavor",
    "/compute/v2.1/os-keypairs": "keypair",
    "/image/v2/images": "",
    "/network/v2.0/networks": "network",
    "/network/v2.0/ports": "port",
    "/network/v2.0/security-groups": "security_group",
    "/network/v2.0/floatingips": "floatingip",
    "/volume/v3/volumes": "volume",
}
NO_FILTERS = {"limit", "marker", "offset", "sort", "changes-since"}
ZONES = {"/compute/v2.1/os-availability-zone": "zones", "/volume/v3/os-availability-zone": "volume_zones"}
LIMITS = {
    "/compute/v2.1/limits": ("maxTotalInstances", "totalInstancesUsed", "servers"),
    "/volume/v3/limits": ("maxTotalVolumes", "totalVolumesUsed", "volumes"),
}


class Refused(Exception):
    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Wish(NamedTuple):
    """A request: `path` without the query, which is in `query`."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any

    @property
    def text(self) -> str:
        return f"{self.method} {self.path}"


class Services:
    """`page`: how many of a listing are shown at once. `quota`: how many of a kind there may be. `new_volumes`:
    the statuses that each will show."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.now = datetime(2026, 11, 22, tzinfo=UTC)
        self.page = 1000
        self.quota: dict[str, int] = {}
        self.new_volumes: Sequence[str] = ("available",)
        self.zones, self.volume_zones = ["nova"], ["nova"]
        self.things: dict[str, dict[str, Thing]] = defaultdict(dict)  # by the plural, then by id
        self._statuses: dict[str, Iterator[str]] = {}
        self._number = count(1)

    def put(self, many: str, **said: Any) -> Thing:
        """One more of a kind: it is there, and nobody asked for it."""
        at = self.now.strftime("%Y-%m-%dT%H:%M:%SZ")
        thing = {"id": f"{many}-{next(self._number):04d}", "name": "", "created_at": at, **said}
        if many == "servers":
            thing = {"created": at, "updated": at, "status": "ACTIVE", "metadata": {}, "tags": [], **thing}
        self.things[many][thing["id"]] = thing
        return thing

    def all(self, many: str) -> list[Thing]:
        return [thing for thing in self.things[many].values() if thing.get("status") != "DELETED"]

    def change(self, many: str, identity: str, **said: Any) -> None:
        """And what is changed is so now."""
        self.things[many][identity].update(said, updated=self.now.strftime("%Y-%m-%dT%H:%M:%SZ"))

    def will_show(self, volume: str, *statuses: str) -> None:
        """One after the other, each time that it is looked at by itself."""
        self._statuses[volume] = iter(statuses)

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def answer(self, wish: Wish) -> tuple[int, Any]:
        """Status and body."""
        if wish.path.rstrip("/") in VERSIONS:
            links = [{"rel": "self", "href": self.url + wish.path}]
            return 200, {"version": {**VERSIONS[wish.path.rstrip("/")], "links": links}}
        if wish.path in ZONES:
            names = getattr(self, ZONES[wish.path])
            zones = [{"zoneName": name, "zoneState": {"available": True}} for name in names]
            return 200, {"availabilityZoneInfo": zones}
        if wish.path in LIMITS:
            most, used, many = LIMITS[wish.path]
            return 200, {"limits": {"absolute": {most: self.quota.get(many, -1), used: len(self.all(many))}}}
        if wish.path.startswith("/network/v2.0/quotas/"):
            shown = ("ports", "floatingips")
            return 200, {"quota": {m: {"limit": self.quota.get(m, -1), "used": len(self.all(m))} for m in shown}}
        for root, one in COLLECTIONS.items():
            if wish.path == root or wish.path.startswith(f"{root}/"):
                return self._of_collection(wish, root, one, wish.path[len(root) :].strip("/"))
        raise Refused(404, f"there is no {wish.path}")

    def _of_collection(self, wish: Wish, root: str, one: str, rest: str) -> tuple[int, Any]:
        many = _plural(root)
        if wish.method == "POST":
            return (202 if one == "server" else 201), {one: self._make(many, one, wish.body)}
        if rest in ("", "detail"):
            return 200, self._list(many, root, wish)
        thing = self.things[many].get(rest)
        if thing is None or thing.get("status") == "DELETED":
            raise Refused(404, f"{one or many} {rest} could not be found")
        if wish.method == "PUT":
            thing.update(wish.body[one])
        if wish.method == "DELETE":
            self._delete(many, thing)
            return 204, None
        if one == "volume":
            thing["status"] = next(self._statuses.get(rest, iter(())), thing["status"])
        return 200, {one: thing} if one else thing

    def _make(self, many: str, one: str, body: Any) -> Thing:
        made = dict(body[one])
        if len(self.all(many)) >= self.quota.get(many, 10**6):
            raise _over_quota(many)
        zone = made.get("availability_zone")
        if many == "volumes" and zone is not None and zone not in self.volume_zones:
            raise Refused(400, f"Availability zone '{zone}' is invalid.")
        if many == "servers":
            self._check(made)
        thing = self.put(many, **made)
        if many == "volumes":
            self.will_show(thing["id"], *self.new_volumes)
            thing["status"] = "creating"
        if many == "servers":
            self._take(thing, body.get("os:scheduler_hints", {}))
        if many == "server_groups":
            thing["members"] = []
        return thing

    def _check(self, server: Thing) -> None:
        """What Nova refuses."""
        for port in _ports_of(server):
            if port not in self.things["ports"]:
                raise Refused(400, f"Port {port} could not be found.")
            if self.things["ports"][port].get("device_id"):
                raise Refused(409, f"Port {port} is still in use.")
        for volume in _volumes_of(server):
            status = self.things["volumes"].get(volume, {}).get("status")
            if status != "available":
                raise Refused(400, f"Invalid volume: status must be available, but is {status}")

    def _take(self, server: Thing, hints: Mapping[str, str]) -> None:
        for port in _ports_of(server):
            self.things["ports"][port]["device_id"] = server["id"]
        for volume in _volumes_of(server):
            self.things["volumes"][volume]["status"] = "in-use"
        if "group" in hints:
            self.things["server_groups"][hints["group"]]["members"].append(server["id"])

    def _delete(self, many: str, thing: Thing) -> None:
        if many == "servers":
            self.change(many, thing["id"], status="DELETED", tags=[])
            return
        if thing.get("device_id"):
            raise Refused(409, f"Port {thing['id']} is in use")
        if many == "volumes" and thing["status"] not in ("available", "error"):
            raise Refused(400, f"Invalid volume: status must be available or error, but is {thing['status']}")
        del self.things[many][thing["id"]]

    def _list(self, many: str, root: str, wish: Wish) -> Any:
        found = [thing for thing in self.things[many].values() if _is_asked_for(thing, wish.query)]
        if wish.query.get("sort", "").startswith("created_at:desc"):
            found.sort(key=lambda thing: thing["created_at"], reverse=True)
        names = [thing["id"] for thing in found]
        first = (
            names.index(wish.query["marker"]) + 1 if "marker" in wish.query else int(wish.query.get("offset", 0))
        )
        last = first + min(self.page, int(wish.query.get("limit", self.page)))
        shown = found[first:last]
        if many == "keypairs":
            return {many: [{"keypair": thing} for thing in shown]}
        if many == "server_groups":  # nothing says that there are more
            return {many: shown}
        more = [{"rel": "next", "href": f"{self.url}{wish.path}?marker={shown[-1]['id']}"}] if found[last:] else []
        return {many: shown, **({f"{many}_links": more} if more else {})}


def _plural(root: str) -> str:
    return root.rpartition("/")[2].removeprefix("os-").replace("-", "_")


def _is_asked_for(thing: Thing, query: Mapping[str, str]) -> bool:
    """A deleted one is shown to those only who ask what has changed."""
    if "changes-since" in query:
        return bool(thing["updated"] >= query["changes-since"])
    return thing.get("status") != "DELETED" and all(
        _fits(thing, key, value) for key, value in query.items() if key not in NO_FILTERS
    )


def _fits(thing: Thing, key: str, value: str) -> bool:
    if key == "tags":
        return {*value.split(",")} <= {*thing.get("tags", ())}
    if key == "metadata":
        return _dictionary(value).items() <= thing.get("metadata", {}).items()
    return str(thing.get(key)) == value


def _dictionary(text: str) -> Mapping[Any, Any]:
    """As Cinder reads it: by the rules of Python. What is none is taken for something that nothing has."""
    try:
        said = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        said = None
    return said if isinstance(said, dict) else {None: None}


def _over_quota(many: str) -> Refused:
    """Each service says it in its own way."""
    if many == "volumes":
        return Refused(
            413, "VolumeLimitExceeded: Maximum number of volumes allowed (0) exceeded for quota 'volumes'."
        )
    if many in ("servers", "server_groups"):
        return Refused(403, f"Quota exceeded, too many {many}.")
    return Refused(409, f"Quota exceeded for resources: ['{many}'].")


def _ports_of(server: Thing) -> list[str]:
    networks = server.get("networks", "none")
    return [] if networks == "none" else [each["port"] for each in networks]


def _volumes_of(server: Thing) -> list[str]:
    disks = server.get("block_device_mapping_v2", ())
    return [disk["uuid"] for disk in disks if disk["source_type"] == "volume"]
