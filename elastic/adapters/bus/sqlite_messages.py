"""Messages in the file: put into queues, taken by a client, and gone once acknowledged."""

import sqlite3
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from elastic.adapters.bus.sqlite_file import BusFile
from elastic.adapters.bus.sqlite_topology import Route, Topology

DROP_EXPIRED = "DELETE FROM messages WHERE queue = ? AND taker IS NULL AND seq <= ? AND expires <= ?"
TAKE = "UPDATE messages SET taker = ?, takes = takes + 1 WHERE queue = ? AND taker IS NULL AND seq <= ?"
EXPIRED_HEADS = """SELECT id FROM queues WHERE ? >= (
    SELECT expires FROM messages WHERE queue = id AND taker IS NULL ORDER BY seq LIMIT 1)"""
FIRST_FRESH = """SELECT seq FROM messages WHERE queue = ? AND taker IS NULL AND (expires IS NULL OR expires > ?)
    ORDER BY seq LIMIT 1"""
END = 2**62
REMOVE = "DELETE FROM messages WHERE queue = ? AND taker IS NULL AND seq <= ?"


class Slip(NamedTuple):
    """Where a taken message lies."""

    queue: int
    seq: int


class Taken(NamedTuple):
    slip: Slip
    redelivered: bool
    envelope: bytes
    body: bytes


class Messages:
    def __init__(self, file: BusFile, topology: Topology) -> None:
        self._file = file
        self._topology = topology

    def publish(self, exchange: str, key: str, envelope: bytes, body: bytes, ttl: float | None) -> set[str]:
        """Put it into every queue it is routed to; return the addresses of those to wake.

        `ttl`: seconds, None for ever. One that no queue wants is dropped.
        """
        with self._file.write() as db:
            routes = self._topology.routes(exchange, key)
            for route in routes:
                _put(db, route, envelope, body, ttl)
        return {address for route in routes for address in route.addresses}

    def take(self, queue: int, count: int, client: int, keep: bool) -> list[Taken]:
        """Up to `count` of the oldest, now `client`'s until acknowledged; gone at once unless `keep`."""
        if not self._any(queue):
            return []
        now = time.monotonic()
        with self._file.write() as db:
            rows = db.execute(
                """SELECT seq, takes, envelope, body, expires FROM messages
                WHERE queue = ? AND taker IS NULL ORDER BY seq LIMIT ?""",
                (queue, count),
            ).fetchall()
            if not rows:
                return []
            last = rows[-1][0]  # up to here those without a taker are those selected: nobody writes but we
            db.execute(DROP_EXPIRED, (queue, last, now))
            if keep:
                db.execute(TAKE, (client, queue, last))
            else:
                db.execute(REMOVE, (queue, last))
        return [
            Taken(Slip(queue, seq), takes > 0, envelope, body)
            for seq, takes, envelope, body, expires in rows
            if expires is None or expires > now
        ]

    def acknowledge(self, slips: Sequence[Slip], client: int) -> None:
        """Those that are still `client`'s: one given to another meanwhile is that one's."""
        with self._file.write() as db:
            db.executemany(
                "DELETE FROM messages WHERE queue = ? AND seq = ? AND taker = ?",
                ((slip.queue, slip.seq, client) for slip in slips),
            )

    def give_back(self, slips: Iterable[Slip], client: int) -> list[str]:
        """To their old places in the queues; return the addresses of those to wake."""
        with self._file.write() as db:
            queues = set()
            for slip in slips:
                queues.add(slip.queue)
                db.execute(
                    "UPDATE messages SET taker = NULL WHERE queue = ? AND seq = ? AND taker = ?",
                    (slip.queue, slip.seq, client),
                )
            return [address for queue in queues for address in _consumers(db, queue)]

    def drop_expired(self) -> None:
        """As far as they lie at the head of their queue: what is behind them is seen when it gets there."""
        now = time.monotonic()
        expired = self._file.db.execute(EXPIRED_HEADS, (now,)).fetchall()
        if not expired:
            return
        with self._file.write() as db:
            for (queue,) in expired:
                fresh = db.execute(FIRST_FRESH, (queue, now)).fetchone()
                db.execute(DROP_EXPIRED, (queue, fresh[0] if fresh else END, now))

    def purge(self, queue: int) -> int:
        with self._file.write() as db:
            return db.execute("DELETE FROM messages WHERE queue = ? AND taker IS NULL", (queue,)).rowcount

    def count(self, queue: int) -> int:
        rows = self._file.db.execute("SELECT count(*) FROM messages WHERE queue = ? AND taker IS NULL", (queue,))
        return int(rows.fetchone()[0])

    def _any(self, queue: int) -> bool:
        """A look that holds up no writer, for the many times when there is nothing."""
        rows = self._file.db.execute(
            "SELECT 1 FROM messages WHERE queue = ? AND taker IS NULL LIMIT 1", (queue,)
        ).fetchall()
        return bool(rows)


def _put(db: sqlite3.Connection, route: Route, envelope: bytes, body: bytes, ttl: float | None) -> None:
    lives = [seconds for seconds in (ttl, route.ttl or None) if seconds is not None]
    expires = time.monotonic() + min(lives) if lives else None
    db.execute("UPDATE queues SET tail = tail + 1 WHERE id = ?", (route.queue,))
    db.execute(
        """INSERT INTO messages (queue, seq, expires, envelope, body)
        SELECT id, tail, ?, ?, ? FROM queues WHERE id = ?""",
        (expires, envelope, body, route.queue),
    )
    # The oldest go, counted by their distance from the newest: no queue is ever counted through.
    db.execute(
        """DELETE FROM messages WHERE queue = ?1 AND taker IS NULL
        AND seq <= (SELECT tail FROM queues WHERE id = ?1) - ?2""",
        (route.queue, route.max_length),
    )


def _consumers(db: sqlite3.Connection, queue: int) -> list[str]:
    rows = db.execute(
        "SELECT DISTINCT address FROM consumers JOIN clients ON id = client WHERE queue = ?", (queue,)
    )
    return [address for (address,) in rows]
