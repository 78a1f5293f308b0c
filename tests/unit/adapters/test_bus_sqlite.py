"""The broker in a file: what RabbitMQ would do, and what befalls a file."""

import os
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from amqp import exceptions
from kombu import Connection, Exchange, Queue

from elastic.adapters.bus import caller, sqlite_clients, sqlite_file, sqlite_transport
from elastic.adapters.bus.connection import Sender, connected, opened_channel
from elastic.adapters.bus.kombu import KombuHeartbeats, KombuOutgoing, sqlite_url
from elastic.adapters.bus.sqlite_topology import topic_matches
from elastic.errors import BusUnavailable
from tests.contract.bus_worlds import CLUSTER, KombuWorld, Serving


class User:
    """One connection with one channel, and what came to it."""

    def __init__(self, url: str) -> None:
        self.connection: Connection = connected(url, listens=True)
        self.channel = opened_channel(self.connection)
        self.got: list[Any] = []

    def queue(self, name: str, **options: Any) -> str:
        return str(Queue(name, **options)(self.channel).declare())

    def exchange(self, name: str, kind: str) -> None:
        Exchange(name, kind)(self.channel).declare()

    def publish(self, body: str, exchange: str = "", key: str = "", **options: Any) -> None:
        self.channel.Producer().publish(
            body.encode(), key, exchange=exchange, content_type="application/json", **options
        )

    def consume(self, queue: str, prefetch: int = 0, no_ack: bool = False) -> None:
        self.channel.basic_qos(0, prefetch, False)
        self.channel.basic_consume(queue, no_ack, self.got.append, consumer_tag=f"tag-{queue}")

    def drain(self) -> list[str]:
        """All that is there."""
        try:
            while True:
                self.connection.drain_events(timeout=0.02)
        except TimeoutError:
            return self.bodies

    @property
    def clients(self) -> sqlite_clients.Clients:
        return self.connection.connection.outlet.clients

    def die(self) -> None:
        """As the kernel does it: without a word, and the lock is free."""
        assert self.clients._lock is not None
        os.close(self.clients._lock)
        self.clients._lock = None

    @property
    def bodies(self) -> list[str]:
        return [bytes(message.body).decode() for message in self.got]

    def close(self) -> None:
        self.connection.release()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bus.db"


@pytest.fixture
def user(path: Path) -> Iterator[Callable[[], User]]:
    users: list[User] = []

    def make() -> User:
        users.append(User(sqlite_url(path)))
        return users[-1]

    yield make
    for one in users:
        one.close()


# Routing


@pytest.mark.parametrize(
    ("pattern", "key", "matches"),
    [
        ("a.b", "a.b", True),
        ("a.b", "a.c", False),
        ("a.*", "a.b", True),
        ("a.*", "a", False),
        ("a.*", "a.b.c", False),
        ("a.#", "a", True),
        ("a.#", "a.b.c", True),
        ("#.c", "a.b.c", True),
        ("#.c", "c", True),
        ("#", "", True),
        ("a.#.c", "a.b.b.c", True),
        ("a.#.c", "a.b.b", False),
        ("a+.b", "aa.b", False),
    ],
)
def test_topics_match_by_words(pattern: str, key: str, matches: bool) -> None:
    assert topic_matches(pattern, key) is matches


def test_bindings_of_queues_and_exchanges_hold_for_every_process(user: Callable[[], User]) -> None:
    maker, other = user(), user()
    maker.exchange("in", "direct")
    maker.exchange("out", "fanout")
    maker.queue("q")
    maker.channel.queue_bind(queue="q", exchange="out", routing_key="")
    maker.channel.exchange_bind(destination="out", source="in", routing_key="7")
    other.publish("one", "in", "7")
    other.publish("lost", "in", "8")
    maker.channel.exchange_unbind(destination="out", source="in", routing_key="7")
    other.publish("lost", "in", "7")
    other.publish("two", "out", "any")
    other.consume("q")
    assert other.drain() == ["one", "two"]
    assert other.got[0].delivery_info["routing_key"] == "7"


