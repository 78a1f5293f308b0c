"""The store in this process's memory: for tests and simulation, and the specification that can be run.

    store = MemoryStore(clock=clock)

Several simulated replicas may share one. It has no threads and no time but its clock's.
"""

from collections.abc import Callable

from elastic.adapters.clock import SYSTEM_CLOCK
from elastic.adapters.store.layouts import DEFAULT_PARTITIONS
from elastic.adapters.store.memory.catalogue import MemoryCatalogue
from elastic.adapters.store.memory.cluster import MemoryCluster
from elastic.adapters.store.memory.domains import MemoryDomains
from elastic.adapters.store.memory.journal import MemoryJournal
from elastic.adapters.store.place import StorePlace
from elastic.model.assignment import Layout
from elastic.ports.clock import Clock


class MemoryStore(MemoryCluster, MemoryDomains, MemoryCatalogue, MemoryJournal):
    def __init__(
        self, partitions: int = DEFAULT_PARTITIONS, uid: str = "memory", clock: Clock = SYSTEM_CLOCK
    ) -> None:
        super().__init__(Layout(uid, partitions), clock)

    @classmethod
    def at(cls, place: StorePlace) -> "MemoryStore":
        """The store that `[store] url` names: memory://, gone with the process."""
        return cls(place.partitions or DEFAULT_PARTITIONS)

    def set_wake(self, wake: Callable[[], None]) -> None:
        """Never: who shares it has a look at each turn."""

    def close(self) -> None:
        """Nothing to let go: others may go on using it."""
