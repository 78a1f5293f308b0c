"""The story, in SQLite."""

import sqlite3
from collections.abc import Sequence

from msgspec.structs import replace

from elastic.adapters import codec
from elastic.adapters.store.outcomes import DECISIONS_KEPT, EVENTS_KEPT
from elastic.adapters.store.sqlite.rows import domain_row
from elastic.adapters.store.sqlite.state import SqliteState
from elastic.model.decision import Decision, Event
from elastic.model.domain import DomainKey


class SqliteJournal(SqliteState):
    def decisions(self, key: DomainKey, count: int = 50) -> Sequence[Decision]:
        with self.database.reading() as connection:
            rows = connection.execute(
                "SELECT body FROM decisions WHERE domain = ? ORDER BY number DESC LIMIT ?",
                (domain_row(connection, key).id, max(0, count)),
            ).fetchall()
        return [codec.decode(body, Decision) for (body,) in reversed(rows)]

    def log(self, events: Sequence[Event]) -> None:
        with self.database.writing() as connection:
            write_events(connection, events)

    def events(self, after: int = 0, count: int = 1000) -> Sequence[Event]:
        rows = self.database.rows(
            "SELECT seq, body FROM events WHERE seq > ? ORDER BY seq DESC LIMIT ?", after, max(0, count)
        )
        return [replace(codec.decode(body, Event), seq=seq) for seq, body in reversed(rows)]


def keep_decision(connection: sqlite3.Connection, domain: int, decision: Decision) -> None:
    (last,) = connection.execute("SELECT max(number) FROM decisions WHERE domain = ?", (domain,)).fetchone()
    number = (last or 0) + 1
    connection.execute("INSERT INTO decisions VALUES (?, ?, ?)", (domain, number, codec.encode(decision)))
    connection.execute("DELETE FROM decisions WHERE domain = ? AND number <= ?", (domain, number - DECISIONS_KEPT))


def write_events(connection: sqlite3.Connection, events: Sequence[Event]) -> None:
    if not events:
        return
    connection.executemany("INSERT INTO events (body) VALUES (?)", [(codec.encode(event),) for event in events])
    connection.execute("DELETE FROM events WHERE seq <= (SELECT max(seq) FROM events) - ?", (EVENTS_KEPT,))
