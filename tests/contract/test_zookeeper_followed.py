"""The stores' contract once more, with handles that follow all partitions and so remember what they have read."""

from collections.abc import Iterator

import pytest

from elastic.adapters.store.zookeeper import ZookeeperStore
from tests.contract.clocks import HandClock
from tests.contract.listening import following
from tests.contract.test_store import (  # noqa: F401 - collected here, with the world below
    TestAdding,
    TestChanging,
    TestIdempotency,
    TestListing,
    TestLookingAtMany,
    TestNews,
)
from tests.contract.test_store_commit import (  # noqa: F401
    TestCommitIds,
    TestDecisions,
    TestFence,
    TestForgetting,
    TestIncarnations,
    TestVersions,
    TestWhatACommitWrites,
    TestWholeOrNothing,
    fence,
    peopled,
    seat,
    view,
)
from tests.contract.worlds import StoreWorld, ZookeeperWorld
from tests.servers.zookeeper import ZooKeeper

pytestmark = [pytest.mark.functional, pytest.mark.slow]


class FollowingWorld(ZookeeperWorld):
    def opened(self) -> ZookeeperStore:
        store = super().opened()
        following(store)
        return store


@pytest.fixture
def world(zookeeper: ZooKeeper, zookeeper_root: str, clock: HandClock) -> Iterator[StoreWorld]:
    world = FollowingWorld(zookeeper.hosts, zookeeper_root, clock)
    yield world
    world.close()
