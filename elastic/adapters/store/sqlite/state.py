"""What the parts of a SqliteStore share."""

from elastic.adapters.store.sqlite.connection import Database
from elastic.model.assignment import Layout
from elastic.ports.clock import Clock


class SqliteState:
    def __init__(self, database: Database, layout: Layout, clock: Clock) -> None:
        self.database = database
        self._layout = layout
        self._clock = clock
