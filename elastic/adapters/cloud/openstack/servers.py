"""A server, as Nova tells of it, in our words."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from elastic.adapters.cloud.openstack.marks import mark_in
from elastic.model.server import Server, ServerStatus

OWN_TASKS = frozenset(
    {None, "scheduling", "block_device_mapping", "networking", "spawning", "deleting", "soft-deleting"}
)
"""Tasks that a create or a delete goes through. Any other is somebody else's: Masakari's, an operator's."""

STATUSES: Mapping[str, ServerStatus] = {
    "BUILD": ServerStatus.BUILD,
    "ACTIVE": ServerStatus.ACTIVE,
    "SHUTOFF": ServerStatus.SHUTOFF,
    "ERROR": ServerStatus.ERROR,
    "DELETED": ServerStatus.DELETED,
    "SOFT_DELETED": ServerStatus.DELETED,
}


def server_of(site: str, said: Mapping[str, Any]) -> Server | None:
    """None if it bears no mark."""
    mark = mark_in(said.get("metadata") or {})
    if mark is None:
        return None
    fixed, floating, v6 = _addresses(said.get("addresses") or {})
    return Server(
        server_id=said["id"],
        site=site,
        mark=mark,
        status=status_of(said),
        created=when(said.get("created")),
        public_ip=floating,
        private_ip=fixed,
        ipv6=v6,
        hostname=said.get("name"),
        fault=str((said.get("fault") or {}).get("message", "")),
    )


def status_of(said: Mapping[str, Any]) -> ServerStatus:
    """BUSY while somebody else is at work on it."""
    status = STATUSES.get(str(said.get("status")), ServerStatus.OTHER)
    is_ours = said.get("OS-EXT-STS:task_state") in OWN_TASKS
    return status if is_ours or status is ServerStatus.DELETED else ServerStatus.BUSY


def when(text: str | None) -> float:
    """Seconds since the epoch, of a date in ISO form; without a time zone, as Cinder has them, it is in UTC."""
    if not text:
        return 0.0
    date = datetime.fromisoformat(text)
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()


def _addresses(networks: Mapping[str, Sequence[Mapping[str, Any]]]) -> tuple[str | None, str | None, str | None]:
    """The first fixed address, the first floating one, and the first of IPv6."""
    every = [entry for name in sorted(networks) for entry in networks[name]]

    def first(version: int, kind: str) -> str | None:
        fitting = (
            e["addr"] for e in every if e["version"] == version and e.get("OS-EXT-IPS:type", "fixed") == kind
        )
        return next(fitting, None)

    v6 = first(6, "fixed")
    return first(4, "fixed") or v6, first(4, "floating"), v6
