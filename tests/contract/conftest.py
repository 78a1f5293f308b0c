from collections.abc import Iterator
from pathlib import Path

import pytest

from elastic.ports.store import Store
from tests.contract.clocks import HandClock
from tests.contract.worlds import GROUPS, STORES, GroupWorld, StoreWorld


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(params=STORES)
def world(request: pytest.FixtureRequest, tmp_path: Path, clock: HandClock) -> Iterator[StoreWorld]:
    world = STORES[request.param](tmp_path, clock)
    yield world
    world.close()


@pytest.fixture
def store(world: StoreWorld) -> Store:
    return world.store


@pytest.fixture(params=GROUPS)
def group_world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[GroupWorld]:
    world = GROUPS[request.param](tmp_path)
    yield world
    world.close()
