"""What is asked each turn and changes once a day: read once, and again when a watch says so.

The watches stand on a handful of nodes for each member (see `doc/decisions/watches.md`). They are called in
kazoo's thread, and only take note.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, NamedTuple, TypeVar

from elastic.adapters.store.zookeeper.asks import Watch
from elastic.adapters.store.zookeeper.session import Session

T = TypeVar("T")


class Moment(NamedTuple):
    """`change` is another object after each change, be it told or found out."""

    change: object
    losses: int


class Remembered(Generic[T]):
    """`read` reads all of it, and sets the watch that it is given at each node whose change would matter.

    It is always the same watch: kazoo keeps it once at each node, however often it is set again. Nothing is
    kept of a reading in the course of which something changed. May be used by many threads. `rang` is called
    when a watch has said so.
    """

    def __init__(
        self, session: Session, read: Callable[[Watch], T], rang: Callable[[], None] = lambda: None
    ) -> None:
        self._session, self._read, self._rang = session, read, rang
        self._change = object()
        self._kept: tuple[Moment, T] | None = None

    def get(self) -> T:
        """As fresh as a watch is fast; what this handle has written, or was refused for, is seen at once. It is
        shared with whoever asks next."""
        kept, moment = self._kept, self._moment()
        if kept is not None and kept[0] == moment:
            return kept[1]
        value = self._read(self._ring)
        self._kept = (moment, value)
        return value

    def drop(self) -> None:
        """It has changed, or may have: so say the watches, and whoever was refused for it, who may be faster."""
        self._change = object()

    def _ring(self, _event: Any) -> None:
        self.drop()
        self._rang()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """We write it, and may not know afterwards whether we did."""
        try:
            yield
        finally:
            self.drop()

    def _moment(self) -> Moment:
        return Moment(self._change, self._session.losses)
