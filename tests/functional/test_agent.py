"""`elastic-agent`: replicas without a supervisor, as in production."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from elastic.adapters.store.sqlite import SqliteStore
from elastic.conf import embedded
from elastic.model.assignment import Assignment
from elastic.model.domain import DomainKey
from elastic.model.view import View
from tests.functional.cluster import AGENT, VM, Cluster, Heard, until

pytestmark = [pytest.mark.functional, pytest.mark.slow]

SESSION = 2.0


class Agents:
    """Started one by one, on one configuration."""

    def __init__(self, config: Path) -> None:
        self.config = config
        self.processes: dict[str, Heard] = {}

    def start(self, member: str) -> Heard:
        self.processes[member] = Heard([*AGENT, "--config-file", str(self.config), "--member", member])
        return self.processes[member]

    def until_ready(self) -> None:
        processes = self.processes.values()
        until(lambda: all(process.out.lines == ["ready"] for process in processes), lack="not all are ready")


@pytest.fixture
def agents(cluster: Cluster) -> Agents:
    """The fixture `cluster` ends them."""
    return Agents(embedded.write(cluster.directory))


@contextmanager
def assignments_of(directory: Path) -> Iterator[list[Assignment]]:
    """Every assignment that stands meanwhile, read from the store itself."""
    seen: list[Assignment] = []
    store = SqliteStore(directory / "store.db", partitions=None)
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.01):
            now = store.assignment()
            if not seen or seen[-1].serial != now.serial:
                seen.append(now)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield seen
    finally:
        over.set()
        watching.join()
        store.close()


def refused(config: Path, *words: str) -> str:
    """The one line with which an agent refuses to start."""
    done = subprocess.run(
        [*AGENT, "--config-file", str(config), *words], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    return line


def test_a_second_agent_of_the_same_name_is_refused(agents: Agents) -> None:
    first = agents.start("a")
    agents.until_ready()
    line = refused(agents.config, "--member", "a")
    assert f"process {first.pid}" in line


def test_what_cannot_be_read_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "elastic.conf").write_text("[store]\nurl = nonsense\n")
    assert "[store] url" in refused(tmp_path / "elastic.conf")
    assert "nothing.conf" in refused(tmp_path / "nothing.conf")
    (tmp_path / "elastic.conf").write_text("")
    assert "member 'a/b'" in refused(tmp_path / "elastic.conf", "--member", "a/b")


def test_sigterm_ends_an_agent_cleanly_and_another_leads_at_once(cluster: Cluster, agents: Agents) -> None:
    for member in ("a", "b"):
        agents.start(member)
    agents.until_ready()
    leader = cluster.leader("decider")["member"]
    process = agents.processes.pop(leader)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert cluster.leader("decider")["member"] in agents.processes


def test_sighup_has_it_read_its_configuration_again(agents: Agents) -> None:
    process = agents.start("a")
    agents.until_ready()
    process.send_signal(signal.SIGHUP)
    until(lambda: any("was read again" in line for line in agents.processes["a"].err.lines))
    agents.config.write_text(agents.config.read_text() + "\n[decider]\ninterval = soon\n")
    process.send_signal(signal.SIGHUP)
    until(lambda: any("stays as it was" in line for line in agents.processes["a"].err.lines))
    assert process.poll() is None


def test_a_store_that_does_not_answer_at_start_is_waited_for(cluster: Cluster, agents: Agents) -> None:
    locked = sqlite3.connect(cluster.directory / "store.db", isolation_level=None)
    locked.execute("BEGIN EXCLUSIVE")
    process = agents.start("a")
    until(lambda: any("waiting" in line for line in agents.processes["a"].err.lines))
    assert process.poll() is None
    locked.execute("ROLLBACK")
    locked.close()
    agents.until_ready()


def test_metrics_and_health_are_served_when_asked_for(agents: Agents) -> None:
    agents.config.write_text(agents.config.read_text() + "\n[metrics]\nlisten = 127.0.0.1:0\n")
    agents.start("a")
    agents.until_ready()
    told = until(lambda: re.search(r"http://[0-9.:]+", "".join(agents.processes["a"].err.lines)))

    def asked(path: str) -> str:
        with urllib.request.urlopen(told[0] + path, timeout=10) as answer:  # noqa: S310
            return str(answer.read(), "utf-8")

    assert json.loads(until(lambda: asked("/healthz"))) == {"healthy": True, "reasons": []}
    metrics = asked("/metrics")
    assert "elastic_partitions 256.0" in metrics
    assert 'elastic_leads{role="decider"} 1.0' in metrics
    assert 'elastic_loop_age_seconds{loop="control"}' in metrics


@pytest.mark.timeout(600)
def test_a_leader_that_was_paused_for_three_leases_writes_nothing_when_it_goes_on(
    cluster: Cluster, agents: Agents
) -> None:
    """It is stopped with work in hand, and while it sleeps the others do that work."""
    sizes = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
    for member in ("a", "b", "c"):
        agents.start(member)
    agents.until_ready()
    cluster.until_whole()
    cluster.add_domains(sizes)
    paused = cluster.leader("decider")
    name, old_term = paused["member"], paused["term"]["decider"]
    sizes |= given_work(cluster, name, sizes)
    before = cluster.vms()
    doomed = a_vm_of(cluster, name)
    with assignments_of(cluster.directory) as seen:
        cluster.client.add_domain("late", "test", {"engine_conf": {"preserve_n": 3}})
        stop_between_writes(paused["pid"], cluster.directory)
        os.kill(doomed.pid, signal.SIGKILL)
        time.sleep(3 * SESSION)  # the pause itself, not a wait for anything
        until(lambda: cluster.leader("decider")["member"] != name)
        until(lambda: seen[-1].term > old_term and name not in seen[-1].holders)
        took_over = seen[-1]
        cluster.until_settled(sizes | {"late": 3})
        quiet = until(lambda: unchanged_for_a_while(cluster.directory), lack="the others do not come to rest")
        os.kill(paused["pid"], signal.SIGCONT)
        until(lambda: name in seen[-1].holders, lack="the paused one has no share again")
        assert contents(cluster.directory) == quiet, "the paused one has written"
        cluster.until_settled(sizes | {"late": 3})
    assert [each.serial for each in seen] == list(range(seen[0].serial, seen[-1].serial + 1))
    assert {each.term for each in seen} == {old_term, took_over.term}, (
        "the paused one has dealt out the work again"
    )
    assert cluster.vms() >= before - {doomed}, "a healthy VM was killed"
    assert cluster.client.servers(strays=True) == []


def stop_between_writes(pid: int, directory: Path) -> None:
    """One that sleeps in a transaction holds up everybody who shares the file, until it goes on or is killed: that
    is the supervisor's work, and here is none."""

    def is_stopped() -> bool:
        os.kill(pid, signal.SIGSTOP)
        if all(may_be_written(file) for file in directory.glob("*.db")):
            return True
        os.kill(pid, signal.SIGCONT)
        return False

    until(is_stopped, lack="it is always in the midst of a write")


