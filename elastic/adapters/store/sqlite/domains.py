"""Domains as clients ask for them, in SQLite."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from elastic.adapters import codec
from elastic.adapters.store.onebyone import OneByOne
from elastic.adapters.store.outcomes import changed
from elastic.adapters.store.sqlite.journal import write_events
from elastic.adapters.store.sqlite.news import tell
from elastic.adapters.store.sqlite.requests import mutating
from elastic.adapters.store.sqlite.rows import domain_row, view_rows
from elastic.adapters.store.sqlite.state import SqliteState
from elastic.errors import Conflict
from elastic.model.decision import Event
from elastic.model.domain import Domain, DomainKey, Json
from elastic.model.view import Standing, View
from elastic.ports.store import Request
from elastic.rules.ring import partition_of, slot_of


class SqliteDomains(OneByOne, SqliteState):
    def domains(self, partition: int) -> Sequence[DomainKey]:
        rows = self.database.rows(
            "SELECT owner, name FROM domains WHERE partition = ? ORDER BY owner, name", partition
        )
        return [DomainKey(*row) for row in rows]

    def all_domains(self, owner: str | None = None) -> Sequence[DomainKey]:
        rows = self.database.rows(
            "SELECT owner, name FROM domains WHERE ?1 IS NULL OR owner = ?1 ORDER BY owner, name", owner
        )
        return [DomainKey(*row) for row in rows]

    def view(self, key: DomainKey) -> View:
        with self.database.reading() as connection:
            rows = view_rows(connection, key)
        return rows.view()

    def incarnation(self, partition: int) -> int:
        row = self.database.row("SELECT incarnation FROM partitions WHERE number = ?", partition)
        return int(row[0]) if row else 0

    def answered(self, key: str) -> tuple[bool, Json]:
        row = self.database.row("SELECT answer FROM requests WHERE key = ?", key)
        return (True, codec.decode(row[0], object)) if row else (False, None)

    def add_domain(self, domain: Domain, request: Request | None = None) -> Domain:
        key = domain.key
        partition = partition_of(slot_of(key), self._layout.partitions)
        with mutating(self.database, self._clock, request) as connection:
            if connection.execute("SELECT 1 FROM domains WHERE owner = ? AND name = ?", key).fetchone():
                raise Conflict(f"domain {key} is there already")
            connection.execute("INSERT OR IGNORE INTO partitions VALUES (?, 0)", (partition,))
            connection.execute(
                "UPDATE partitions SET incarnation = incarnation + 1 WHERE number = ?", (partition,)
            )
            (incarnation,) = connection.execute(
                "SELECT incarnation FROM partitions WHERE number = ?", (partition,)
            ).fetchone()
            body = codec.encode(replace(domain, incarnation=incarnation, revision=1))
            connection.execute(
                "INSERT INTO domains (owner, name, partition, incarnation, counter, body, standing)"
                " VALUES (?, ?, ?, ?, 0, ?, ?)",
                (*key, partition, incarnation, body, codec.encode(Standing())),
            )
            tell(connection, key)
        return codec.decode(body, Domain)

    def change(
        self,
        key: DomainKey,
        fn: Callable[[Domain], Domain],
        request: Request | None = None,
        events: Sequence[Event] = (),
    ) -> Domain:
        with mutating(self.database, self._clock, request) as connection:
            row = domain_row(connection, key)
            successor = changed(row.domain, fn)
            body = row.body if successor is None else codec.encode(successor)
            if successor is not None:
                connection.execute(
                    "UPDATE domains SET body = ?, counter = counter + 1 WHERE id = ?", (body, row.id)
                )
                write_events(connection, events)
                tell(connection, key)
        return codec.decode(body, Domain)
