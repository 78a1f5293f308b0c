"""What a server has beside it, on a real Neutron and a real Cinder, for as long as it is there."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.functional.cluster import until
from tests.openstack.cluster import CONVERGED, TYPE, OpenStackCluster
from tests.openstack.test_keep import reasons

There = Mapping[str, tuple[str, str | None]]
"""Parts in the cloud, in all projects: their names by id, and the server that has each."""


def with_parts(**asked: Any) -> dict[str, Any]:
    return {**TYPE, "common": {**TYPE["common"], **asked}}


def floating_ips(cluster: OpenStackCluster) -> There:
    there = cluster.stack.admin.network.ips()
    return {ip.id: (ip.description, (ip.port_details or {}).get("device_id")) for ip in there}


def volumes(cluster: OpenStackCluster) -> There:
    there = cluster.stack.admin.block_storage.volumes(all_projects=True)
    return {v.id: (v.name, next((a["server_id"] for a in v.attachments), None)) for v in there}


LISTED: dict[str, Callable[[OpenStackCluster], There]] = {"floating_ip": floating_ips, "volume": volumes}


def made(cluster: OpenStackCluster, kind: str) -> There:
    """Those of the cluster, by their names."""
    prefix = f"elastic-{cluster.uid}-"
    there = {identity: part for identity, part in LISTED[kind](cluster).items() if part[0].startswith(prefix)}
    return {identity: (name.removeprefix(prefix), server) for identity, (name, server) in there.items()}


def recorded(cluster: OpenStackCluster, kind: str) -> dict[str, str]:
    """By id: whose they are, of those that have not ended."""
    living = [row["instance_id"] for row in cluster.client.instances("web") if row["state"] < "800"]
    rows = [cluster.client.instance(instance_id) for instance_id in living]
    return {part["id"]: row["instance_id"] for row in rows for part in row["parts"] if part["kind"] == kind}


def astray(cluster: OpenStackCluster, kind: str, size: int) -> str:
    """How parts, their names, their servers and records differ, if they do."""
    there, records = made(cluster, kind), recorded(cluster, kind)
    running = [row for row in cluster.client.instances("web") if row["state"] == "600-RUNNING"]
    if not len(running) == len(there) == len(records) == size:
        return f"{len(running)} running, {len(there)} in the cloud, {len(records)} on record, not {size}"
    servers = {server.metadata["elastic:instance"]: server.id for server in cluster.servers()}
    wanted = {identity: (f"{whose}-{kind}0", servers.get(whose)) for identity, whose in records.items()}
    return "" if there == wanted else f"in the cloud {there}, by the records {wanted}"


def until_all_have(cluster: OpenStackCluster, kind: str, size: int, bound: float = CONVERGED) -> None:
    until(lambda: not astray(cluster, kind, size), bound, lambda: astray(cluster, kind, size))


def limit(cluster: OpenStackCluster, kind: str, most: int) -> None:
    """The project's quota of them; -1: as many as one likes."""
    admin = cluster.stack.admin
    project = admin.identity.find_project("demo").id
    match kind:
        case "floating_ip":
            admin.set_network_quotas(project, floatingip=most)
        case "volume":
            admin.set_volume_quotas(project, volumes=most)


each_kind = pytest.mark.parametrize(
    ("kind", "asked"), [("floating_ip", {"floating_ip": "public"}), ("volume", {"volumes": [{"size": 1}]})]
)


@each_kind
def test_a_part_is_its_servers_alone_and_goes_with_it(cluster, kind, asked):
    cluster.serve(size=3, kind=with_parts(**asked))
    until_all_have(cluster, kind, 3)
    before = made(cluster, kind)
    lost, (_, victim) = next(iter(before.items()))
    cluster.stack.admin.compute.delete_server(victim)
    until(lambda: lost not in made(cluster, kind), CONVERGED, lambda: f"left: {lost} of {made(cluster, kind)}")
    until_all_have(cluster, kind, 3)
    assert len(set(before) & set(made(cluster, kind))) == 2
    cluster.remove_all()


@pytest.mark.unhurried
def test_a_floating_ip_is_told(cluster):
    cluster.serve(size=2, kind=with_parts(floating_ip="public"))
    until_all_have(cluster, "floating_ip", 2)
    ours = made(cluster, "floating_ip")
    addresses = {ip.floating_ip_address for ip in cluster.stack.admin.network.ips() if ip.id in ours}
    assert {row["public_ip"] for row in cluster.client.instances("web")} == addresses
    cluster.remove_all()


@pytest.mark.unhurried
@each_kind
def test_a_full_quota_of_them_is_told_and_when_it_is_lifted_all_come_up(cluster, kind, asked):
    """The second is asked for when the first is there: Neutron lets two at a time pass a quota of one."""
    limit(cluster, kind, 1)
    try:
        cluster.serve(size=1, kind=with_parts(**asked))
        until_all_have(cluster, kind, 1)
        cluster.resize(2)
        until(lambda: "quota: " in reasons(cluster), 60, lambda: reasons(cluster))
        until(lambda: not astray(cluster, kind, 1), 60, lambda: astray(cluster, kind, 1))
    finally:
        limit(cluster, kind, -1)
    until_all_have(cluster, kind, 2, bound=300)
    cluster.remove_all()
