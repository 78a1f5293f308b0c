"""What a handle on the store remembers of the partitions that it follows: so that it need not read it again.

Everything remembered carries the versions it had; whoever uses it has these checked. Watches tell what has
changed since; they are called in kazoo's thread, and only take note.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kazoo.protocol.states import EventType

from elastic.adapters.store.zookeeper.buckets import Bucket
from elastic.adapters.store.zookeeper.names import Tree
from elastic.model.domain import DomainKey
from elastic.model.view import View


@dataclass(frozen=True, slots=True)
class Known:
    """A domain as it was read: `version` is that of its node, `head_version` that of `i0`, which every commit
    to the domain sets."""

    path: str
    view: View
    version: int
    head_version: int
    commit_id: str | None
    buckets: tuple[Bucket, ...]

    @property
    def decisions(self) -> int:
        return self.view.counter - self.version


class Bell:
    """A watch, which rings once at most; set when the session had been lost `losses` times."""

    __slots__ = ("_ring", "losses", "rang")

    def __init__(self, losses: int, ring: Callable[[], None]) -> None:
        self.losses, self.rang = losses, False
        self._ring = ring

    def __call__(self, event: Any) -> None:
        if event.type != EventType.NONE and not self.rang:
            self.rang = True
            self._ring()

    def is_set(self, losses: int) -> bool:
        """A session that was lost in between has forgotten it."""
        return not self.rang and self.losses == losses


@dataclass(slots=True)
class Ward:
    """One followed partition. `nodes`: what lies in it, as of the last list; `is_told`: whoever follows it has
    seen a list, or has been told of all that was in it."""

    nodes: Mapping[DomainKey, str] | None = None
    is_told: bool = False
    known: dict[DomainKey, Known] = field(default_factory=dict)

    def unlearn(self, key: DomainKey, known: Known) -> None:
        if self.known.get(key) is known:
            self.known.pop(key, None)


class Book:
    """`rung`: domains whose own node has changed, as the watches tell. `rang` is called when any of them does."""

    def __init__(self, tree: Tree, rang: Callable[[], None] = lambda: None) -> None:
        self.rung: deque[DomainKey] = deque()
        self.wards: Mapping[int, Ward] = {}
        self._bells: dict[str, Bell] = {}  # by path; also where nothing is followed: one cannot take them off
        self._tree, self._rang = tree, rang

    def follow(self, partitions: Iterable[int]) -> None:
        """Of others all is forgotten, but for the watches on them."""
        self.wards = {number: self.wards.get(number) or Ward() for number in partitions}

    def ward(self, key: DomainKey) -> Ward | None:
        return self.wards.get(self._tree.home(key)) if self.wards else None

    def recall(self, key: DomainKey) -> Known | None:
        ward = self.ward(key)
        return ward.known.get(key) if ward else None

    def keep(self, key: DomainKey, known: Known) -> None:
        ward = self.ward(key)
        if ward is not None:
            ward.known[key] = known

    def drop(self, key: DomainKey) -> None:
        ward = self.ward(key)
        if ward is not None:
            ward.known.pop(key, None)

    def bell(self, path: str, losses: int, key: DomainKey | None = None) -> Bell | None:
        """One to be set at that node, that of `key`; None if one is set there."""
        if self.is_watched(path, losses):
            return None

        def ring() -> None:
            self._bells.pop(path, None)
            if key is not None:
                self.rung.append(key)
            self._rang()

        return Bell(losses, ring)

    def hang(self, path: str, bell: Bell | None) -> None:
        """It has been set."""
        if bell is not None and not bell.rang:
            self._bells[path] = bell

    def is_watched(self, path: str, losses: int) -> bool:
        bell = self._bells.get(path)
        return bell is not None and bell.is_set(losses)

    def take_down(self) -> None:
        """All that were set: the session that knew of them was lost."""
        self._bells.clear()
