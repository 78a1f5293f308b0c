"""What is done in the guided run, and what has to be seen before it goes on."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from elastic.cli.guided.cluster import Cluster, Sight
from elastic.cli.guided.stage import Stage

DOMAIN = "web"
DEFINITION = "demo"
SIZE = 3
REPLICAS = 3


class Step(Protocol):
    """`title` says what is awaited. `begin` acts; `seen` says in words what came of it, None until it did."""

    title: str

    def begin(self, cluster: Cluster, sight: Sight) -> None: ...

    def seen(self, sight: Sight) -> str | None: ...


class Form:
    """Three replicas become one cluster."""

    title = f"{REPLICAS} replicas start and form a ring"

    def begin(self, cluster: Cluster, sight: Sight) -> None:
        """They are starting already."""

    def seen(self, sight: Sight) -> str | None:
        holding = [row for row in sight.replicas if row["partitions"]]
        leader = sight.leader("decider")
        if len(holding) < REPLICAS or leader is None:
            return None
        shares = ", ".join(f"{row['member']}: {row['partitions']}" for row in holding)
        return f"all in the ring (partitions {shares}); {leader['member']} decides"


class Grow:
    """A domain is asked for, and its instances come up."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.title = f"a domain of {SIZE} is asked for: its VMs boot" + " and send heartbeats" * stage.hears

    def begin(self, cluster: Cluster, sight: Sight) -> None:  # noqa: ARG002
        self._stage.furnish(cluster.client)
        cluster.client.add_definition(DEFINITION, self._stage.config(SIZE))
        cluster.client.add_domain(DOMAIN, DEFINITION)

    def seen(self, sight: Sight) -> str | None:
        if len(sight.running) != SIZE:
            return None
        if not self._stage.hears:
            return f"{SIZE} running: {', '.join(str(row['server_id'])[:8] for row in sight.running.values())}"
        ages = ", ".join(f"{row['last_heartbeat_age']:.1f} s" for row in sight.running.values())
        return f"{SIZE} running; last heartbeats {ages} ago"


class LoseVM:
    """A VM is killed: it is found out, and replaced."""

    title = "a VM is lost: it is found out and replaced"

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def begin(self, cluster: Cluster, sight: Sight) -> None:
        self._lost = min(sight.running)
        self._before = set(sight.running)
        how = self._stage.kill(cluster.client.instance(self._lost))
        self.title = f"VM {self._lost} {how}: it is found out and replaced"

    def seen(self, sight: Sight) -> str | None:
        fresh = set(sight.running) - self._before
        if self._lost in sight.running or len(sight.running) != SIZE or not fresh:
            return None
        return f"{self._lost} is out, {', '.join(sorted(fresh))} serves in its place"


class LoseLeader:
    """The leading replica is killed: others take over, and no VM notices."""

    title = "the leading replica is killed with -9: the others take over"

    def begin(self, cluster: Cluster, sight: Sight) -> None:
        leader = sight.leader("decider")
        assert leader is not None  # noqa: S101  the steps before have seen one
        self._leader = leader
        self._term = leader["term"].get("decider", 0)
        self._servers = _servers(cluster, sight)
        self._cluster = cluster
        self.title = f"the leader {leader['member']} (pid {leader['pid']}) is killed with -9: the others take over"
        os.kill(leader["pid"], signal.SIGKILL)

    def seen(self, sight: Sight) -> str | None:
        leader = sight.leader("decider")
        if leader is None or leader["pid"] == self._leader["pid"] or len(sight.running) != SIZE:
            return None
        if leader["term"].get("decider", 0) <= self._term or _servers(self._cluster, sight) != self._servers:
            return None
        return f"{leader['member']} decides now, still {SIZE} running: the same VMs as before"


class Rejoin:
    """The killed replica is started again and gets its share back."""

    title = "the killed replica is started again and takes its share"

    def begin(self, cluster: Cluster, sight: Sight) -> None:
        """The supervisor has done it."""

    def seen(self, sight: Sight) -> str | None:
        holding = [row for row in sight.replicas if row["partitions"]]
        if len(holding) < REPLICAS or len(sight.running) != SIZE:
            return None
        return "the ring is whole, every domain at its size"


class Leave:
    """The domain is removed, and nothing of it is left in the cloud."""

    title = "the domain is removed: its servers go, and all that was made for them"

    def begin(self, cluster: Cluster, sight: Sight) -> None:  # noqa: ARG002
        self._cluster = cluster
        cluster.client.remove_domain(DOMAIN)

    def seen(self, sight: Sight) -> str | None:
        if sight.domain is not None or self._cluster.client.servers():
            return None
        return "nothing of it is left"


def _servers(cluster: Cluster, sight: Sight) -> dict[str, tuple[str, int | None]]:
    """What the cloud has for the instances that run."""
    servers = cluster.client.servers()
    running = [row for row in servers if row["instance_id"] in sight.running]
    return {row["instance_id"]: (row["server_id"], row["pid"]) for row in running}


def steps(stage: Stage) -> Iterator[Step]:
    """In their order. Processes of this host end with the run; what is in a cloud has to be removed."""
    yield Form()
    yield Grow(stage)
    yield LoseVM(stage)
    yield LoseLeader()
    yield Rejoin()
    if not stage.hears:
        yield Leave()


@dataclass(slots=True)
class Told:
    """A step as far as it has come. `took` is in seconds."""

    title: str
    began: float
    took: float | None = None
    outcome: str = ""
