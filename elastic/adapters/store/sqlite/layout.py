"""The layout: minted with the store, and never changed."""

import sqlite3
from collections.abc import Callable

from elastic.adapters.store.layouts import check_layout, fresh_layout
from elastic.adapters.store.sqlite.connection import Database
from elastic.adapters.store.sqlite.schema import TABLES
from elastic.model.assignment import Layout


def prepared(database: Database, partitions: int | None, fresh_uid: Callable[[], str]) -> Layout:
    """Read the layout, or mint it in an empty file. `partitions` None: whatever the store has.

    Raise BadRequest for a format newer than ours, and for another number of partitions than the store's.
    """
    with database.reading() as connection:
        layout = _stored(connection)
    if layout is None:
        layout = _minted(database, fresh_layout(fresh_uid(), partitions))
    check_layout(layout, partitions, database.path)
    return layout


def _minted(database: Database, layout: Layout) -> Layout:
    with database.writing() as connection:
        stored = _stored(connection)  # another process may have been faster
        if stored is not None:
            return stored
        for statement in TABLES:
            connection.execute(statement)
        connection.execute(
            "INSERT INTO layout VALUES (1, ?, ?, ?)", (layout.format, layout.uid, layout.partitions)
        )
    return layout


def _stored(connection: sqlite3.Connection) -> Layout | None:
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'layout'").fetchone():
        return None
    format_, uid, partitions = connection.execute("SELECT format, uid, partitions FROM layout").fetchone()
    return Layout(uid, partitions, format_)
