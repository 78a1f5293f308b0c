"""The file and its transactions: one connection a thread, every foreign error made one of ours.

A writer waits at most `PATIENCE` seconds for another's transaction; all of ours take far less, so a longer
wait means that a process was stopped in the middle of one.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from elastic.errors import OutcomeUnknown, StoreUnavailable

PATIENCE = 2.0  # seconds

Landed = Callable[[sqlite3.Connection], bool]
"""Whether a write is there: asked when its COMMIT failed in a way that does not tell."""


class Connect(Protocol):
    """`sqlite3.connect`, as far as it is used here."""

    def __call__(
        self, database: str, *, timeout: float, isolation_level: None, check_same_thread: bool
    ) -> sqlite3.Connection: ...


class Database:
    def __init__(self, path: str, connect: Connect = sqlite3.connect) -> None:
        self.path = path
        self._connect = connect
        self._local = threading.local()
        self._lock = threading.Lock()
        self._opened: list[sqlite3.Connection] = []
        self._closed = False

    def row(self, sql: str, *args: Any) -> Any:
        """The first row of one statement, which is its own snapshot; None if there is none."""
        with self._translated():
            return self.connection().execute(sql, args).fetchone()

    def rows(self, sql: str, *args: Any) -> list[Any]:
        with self._translated():
            return self.connection().execute(sql, args).fetchall()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Several statements on one snapshot."""
        with self._begun("BEGIN") as connection:
            yield connection
            connection.execute("COMMIT")

    @contextmanager
    def writing(self, landed: Landed | None = None) -> Iterator[sqlite3.Connection]:
        """Whole or not at all; what the block raises undoes it.

        Raise OutcomeUnknown if the COMMIT fails without telling and `landed` cannot tell either.
        """
        with self._begun("BEGIN IMMEDIATE") as connection:
            yield connection
        try:
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._settle(connection, error, landed)

    def connection(self) -> sqlite3.Connection:
        """This thread's."""
        if self._closed:
            raise StoreUnavailable("the store is closed")
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._open()
        return connection

    def close(self) -> None:
        """Only when no other thread is in a transaction."""
        with self._lock:
            self._closed = True
            for connection in self._opened:
                connection.close()
            self._opened.clear()

    def _open(self) -> sqlite3.Connection:
        connection = self._connect(self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
        try:
            if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
                connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")  # what was answered survives a loss of power
        except sqlite3.Error:
            connection.close()
            raise
        with self._lock:
            self._opened.append(connection)
        return connection

    def _discard(self, connection: sqlite3.Connection) -> None:
        self._local.connection = None
        with self._lock, suppress(ValueError):
            self._opened.remove(connection)
        with suppress(sqlite3.Error):
            connection.close()

    @contextmanager
    def _begun(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._translated():
            connection = self.connection()
            connection.execute(begin)
        try:
            with self._translated():
                yield connection
        except BaseException:
            self._roll_back(connection)
            raise

    def _roll_back(self, connection: sqlite3.Connection) -> None:
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except sqlite3.Error:
            self._discard(connection)

    def _settle(self, connection: sqlite3.Connection, error: sqlite3.Error, landed: Landed | None) -> None:
        """A COMMIT that leaves its transaction open has done nothing. Any other failure has to be read back."""
        refused = StoreUnavailable(f"{self.path}: {error}")
        if connection.in_transaction:
            self._roll_back(connection)
            raise refused from error
        self._discard(connection)
        try:
            with self.reading() as fresh:
                is_done = landed(fresh) if landed else None
        except StoreUnavailable:
            is_done = None
        if is_done is None:
            raise OutcomeUnknown(f"{self.path}: {error}, and it cannot be read back") from error
        if not is_done:
            raise refused from error

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreUnavailable(f"{self.path}: {error}") from error
