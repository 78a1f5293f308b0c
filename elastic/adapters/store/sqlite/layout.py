"""The layout: minted with the store, and never changed."""

import sqlite3
from collections.abc import Callable

from elastic.adapters.codec import FORMAT
from elastic.adapters.store.sqlite.connection import Database
from elastic.adapters.store.sqlite.schema import TABLES
from elastic.errors import BadRequest
from elastic.model.assignment import SLOTS, Layout

DEFAULT_PARTITIONS = 256


def prepared(database: Database, partitions: int | None, fresh_uid: Callable[[], str]) -> Layout:
    """Read the layout, or mint it in an empty file. `partitions` None: whatever the store has.

    Raise BadRequest for a format newer than ours, and for another number of partitions than the store's.
    """
    with database.reading() as connection:
        layout = _stored(connection)
    if layout is None:
        layout = _minted(database, DEFAULT_PARTITIONS if partitions is None else partitions, fresh_uid())
    if layout.format > FORMAT:
        raise BadRequest(f"{database.path} has format {layout.format}; this release reads up to {FORMAT}")
    if partitions not in (None, layout.partitions):
        raise BadRequest(
            f"{database.path} was made with {layout.partitions} partitions, and cannot be given {partitions}"
        )
    return layout


def _minted(database: Database, partitions: int, uid: str) -> Layout:
    if not 1 <= partitions <= SLOTS:
        raise BadRequest(f"partitions has to be between 1 and {SLOTS}, not {partitions}")
    with database.writing() as connection:
        stored = _stored(connection)  # another process may have been faster
        if stored is not None:
            return stored
        for statement in TABLES:
            connection.execute(statement)
        connection.execute("INSERT INTO layout VALUES (1, ?, ?, ?)", (FORMAT, uid, partitions))
    return Layout(uid, partitions, FORMAT)


def _stored(connection: sqlite3.Connection) -> Layout | None:
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'layout'").fetchone():
        return None
    format_, uid, partitions = connection.execute("SELECT format, uid, partitions FROM layout").fetchone()
    return Layout(uid, partitions, format_)
