"""The run: servers and agents up, clients and deaths for so many minutes, then rest and verdict."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from kazoo.client import KazooClient

from elastic.client import connect
from elastic.conf.secret import write_private
from elastic.errors import Unavailable
from elastic.model.domain import DomainKey
from tests.functional.real import USER, RealCluster
from tests.servers.process import free_port, running
from tests.servers.rabbitmq import RabbitMQ
from tests.servers.zookeeper import ZooKeeper
from tests.soak.churn import Churn
from tests.soak.eyes import Census, Sample, agent_seen, bus_seen, parents_of, recorded, store_seen
from tests.soak.judge import lacks
from tests.soak.loglines import AT_THE_END, CUT_OFF, EXPLAINED, Reading, cuts, read

SAMPLE = 3.0  # seconds, as all times here
LOOK_AT_BUS = 20.0
KILL = 10.0
TELL = 30.0
SESSION = 6.0  # the host has other work as well, and nobody is to be taken for dead
REST = 180.0  # until all has to be as it was asked for
SILENCED = 4  # each such victim is not killed but stopped: it says nothing more, and its process is there
DEFINITION = {
    "health": {
        "heartbeat_interval": 2,
        "boot_timeout": 60,
        "missing_timeout": 20,
        "really_missing_timeout": 5,
        "zombie_seconds": 10,
    }
}
RECORDS = 60  # seconds that a record is kept after its instance's end, so that forgetting is part of the run


@dataclass(slots=True)
class Outcome:
    """`settled`: seconds from the last change and death until all was as asked for; None: it never was.
    `cuts`: how often the broker was cut off from a member before the agents were stopped, by its words."""

    minutes: float
    seed: int
    samples: list[Sample] = field(default_factory=list)
    empty_before: Sample | None = None
    empty_after: Sample | None = None
    changes: int = 0
    unanswered: int = 0
    killed: int = 0
    silenced: int = 0
    made: int = 0
    seen: int = 0
    settled: float | None = None
    logs: dict[str, Reading] = field(default_factory=dict)
    cuts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


class Course:
    def __init__(
        self,
        cluster: RealCluster,
        ports: dict[str, int],
        superuser: KazooClient,
        outcome: Outcome,
        tell: Callable[[str], None],
    ) -> None:
        self._cluster, self._ports, self._superuser = cluster, ports, superuser
        self._outcome, self._tell = outcome, tell
        self._begun = time.monotonic()
        self._census = Census()
        self._chance = random.Random(outcome.seed + 1)

    def run(self) -> None:
        """Faults are noted, not raised, but for those of our own."""
        outcome, cluster = self._outcome, self._cluster
        cluster.client.add_definition("soak", DEFINITION)
        self._warm_up()
        client = connect(config_file=cluster.directory / "client.conf", timeout=15)
        client.ping()
        outcome.empty_before = self._look(0, with_bus=True)
        with Churn(client, "soak", random.Random(outcome.seed)) as churn:
            self._live(churn, outcome.minutes * 60)
            churn.rest()
            self._settle(churn)
            self._empty(churn)
        self._count(churn)

    def _warm_up(self) -> None:
        """What is made when it is first needed, and then stays, is there before anything is measured."""
        client = self._cluster.client.of("warm")
        sizes = {DomainKey("warm", f"w{number}"): 5 for number in range(8)}
        for key, n in sizes.items():
            client.add_domain(key.name, "soak", {"engine_conf": {"preserve_n": n}})
        self._outcome.faults += self._until_none(lambda: self._lacks(sizes))
        silenced = self._silence_one_of_each()
        self._outcome.faults += self._until_none(lambda: sorted(silenced & self._living()))
        self._outcome.faults += self._until_none(lambda: self._lacks(sizes))
        for key in sizes:
            client.remove_domain(key.name)
        self._outcome.faults += self._until_none(lambda: self._lacks({}))
        self._outcome.faults += self._until_none(self._remains)
        self._census.begin_anew()

    def _silence_one_of_each(self) -> set[str]:
        """One instance of each domain."""
        chosen = {key: instance for key, instance, _ in recorded(self._cluster.directory)}
        for vm in self._cluster.vms():
            if vm.instance_id in chosen.values():
                os.kill(vm.pid, signal.SIGSTOP)
        return set(chosen.values())

    def _living(self) -> set[str]:
        return {vm.instance_id for vm in self._cluster.vms()}

    def _live(self, churn: Churn, seconds: float) -> None:
        now = self._now()
        end, due = now + seconds, {"sample": now, "bus": now, "kill": now + KILL, "tell": now + TELL}
        while (now := self._now()) < end:
            if now >= due["kill"]:
                due["kill"] += KILL
                self._kill_one()
            if now >= due["sample"]:
                with_bus = now >= due["bus"]
                due["sample"], due["bus"] = now + SAMPLE, now + LOOK_AT_BUS if with_bus else due["bus"]
                self._outcome.samples.append(self._look(sum(churn.wanted.values()), with_bus))
            if now >= due["tell"]:
                due["tell"] += TELL
                self._tell_how_it_goes(churn)
            time.sleep(max(0.0, min(due["kill"], due["sample"], end) - self._now()))

    def _now(self) -> float:
        return time.monotonic() - self._begun

    def _look(self, wanted: int, with_bus: bool) -> Sample:
        cluster = self._cluster
        vms = cluster.vms()
        self._census.look(vms)
        parents = parents_of(vm.pid for vm in vms)
        store = store_seen(cluster.zookeepers[0], self._superuser, cluster.root)
        return Sample(
            at=self._now(),
            vms=len(vms),
            wanted=wanted,
            domains=store.domains,
            agents={
                name: agent_seen(cluster.hosts[name].process.pid, port, parents)
                for name, port in self._ports.items()
            },
            store=store,
            bus=bus_seen(cluster.rabbitmq) if with_bus else None,
        )

    def _kill_one(self) -> None:
        vms = sorted(self._cluster.vms(), key=lambda vm: vm.instance_id)
        hale = [vm for vm in vms if vm.instance_id not in self._census.doomed]
        self._census.look(set(vms))
        if not hale:
            return
        victim = self._chance.choice(hale)
        self._census.doomed.add(victim.instance_id)
        silence = len(self._census.doomed) % SILENCED == 0
        os.kill(victim.pid, signal.SIGSTOP if silence else signal.SIGKILL)
        self._outcome.silenced += silence
        self._outcome.killed += not silence

    def _settle(self, churn: Churn) -> None:
        begun = self._now()
        left = self._until_none(lambda: self._lacks(churn.wanted))
        self._outcome.faults += left
        self._outcome.settled = None if left else self._now() - begun

    def _lacks(self, wanted: Mapping[DomainKey, int]) -> list[str]:
        cluster = self._cluster
        vms = cluster.vms()
        self._census.look(vms)
        found = lacks(wanted, recorded(cluster.directory), [vm.instance_id for vm in vms])
        told = {f"{row['owner']}:{row['name']}" for row in cluster.client.domains(all_owners=True)}
        if told != {str(key) for key in wanted}:
            found.append(f"listed are {sorted(told)}, answered were {sorted(map(str, wanted))}")
        return found + [f"a stray is left: {row}" for row in cluster.client.servers(strays=True)]

    def _empty(self, churn: Churn) -> None:
        """All domains are removed: what is there then was there before the first of them, or it leaks."""
        churn.remove_all()
        self._outcome.faults += self._until_none(lambda: self._lacks({}))
        self._outcome.faults += self._until_none(self._remains)
        self._outcome.empty_after = self._look(0, with_bus=True)

    def _remains(self) -> list[str]:
        store = store_seen(self._cluster.zookeepers[0], self._superuser, self._cluster.root)
        return [f"the store still has {store.domains} domains"] if store.domains else []

    def _until_none(self, what: Callable[[], list[str]]) -> list[str]:
        end, found = self._now() + REST, ["it was never looked at"]
        while found and self._now() < end:
            try:
                found = what()
            except Unavailable as trouble:
                found = [f"no answer: {trouble}"]
            if found:
                time.sleep(1.0)
        return found

    def _count(self, churn: Churn) -> None:
        outcome, census = self._outcome, self._census
        outcome.changes, outcome.unanswered, outcome.made = churn.changes, churn.unanswered, churn.made
        outcome.seen = len(census.seen)
        outcome.faults += churn.faults
        most = churn.made + len(census.doomed)
        if len(census.seen) > most:
            outcome.faults.append(
                f"{len(census.seen)} instances lived, {most} had a reason: doubled, or killed by us"
            )

    def _tell_how_it_goes(self, churn: Churn) -> None:
        last, outcome = self._outcome.samples[-1], self._outcome
        rss = " ".join(f"{name} {agent.rss:.0f}" for name, agent in last.agents.items())
        ails = {ail for agent in last.agents.values() for ail in agent.ails}
        self._tell(
            f"{self._now() / 60:5.1f} min  domains {len(churn.wanted)}, VMs {last.vms} of {last.wanted}, "
            f"changes {churn.changes}, killed {outcome.killed}+{outcome.silenced}, MiB {rss}, "
            f"nodes {last.store.others}+{last.store.keys}+{last.store.events}"
            + (f", ails: {'; '.join(sorted(ails))}" if ails else "")
        )


def begun_in(directory: Path, stack: ExitStack) -> tuple[RealCluster, dict[str, int], KazooClient]:
    """Three agents on servers of their own, all ready; where each tells of itself; and one who may see all nodes.

    With the end of the stack nothing of it is left.
    """
    zookeeper = stack.enter_context(running(ZooKeeper(directory / "zookeeper")))
    rabbitmq = stack.enter_context(running(RabbitMQ(directory / "rabbitmq")))
    superuser = stack.enter_context(zookeeper.superuser())
    cluster = stack.enter_context(RealCluster(directory / "data", [zookeeper], rabbitmq, session=SESSION))
    cluster.write()
    ports = {name: free_port() for name in cluster.hosts}
    for name, host in cluster.hosts.items():
        text = host.config.read_text().replace("[reaper]\n", f"[reaper]\nrecord_max_age = {RECORDS}\n")
        host.config.unlink()
        write_private(host.config, f"{text}\n[metrics]\nlisten = 127.0.0.1:{ports[name]}\n")
    cluster.start()
    cluster.until_whole()
    return cluster, ports, superuser


def soak(directory: Path, minutes: float, seed: int, tell: Callable[[str], None]) -> Outcome:
    """However it ends, no process of it is left."""
    outcome = Outcome(minutes, seed)
    with ExitStack() as stack:
        cluster, ports, superuser = begun_in(directory, stack)
        tell(f"three agents run in {directory}")
        Course(cluster, ports, superuser, outcome, tell).run()
        logged = {name: len(_lines(host.log)) for name, host in cluster.hosts.items()}
        outcome.cuts = cuts(_lines(cluster.rabbitmq.log), USER)
        codes = cluster.stop()
        if codes != [0, 0, 0]:
            outcome.faults.append(f"the agents ended with {codes}")
        for name, host in cluster.hosts.items():
            lines, end = _lines(host.log), logged[name]
            said = (*EXPLAINED, *CUT_OFF) if outcome.cuts else EXPLAINED
            outcome.logs[name] = read(lines[:end], said) + read(lines[end:], (*said, *AT_THE_END))
    return outcome


def _lines(log: Path) -> list[str]:
    return log.read_text(errors="replace").splitlines()
