"""What a server has beside it, on a real Neutron: a floating IP for each, for as long as it is there."""

from typing import Any

from tests.functional.cluster import until
from tests.openstack.cluster import CONVERGED, TYPE, OpenStackCluster


def with_parts(**asked: Any) -> dict[str, Any]:
    return {**TYPE, "common": {**TYPE["common"], **asked}}


def floating_ips(cluster: OpenStackCluster) -> dict[str, Any]:
    """Those of the cluster, by id, in all projects."""
    there = cluster.stack.admin.network.ips()
    return {ip.id: ip for ip in there if ip.description.startswith(f"elastic-{cluster.uid}-")}


def told(cluster: OpenStackCluster) -> set[str | None]:
    """The public addresses of those that run, as elastic has them."""
    return {row["public_ip"] for row in cluster.client.instances("web") if row["state"] == "600-RUNNING"}


def recorded(cluster: OpenStackCluster, kind: str) -> dict[str, str]:
    """Parts of that kind, by id, and whose they are, of those that have not ended."""
    living = [row["instance_id"] for row in cluster.client.instances("web") if row["state"] < "800"]
    rows = [cluster.client.instance(instance_id) for instance_id in living]
    return {part["id"]: row["instance_id"] for row in rows for part in row["parts"] if part["kind"] == kind}


def astray(cluster: OpenStackCluster, size: int) -> str:
    """How floating IPs, servers and records differ, if they do."""
    there, records = floating_ips(cluster), recorded(cluster, "floating_ip")
    if len(there) != size or set(there) != set(records):
        return f"{sorted(there)} in Neutron, {sorted(records)} on record"
    named = {ip.id: ip.description.removeprefix(f"elastic-{cluster.uid}-") for ip in there.values()}
    if named != {identity: f"{instance}-floating_ip0" for identity, instance in records.items()}:
        return f"named {named}, on record {records}"
    servers = {server.id: server.metadata["elastic:instance"] for server in cluster.servers()}
    holders = {ip.id: servers.get(ip.port_details["device_id"]) for ip in there.values()}
    if holders != records:
        return f"{holders} have them, on record {records}"
    addresses = {ip.floating_ip_address for ip in there.values()}
    return "" if told(cluster) == addresses else f"told {told(cluster)}, in Neutron {addresses}"


def until_all_have_floating_ips(cluster: OpenStackCluster, size: int) -> None:
    until(lambda: not astray(cluster, size), CONVERGED, lambda: astray(cluster, size))


def test_each_has_a_floating_ip_of_its_own_until_it_goes(cluster):
    cluster.serve(size=3, kind=with_parts(floating_ip="public"))
    until_all_have_floating_ips(cluster, 3)
    first = set(floating_ips(cluster))
    victim = cluster.servers()[0]
    (lost,) = (ip for ip in floating_ips(cluster).values() if ip.port_details["device_id"] == victim.id)
    cluster.stack.admin.compute.delete_server(victim)
    until(lambda: lost.id not in floating_ips(cluster), CONVERGED, f"{lost.floating_ip_address} is still there")
    until_all_have_floating_ips(cluster, 3)
    assert len(first & set(floating_ips(cluster))) == 2
    cluster.remove_all()
    until(lambda: not floating_ips(cluster), CONVERGED, lambda: f"left: {floating_ips(cluster)}")
