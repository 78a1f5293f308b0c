"""Who is who, in SQLite."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from elastic.adapters import codec
from elastic.adapters.store.outcomes import check_assignable
from elastic.adapters.store.sqlite import fences
from elastic.adapters.store.sqlite.state import SqliteState
from elastic.errors import NotFound
from elastic.model.assignment import Assignment, Layout, Member, Seat, Term
from elastic.model.domain import DomainKey, Json
from elastic.ports.store import Quarantine, Stray


class SqliteCluster(SqliteState):
    def layout(self) -> Layout:
        return self._layout

    def assignment(self) -> Assignment:
        row = self.database.row("SELECT body FROM assignment")
        return codec.decode(row[0], Assignment) if row else Assignment()

    def terms(self) -> Mapping[str, int]:
        return dict(self.database.rows("SELECT role, number FROM terms"))

    def raise_term(self, seat: Seat) -> Term:
        with self.database.writing() as connection:
            fences.check_seat(connection, seat)
            raised = fences.raised_term(connection, seat)
            if raised:
                return Term(seat.role, raised)
            number = fences.newest_term(connection, seat.role) + 1
            connection.execute(
                "REPLACE INTO terms VALUES (?, ?, ?, ?)", (seat.role, number, seat.member, seat.token)
            )
            return Term(seat.role, number)

    def assign(self, seat: Seat, assignment: Assignment) -> None:
        body = codec.encode(assignment)
        with self.database.writing() as connection:
            fences.check_seat(connection, seat)
            check_assignable(seat, fences.raised_term(connection, seat), fences.serial(connection), assignment)
            connection.execute("REPLACE INTO assignment VALUES (1, ?, ?)", (assignment.serial, body))

    def members(self) -> Mapping[str, Member]:
        rows = self.database.rows("SELECT body, weight FROM members LEFT JOIN weights USING (name) ORDER BY name")
        described = [(codec.decode(body, Member), weight) for body, weight in rows]
        return {m.name: m if weight is None else replace(m, weight=weight) for m, weight in described}

    def describe_member(self, member: Member) -> None:
        body = codec.encode(member)
        with self.database.writing() as connection:
            connection.execute("REPLACE INTO members VALUES (?, ?)", (member.name, body))

    def set_weight(self, name: str, weight: float) -> None:
        with self.database.writing() as connection:
            if not connection.execute("SELECT 1 FROM members WHERE name = ?", (name,)).fetchone():
                raise NotFound(f"member {name}")
            connection.execute("REPLACE INTO weights VALUES (?, ?)", (name, weight))

    def forget_member(self, name: str) -> None:
        with self.database.writing() as connection:
            connection.execute("DELETE FROM members WHERE name = ?", (name,))

    def strays(self) -> Sequence[Stray]:
        rows = self.database.rows("SELECT server_id, instance_id, at FROM strays ORDER BY server_id")
        return tuple(Stray(server_id=server, instance_id=instance, at=at) for server, instance, at in rows)

    def note_strays(self, fence: Term, seen: Sequence[Stray], gone: Sequence[str]) -> None:
        with self.database.writing() as connection:
            fences.check_term(connection, fence)
            connection.executemany(
                "REPLACE INTO strays VALUES (?, ?, ?)", [(s.server_id, s.instance_id, s.at) for s in seen]
            )
            connection.executemany("DELETE FROM strays WHERE server_id = ?", [(server,) for server in gone])

    def quarantines(self) -> Sequence[Quarantine]:
        rows = self.database.rows(
            "SELECT owner, name, strikes, until, member FROM quarantines ORDER BY owner, name"
        )
        return tuple(
            Quarantine(key=DomainKey(owner, name), strikes=strikes, until=until, member=member)
            for owner, name, strikes, until, member in rows
        )

    def quarantine(self, entry: Quarantine) -> None:
        with self.database.writing() as connection:
            connection.execute(
                "REPLACE INTO quarantines VALUES (?, ?, ?, ?, ?)",
                (*entry.key, entry.strikes, entry.until, entry.member),
            )

    def release(self, key: DomainKey) -> None:
        with self.database.writing() as connection:
            connection.execute("DELETE FROM quarantines WHERE owner = ? AND name = ?", key)

    def flags(self) -> Mapping[str, Json]:
        rows = self.database.rows("SELECT name, body FROM flags ORDER BY name")
        return {name: codec.decode(body, object) for name, body in rows}

    def set_flag(self, name: str, value: Json) -> None:
        body = codec.encode(value)
        with self.database.writing() as connection:
            connection.execute("REPLACE INTO flags VALUES (?, ?)", (name, body))
