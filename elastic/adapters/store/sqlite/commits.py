"""A role's writes to one domain, in SQLite."""

import sqlite3
from collections.abc import Sequence

from elastic.adapters import codec
from elastic.adapters.store.outcomes import Outcome, outcome
from elastic.adapters.store.sqlite import fences
from elastic.adapters.store.sqlite.journal import keep_decision, write_events
from elastic.adapters.store.sqlite.news import tell
from elastic.adapters.store.sqlite.rows import DomainRow, named_instances, same_row, view_rows
from elastic.adapters.store.sqlite.state import SqliteState
from elastic.errors import NotFound, Stale
from elastic.model.assignment import Tenure
from elastic.model.decision import Event
from elastic.model.view import View
from elastic.ports.store import Commit


class SqliteCommits(SqliteState):
    def commit(self, view: View, fence: Tenure, commit: Commit) -> View:
        with self.database.writing(landed=lambda fresh: _is_last(fresh, view, commit)) as connection:
            row = same_row(connection, view)
            if row.commit_id != commit.id:
                fences.check_tenure(connection, fence)
                _check_counter(row, view, commit)
                _write(connection, row, commit)
            after = view_rows(connection, view.key)
        return after.view()

    def forget_domain(self, view: View, fence: Tenure, events: Sequence[Event] = ()) -> None:
        with self.database.writing() as connection:
            row = same_row(connection, view)
            fences.check_tenure(connection, fence)
            occupied = connection.execute("SELECT 1 FROM instances WHERE domain = ?", (row.id,)).fetchone()
            if occupied or not row.domain.removed:
                raise Stale(f"domain {view.key} is not removed, or has instances yet")
            connection.execute("DELETE FROM decisions WHERE domain = ?", (row.id,))
            connection.execute("DELETE FROM domains WHERE id = ?", (row.id,))
            write_events(connection, events)
            tell(connection, view.key)


def _check_counter(row: DomainRow, view: View, commit: Commit) -> None:
    if commit.decides and row.counter != view.counter:
        raise Stale(f"domain {view.key} was decided on or changed since")


def _write(connection: sqlite3.Connection, row: DomainRow, commit: Commit) -> None:
    named = commit.changes.keys() | {instance.instance_id for instance in commit.added}
    _write_instances(connection, row.id, outcome(commit, named_instances(connection, row.id, named)))
    connection.execute(
        "UPDATE domains SET counter = counter + ?, commit_id = ?, standing = ? WHERE id = ?",
        (
            int(commit.decides),
            commit.id,
            row.standing if commit.standing is None else codec.encode(commit.standing),
            row.id,
        ),
    )
    if commit.decision is not None:
        keep_decision(connection, row.id, commit.decision)
    write_events(connection, commit.events)


def _write_instances(connection: sqlite3.Connection, domain: int, made: Outcome) -> None:
    connection.executemany(
        "UPDATE instances SET body = ? WHERE domain = ? AND instance_id = ?",
        [(codec.encode(instance), domain, instance.instance_id) for instance in made.updated],
    )
    connection.executemany(
        "DELETE FROM instances WHERE domain = ? AND instance_id = ?", [(domain, i) for i in made.dropped]
    )
    (last,) = connection.execute("SELECT max(ordinal) FROM instances WHERE domain = ?", (domain,)).fetchone()
    connection.executemany(
        "INSERT INTO instances VALUES (?, ?, ?, ?)",
        [
            (domain, ordinal, instance.instance_id, codec.encode(instance))
            for ordinal, instance in enumerate(made.added, (last or 0) + 1)
        ],
    )


def _is_last(connection: sqlite3.Connection, view: View, commit: Commit) -> bool:
    try:
        return same_row(connection, view).commit_id == commit.id
    except NotFound:
        return False
