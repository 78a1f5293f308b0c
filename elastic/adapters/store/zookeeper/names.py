"""A domain's node: `owner:domain:incarnation`, each part percent-encoded."""

from elastic.adapters.store.zookeeper.paths import partition_name, quoted, unquoted
from elastic.adapters.store.zookeeper.session import Session
from elastic.model.domain import DomainKey
from elastic.rules.ring import partition_of, slot_of

HEAD = "i0"
DECISIONS = "d"


def node_name(key: DomainKey, incarnation: int) -> str:
    return f"{quoted(key.owner)}:{quoted(key.name)}:{incarnation}"


def key_of(node: str) -> DomainKey | None:
    """None: not a domain's."""
    owner, _, rest = node.partition(":")
    name, _, incarnation = rest.partition(":")
    return DomainKey(unquoted(owner), unquoted(name)) if incarnation.isdecimal() else None


class Tree:
    """Where things of domains lie, in a store of `partitions` partitions."""

    def __init__(self, session: Session, partitions: int) -> None:
        self.partitions = partitions
        self.assignment = session.at("assignment")
        self._paths = tuple(session.at("partitions", partition_name(number)) for number in range(partitions))

    def partition(self, number: int) -> str:
        return self._paths[number]

    def home(self, key: DomainKey) -> int:
        return partition_of(slot_of(key), self.partitions)

    def domain(self, key: DomainKey, node: str) -> str:
        return f"{self._paths[self.home(key)]}/{node}"
