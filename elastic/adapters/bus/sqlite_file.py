"""One SQLite file that the processes of one host share as their broker: its tables and its transactions."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tenacity import retry, retry_if_exception, stop_after_delay, wait_fixed

FORMAT = 1
BUSY_SECONDS = 3.0

SCHEMA = """
CREATE TABLE IF NOT EXISTS clients (id INTEGER PRIMARY KEY AUTOINCREMENT, address TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS exchanges (name TEXT PRIMARY KEY, type TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS queues (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,
    owner INTEGER NOT NULL, auto_delete INTEGER NOT NULL, ttl REAL NOT NULL, max_length INTEGER NOT NULL,
    tail INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS bindings (
    source TEXT NOT NULL, key TEXT NOT NULL, kind TEXT NOT NULL, destination TEXT NOT NULL,
    PRIMARY KEY (source, key, kind, destination)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS bindings_to ON bindings (kind, destination);
CREATE TABLE IF NOT EXISTS consumers (
    queue INTEGER NOT NULL, client INTEGER NOT NULL, tag TEXT NOT NULL,
    PRIMARY KEY (queue, client, tag)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages (
    queue INTEGER NOT NULL, seq INTEGER NOT NULL, expires REAL, taker INTEGER, takes INTEGER NOT NULL DEFAULT 0,
    envelope BLOB NOT NULL, body BLOB NOT NULL, PRIMARY KEY (queue, seq)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS messages_taken ON messages (taker) WHERE taker IS NOT NULL;
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value REAL NOT NULL) WITHOUT ROWID;
INSERT OR IGNORE INTO facts VALUES ('topology', 0), ('tended', 0);
"""


class BusFile:
    """One connection to the file. Used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.db = _opened(path)
        self._inode = os.stat(path).st_ino

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction that holds the file's one write lock; all of it, or nothing."""
        if not self.is_in_place():
            raise sqlite3.OperationalError("another file, or none, stands where the bus was")
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield self.db
            self.db.execute("COMMIT")
        except BaseException:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            raise

    def topology(self) -> int:
        """Rises with every change of exchanges, queues, bindings and consumers."""
        return int(self._fact("topology"))

    def touch_topology(self) -> None:
        self.db.execute("UPDATE facts SET value = value + 1 WHERE name = 'topology'")

    def claim_tending(self, period: float) -> bool:
        """True for one of all clients once in `period` seconds."""
        now = time.monotonic()
        if 0 <= now - self._fact("tended") < period:  # negative: that was before the host last booted
            return False
        with self.write() as db:
            if 0 <= now - self._fact("tended") < period:
                return False
            db.execute("UPDATE facts SET value = ? WHERE name = 'tended'", (now,))
        return True

    def is_in_place(self) -> bool:
        """False once another file, or none, stands where ours was."""
        try:
            return os.stat(self.path).st_ino == self._inode
        except FileNotFoundError:
            return False

    def close(self) -> None:
        self.db.close()

    def _fact(self, name: str) -> float:
        row = self.db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return float(row[0])


def _is_busy(error: BaseException) -> bool:
    return getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


@retry(
    # Turning to WAL does not wait for other openers as transactions do.
    retry=retry_if_exception(_is_busy),
    stop=stop_after_delay(BUSY_SECONDS),
    wait=wait_fixed(0.02),
    reraise=True,
)
def _opened(path: Path) -> sqlite3.Connection:
    _make(path)
    db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA journal_size_limit = 8388608")
        _lay_out(db)
    except BaseException:
        db.close()
        raise
    return db


def _make(path: Path) -> None:
    """A new file is private, and SQLite's own beside it take its mode over.

    One that is there is not opened: closing any descriptor of it would drop all locks that this process
    holds on it, and the next process to close its connection would remove the log under our feet.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _lay_out(db: sqlite3.Connection) -> None:
    found = db.execute("PRAGMA user_version").fetchone()[0]
    if found > FORMAT:
        raise sqlite3.DatabaseError(f"this bus file has format {found}, which is newer than {FORMAT}")
    if found == FORMAT:
        return
    db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT;")
