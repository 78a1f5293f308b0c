"""Definitions and deployable types, in SQLite."""

import sqlite3
from collections.abc import Mapping, Sequence

from elastic.adapters import codec
from elastic.adapters.store.sqlite.requests import mutating
from elastic.adapters.store.sqlite.state import SqliteState
from elastic.errors import Conflict, NotFound
from elastic.model.domain import Json
from elastic.ports.store import Request


class SqliteCatalogue(SqliteState):
    def add_entry(self, kind: str, name: str, body: Mapping[str, Json], request: Request | None = None) -> None:
        blob = codec.encode(body)
        with mutating(self.database, self._clock, request) as connection:
            if _body(connection, kind, name) is not None:
                raise Conflict(f"{kind} {name} is there already")
            connection.execute("INSERT INTO entries VALUES (?, ?, ?)", (kind, name, blob))

    def update_entry(self, kind: str, name: str, body: Mapping[str, Json], request: Request | None = None) -> None:
        blob = codec.encode(body)
        with mutating(self.database, self._clock, request) as connection:
            _check_there(connection, kind, name)
            connection.execute("REPLACE INTO entries VALUES (?, ?, ?)", (kind, name, blob))

    def remove_entry(self, kind: str, name: str, request: Request | None = None) -> None:
        with mutating(self.database, self._clock, request) as connection:
            _check_there(connection, kind, name)
            connection.execute("DELETE FROM entries WHERE kind = ? AND name = ?", (kind, name))

    def entry(self, kind: str, name: str) -> Mapping[str, Json]:
        row = self.database.row("SELECT body FROM entries WHERE kind = ? AND name = ?", kind, name)
        if row is None:
            raise NotFound(f"{kind} {name}")
        return codec.decode(row[0], dict)

    def entries(self, kind: str) -> Sequence[str]:
        return [
            name for (name,) in self.database.rows("SELECT name FROM entries WHERE kind = ? ORDER BY name", kind)
        ]


def _check_there(connection: sqlite3.Connection, kind: str, name: str) -> None:
    if _body(connection, kind, name) is None:
        raise NotFound(f"{kind} {name}")


def _body(connection: sqlite3.Connection, kind: str, name: str) -> bytes | None:
    row = connection.execute("SELECT body FROM entries WHERE kind = ? AND name = ?", (kind, name)).fetchone()
    return row[0] if row else None
