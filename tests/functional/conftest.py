"""Clusters of real processes, each in a directory of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.calling import Serving
from tests.functional.cluster import Cluster
from tests.functional.real import RealCluster
from tests.servers.rabbitmq import RabbitMQ
from tests.servers.zookeeper import ZooKeeper


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Not started yet. Nothing of it is left afterwards."""
    with Cluster(tmp_path / "data") as made:
        yield made


@pytest.fixture
def real_cluster(
    tmp_path: Path, zookeeper: ZooKeeper, zookeeper_root: str, rabbitmq: RabbitMQ, vhost: str
) -> Iterator[RealCluster]:
    """Three agents on the servers that all tests share. Not started yet. Nothing of it is left afterwards."""
    with RealCluster(tmp_path / "data", [zookeeper], rabbitmq, chroot=zookeeper_root, vhost=vhost) as made:
        yield made


@pytest.fixture
def serving() -> Iterator[Serving]:
    serving = Serving()
    yield serving
    serving.close()


@pytest.fixture
def url(rabbitmq: RabbitMQ, vhost: str) -> str:
    """Of a bus that is this test's own."""
    return rabbitmq.url(vhost=vhost)
