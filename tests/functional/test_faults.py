"""Everything is killed in turn, on real processes; at the end every domain is as it should be.

Judged by the kernel and the local cloud's own records: who lives, and whether it is still the same process.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from elastic.adapters.cloud.folder import Folders
from elastic.model.assignment import ROLES
from tests.functional.cluster import VM, Cluster, until

pytestmark = [pytest.mark.functional, pytest.mark.slow]

SIZES = {"one": 1, "two": 2, "three": 3, "four": 2, "five": 1}


@contextmanager
def no_vm_is_lost(cluster: Cluster) -> Iterator[None]:
    """Whatever is done inside, those that ran before are those that run after: the same processes."""
    before = cluster.vms()
    yield
    cluster.until_settled(SIZES)
    assert cluster.vms() == before


def kill_vm(cluster: Cluster, victim: VM) -> None:
    """It is replaced by one other; all others stay as they are."""
    others = cluster.vms() - {victim}
    os.kill(victim.pid, signal.SIGKILL)
    until(lambda: victim.instance_id not in {row["instance_id"] for row in running(cluster)})
    cluster.until_settled(SIZES)
    assert cluster.vms() >= others


def running(cluster: Cluster) -> list[dict[str, object]]:
    return [row for row in cluster.client.instances() if row["state"] == "600-RUNNING"]


@pytest.mark.timeout(600)
def test_leaders_members_vms_and_the_supervisor_are_killed_and_every_domain_has_its_servers(
    cluster: Cluster,
) -> None:
    cluster.start()
    cluster.add_domains(SIZES)

    for role in ROLES:
        with no_vm_is_lost(cluster):
            leader = cluster.leader(role)
            os.kill(leader["pid"], signal.SIGKILL)
            until(lambda role=role, gone=leader["pid"]: cluster.leader(role)["pid"] != gone)
            cluster.until_whole()

    for member in ("r1", "r2", "r3"):
        with no_vm_is_lost(cluster):
            os.kill(cluster.agents()[member], signal.SIGKILL)
            cluster.until_whole()

    for name in SIZES:
        doomed = next(row["instance_id"] for row in running(cluster) if row["domain"] == name)
        kill_vm(cluster, next(vm for vm in cluster.vms() if vm.instance_id == doomed))

    with no_vm_is_lost(cluster):
        assert cluster.supervisor is not None
        cluster.close_client()
        cluster.supervisor.kill()
        cluster.supervisor.wait()
        until(lambda: not cluster.agents())
        cluster.start()
        cluster.until_whole()

    on_record = {
        record.mark.instance_id for _, record in Folders(cluster.directory / "cloud" / "servers").recorded()
    }
    assert on_record == {vm.instance_id for vm in cluster.vms()}
    assert cluster.client.servers(strays=True) == []
    assert cluster.stop() == 0
    assert cluster.vms() == set()


@pytest.mark.timeout(600)
def test_a_member_and_a_vm_that_die_together_cost_nothing_but_that_vm(cluster: Cluster) -> None:
    cluster.start()
    cluster.add_domains(SIZES)
    for name in ("one", "three"):
        member = cluster.client.domain(name)["member"]
        doomed = next(row["instance_id"] for row in running(cluster) if row["domain"] == name)
        victim = next(vm for vm in cluster.vms() if vm.instance_id == doomed)
        os.kill(cluster.agents()[member], signal.SIGKILL)
        kill_vm(cluster, victim)
    cluster.until_whole()
