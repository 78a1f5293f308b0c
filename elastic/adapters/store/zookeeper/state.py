"""What the parts of a ZookeeperStore share."""

from collections.abc import Callable

from elastic.adapters.store.zookeeper.keys import Keys
from elastic.adapters.store.zookeeper.leaders import stored_assignment
from elastic.adapters.store.zookeeper.names import Tree
from elastic.adapters.store.zookeeper.remembered import Remembered
from elastic.adapters.store.zookeeper.session import Session
from elastic.model.assignment import Layout
from elastic.ports.clock import Clock


class ZookeeperState:
    """`session` may be shared with the election, whose seats hang on it."""

    def __init__(self, session: Session, layout: Layout, clock: Clock) -> None:
        self.session = session
        self._layout = layout
        self._clock = clock
        self._tree = Tree(session, layout.partitions)
        self._keys = Keys(session, self._tree, clock)
        self._wake: Callable[[], None] = lambda: None
        self._assignment = Remembered(session, lambda watch: stored_assignment(session, watch)[0], self._rang)

    def set_wake(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def _rang(self) -> None:
        """A watch did, in kazoo's thread."""
        self._wake()
