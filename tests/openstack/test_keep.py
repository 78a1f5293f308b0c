"""A domain is kept at its size on a real Nova, whatever becomes of its servers."""

import time
from typing import Any

import pytest

from tests.functional.cluster import until
from tests.openstack.cluster import TYPE, OpenStackCluster
from tests.openstack.conftest import Start

BUSY = 15.0  # seconds


def with_metadata(**faults: str) -> dict[str, Any]:
    return {**TYPE, "common": {**TYPE["common"], "metadata": {f"mini:{k}": v for k, v in faults.items()}}}


def states(cluster: OpenStackCluster, name: str = "web") -> list[str]:
    return [row["state"] for row in cluster.client.domain(name)["instances"]]


def reasons(cluster: OpenStackCluster, name: str = "web") -> str:
    return " ".join(row["reason"] for row in cluster.client.domain(name)["instances"])


def test_a_domain_grows_shrinks_and_ends(cluster):
    cluster.serve(size=0)
    for size in (20, 5, 0):
        cluster.resize(size)
        cluster.until_served(size)
    cluster.remove_all()


@pytest.mark.parametrize(
    "how",
    [
        "deleted",
        pytest.param("error", marks=pytest.mark.unhurried),
        pytest.param("stopped", marks=pytest.mark.unhurried),
    ],
)
def test_a_server_that_was_lost_is_replaced(cluster, how):
    cluster.serve(size=3)
    cluster.until_served(3)
    victim = cluster.servers()[0]
    compute = cluster.stack.admin.compute
    match how:
        case "deleted":
            compute.delete_server(victim)
        case "error":
            compute.reset_server_state(victim, "error")
        case "stopped":
            compute.stop_server(victim)
    until(lambda: victim.id not in {s.id for s in cluster.servers()}, 120, f"{victim.name} is still there")
    cluster.until_served(3)
    cluster.remove_all()


@pytest.mark.unhurried
def test_a_guest_that_crashes_is_replaced(cluster):
    cluster.serve(size=2, kind=with_metadata(crash_after="8"))
    cluster.until_served(2)
    first = {server.id for server in cluster.servers()}
    until(lambda: not first & {s.id for s in cluster.servers()}, 120, "the crashed ones are still there")
    cluster.client.update_type("web", TYPE)
    cluster.until_served(2)
    cluster.remove_all()


@pytest.mark.parametrize("fault", ["error", pytest.param("reschedule", marks=pytest.mark.unhurried)])
def test_a_boot_that_fails_is_told_with_its_reason_and_tried_again(cluster, fault):
    cluster.serve(size=2, kind=with_metadata(spawn=fault))
    until(lambda: "the cloud reports ERROR" in reasons(cluster), 60, lambda: reasons(cluster))
    cluster.client.update_type("web", TYPE)
    cluster.until_served(2, bound=300)
    cluster.remove_all()


def test_a_boot_that_hangs_is_given_up_after_its_time_and_leaves_nothing(start: Start):
    cluster = start()
    cluster.client.add_type("web", with_metadata(spawn_seconds="600"))
    cluster.client.add_definition("web", {"health": {"boot_timeout": 10}})
    conf = {"force_site": "mini", "epuworker_type": "web", "preserve_n": 1}
    cluster.client.add_domain("web", "web", {"engine_conf": conf})
    until(lambda: "not up 10 s after" in reasons(cluster), 60, lambda: reasons(cluster))
    cluster.client.remove_domain("web")
    cluster.stack.stop("nova-compute-fake-a", "nova-compute-fake-b")
    cluster.stack.start("nova-compute-fake-a", "nova-compute-fake-b")
    cluster.remove_all(bound=300)


def test_no_valid_host_is_told_and_left_alone_for_longer_each_time(cluster):
    cluster.serve(size=2, kind={**TYPE, "common": {**TYPE["common"], "flavor": "huge"}})
    until(lambda: "No valid host" in reasons(cluster), 60, lambda: reasons(cluster))
    time.sleep(BUSY)  # that is what is measured: without a backoff it would be asked a dozen times
    assert 2 <= len(states(cluster)) <= 6
    conditions = {c["reason"]: c["text"] for c in cluster.client.domain("web")["conditions"]}
    assert "No valid host" in conditions["Backoff"]
    cluster.client.update_type("web", TYPE)
    cluster.until_served(2, bound=300)
    cluster.remove_all()


def test_a_full_quota_is_told_and_when_it_is_lifted_all_come_up(cluster):
    admin = cluster.stack.admin
    project = admin.identity.find_project("demo")
    used = len(list(admin.compute.servers(all_projects=True, project_id=project.id)))
    admin.set_compute_quotas(project.id, instances=used + 2)
    try:
        cluster.serve(size=4)
        until(lambda: "Quota exceeded" in reasons(cluster), 60, lambda: reasons(cluster))
        until(lambda: states(cluster).count("600-RUNNING") == 2, 60)
    finally:
        admin.set_compute_quotas(project.id, instances=-1)
    cluster.until_served(4, bound=300)
    cluster.remove_all()


def test_two_sites_are_two_projects(start: Start):
    cluster = start(clouds="mini,mini-second")
    kind = {**TYPE, "sites": {"mini": {}, "mini-second": {}}}
    cluster.serve("here", 2, kind)
    cluster.serve("there", 3, kind, force_site="mini-second")
    sizes = {"here": 2, "there": 3}
    until(lambda: not cluster.amiss(sizes), 120, lambda: "; ".join(cluster.amiss(sizes)))
    projects = {server.metadata["elastic:domain"]: server.project_id for server in cluster.servers()}
    assert len({*projects.values()}) == 2
    cluster.remove_all()


def test_of_three_that_must_not_share_one_of_two_hosts_one_waits(cluster):
    kind = {**TYPE, "common": {**TYPE["common"], "group": "anti-affinity"}}
    cluster.serve(size=3, kind=kind)
    until(lambda: states(cluster).count("600-RUNNING") == 2 and "No valid host" in reasons(cluster), 120)
    hosts = [s.compute_host for s in cluster.servers() if s.status == "ACTIVE"]
    assert sorted(hosts) == ["fake-a", "fake-b"]
    assert len(cluster.stack.groups(cluster.uid)) == 1
    cluster.resize(2)
    cluster.until_served(2)
    cluster.remove_all()
