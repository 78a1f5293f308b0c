"""One long story on real servers: everything is killed in turn, and heals.

Three agents, a ZooKeeper ensemble of three, RabbitMQ, the `local` cloud, a session of 2 s. Judged by the kernel,
by the cloud's own records, by what a client was answered, and by the store's own transaction log.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from elastic.adapters.cloud.folder import Folders
from elastic.client import connect
from elastic.errors import Unavailable
from elastic.model.assignment import ROLES
from tests.functional.cluster import until
from tests.functional.ledger import Ledger
from tests.functional.real import MEMBERS, Host, RealCluster
from tests.servers.process import running
from tests.servers.rabbitmq import RabbitMQ
from tests.servers.txnlog import BAD_VERSION, NO_NODE, Txn, transactions
from tests.servers.zookeeper import Ensemble

pytestmark = [pytest.mark.functional, pytest.mark.slow]

SIZES = {"one": 1, "two": 2, "three": 3, "four": 2, "five": 1}
SESSION = 2.0  # seconds, as all times here
AWAY = 14.0
BOUND = 90.0
ANSWER = 10.0  # an RPC that finds no store is answered within 5; the host is slow
STUBBORN = [sys.executable, "-P", str(Path(__file__).with_name("stubborn_agent.py"))]
DEFINITION = {
    "health": {
        "heartbeat_interval": 1,
        "boot_timeout": 60,
        "missing_timeout": 6,  # shorter than the outages: none of them may pass for the silence of a VM
        "really_missing_timeout": 3,
        "zombie_seconds": 10,
    }
}


class Story:
    def __init__(self, cluster: RealCluster, ensemble: Ensemble, rabbitmq: RabbitMQ) -> None:
        self.cluster, self.ensemble, self.rabbitmq = cluster, ensemble, rabbitmq

    def begin(self) -> None:
        self.cluster.start()
        self.cluster.client.add_definition("test", DEFINITION)
        for name, size in SIZES.items():
            self.cluster.client.add_domain(name, "test", {"engine_conf": {"preserve_n": size}})
        self.cluster.until_settled(SIZES)

    @contextmanager
    def no_vm_is_lost(self) -> Iterator[None]:
        """Whatever is done inside, those that ran before are those that run after: the same processes."""
        before = self.cluster.vms()
        yield
        self.cluster.until_whole()
        self.cluster.until_settled(SIZES, BOUND)
        assert self.cluster.vms() == before

    def each_leader_dies(self) -> None:
        for role in ROLES:
            with self.no_vm_is_lost():
                victim = self.cluster.leader(role)["member"]
                self.cluster.kill(victim)
                until(lambda role=role, gone=victim: self.cluster.leader(role)["member"] != gone, BOUND)
                self.cluster.start_agent(victim)

    def each_member_dies(self) -> None:
        for member in MEMBERS:
            with self.no_vm_is_lost():
                self.cluster.kill(member)
                self.cluster.start_agent(member)

    def the_broker_is_restarted(self) -> None:
        with self.no_vm_is_lost():
            self.rabbitmq.restart()

    def the_broker_is_away(self) -> None:
        with self.no_vm_is_lost():
            self.rabbitmq.stop()
            time.sleep(AWAY)
            self.rabbitmq.start()

    def the_store_is_away(self, seconds: float = AWAY) -> None:
        with self.no_vm_is_lost():
            self.ensemble.kill()
            asked = time.monotonic()
            with pytest.raises(Unavailable):
                self.cluster.client.domain("three")
            assert time.monotonic() - asked < ANSWER
            time.sleep(seconds - (time.monotonic() - asked))
            self.ensemble.start()

    def one_server_of_the_store_dies(self) -> None:
        for victim in (self.ensemble.leader, next(s for s in self.ensemble.servers if s.mode == "follower")):
            with self.no_vm_is_lost():
                victim.kill()
                self.cluster.until_whole()
                self.cluster.until_settled(SIZES, BOUND)
                victim.launch()
                victim.until_ready()

    def a_third_of_the_vms_dies(self) -> None:
        before = sorted(self.cluster.vms())
        doomed = set(before[::3])
        for vm in doomed:
            os.kill(vm.pid, signal.SIGKILL)
        until(lambda: not doomed & self.cluster.vms())
        self.cluster.until_settled(SIZES, BOUND)
        assert self.cluster.vms() >= set(before) - doomed

    def a_leader_is_paused(self) -> None:
        """For three sessions. Others take over; then it goes on, and writes by what it believed before."""
        with self.no_vm_is_lost():
            member = self.cluster.leader("decider")["member"]
            host = self.cluster.hosts[member]
            self._commit_something(member)
            known = set(host.sessions())
            self.cluster.kill(member, signal.SIGSTOP)
            time.sleep(3 * SESSION)
            until(lambda: self.cluster.leader("decider")["member"] != member, BOUND)
            self.cluster.kill(member, signal.SIGCONT)
            until(lambda: len(stubbornly_said(host)) == 3, BOUND)
            assert stubbornly_said(host) == {
                "assignment: Refused",
                "commit: Superseded",
                "bare commit: Refused",
            }
        mine = {session for session, _ in set(host.sessions()) - known}
        refusals = {txn.refused_at for txn in self.log() if txn.session in mine and len(txn.ops) > 1}
        assert refusals >= {(0, BAD_VERSION), (0, NO_NODE)}, "the store has no trace of it"
        assert host.lives

    def _commit_something(self, member: str) -> None:
        """Have it write to a domain of its own."""
        for _ in range(50):
            name = f"new-{time.monotonic_ns()}"
            self.cluster.client.add_domain(name, "test", {"engine_conf": {"preserve_n": 0}})
            if self.cluster.client.domain(name)["member"] == member:
                until(lambda name=name: self.cluster.client.domain(name)["status"] == "STABLE")
                return
        pytest.fail(f"no domain falls to {member}")

    def log(self) -> list[Txn]:
        return transactions(self.ensemble.servers[0].folder / "data")


def writes_instances(txn: Txn) -> bool:
    """It has changed records of a domain that was there: its buckets, the first of which goes with each commit."""
    return any(op.kind == "set" and op.path.endswith("/i0") for op in txn.ops)


def stubbornly_said(host: Host) -> set[str]:
    """What became of its stale writes since it was started."""
    return {line.removeprefix("stubborn: ") for line in host.said() if line.startswith("stubborn: ")}


@pytest.fixture
def story(tmp_path: Path, zookeeper_installed: None, rabbitmq_installed: None) -> Iterator[Story]:
    ensemble, rabbitmq = Ensemble(tmp_path / "zookeeper"), RabbitMQ(tmp_path / "rabbitmq")
    with (
        running(ensemble),
        running(rabbitmq),
        RealCluster(tmp_path / "data", ensemble.servers, rabbitmq, command=STUBBORN) as cluster,
    ):
        yield Story(cluster, ensemble, rabbitmq)


@pytest.mark.timeout(1500)
def test_whatever_dies_every_domain_has_its_servers_in_the_end(story: Story) -> None:
    story.begin()
    cluster = story.cluster
    with Ledger(connect(config_file=cluster.directory / "client.conf", timeout=15), "test") as ledger:
        story.each_leader_dies()
        story.each_member_dies()
        story.the_broker_is_restarted()
        story.the_broker_is_away()
        story.the_store_is_away()
        story.one_server_of_the_store_dies()
        story.a_third_of_the_vms_dies()
        story.a_leader_is_paused()

    until(lambda: not ledger.faults(cluster), BOUND, lambda: ledger.faults(cluster))
    assert len(ledger.there) + len(ledger.gone) > ledger.unanswered > 0
    cluster.until_settled(SIZES)
    assert cluster.client.servers(strays=True) == []
    recorded = Folders(cluster.directory / "cloud" / "servers").recorded()
    assert {record.mark.instance_id for _, record in recorded} == {vm.instance_id for vm in cluster.vms()}
    unfenced = [txn for txn in story.log() if writes_instances(txn) and not txn.has("check", "/test/assignment")]
    assert unfenced == []
    assert cluster.stop() == [0, 0, 0]


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_store_comes_back_after_more_than_a_minute_and_nothing_was_lost(story: Story) -> None:
    story.begin()
    story.the_store_is_away(64.0)
