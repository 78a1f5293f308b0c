"""Who uses the file, and who of them is dead: a dead client's messages go back, its queues go away.

Proof of death is a file lock that the kernel drops with the process. A lease would be none: a process may be
stopped for an hour and then go on.
"""

import contextlib
import fcntl
import os
import sqlite3
from pathlib import Path

from elastic.adapters.bus.sqlite_file import BusFile

DELIVERY_LIMIT = 20
"""A message that so many clients took and none acknowledged is dropped: it may be what killed them."""


class Clients:
    """The file's users; we are one of them from `join` to `leave`."""

    def __init__(self, file: BusFile) -> None:
        self._file = file
        self._folder = Path(f"{file.path}-clients")
        self._lock: int | None = None
        self.me = 0

    def join(self, address: str) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        with self._file.write() as db:
            while self._lock is None:
                self.me = int(db.execute("INSERT INTO clients (address) VALUES (?)", (address,)).lastrowid or 0)
                # Locked before anybody can read of us: whoever finds our row finds the lock.
                self._lock = _locked(self._lock_file(self.me))
                if self._lock is None:  # by one of a file that stood here before
                    db.execute("DELETE FROM clients WHERE id = ?", (self.me,))

    def leave(self) -> None:
        """If the file cannot be written now, another client will find us dead."""
        if self._lock is None:
            return
        try:
            self._dismiss(self.me)
        finally:
            os.close(self._lock)
            self._lock = None

    def am_listed(self) -> bool:
        return self._file.db.execute("SELECT 1 FROM clients WHERE id = ?", (self.me,)).fetchone() is not None

    def bury_the_dead(self) -> list[str]:
        """Give back what the dead held; return the addresses of those who should now look."""
        ids = [row[0] for row in self._file.db.execute("SELECT id FROM clients WHERE id <> ?", (self.me,))]
        return [address for client in ids if not self.is_alive(client) for address in self._dismiss(client)]

    def is_alive(self, client: int) -> bool:
        try:
            probe = os.open(self._lock_file(client), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(probe, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(probe)
        return False

    def _dismiss(self, client: int) -> list[str]:
        with self._file.write() as db:
            woken = _waiting_for_messages_of(db, client)
            db.execute("DELETE FROM messages WHERE taker = ? AND takes >= ?", (client, DELIVERY_LIMIT))
            db.execute("UPDATE messages SET taker = NULL WHERE taker = ?", (client,))
            for queue in _queues_that_end_with(db, client):
                delete_queue(db, queue)
            db.execute("DELETE FROM consumers WHERE client = ?", (client,))
            db.execute("DELETE FROM clients WHERE id = ?", (client,))
            self._file.touch_topology()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._lock_file(client))
        return woken

    def _lock_file(self, client: int) -> Path:
        return self._folder / str(client)


def _locked(path: Path) -> int | None:
    """Null if somebody holds the lock."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def delete_queue(db: sqlite3.Connection, queue: int) -> None:
    """With its messages, bindings and consumers."""
    db.execute(
        "DELETE FROM bindings WHERE kind = 'queue' AND destination = (SELECT name FROM queues WHERE id = ?)",
        (queue,),
    )
    db.execute("DELETE FROM messages WHERE queue = ?", (queue,))
    db.execute("DELETE FROM consumers WHERE queue = ?", (queue,))
    db.execute("DELETE FROM queues WHERE id = ?", (queue,))


def _waiting_for_messages_of(db: sqlite3.Connection, client: int) -> list[str]:
    rows = db.execute(
        """SELECT DISTINCT clients.address FROM messages JOIN consumers ON consumers.queue = messages.queue
        JOIN clients ON clients.id = consumers.client WHERE messages.taker = ? AND clients.id <> ?""",
        (client, client),
    )
    return [address for (address,) in rows]


def _queues_that_end_with(db: sqlite3.Connection, client: int) -> list[int]:
    """Its exclusive ones, and the auto-delete ones whose last consumer it is."""
    rows = db.execute(
        """SELECT id FROM queues WHERE owner = ?1 OR (auto_delete
        AND EXISTS (SELECT 1 FROM consumers WHERE queue = queues.id AND client = ?1)
        AND NOT EXISTS (SELECT 1 FROM consumers WHERE queue = queues.id AND client <> ?1))""",
        (client,),
    )
    return [queue for (queue,) in rows]
