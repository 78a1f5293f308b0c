"""Launching on a real Nova, beside a bare openstacksdk loop with as many threads, on the same Nova in the same
run.

python -m bench.openstack [--servers 40] [--rounds 3]

Both make a port and then a server on it, 40 times, with eight calls under way at once; both end when Nova
itself lists all of them as ACTIVE. In between all are deleted. Ours has a cluster of three agents, ZooKeeper
and RabbitMQ to feed on the same host, and writes each launch down before and after. The agents look at the
cloud as often as they do by default.
"""

import argparse
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from bench.rows import Row, head, shown, tell
from bench.whole_usage import usage_of
from tests.functional.cluster import until
from tests.openstack.cluster import OpenStackCluster
from tests.openstack.stack import Stack
from tests.servers.process import running
from tests.servers.rabbitmq import RabbitMQ
from tests.servers.zookeeper import ZooKeeper

THREADS = 8
BOUND = 300.0
LOOK_EACH = 0.5  # seconds
ASKED, BY_US = re.compile(rb"requestlog .*"), b"status=ACTIVE"
ROOT = Path(__file__).parents[1]
OFTEN, AS_BY_DEFAULT = "[doctor]\ninterval = 2\n", "[doctor]\ninterval = 10\n"


@dataclass(frozen=True)
class Spent:
    """Seconds by the wall and, of the processes, of CPU; how many requests Nova had."""

    wall: float
    cpu: float
    requests: int

    @classmethod
    def now(cls, stack: Stack, pids: list[int]) -> Self:
        log = (stack.directory / "log" / "nova-api.log").read_bytes()
        asked = len(ASKED.findall(log)) - log.count(BY_US)
        return cls(time.monotonic(), sum(usage_of(pid).cpu for pid in pids), asked)

    def since(self, stack: Stack, pids: list[int]) -> Self:
        now = self.now(stack, pids)
        return type(self)(now.wall - self.wall, now.cpu - self.cpu, now.requests - self.requests)


def bare(stack: Stack, servers: int) -> Spent:
    """Until all are ACTIVE."""
    cloud = stack.connect("mini")
    image, flavor = cloud.image.find_image("cirros"), cloud.compute.find_flavor("tiny")
    network = cloud.network.find_network("net")

    def launch(number: int) -> None:
        port = cloud.network.create_port(network_id=network.id, name=f"bare-{number}")
        cloud.compute.create_server(
            name=f"bare-{number}", image_id=image.id, flavor_id=flavor.id, networks=[{"port": port.id}]
        )

    begun = Spent.now(stack, [os.getpid()])
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(launch, range(servers)))
    await_active(stack, "bare-", servers)
    took = begun.since(stack, [os.getpid()])
    for server in cloud.compute.servers(name="^bare-"):
        cloud.compute.delete_server(server)
    until(lambda: not list(cloud.compute.servers(name="^bare-")), BOUND)
    for port in [port for port in cloud.network.ports() if port.name.startswith("bare-")]:
        cloud.network.delete_port(port)
    return took


def ours(cluster: OpenStackCluster, servers: int, pids: list[int]) -> Spent:
    begun = Spent.now(cluster.stack, pids)
    cluster.resize(servers)
    await_active(cluster.stack, "elastic-", servers)
    took = begun.since(cluster.stack, pids)
    cluster.resize(0)
    cluster.until_served(0, bound=BOUND)
    return took


def await_active(stack: Stack, beginning: str, servers: int) -> None:
    """Asked for a few times a second: each answer costs Nova what a launch costs it."""
    deadline = time.monotonic() + BOUND
    while len(list(_active(stack, beginning))) < servers:
        if time.monotonic() > deadline:
            raise TimeoutError(f"not {servers} servers within {BOUND:g} s")
        time.sleep(LOOK_EACH)


def _active(stack: Stack, beginning: str) -> list[Any]:
    params = {"name": f"^{beginning}", "status": "ACTIVE"}
    shown = stack.admin.compute.get("/servers/detail", params=params)
    return list(shown.json()["servers"])


def measured(stack: Stack, cluster: OpenStackCluster, pids: list[int], servers: int, rounds: int) -> Row:
    """In turns, each first every second time, so that what the host does besides hits both. `pids`: of all that is
    ours."""
    sides: dict[str, Callable[[], Spent]] = {
        "bare": lambda: bare(stack, servers),
        "ours": lambda: ours(cluster, servers, pids),
    }
    spent: dict[str, list[Spent]] = {name: [] for name in sides}
    for number in range(rounds):
        for name in list(sides)[:: 1 if number % 2 == 0 else -1]:
            one = sides[name]()
            spent[name].append(one)
            tell(
                f"{servers} servers, round {number + 1}: {name} {one.wall:.1f} s, {one.requests} requests to Nova,"
                f" {one.cpu:.1f} s of CPU"
            )
    times = {name: [one.wall for one in rounds] for name, rounds in spent.items()}
    figure, baseline = (statistics.median(times[name]) for name in ("ours", "bare"))
    asked = {name: statistics.median(one.requests for one in rounds) for name, rounds in spent.items()}
    cpu = {name: statistics.median(one.cpu for one in rounds) for name, rounds in spent.items()}
    span = f"({min(times['ours']):.1f} to {max(times['ours']):.1f})"
    return Row(
        what=f"{servers} servers with a port each, to ACTIVE",
        figure=f"{figure:.1f} s {span}",
        baseline=f"bare openstacksdk, {THREADS} threads: {baseline:.1f} s",
        ratio=figure / baseline,
        budget="<= 1.15 x",
        met=figure <= 1.15 * baseline,
        limit=f"Nova's own pace on the same cores; {asked['ours']:g} requests to it (bare {asked['bare']:g});"
        f" agents, ZooKeeper and RabbitMQ take {cpu['ours']:.1f} s of CPU (bare {cpu['bare']:.1f})",
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    stack = Stack(Path(os.environ.get("ELASTIC_MINI_OPENSTACK", ROOT / ".mini-openstack")))
    with tempfile.TemporaryDirectory(prefix="elastic-bench-") as scratch:
        place = Path(scratch)
        try:
            tell("starting the control plane (the first time it is installed: two minutes)")
            stack.begin()
            with (
                running(ZooKeeper(place / "zk")) as zookeeper,
                running(RabbitMQ(place / "mq")) as rabbitmq,
                OpenStackCluster(place / "data", stack, zookeeper, rabbitmq, session=10) as cluster,
            ):
                cluster.write()
                for host in cluster.hosts.values():
                    text = host.config.read_text()
                    assert OFTEN in text
                    host.config.write_text(text.replace(OFTEN, AS_BY_DEFAULT))
                cluster.start()
                cluster.serve(size=0)
                agents = [host.process.pid for host in cluster.hosts.values()]
                pids = [*agents, zookeeper.pid, rabbitmq.pid]
                row = measured(stack, cluster, pids, asked.servers, asked.rounds)
        finally:
            stack.end()
    sys.stdout.write(f"{head()}\n\n{shown(row)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
