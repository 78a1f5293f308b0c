"""The store in ZooKeeper: for replicas on several hosts.

    store = ZookeeperStore.at(StorePlace("zookeeper://user:secret@h1:2181,h2:2181/elastic", 256, "elastic"))

One session a replica, shared with its election (`store.session.client`, `store.session.at()`).
"""

import secrets

from elastic.adapters.clock import SYSTEM_CLOCK
from elastic.adapters.store.place import StorePlace
from elastic.adapters.store.zookeeper.catalogue import ZookeeperCatalogue
from elastic.adapters.store.zookeeper.cluster import ZookeeperCluster
from elastic.adapters.store.zookeeper.commits import ZookeeperCommits
from elastic.adapters.store.zookeeper.journal import ZookeeperJournal
from elastic.adapters.store.zookeeper.opening import opened
from elastic.adapters.store.zookeeper.session import Session
from elastic.model.assignment import Layout
from elastic.ports.clock import Clock


def random_uid() -> str:
    return secrets.token_hex(8)


class ZookeeperStore(ZookeeperCluster, ZookeeperCommits, ZookeeperCatalogue, ZookeeperJournal):
    """May be used by many threads. Of a session that ends kazoo makes a new one by itself."""

    def __init__(self, session: Session, layout: Layout, clock: Clock = SYSTEM_CLOCK) -> None:
        super().__init__(session, layout, clock)

    @classmethod
    def at(cls, place: StorePlace, clock: Clock = SYSTEM_CLOCK) -> "ZookeeperStore":
        """BadRequest: it will not do, and why. StoreUnavailable: nobody answers now, which took seconds."""
        return cls(*opened(place, random_uid), clock)

    def close(self) -> None:
        """Within two seconds, whatever the state."""
        self.session.close()
