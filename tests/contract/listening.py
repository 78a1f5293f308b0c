"""Following a store, and waiting for its news: they may take a moment to arrive."""

import time
from collections.abc import Callable, Set
from typing import TypeVar

from elastic.model.domain import DomainKey
from elastic.ports.store import News, Store

BOUND = 20.0  # seconds

T = TypeVar("T")


def following(store: Store) -> Store:
    """One that follows all partitions."""
    store.follow(range(store.layout().partitions))
    return store


def heard(store: Store, cursor: int, wanted: Set[DomainKey]) -> News:
    """The news since then, once all that is wanted is among it."""
    return until(lambda: store.news(cursor), lambda news: news.keys is None or news.keys >= wanted)


def until(look: Callable[[], T], good: Callable[[T], bool]) -> T:
    deadline = time.monotonic() + BOUND
    while not good(seen := look()):
        assert time.monotonic() < deadline, f"still {seen}"
        time.sleep(0.01)
    return seen
