"""What only the SQLite store does: its file, its connections, its failures."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest
from msgspec.structs import replace

from elastic.adapters.membership.sqlite import SqliteElection, this_boot
from elastic.adapters.store.sqlite import SqliteStore, mounts
from elastic.errors import BadMessage, BadRequest, Conflict, NotFound, OutcomeUnknown, StoreUnavailable
from elastic.model.assignment import Layout
from elastic.model.domain import DomainKey
from elastic.ports.store import Commit, Request
from tests.contract.clocks import HandClock
from tests.contract.processes import hooked
from tests.contract.records import KEY, assigned, domain, instance, seat_of, tenure_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def execute(path: Path, sql: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(sql)
    connection.close()


class TestLayout:
    def test_it_is_minted_once(self, path: Path) -> None:
        assert SqliteStore(path, 64, lambda: "first").layout() == Layout("first", 64, 1)
        assert SqliteStore(path, 64, lambda: "second").layout() == Layout("first", 64, 1)

    def test_a_uid_is_minted_by_chance(self, tmp_path: Path) -> None:
        uids = {SqliteStore(tmp_path / name).layout().uid for name in ("a", "b")}
        assert len(uids) == 2

    @pytest.mark.hazard("F23")
    def test_another_number_of_partitions_is_refused(self, path: Path) -> None:
        SqliteStore(path, 64)
        with pytest.raises(BadRequest, match=r"64 partitions.* 256"):
            SqliteStore(path)

    def test_none_takes_what_there_is(self, path: Path) -> None:
        assert SqliteStore(path, None).layout().partitions == 256
        assert SqliteStore(path, None).layout().partitions == 256

    @pytest.mark.parametrize("partitions", [0, 4097])
    def test_a_number_that_makes_no_sense_is_refused(self, path: Path, partitions: int) -> None:
        with pytest.raises(BadRequest):
            SqliteStore(path, partitions)
        assert SqliteStore(path, 1).layout().partitions == 1

    def test_a_newer_format_is_refused(self, path: Path) -> None:
        SqliteStore(path)
        execute(path, "UPDATE layout SET format = 2")
        with pytest.raises(BadRequest, match="format 2"):
            SqliteStore(path)

    def test_a_value_of_a_newer_format_is_refused(self, path: Path) -> None:
        store = SqliteStore(path)
        store.add_domain(domain())
        execute(path, """UPDATE domains SET body = CAST('{"format":2,"value":"unheard of"}' AS BLOB)""")
        with pytest.raises(BadMessage, match="format 2"):
            store.view(KEY)

    @pytest.mark.hazard("F26")
    def test_a_network_file_system_is_refused(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(mounts, "file_system", lambda path, mounts: "nfs4")
        with pytest.raises(BadRequest, match="nfs4"):
            SqliteStore(path)


class TestMounts:
    TABLE = "\n".join(
        f"{n} 1 0:{n} / {point} rw,relatime shared:1 - {kind} source rw"
        for n, (point, kind) in enumerate(
            [("/", "ext4"), ("/srv", "nfs4"), ("/srv/a\\040b", "xfs"), ("/mnt", "tmpfs"), ("/mnt", "cifs")]
        )
    )

    @pytest.mark.parametrize(
        ("path", "kind"),
        [
            ("/var/lib", "ext4"),
            ("/srv", "nfs4"),
            ("/srv/x/store.db", "nfs4"),
            ("/srvx", "ext4"),
            ("/srv/a b/store.db", "xfs"),
            ("/mnt/x", "cifs"),
        ],
    )
    def test_the_innermost_mount_counts_and_the_last_on_its_point(self, path: str, kind: str) -> None:
        assert mounts.file_system(path, self.TABLE) == kind


class TestFailures:
    def test_what_is_no_database_is_unavailable(self, path: Path) -> None:
        path.write_bytes(b"this is not a database" * 100)
        with pytest.raises(StoreUnavailable, match="not a database"):
            SqliteStore(path)

    def test_so_is_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(StoreUnavailable):
            SqliteStore(tmp_path / "nowhere" / "store.db")

    def test_and_a_store_that_was_closed(self, path: Path) -> None:
        store = SqliteStore(path)
        store.close()
        for ask in (store.all_domains, lambda: store.view(KEY), lambda: store.news(0)):
            with pytest.raises(StoreUnavailable, match="closed"):
                ask()

    def test_a_writer_that_lingers_makes_it_unavailable_until_it_ends(self, path: Path) -> None:
        store = SqliteStore(path)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"):
            store.add_domain(domain())
        assert store.all_domains() == []

        other.execute("ROLLBACK")
        store.add_domain(domain())

    def test_after_a_refusal_the_connection_serves_on(self, path: Path) -> None:
        store = SqliteStore(path)
        store.add_domain(domain())
        for _ in range(3):
            with pytest.raises(Conflict):
                store.add_domain(domain())
            with pytest.raises(NotFound):
                store.view(DomainKey("no", "body"))
        assert store.all_domains() == [KEY]


class Commits(sqlite3.Connection):
    """A disk that fails at COMMIT, in one of three ways; each only once."""

    way = ""
    is_writing = False

    def execute(self, sql: str, *args: object) -> sqlite3.Cursor:
        way = Commits.way
        self.is_writing = sql == "BEGIN IMMEDIATE" or (self.is_writing and sql != "BEGIN")
        if sql == "COMMIT" and self.is_writing and way:
            Commits.way = ""
            if way == "refused":
                raise sqlite3.OperationalError("database is locked")
            super().execute("COMMIT" if way == "done" else "ROLLBACK")
            raise sqlite3.OperationalError("disk I/O error")
        return super().execute(sql, *args)


class TestUnknownOutcomes:
    @pytest.fixture
    def store(self, path: Path) -> SqliteStore:
        Commits.way = ""
        return SqliteStore(
            path, connect=lambda *args, **options: sqlite3.connect(*args, **options, factory=Commits)
        )

    @pytest.mark.parametrize("way", ["refused", "undone"])
    def test_a_write_that_was_undone_is_unavailable(self, store: SqliteStore, way: str) -> None:
        Commits.way = way
        with pytest.raises(StoreUnavailable):
            store.add_domain(domain(), Request("k", 1, 1e12))
        assert store.all_domains() == []
        store.add_domain(domain(), Request("k", 1, 1e12))

    def test_a_mutation_that_was_done_is_read_back_by_its_key(self, store: SqliteStore) -> None:
        Commits.way = "done"
        assert store.add_domain(domain(), Request("k", 1, 1e12)) == store.view(KEY).domain

    def test_a_commit_that_was_done_is_read_back_by_its_id(self, store: SqliteStore, clock: HandClock) -> None:
        assigned(store, seat_of(SqliteElection(store, "m1", clock, 10.0)))
        store.add_domain(domain())
        Commits.way = "done"
        after = store.commit(store.view(KEY), tenure_of(store), Commit(id="c1", added=[instance("i1")]))
        assert after == store.view(KEY)
        assert len(after.instances) == 1

    def test_what_cannot_be_read_back_is_unknown(self, store: SqliteStore) -> None:
        Commits.way = "done"
        with pytest.raises(OutcomeUnknown):
            store.set_flag("a", 1)

    @pytest.fixture
    def clock(self) -> HandClock:
        return HandClock()


class TestNews:
    def test_asking_costs_one_statement_while_nothing_is_written(self, path: Path) -> None:
        executed: list[str] = []
        reader, writer = SqliteStore(path, connect=hooked(executed.append)), SqliteStore(path)
        writer.add_domain(domain())
        cursor = reader.news(0).cursor
        reader.news(cursor)
        executed.clear()

        for _ in range(5):
            assert reader.news(cursor).keys == frozenset()
        assert executed == ["PRAGMA data_version"] * 5

        writer.change(KEY, lambda d: replace(d, paused=True))
        assert reader.news(cursor).keys == {KEY}

    def test_who_comes_too_late_is_told_to_look_at_everything(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("elastic.adapters.store.sqlite.news.NEWS_KEPT", 3)
        store = SqliteStore(path)
        for n in range(5):
            store.add_domain(domain(DomainKey("ann", f"d{n}")))

        assert [store.news(cursor).keys is None for cursor in range(6)] == [True, True, False, False, False, False]
        assert store.news(2).keys == {DomainKey("ann", f"d{n}") for n in (2, 3, 4)}
        assert {store.news(cursor).cursor for cursor in range(6)} == {5}


class TestThreads:
    def test_each_thread_has_its_connection_and_all_see_one_store(self, path: Path) -> None:
        opened: list[str] = []

        def connect(*args: object, **options: object) -> sqlite3.Connection:
            opened.append("one")
            return sqlite3.connect(*args, **options)  # type: ignore[call-overload, no-any-return]

        store = SqliteStore(path, connect=connect)
        keys = [DomainKey("ann", f"d{n}") for n in range(4)]
        threads = [Thread(target=store.add_domain, args=(domain(key),)) for key in keys]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert store.all_domains() == keys
        assert len(opened) == 5
        store.close()


class TestLeases:
    def taken(self, path: Path, boot_id: str) -> Callable[[str], SqliteElection]:
        store, clock = SqliteStore(path), HandClock()
        return lambda member: SqliteElection(store, member, clock, 10.0, boot_id=boot_id)

    @pytest.mark.hazard("F26")
    def test_a_lease_of_an_earlier_boot_is_over(self, path: Path) -> None:
        """Its monotonic end may lie far ahead: that clock began anew."""
        old = seat_of(self.taken(path, "boot 1")("m1"))
        assert self.taken(path, "boot 1")("m2").contend("decider") is None

        assert seat_of(self.taken(path, "boot 2")("m2")).token > old.token

    def test_those_who_wait_write_nothing(self, path: Path) -> None:
        seat_of(self.taken(path, "boot 1")("m1"))
        executed: list[str] = []
        store = SqliteStore(path, connect=hooked(executed.append))
        executed.clear()
        SqliteElection(store, "m2", HandClock(), 10.0, boot_id="boot 1").contend("decider")

        assert [sql.split()[0] for sql in executed] == ["SELECT"]

    def test_this_boot_has_an_id(self) -> None:
        assert this_boot() == this_boot() != ""
