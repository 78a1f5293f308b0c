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
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.rows import Row, head, shown, tell
from tests.functional.cluster import until
from tests.openstack.cluster import OpenStackCluster
from tests.openstack.stack import Stack
from tests.servers.process import running
from tests.servers.rabbitmq import RabbitMQ
from tests.servers.zookeeper import ZooKeeper

THREADS = 8
BOUND = 300.0
ROOT = Path(__file__).parents[1]
OFTEN, AS_BY_DEFAULT = "[doctor]\ninterval = 2\n", "[doctor]\ninterval = 10\n"


def bare(stack: Stack, servers: int) -> float:
    """Seconds until all are ACTIVE."""
    cloud = stack.connect("mini")
    image, flavor = cloud.image.find_image("cirros"), cloud.compute.find_flavor("tiny")
    network = cloud.network.find_network("net")

    def launch(number: int) -> None:
        port = cloud.network.create_port(network_id=network.id, name=f"bare-{number}")
        cloud.compute.create_server(
            name=f"bare-{number}", image_id=image.id, flavor_id=flavor.id, networks=[{"port": port.id}]
        )

    begun = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(launch, range(servers)))
    until(lambda: active(stack, "bare-") == servers, BOUND)
    took = time.monotonic() - begun
    for server in cloud.compute.servers(name="^bare-"):
        cloud.compute.delete_server(server)
    until(lambda: not list(cloud.compute.servers(name="^bare-")), BOUND)
    for port in [port for port in cloud.network.ports() if port.name.startswith("bare-")]:
        cloud.network.delete_port(port)
    return took


def ours(cluster: OpenStackCluster, servers: int) -> float:
    begun = time.monotonic()
    cluster.resize(servers)
    until(lambda: active(cluster.stack, "elastic-") == servers, BOUND)
    took = time.monotonic() - begun
    cluster.resize(0)
    cluster.until_served(0, bound=BOUND)
    return took


def active(stack: Stack, beginning: str) -> int:
    shown = stack.admin.compute.get("/servers/detail", params={"name": f"^{beginning}", "status": "ACTIVE"})
    return len(shown.json()["servers"])


def measured(stack: Stack, cluster: OpenStackCluster, servers: int, rounds: int) -> Row:
    """In turns, so that what the host does besides hits both."""
    sides: dict[str, Callable[[], float]] = {
        "bare": lambda: bare(stack, servers),
        "ours": lambda: ours(cluster, servers),
    }
    times: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds):
        for name, side in sides.items():
            times[name].append(side())
            tell(f"{servers} servers, round {number + 1}: {name} {times[name][-1]:.1f} s")
    figure, baseline = (statistics.median(times[name]) for name in ("ours", "bare"))
    span = f"({min(times['ours']):.1f} to {max(times['ours']):.1f})"
    return Row(
        what=f"{servers} servers with a port each, to ACTIVE",
        figure=f"{figure:.1f} s {span}",
        baseline=f"bare openstacksdk, {THREADS} threads: {baseline:.1f} s",
        ratio=figure / baseline,
        budget="<= 1.15 x",
        met=figure <= 1.15 * baseline,
        limit="Nova's own pace: conductor, scheduler and two compute hosts share the two cores",
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
                row = measured(stack, cluster, asked.servers, asked.rounds)
        finally:
            stack.end()
    sys.stdout.write(f"{head()}\n\n{shown(row)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
