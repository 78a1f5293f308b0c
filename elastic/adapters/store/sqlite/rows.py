"""A domain as its rows say it; read within a transaction, decoded after it, to keep the transaction short."""

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from msgspec.json import encode as as_json

from elastic.adapters import codec
from elastic.errors import NotFound
from elastic.model.domain import Domain, DomainKey
from elastic.model.instance import Instance
from elastic.model.view import Standing, View


class DomainRow(NamedTuple):
    id: int
    incarnation: int
    counter: int
    commit_id: str | None
    body: bytes
    standing: bytes

    @property
    def domain(self) -> Domain:
        return codec.decode(self.body, Domain)


class ViewRows(NamedTuple):
    row: DomainRow
    instances: list[bytes]

    def view(self) -> View:
        return View(
            domain=self.row.domain,
            instances=tuple(codec.decode(body, Instance) for body in self.instances),
            standing=codec.decode(self.row.standing, Standing),
            counter=self.row.counter,
        )


def domain_row(connection: sqlite3.Connection, key: DomainKey) -> DomainRow:
    """Raise NotFound."""
    row = connection.execute(
        "SELECT id, incarnation, counter, commit_id, body, standing FROM domains WHERE owner = ? AND name = ?", key
    ).fetchone()
    if row is None:
        raise NotFound(f"domain {key}")
    return DomainRow(*row)


def same_row(connection: sqlite3.Connection, view: View) -> DomainRow:
    """That of the very domain of `view`; NotFound if it is gone, though another may have its name."""
    row = domain_row(connection, view.key)
    if row.incarnation != view.domain.incarnation:
        raise NotFound(f"domain {view.key} of incarnation {view.domain.incarnation}")
    return row


def view_rows(connection: sqlite3.Connection, key: DomainKey) -> ViewRows:
    row = domain_row(connection, key)
    bodies = connection.execute("SELECT body FROM instances WHERE domain = ? ORDER BY ordinal", (row.id,))
    return ViewRows(row, [body for (body,) in bodies])


def named_instances(connection: sqlite3.Connection, domain: int, ids: Iterable[str]) -> dict[str, Instance]:
    """Those of `ids` that are there."""
    rows = connection.execute(
        "SELECT instance_id, body FROM instances"
        " WHERE domain = ? AND instance_id IN (SELECT value FROM json_each(?))",
        (domain, as_json(list(ids)).decode()),
    )
    return {instance_id: codec.decode(body, Instance) for instance_id, body in rows}
