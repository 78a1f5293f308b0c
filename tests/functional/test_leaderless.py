"""Between a leader's death and its successor's first write, and while the replicas are replaced one by one."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from elastic.client import connect
from elastic.model.assignment import ROLES
from tests.functional.cluster import VM, until
from tests.functional.ledger import Ledger
from tests.functional.real import MEMBERS, RealCluster
from tests.servers.rabbitmq import RabbitMQ
from tests.servers.zookeeper import ZooKeeper

pytestmark = [pytest.mark.functional, pytest.mark.slow]

SLOW_SESSION = 30.0  # seconds: so long nobody leads after a leader's death


@pytest.fixture
def slow_cluster(
    tmp_path: Path, zookeeper: ZooKeeper, zookeeper_root: str, rabbitmq: RabbitMQ, vhost: str
) -> Iterator[RealCluster]:
    with RealCluster(
        tmp_path / "data", [zookeeper], rabbitmq, chroot=zookeeper_root, vhost=vhost, session=SLOW_SESSION
    ) as made:
        yield made


def zxids(cluster: RealCluster, *paths: str) -> list[int]:
    """When the store saw the last write to each of these nodes of the cluster."""
    with cluster.zookeepers[0].superuser() as client:
        return [client.exists(f"{cluster.root}/{path}").mzxid for path in paths]


def head_of(cluster: RealCluster, domain: str) -> str:
    """The node that each commit to that domain writes."""
    with cluster.zookeepers[0].superuser() as client:
        for partition in client.get_children(f"{cluster.root}/partitions"):
            for name in client.get_children(f"{cluster.root}/partitions/{partition}"):
                if f":{domain}:" in name:
                    return f"partitions/{partition}/{name}/i0"
    raise LookupError(domain)


@pytest.mark.timeout(300)
def test_while_nobody_leads_a_domain_of_a_living_member_is_healed(slow_cluster: RealCluster) -> None:
    cluster = slow_cluster
    cluster.start()
    cluster.until_whole()
    sizes = {f"d{number}": 1 for number in range(8)}
    cluster.add_domains(sizes)
    leads = {role: cluster.leader(role)["member"] for role in ROLES}
    dead = leads["decider"]
    domain = next(name for name in sizes if cluster.client.domain(name)["member"] != dead)
    [row] = cluster.client.instances(domain)
    [victim] = [vm for vm in cluster.vms() if vm.instance_id == row["instance_id"]]
    terms = [f"terms/{role}" for role, member in leads.items() if member == dead]
    head, before = head_of(cluster, domain), zxids(cluster, "assignment", *terms)

    cluster.kill(dead)
    os.kill(victim.pid, signal.SIGKILL)

    def healed() -> VM | None:
        rows = [row for row in cluster.client.instances(domain) if row["state"] == "600-RUNNING"]
        return next((vm for vm in cluster.vms() if vm.instance_id in {r["instance_id"] for r in rows}), None)

    until(lambda: victim not in cluster.vms())
    until(healed)
    assert zxids(cluster, "assignment", *terms) == before, "somebody led again before it was healed"
    [healing] = zxids(cluster, head)

    until(lambda: all(new > old for new, old in zip(zxids(cluster, "assignment", *terms), before, strict=True)))
    assert all(new > healing for new in zxids(cluster, "assignment", *terms))
    assert all(cluster.leader(role)["member"] != dead for role in ROLES)


@pytest.mark.timeout(300)
def test_a_rolling_restart_under_load_terminates_and_launches_nothing(real_cluster: RealCluster) -> None:
    cluster = real_cluster
    cluster.start()
    sizes = {f"d{number}": 3 for number in range(4)}
    cluster.add_domains(sizes)
    before, listed = cluster.vms(), {row["instance_id"] for row in cluster.client.instances()}

    with Ledger(connect(config_file=cluster.directory / "client.conf", timeout=15), "test") as ledger:
        for member in MEMBERS:
            answered = len(ledger.there) + len(ledger.gone)
            assert cluster.stop_agent(member) == 0
            cluster.start_agent(member)
            cluster.until_whole()
            until(lambda answered=answered: len(ledger.there) + len(ledger.gone) > answered + 3)

    assert ledger.unanswered == 0
    until(lambda: not ledger.faults(cluster))
    cluster.until_settled(sizes)
    assert cluster.vms() == before
    assert {row["instance_id"] for row in cluster.client.instances()} == listed
    kinds = [
        row["kind"] for row in cluster.client.events() if row["kind"] in ("launched", "terminated", "replaced")
    ]
    assert kinds == ["launched"] * len(before)
