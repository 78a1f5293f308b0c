"""What clients have changed since: a numbered list without gaps, of which the end is kept.

Asking costs one PRAGMA while nothing in the file was written, and one look at an index else.
"""

import sqlite3
import threading
from collections.abc import Iterable
from typing import NamedTuple

from elastic.adapters.store.outcomes import NEWS_KEPT
from elastic.adapters.store.sqlite.connection import Database
from elastic.adapters.store.sqlite.state import SqliteState
from elastic.errors import StoreUnavailable
from elastic.model.assignment import Layout
from elastic.model.domain import DomainKey
from elastic.ports.clock import Clock
from elastic.ports.store import News


class _Mark(NamedTuple):
    """A moment of the file as one connection sees it.

    `data_version` tells of the writes of other connections only; `own_writes` of this one's.
    """

    connection: sqlite3.Connection
    data_version: int
    own_writes: int


class SqliteNews(SqliteState):
    def __init__(self, database: Database, layout: Layout, clock: Clock) -> None:
        super().__init__(database, layout, clock)
        self._last = threading.local()

    def follow(self, partitions: Iterable[int]) -> None:
        """All are told of."""

    def news(self, cursor: int) -> News:
        mark = self._mark()  # before the look: what is written in between is seen the next time
        if getattr(self._last, "seen", None) == (mark, cursor):
            return News(cursor, frozenset())
        news = self._since(cursor)
        self._last.seen = (mark, news.cursor)
        return news

    def _mark(self) -> _Mark:
        (version,) = self.database.row("PRAGMA data_version")
        connection = self.database.connection()
        return _Mark(connection, version, connection.total_changes)

    def _since(self, cursor: int) -> News:
        rows = self.database.rows("SELECT seq, owner, name FROM news WHERE seq > ? ORDER BY seq", cursor)
        if rows and rows[0][0] == cursor + 1:
            return News(rows[-1][0], frozenset(DomainKey(owner, name) for _, owner, name in rows))
        newest = rows[-1][0] if rows else self._newest()
        return News(newest, frozenset() if newest == cursor else None)

    def _newest(self) -> int:
        row = self.database.row("SELECT seq FROM sqlite_sequence WHERE name = 'news'")
        return int(row[0]) if row else 0


def tell(connection: sqlite3.Connection, key: DomainKey) -> None:
    told = connection.execute("INSERT INTO news (owner, name) VALUES (?, ?)", key)
    if told.lastrowid is None:
        raise StoreUnavailable("SQLite gave the row no number")
    connection.execute("DELETE FROM news WHERE seq <= ?", (told.lastrowid - NEWS_KEPT,))
