from collections.abc import Iterator
from pathlib import Path

import pytest

from elastic.ports.store import Store
from tests.contract.clocks import HandClock
from tests.contract.worlds import GROUPS, STORES, GroupWorld, StoreWorld, ToozZookeeperWorld, ZookeeperWorld


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(params=[*STORES, pytest.param("zookeeper", marks=pytest.mark.functional)])
def world(request: pytest.FixtureRequest, tmp_path: Path, clock: HandClock) -> Iterator[StoreWorld]:
    world: StoreWorld
    if request.param == "zookeeper":
        root: str = request.getfixturevalue("zookeeper_root")
        world = ZookeeperWorld(request.getfixturevalue("zookeeper").hosts, root, clock)
    else:
        world = STORES[request.param](tmp_path, clock)
    yield world
    world.close()


@pytest.fixture
def store(world: StoreWorld) -> Store:
    return world.store


@pytest.fixture(params=[*GROUPS, pytest.param("tooz-zookeeper", marks=pytest.mark.functional)])
def group_world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[GroupWorld]:
    if request.param in GROUPS:
        world = GROUPS[request.param](tmp_path)
    else:
        server, root = request.getfixturevalue("zookeeper"), request.getfixturevalue("zookeeper_root")
        world = ToozZookeeperWorld(tmp_path, server, root)
    yield world
    world.close()
