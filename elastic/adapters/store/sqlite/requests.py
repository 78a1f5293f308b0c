"""Idempotency keys with their answers, written in the transaction of the mutation that they name."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from elastic.adapters import codec
from elastic.adapters.store.sqlite.connection import Database
from elastic.errors import Answered
from elastic.ports.clock import Clock
from elastic.ports.store import Request


@contextmanager
def mutating(database: Database, clock: Clock, request: Request | None) -> Iterator[sqlite3.Connection]:
    """A write that raises Answered, and does nothing, if its key was answered before."""
    if request is None:
        with database.writing() as connection:
            yield connection
        return

    key, answer = request.key, codec.encode(request.answer)
    with database.writing(landed=lambda fresh: kept(fresh, key) is not None) as connection:
        before = kept(connection, key)
        if before is not None:
            raise Answered(codec.decode(before, object))
        yield connection
        connection.execute("DELETE FROM requests WHERE keep_until < ?", (clock.now(),))
        connection.execute("INSERT INTO requests VALUES (?, ?, ?)", (key, request.keep_until, answer))


def kept(connection: sqlite3.Connection, key: str) -> bytes | None:
    row = connection.execute("SELECT answer FROM requests WHERE key = ?", (key,)).fetchone()
    return row[0] if row else None