def may_be_written(file: Path) -> bool:
    connection = sqlite3.connect(file, timeout=1, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError:
        return False
    finally:
        connection.close()
    return True


def contents(directory: Path) -> dict[DomainKey, View]:
    """All that roles write about domains: every record with its version, every counter."""
    store = SqliteStore(directory / "store.db", partitions=None)
    try:
        return {key: store.view(key) for key in store.all_domains()}
    finally:
        store.close()


def unchanged_for_a_while(directory: Path) -> dict[DomainKey, View] | None:
    before = contents(directory)
    time.sleep(SESSION)
    return before if contents(directory) == before else None


def given_work(cluster: Cluster, member: str, sizes: Mapping[str, int]) -> dict[str, int]:
    """The domains that were added until that member looked after one."""
    added: dict[str, int] = {}
    while not any(cluster.client.domain(name)["member"] == member for name in (*sizes, *added)):
        assert len(added) < 40, f"nothing falls to {member}"
        name = f"more{len(added)}"
        cluster.client.add_domain(name, "test", {"engine_conf": {"preserve_n": 1}})
        added[name] = 1
    cluster.until_settled({**sizes, **added})
    return added


def a_vm_of(cluster: Cluster, member: str) -> VM:
    """A server in a domain that this member looks after."""
    names = {
        row["name"] for row in cluster.client.domains() if cluster.client.domain(row["name"])["member"] == member
    }
    theirs = {row["instance_id"] for row in cluster.client.instances() if row["domain"] in names}
    return next(vm for vm in cluster.vms() if vm.instance_id in theirs)
