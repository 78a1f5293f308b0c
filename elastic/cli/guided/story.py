"""What is done in the guided run, and what has to be seen before it goes on."""

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from elastic.cli.guided.cluster import Cluster, Sight

DOMAIN = "web"
DEFINITION = "demo"
SIZE = 3
REPLICAS = 3
CONFIG: Mapping[str, Any] = {
    "general": {"engine": "simplest"},
    "engine_conf": {"preserve_n": SIZE},
    "health": {
        "heartbeat_interval": 1,
        "boot_timeout": 30,
        "missing_timeout": 4,
        "really_missing_timeout": 2,
        "zombie_seconds": 5,
    },
}


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

    title = f"a domain of {SIZE} is asked for: its VMs boot and send heartbeats"

    def begin(self, cluster: Cluster, sight: Sight) -> None:  # noqa: ARG002
        cluster.client.add_definition(DEFINITION, CONFIG)
        cluster.client.add_domain(DOMAIN, DEFINITION)

    def seen(self, sight: Sight) -> str | None:
        if len(sight.running) != SIZE:
            return None
        ages = ", ".join(f"{row['last_heartbeat_age']:.1f} s" for row in sight.running.values())
        return f"{SIZE} running; last heartbeats {ages} ago"


class LoseVM:
    """A VM is killed: it is found out, and replaced."""

    title = "a VM is killed with -9: it is found out and replaced"

    def begin(self, cluster: Cluster, sight: Sight) -> None:
        self._lost = min(sight.running)
        self._before = set(sight.running)
        pid = cluster.client.instance(self._lost)["pid"]
        self.title = f"VM {self._lost} (pid {pid}) is killed with -9: it is found out and replaced"
        os.kill(pid, signal.SIGKILL)

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
        self._servers = _pids(cluster, sight)
        self._cluster = cluster
        self.title = f"the leader {leader['member']} (pid {leader['pid']}) is killed with -9: the others take over"
        os.kill(leader["pid"], signal.SIGKILL)

    def seen(self, sight: Sight) -> str | None:
        leader = sight.leader("decider")
        if leader is None or leader["pid"] == self._leader["pid"] or len(sight.running) != SIZE:
            return None
        if leader["term"].get("decider", 0) <= self._term or _pids(self._cluster, sight) != self._servers:
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


def _pids(cluster: Cluster, sight: Sight) -> dict[str, int | None]:
    """The processes that the cloud has for the instances that run."""
    servers = cluster.client.servers()
    return {row["instance_id"]: row["pid"] for row in servers if row["instance_id"] in sight.running}


STEPS: tuple[Callable[[], Step], ...] = (Form, Grow, LoseVM, LoseLeader, Rejoin)


@dataclass(slots=True)
class Told:
    """A step as far as it has come. `took` is in seconds."""

    title: str
    began: float
    took: float | None = None
    outcome: str = ""
