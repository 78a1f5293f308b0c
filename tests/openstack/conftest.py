"""One control plane for all tests, and for each a cluster of three agents on servers of their own."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.openstack.cluster import OpenStackCluster
from tests.openstack.stack import Stack
from tests.servers.rabbitmq import RabbitMQ
from tests.servers.zookeeper import ZooKeeper

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All that is here needs a control plane: `make test` leaves it out, `make test-openstack` runs it."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.external)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Installed where it was before, if that is said; started empty, and stopped in the end."""
    stack = Stack(Path(os.environ.get("ELASTIC_MINI_OPENSTACK", ROOT / ".mini-openstack")))
    try:
        stack.begin()
        yield stack
    finally:
        stack.end()


Start = Callable[..., OpenStackCluster]


@pytest.fixture
def start(
    tmp_path: Path, stack: Stack, zookeeper: ZooKeeper, zookeeper_root: str, rabbitmq: RabbitMQ, vhost: str
) -> Iterator[Start]:
    """Makes and starts the cluster of this test. Nothing of it is left afterwards, in the cloud either."""
    made: list[OpenStackCluster] = []

    def begin(**more: Any) -> OpenStackCluster:
        cluster = OpenStackCluster(
            tmp_path / "data", stack, zookeeper, rabbitmq, chroot=zookeeper_root, vhost=vhost, **more
        )
        made.append(cluster)
        cluster.start()
        return cluster

    yield begin
    for cluster in made:
        uid = cluster.uid
        cluster.destroy()
        for server in stack.servers(uid).values():
            stack.admin.compute.delete_server(server, force=True)
        for kind, identity in stack.parts(uid):
            stack.delete_part(kind, identity)


@pytest.fixture
def cluster(start: Start) -> OpenStackCluster:
    return start()
