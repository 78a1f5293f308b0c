"""What is seen of agents and servers from without: by the kernel, over HTTP, and by the servers' own counts."""

import json
import os
import re
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kazoo.client import KazooClient
from kazoo.exceptions import NoNodeError

from elastic.adapters.cloud.folder import Folders
from elastic.model.domain import DomainKey
from tests.functional.cluster import VM
from tests.servers.rabbitmq import RabbitMQ
from tests.servers.zookeeper import ZooKeeper

HTTP_PATIENCE = 5.0  # seconds
TICKS = os.sysconf("SC_CLK_TCK")
AGE = re.compile(r'^elastic_loop_age_seconds\{loop="(\w+)"\} (\S+)', re.MULTILINE)
COUNT = """\
Qs = rabbit_amqqueue:list(<<"/">>),
Of = fun(Q) -> case catch rabbit_amqqueue:info(Q, [messages]) of
    [{messages, M}] when is_integer(M) -> M; _ -> 0 end end,
[length(Qs), lists:sum([Of(Q) || Q <- Qs]), length(rabbit_networking:connections()),
 length(rabbit_channel:list()), length(rabbit_binding:list(<<"/">>)), erlang:memory(total)]."""


@dataclass(frozen=True, slots=True)
class AgentSeen:
    """`rss` in MiB, `cpu` in seconds since its start, `ages` of its loops in seconds, `ails` by its own word.

    `children`: servers that it made and that live; for each of these it has a thread that waits for its end.
    """

    rss: float
    cpu: float
    threads: int
    children: int
    fds: int
    ages: Mapping[str, float]
    ails: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoreSeen:
    """Nodes of the cluster's tree. `keys` are kept for an hour by design, `events` up to a thousand; `others` are
    all the rest, domains and their records among them."""

    keys: int
    events: int
    domains: int
    others: int
    watches: int
    connections: int


@dataclass(frozen=True, slots=True)
class BusSeen:
    """`memory` in MiB."""

    queues: int
    messages: int
    connections: int
    channels: int
    bindings: int
    memory: float


@dataclass(frozen=True, slots=True)
class Sample:
    """`at`: seconds since the start. `bus` is looked at less often than the rest."""

    at: float
    vms: int
    wanted: int
    domains: int
    agents: Mapping[str, AgentSeen]
    store: StoreSeen
    bus: BusSeen | None = field(default=None)

    def plain(self) -> dict[str, Any]:
        return asdict(self)


def agent_seen(pid: int, port: int, parents: Sequence[int]) -> AgentSeen:
    """Of one that lives. `parents`: the parent of each server's process."""
    proc = Path(f"/proc/{pid}")
    status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
    times = (proc / "stat").read_text().rpartition(")")[2].split()
    fds = len(os.listdir(proc / "fd"))
    ails = json.loads(_got(port, "healthz"))["reasons"]
    return AgentSeen(
        rss=int(status["VmRSS"].split()[0]) / 1024,
        cpu=(int(times[11]) + int(times[12])) / TICKS,
        threads=int(status["Threads"]),
        children=parents.count(pid),
        fds=fds,
        ages={loop: float(age) for loop, age in AGE.findall(_got(port, "metrics"))},
        ails=tuple(ails),
    )


def parents_of(pids: Iterable[int]) -> list[int]:
    """Those of them that still live."""
    found = []
    for pid in pids:
        with suppress(OSError):
            found.append(int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]))
    return found


def _got(port: int, what: str) -> str:
    """The page; also that of an answer that says something is wrong."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{what}", timeout=HTTP_PATIENCE) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.read().decode()


def store_seen(server: ZooKeeper, client: KazooClient, root: str) -> StoreSeen:
    """Counted from above: a node that goes while it is counted is not there."""
    keys = domains = others = 0
    for partition in client.get_children(f"{root}/partitions"):
        others += 1
        path = f"{root}/partitions/{partition}"
        for name in _children(client, path):
            below = len(_children(client, f"{path}/{name}"))
            if name == ".keys":
                keys += below
                others += 1
            else:
                domains += 1
                others += 1 + below
    tops = [name for name in client.get_children(root) if name not in ("partitions", "events")]
    others += 2 + len(tops) + sum(_size(client, f"{root}/{name}") for name in tops)
    told = dict(line.split("\t", 1) for line in server.says("mntr").splitlines() if "\t" in line)
    return StoreSeen(
        keys=keys,
        events=len(_children(client, f"{root}/events")),
        domains=domains,
        others=others,
        watches=int(told.get("zk_watch_count", 0)),
        connections=int(told.get("zk_num_alive_connections", 0)),
    )


def _size(client: KazooClient, path: str) -> int:
    """How many nodes are below it."""
    names = _children(client, path)
    return len(names) + sum(_size(client, f"{path}/{name}") for name in names)


def _children(client: KazooClient, path: str) -> list[str]:
    try:
        return list(client.get_children(path))
    except NoNodeError:
        return []


def bus_seen(server: RabbitMQ) -> BusSeen:
    """It costs a second of the host: not to be asked too often."""
    queues, messages, connections, channels, bindings, memory = json.loads(server.ctl("eval", COUNT))
    return BusSeen(queues, messages, connections, channels, bindings, memory / 2**20)


class Census:
    """Every instance that was ever seen alive, by the kernel; `doomed`: those that were killed on purpose."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.doomed: set[str] = set()

    def look(self, vms: Iterable[VM]) -> None:
        self.seen |= {vm.instance_id for vm in vms}

    def begin_anew(self) -> None:
        self.seen.clear()
        self.doomed.clear()


def recorded(directory: Path) -> list[tuple[DomainKey, str, bool]]:
    """The cloud's own records of its servers: whose, which instance, and whether its process lives."""
    found = Folders(directory / "cloud" / "servers").recorded()
    return [
        (record.mark.key, record.mark.instance_id, record.process is not None and record.process.is_alive)
        for _, record in found
    ]