def test_a_queue_to_which_two_ways_lead_gets_one_copy(user: Callable[[], User]) -> None:
    one = user()
    one.exchange("t", "topic")
    one.queue("q")
    for key in ("a.#", "a.b"):
        one.channel.queue_bind(queue="q", exchange="t", routing_key=key)
    one.publish("x", "t", "a.b")
    one.consume("q")
    assert one.drain() == ["x"]


def test_a_ring_of_exchanges_ends(user: Callable[[], User]) -> None:
    one = user()
    for name in ("a", "b"):
        one.exchange(name, "fanout")
    one.channel.exchange_bind(destination="a", source="b")
    one.channel.exchange_bind(destination="b", source="a")
    one.queue("q")
    one.channel.queue_bind(queue="q", exchange="b")
    one.publish("x", "a")
    one.consume("q")
    assert one.drain() == ["x"]


def test_what_is_declared_otherwise_a_second_time_is_refused(user: Callable[[], User]) -> None:
    one = user()
    one.exchange("e", "direct")
    one.queue("q", max_length=5)
    one.exchange("e", "direct")
    one.queue("q", max_length=5)
    with pytest.raises(exceptions.PreconditionFailed):
        one.exchange("e", "fanout")
    with pytest.raises(exceptions.PreconditionFailed):
        one.queue("q", max_length=6)
    for passive in (
        lambda: one.channel.queue_declare(queue="none", passive=True),
        lambda: one.channel.exchange_declare("none", passive=True),
        lambda: one.channel.queue_bind(queue="q", exchange="none"),
        lambda: one.consume("none"),
    ):
        with pytest.raises(exceptions.NotFound):
            passive()


# Messages


def test_properties_and_headers_pass_unchanged(user: Callable[[], User]) -> None:
    one = user()
    one.queue("q")
    headers = {"mac": "grün", "deadline": 12.5, "nested": {"a": [1, None]}}
    one.publish("x", key="q", headers=headers, user_id="ann", correlation_id="c", reply_to="r", expiration=9)
    one.consume("q")
    one.drain()
    (message,) = one.got
    assert message.headers == headers
    expected = {"user_id": "ann", "correlation_id": "c", "reply_to": "r", "expiration": "9000"}
    assert expected.items() <= message.properties.items()
    assert message.content_type == "application/json"


def test_no_more_than_the_prefetch_is_out_until_acknowledged(user: Callable[[], User]) -> None:
    one = user()
    one.queue("q")
    for number in range(7):
        one.publish(str(number), key="q")
    one.consume("q", prefetch=3)
    assert one.drain() == ["0", "1", "2"]
    one.got[1].ack(multiple=True)
    assert one.drain() == ["0", "1", "2", "3", "4"]
    one.got[2].ack()
    assert one.drain() == ["0", "1", "2", "3", "4", "5"]


def test_what_is_requeued_comes_again_in_its_old_place_and_says_so(user: Callable[[], User]) -> None:
    one = user()
    one.queue("q")
    for number in range(3):
        one.publish(str(number), key="q")
    one.consume("q", prefetch=2)
    one.drain()
    one.got[0].reject(requeue=True)
    one.got[1].reject(requeue=False)
    assert one.drain() == ["0", "1", "0", "2"]
    assert [message.delivery_info["redelivered"] for message in one.got] == [False, False, True, False]


def test_what_a_closed_connection_had_not_acknowledged_goes_to_another(user: Callable[[], User]) -> None:
    one, two = user(), user()
    one.queue("q")
    for number in range(3):
        one.publish(str(number), key="q")
    one.consume("q")
    one.drain()
    one.got[0].ack()
    two.consume("q")
    assert two.drain() == []
    one.close()
    assert two.drain() == ["1", "2"]
    assert all(message.delivery_info["redelivered"] for message in two.got)


