"""Agents on ZooKeeper and RabbitMQ: what they promise on an ordinary day."""

import os
import signal

import pytest

from tests.functional.cluster import until
from tests.functional.real import RealCluster

SESSION = 2.0  # seconds

pytestmark = [pytest.mark.functional, pytest.mark.slow]


def test_three_agents_run_a_domain_replace_what_is_killed_and_stop_cleanly(real_cluster: RealCluster) -> None:
    cluster = real_cluster
    cluster.start()
    cluster.until_whole()
    assert {row["member"] for row in cluster.client.replicas()} == {"a", "b", "c"}
    cluster.add_domains({"web": 3})

    leader = cluster.leader("decider")["member"]
    before = cluster.vms()
    cluster.kill(leader, signal.SIGKILL)
    until(lambda: cluster.leader("decider")["member"] in cluster.living())
    cluster.until_settled({"web": 3})
    assert cluster.vms() == before, "a server died of the leader's death"

    victim = next(iter(before))
    os.kill(victim.pid, signal.SIGKILL)
    until(lambda: victim not in cluster.vms())
    cluster.until_settled({"web": 3})
    assert cluster.vms() >= before - {victim}

    cluster.start_agent(leader)
    cluster.until_whole()
    servers = cluster.vms()
    assert cluster.stop() == [0, 0, 0]
    assert cluster.agents() == {}
    assert cluster.vms() == servers


@pytest.mark.parametrize("fault", ["expire", "cut"])
def test_an_agent_whose_sessions_end_or_that_is_cut_off_comes_back_and_kills_nobody(
    real_cluster: RealCluster, fault: str
) -> None:
    cluster = real_cluster
    cluster.start()
    cluster.add_domains({"web": 3})
    before = cluster.vms()
    member = cluster.leader("decider")["member"]
    sessions = cluster.hosts[member].sessions()
    pid = cluster.hosts[member].process.pid

    if fault == "expire":
        cluster.expire(member)
    else:
        cluster.cut(member, 2 * SESSION)
    until(lambda: cluster.leader("decider")["member"] != member, lack="nobody took over")
    until(lambda: set(cluster.hosts[member].sessions()) - set(sessions))
    cluster.until_whole()
    cluster.until_settled({"web": 3})
    assert cluster.vms() == before
    assert cluster.hosts[member].process.pid == pid
