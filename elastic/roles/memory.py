"""What a role remembers beside the records, and how it forgets what went elsewhere."""

from collections.abc import Collection
from typing import Any, Protocol, TypeVar

from elastic.model.domain import DomainKey

Name = TypeVar("Name", str, DomainKey)


class Memory(Protocol):
    def keep_only(self, instance_ids: Collection[str], keys: Collection[DomainKey]) -> None:
        """Forget all that is not of these: this member looks after no others."""


def drop_others(known: dict[Name, Any], wanted: Collection[Name]) -> None:
    for name in known.keys() - wanted:
        del known[name]