def test_a_late_acknowledgement_takes_nothing_from_the_new_taker(user: Callable[[], User], path: Path) -> None:
    one, two = user(), user()
    one.queue("q")
    one.publish("x", key="q")
    one.consume("q")
    one.drain()
    with sqlite3.connect(path) as db:  # as if `one` had been taken for dead
        db.execute("UPDATE messages SET taker = NULL")
    two.consume("q")
    assert two.drain() == ["x"]
    one.got[0].ack()
    two.close()
    three = user()
    three.consume("q")
    assert three.drain() == ["x"]


def test_a_message_that_nobody_survives_is_dropped_in_the_end(
    user: Callable[[], User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_clients, "DELIVERY_LIMIT", 2)
    maker = user()
    maker.queue("q")
    maker.publish("poison", key="q")
    seen = []
    for _ in range(3):
        one = user()
        one.consume("q")
        seen.append(one.drain())
        one.die()
        maker.clients.bury_the_dead()
    assert seen == [["poison"], ["poison"], []]


@pytest.mark.parametrize(("of_queue", "of_message"), [({"message_ttl": 0.001}, {}), ({}, {"expiration": 0.001})])
def test_what_has_expired_is_not_delivered(
    user: Callable[[], User], of_queue: dict[str, Any], of_message: dict[str, Any]
) -> None:
    one = user()
    one.queue("short", **of_queue)
    one.publish("old", key="short", **of_message)
    one.drain()
    one.consume("short")
    assert one.drain() == []
    assert one.channel.queue_declare(queue="short", passive=True).message_count == 0


def test_a_full_queue_drops_its_oldest(user: Callable[[], User]) -> None:
    one = user()
    one.queue("q", max_length=3)
    for number in range(10):
        one.publish(str(number), key="q")
    one.consume("q")
    assert one.drain() == ["7", "8", "9"]


def test_purge_empties_and_delete_forgets(user: Callable[[], User]) -> None:
    one = user()
    one.queue("q")
    one.publish("x", key="q")
    assert one.channel.queue_purge("q") == 1
    one.publish("y", key="q")
    one.channel.queue_delete("q")
    one.queue("q")
    one.consume("q")
    assert one.drain() == []


def test_an_exclusive_queue_is_its_owners_and_goes_with_it(user: Callable[[], User]) -> None:
    one, two = user(), user()
    one.queue("mine", exclusive=True, durable=False)
    with pytest.raises(exceptions.ResourceLocked):
        two.queue("mine", exclusive=True, durable=False)
    with pytest.raises(exceptions.ResourceLocked):
        two.consume("mine")
    one.close()
    with pytest.raises(exceptions.NotFound):
        two.channel.queue_declare(queue="mine", passive=True)


def test_an_auto_delete_queue_goes_with_its_last_consumer(user: Callable[[], User]) -> None:
    one, two = user(), user()
    one.queue("shared", auto_delete=True)
    one.consume("shared")
    two.consume("shared")
    one.close()
    two.channel.queue_declare(queue="shared", passive=True)
    two.channel.basic_cancel("tag-shared")
    with pytest.raises(exceptions.NotFound):
        two.channel.queue_declare(queue="shared", passive=True)


def test_a_cancelled_consumer_gives_back_what_it_had_not_seen(user: Callable[[], User]) -> None:
    one, two = user(), user()
    one.queue("q")
    for number in range(3):
        one.publish(str(number), key="q")

    def take_one(message: Any) -> None:
        one.got.append(message)
        message.ack()
        one.channel.basic_cancel("only-one")

    one.channel.basic_consume("q", False, take_one, consumer_tag="only-one")
    assert one.drain() == ["0"]
    two.consume("q")
    assert two.drain() == ["1", "2"]


@pytest.mark.timeout(60)
def test_a_waiter_is_woken_by_the_message_not_by_the_next_look(
    user: Callable[[], User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_transport, "LOOK_SECONDS", 3600.0)
    one, two = user(), user()
    one.queue("q")
    one.consume("q")
    bell = one.connection.connection.outlet.bell
    wait = bell.wait

    def publish_while_it_waits(seconds: float) -> None:
        two.publish("x", key="q")
        wait(seconds)

    monkeypatch.setattr(bell, "wait", publish_while_it_waits)
    one.connection.drain_events(timeout=3600.0)
    assert one.bodies == ["x"]


def test_a_body_that_calls_itself_compressed_is_not_unpacked(user: Callable[[], User]) -> None:
    one = user()
    one.queue("q")
    packed = zlib.compress(b"0" * 10_000_000)
    one.channel.Producer().publish(
        packed, "q", exchange="", content_type="application/json", headers={"compression": "application/x-gzip"}
    )
    one.consume("q")
    one.connection.drain_events(timeout=10)
    assert [message.body for message in one.got] == [packed]


def test_nothing_is_left_of_those_who_went(user: Callable[[], User], path: Path) -> None:
    keeper, one = user(), user()
    one.queue("mine", exclusive=True, durable=False)
    one.queue("kept")
    one.consume("mine")
    one.close()
    with sqlite3.connect(path) as db:
        counts = [db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("clients", "consumers")]  # noqa: S608
        queues = [name for (name,) in db.execute("SELECT name FROM queues")]
    assert (counts, queues) == ([1, 0], ["kept"])
    assert os.listdir(f"{path}-clients") == [str(keeper.clients.me)]


def test_only_its_owner_may_read_the_file(user: Callable[[], User], path: Path) -> None:
    user().queue("q")
    for name in (path, Path(f"{path}-wal")):
        assert name.stat().st_mode & 0o077 == 0
    assert Path(f"{path}-clients").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["a b", "per%20cent", "semi;colon", "quest?ion", "hash#", "plus+", "x" * 200])
def test_any_path_will_do(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    one = User(sqlite_url(folder / "bus.db"))
    one.queue("q")
    one.publish("x", key="q")
    one.consume("q")
    assert one.drain() == ["x"]
    one.close()
    assert (folder / "bus.db").exists()


# What befalls a file


def test_no_folder_is_an_unavailable_bus(tmp_path: Path) -> None:
    with pytest.raises(BusUnavailable):
        KombuOutgoing(sqlite_url(tmp_path / "none" / "bus.db"), CLUSTER).ask("i")


def test_a_file_that_is_no_database_is_an_unavailable_bus(path: Path) -> None:
    path.write_text("this is no database, but long enough to be taken for one" * 100)
    with pytest.raises(BusUnavailable):
        KombuOutgoing(sqlite_url(path), CLUSTER).ask("i")


def test_a_file_of_a_newer_format_is_refused(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {sqlite_file.FORMAT + 1}")
    with pytest.raises(BusUnavailable, match="newer"):
        KombuOutgoing(sqlite_url(path), CLUSTER).ask("i")


def test_a_locked_file_is_an_unavailable_bus_until_it_is_free(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_file, "BUSY_SECONDS", 0.05)
    outgoing = KombuOutgoing(sqlite_url(path), CLUSTER)
    outgoing.ask("i")
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(BusUnavailable):
        outgoing.ask("i")
    blocker.execute("ROLLBACK")
    blocker.close()
    outgoing.ask("i")
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


def test_one_that_was_taken_for_dead_notices_and_comes_back(user: Callable[[], User], path: Path) -> None:
    world = KombuWorld("sqlite", sqlite_url(path))
    heard: list[Any] = []
    heartbeats: KombuHeartbeats = world.started(world.heartbeats("m1"), heard.extend)
    heartbeats.tune(frozenset({0}))
    world.until(lambda: heartbeats.bound() == {0})
    undertaker = user().clients
    with sqlite3.connect(path) as db:
        for (client,) in db.execute("SELECT id FROM clients WHERE id <> ?", (undertaker.me,)).fetchall():
            undertaker._dismiss(client)
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

    def lose_the_connection(self: Any, correlation: str, seconds: float) -> bytes | None:
        if lost:
            return wait_for_reply(self, correlation, seconds)
        world.until(lambda: serving.calls != [])
        lost.append(correlation)
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
