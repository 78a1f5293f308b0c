"""For all tests: how hypothesis searches, and servers of our own that are started when first asked for."""

import os
import signal
from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings
from kazoo.client import KazooClient

from tests.servers.process import running
from tests.servers.rabbitmq import RabbitMQ
from tests.servers.rabbitmq import is_installed as rabbitmq_is_installed
from tests.servers.zookeeper import ZooKeeper
from tests.servers.zookeeper import is_installed as zookeeper_is_installed

settings.register_profile("elastic", deadline=None)
settings.register_profile("elastic-ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("elastic-ci" if os.environ.get("CI") else "elastic")


def pytest_configure() -> None:
    """What a test starts inherits each signal that we ignore, as SIGHUP under nohup, and would go on ignoring it.
    A handler that does nothing shields us as well, and is not inherited."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, dealt out among the processes that share the tests: none is left with all of them."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers > 1:
        items.sort(key=_patience, reverse=True)
        items[:] = [item for first in range(workers) for item in items[first::workers]]


def _patience(item: pytest.Item) -> float:
    """Seconds that it may take, by its marks."""
    mark = item.get_closest_marker("timeout")
    if mark is not None:
        return float(mark.args[0])
    return 60.0 * (item.get_closest_marker("slow") is not None)


def _demand(installed: bool, name: str, package: str) -> None:
    if not installed:
        lack = f"{name} is not installed: apt-get install {package}"
        pytest.fail(lack, pytrace=False) if os.environ.get("CI") else pytest.skip(lack)


@pytest.fixture(scope="session")
def zookeeper_installed() -> None:
    """For tests that start servers of their own."""
    _demand(zookeeper_is_installed(), "ZooKeeper", "zookeeper")


@pytest.fixture(scope="session")
def rabbitmq_installed() -> None:
    """For tests that start servers of their own."""
    _demand(rabbitmq_is_installed(), "RabbitMQ", "rabbitmq-server")


@pytest.fixture(scope="session")
def zookeeper(zookeeper_installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZooKeeper]:
    """One for all tests: they leave it running."""
    with running(ZooKeeper(tmp_path_factory.mktemp("zookeeper"))) as server:
        yield server


@pytest.fixture(scope="session")
def _zookeeper_superuser(zookeeper: ZooKeeper) -> Iterator[KazooClient]:
    with zookeeper.superuser() as client:
        yield client


@pytest.fixture
def zookeeper_root(_zookeeper_superuser: KazooClient) -> str:
    """A path that is this test's own, where anyone may create. What is left there goes with the server."""
    path = f"/test-{os.urandom(6).hex()}"
    _zookeeper_superuser.retry(_zookeeper_superuser.create, path)
    return path


@pytest.fixture(scope="session")
def rabbitmq(rabbitmq_installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """One for all tests: they leave it running."""
    with running(RabbitMQ(tmp_path_factory.mktemp("rabbitmq"))) as server:
        yield server


@pytest.fixture(scope="session")
def _next_vhost(rabbitmq: RabbitMQ) -> Callable[[], str]:
    """Many at once, as a call of rabbitmqctl takes a second. One that fails costs the next test nothing."""
    made: list[str] = []
    left: list[str] = []

    def following() -> str:
        if not left:
            fresh = [f"test-{os.urandom(6).hex()}" for _ in range(20)]
            rabbitmq.replace_vhosts(made, fresh)
            made[:] = left[:] = fresh
        return left.pop()

    return following


@pytest.fixture
def vhost(_next_vhost: Callable[[], str]) -> str:
    """One that is this test's own, where all users may do everything. What is left there goes away later."""
    return _next_vhost()
