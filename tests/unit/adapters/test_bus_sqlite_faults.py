"""What befalls the broker in a file, and that everybody comes back from it."""

import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from elastic.adapters.bus import caller, sqlite_file
from elastic.adapters.bus.kombu import KombuHeartbeats, KombuOutgoing, sqlite_url
from elastic.adapters.bus.sender import Sender
from elastic.errors import BusUnavailable
from tests.contract.bus_worlds import CLUSTER, KombuWorld, Serving
from tests.unit.adapters.bus_users import User


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bus.db"


def test_no_folder_is_an_unavailable_bus(tmp_path: Path) -> None:
    with pytest.raises(BusUnavailable):
        KombuOutgoing(sqlite_url(tmp_path / "none" / "bus.db"), CLUSTER).ask("elastic.reply.i")


def test_a_file_that_is_no_database_is_an_unavailable_bus(path: Path) -> None:
    path.write_text("this is no database, but long enough to be taken for one" * 100)
    with pytest.raises(BusUnavailable):
        KombuOutgoing(sqlite_url(path), CLUSTER).ask("elastic.reply.i")


def test_a_file_of_a_newer_format_is_refused(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {sqlite_file.FORMAT + 1}")
    with pytest.raises(BusUnavailable, match="newer"):
        KombuOutgoing(sqlite_url(path), CLUSTER).ask("elastic.reply.i")


def test_a_locked_file_is_an_unavailable_bus_until_it_is_free(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_file, "BUSY_SECONDS", 0.05)
    outgoing = KombuOutgoing(sqlite_url(path), CLUSTER)
    outgoing.ask("elastic.reply.i")
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(BusUnavailable):
        outgoing.ask("elastic.reply.i")
    blocker.execute("ROLLBACK")
    blocker.close()
    outgoing.ask("elastic.reply.i")
    outgoing.close()


def test_a_full_disk_is_an_unavailable_bus_until_there_is_room(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = sqlite_url(path)
    outgoing = KombuOutgoing(url, CLUSTER)
    outgoing.subscribe("ann", "web", "pager")
    outgoing.close()
    opened = sqlite_file._opened

    def opened_on_a_full_disk(where: Path) -> sqlite3.Connection:
        db = opened(where)
        db.execute(f"PRAGMA max_page_count = {db.execute('PRAGMA page_count').fetchone()[0]}")
        return db

    with monkeypatch.context() as patch:
        patch.setattr(sqlite_file, "_opened", opened_on_a_full_disk)
        with pytest.raises(BusUnavailable):
            outgoing.announce("ann", "web", ["pager"], "600-RUNNING", {"text": "x" * 100_000})
    outgoing.announce("ann", "web", ["pager"], "600-RUNNING", {"text": "x" * 100_000})
    outgoing.close()
    sender = Sender(url)
    name = f"elastic.subscriber.{CLUSTER.replace('.', '%2E')}.ann.pager"
    assert sender.run(lambda channel: channel.queue_declare(queue=name, passive=True).message_count) == 1
    sender.close()


def test_all_come_back_by_themselves_when_the_file_was_replaced(path: Path) -> None:
    world = KombuWorld("sqlite", sqlite_url(path))
    world.started(world.rpc_server("m1"), Serving())
    heard: list[Any] = []
    heartbeats: KombuHeartbeats = world.started(world.heartbeats("m1"), heard.extend)
    heartbeats.tune(frozenset({0}))
    world.until(lambda: heartbeats.bound() == {0})
    client = world.rpc_client()
    client.call("x", {}, timeout=10)

    for suffix in ("", "-wal", "-shm"):
        os.unlink(f"{path}{suffix}")

    world.until(lambda: not heartbeats.bound())  # it knows that it is deaf
    world.until(lambda: heartbeats.bound() == {0})
    world.raw_heartbeat("0", {"mac": "m"}, b"again")
    world.until(lambda: [pulse.body for pulse in heard] == [b"again"])
    assert client.call("x", {"a": 1}, timeout=10, idempotency_key="k") == {"a": 1}
    world.close()


def test_a_new_file_lets_one_in_while_users_of_the_old_one_still_live(path: Path) -> None:
    """They are numbered anew, and those of the old file still hold the locks of their numbers."""
    old = [User(sqlite_url(path)) for _ in range(3)]
    for suffix in ("", "-wal", "-shm"):
        os.unlink(f"{path}{suffix}")
    new = User(sqlite_url(path))
    assert new.clients.am_listed()
    assert new.clients.is_alive(new.clients.me)
    for user in (*old, new):
        user.close()


def test_one_that_was_taken_for_dead_notices_and_comes_back(path: Path) -> None:
    world = KombuWorld("sqlite", sqlite_url(path))
    heard: list[Any] = []
    heartbeats: KombuHeartbeats = world.started(world.heartbeats("m1"), heard.extend)
    heartbeats.tune(frozenset({0}))
    world.until(lambda: heartbeats.bound() == {0})
    user = User(sqlite_url(path))
    undertaker = user.clients
    with sqlite3.connect(path) as db:
        for (client,) in db.execute("SELECT id FROM clients WHERE id <> ?", (undertaker.me,)).fetchall():
            undertaker._dismiss(client)
    user.close()
    world.until(lambda: not heartbeats.bound())
    world.until(lambda: heartbeats.bound() == {0})
    world.raw_heartbeat("0", {"mac": "m"}, b"again")
    world.until(lambda: [pulse.body for pulse in heard] == [b"again"])
    world.close()


@pytest.mark.parametrize(("key", "handled"), [(None, 1), ("k", 2)])
def test_a_connection_lost_with_the_call_on_its_way_is_made_anew_and_only_what_has_a_key_sent_again(
    path: Path, monkeypatch: pytest.MonkeyPatch, key: str | None, handled: int
) -> None:
    world = KombuWorld("sqlite", sqlite_url(path))
    serving = Serving()
    world.started(world.rpc_server("m1"), serving)
    wait_for_reply = caller.Caller._await

    lost = []

    def lose_the_connection(self: Any, *errand: Any) -> bytes | None:
        if lost:
            return wait_for_reply(self, *errand)
        world.until(lambda: serving.calls != [])
        lost.append(errand)
        raise ConnectionResetError

    monkeypatch.setattr(caller.Caller, "_await", lose_the_connection)
    client = world.rpc_client()
    if key is None:
        with pytest.raises(BusUnavailable):
            client.call("x", {}, timeout=5)
    else:
        assert client.call("x", {"a": 1}, timeout=10, idempotency_key=key) == {"a": 1}
    assert len(serving.calls) == handled
    world.close()


# Who may make us write where


def test_a_reply_goes_only_where_replies_go(path: Path) -> None:
    world = KombuWorld("sqlite", sqlite_url(path))
    serving = Serving()
    server = world.started(world.rpc_server("m1"), serving)
    for reply_to in ("elastic.rpc.north%2E1", "", 7):
        world.raw_rpc(b'{"op": "x", "args": {}}', {}, {"reply_to": reply_to})
    world.rpc_client().call("y", {}, timeout=10)
    assert [call.op for call in serving.calls] == ["y"]
    assert dict(server.dropped) == {"bad_reply_to": 3}
    world.close()
