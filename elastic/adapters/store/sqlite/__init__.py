"""The store in one SQLite file: the embedded default, several processes on one host.

    store = SqliteStore("/var/lib/elastic/store.db")

WAL, `synchronous=FULL`, a short transaction a write. The leases of `membership/sqlite` lie in the same file,
so that a write and the check of its writer's seat are one transaction. The file has to be on a local disk.
"""

import secrets
import sqlite3
from collections.abc import Callable
from os import PathLike, fspath
from urllib.parse import urlsplit

from elastic.adapters.clock import SYSTEM_CLOCK
from elastic.adapters.store.layouts import DEFAULT_PARTITIONS
from elastic.adapters.store.place import StorePlace
from elastic.adapters.store.sqlite.catalogue import SqliteCatalogue
from elastic.adapters.store.sqlite.cluster import SqliteCluster
from elastic.adapters.store.sqlite.commits import SqliteCommits
from elastic.adapters.store.sqlite.connection import Connect, Database
from elastic.adapters.store.sqlite.domains import SqliteDomains
from elastic.adapters.store.sqlite.journal import SqliteJournal
from elastic.adapters.store.sqlite.layout import prepared
from elastic.adapters.store.sqlite.mounts import networked
from elastic.adapters.store.sqlite.news import SqliteNews
from elastic.errors import BadRequest
from elastic.ports.clock import Clock


def random_uid() -> str:
    return secrets.token_hex(8)


class SqliteStore(SqliteCluster, SqliteDomains, SqliteCommits, SqliteNews, SqliteCatalogue, SqliteJournal):
    """Opened here, and made if it is not there: BadRequest says why it will not do. May be used by many threads.

    `partitions` None takes whatever the store was made with.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        partitions: int | None = DEFAULT_PARTITIONS,
        fresh_uid: Callable[[], str] = random_uid,
        clock: Clock = SYSTEM_CLOCK,
        connect: Connect = sqlite3.connect,
    ) -> None:
        kind = networked(fspath(path))
        if kind:
            raise BadRequest(f"{fspath(path)} is on {kind}: SQLite needs a local file system")
        database = Database(fspath(path), connect)
        super().__init__(database, prepared(database, partitions, fresh_uid), clock)

    @classmethod
    def at(cls, place: StorePlace) -> "SqliteStore":
        """The store that `[store] url` names: sqlite:////path/of/file."""
        said = urlsplit(place.url)
        if not place.url.startswith("sqlite:////") or said.path.endswith("/") or said.query or said.fragment:
            raise BadRequest("[store] url: a store in a file is sqlite:///, followed by its absolute path")
        return cls("/" + said.path.lstrip("/"), place.partitions)

    def set_wake(self, wake: Callable[[], None]) -> None:
        """Never: a file tells nobody what other processes write."""

    def close(self) -> None:
        self.database.close()
