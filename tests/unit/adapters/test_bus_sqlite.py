"""The broker in a file does what RabbitMQ would do."""

import os
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from amqp import exceptions

from elastic.adapters.bus import sqlite_clients, sqlite_transport
from elastic.adapters.bus.kombu import sqlite_url
from elastic.adapters.bus.sqlite_topology import topic_matches
from tests.unit.adapters.bus_users import User


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
