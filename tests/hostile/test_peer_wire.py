"""The same through a real RabbitMQ: raw bodies, headers and properties, to a reactor that serves there."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import amqp
import pytest
from amqp.exceptions import AMQPError

from elastic import errors
from elastic.adapters.bus import topology, wire
from elastic.adapters.bus.kombu import KombuHeartbeats, KombuPeers, KombuRpcClient, KombuRpcServer
from elastic.adapters.bus.link import connected, opened_channel
from elastic.errors import BusUnavailable
from elastic.roles.reactor import OPERATIONS
from elastic.rules.ring import partition_of, slot_of
from tests.hostile.peer_corpus import HEADERS, RAW, Corpus
from tests.hostile.peer_place import OWN, WEB, Errors, is_refusal
from tests.hostile.test_peer_heartbeats import AGAIN, LIES, Beat, Ears
from tests.servers.rabbitmq import RabbitMQ
from tests.unit.roles.reactors import PARTITIONS

pytestmark = [pytest.mark.functional, pytest.mark.slow]

CLUSTER = "north.1"
EACH = 15
"""Malformed calls of each operation."""

PATIENCE = 60.0
DIRECT = topology.DIRECT_REPLY


def until(condition: Callable[[], object], lack: str = "it never came about") -> None:
    ends = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < ends, lack
        time.sleep(0.02)


class Sender:
    """Publishes what it likes, and gathers what is answered to it. `user`: who the broker knows it as."""

    def __init__(self, url: str) -> None:
        self._connection = connected(url, listens=False)
        self.channel = opened_channel(self._connection)
        self.replies: dict[str, bytes] = {}
        self.channel.basic_consume(DIRECT, no_ack=True, callback=self._take)
        self._numbers = 0

    def _take(self, message: Any) -> None:
        self.replies[message.properties.get("correlation_id", "")] = bytes(message.body)

    def call(self, body: bytes, headers: Mapping[str, Any] | None = None, **properties: Any) -> str:
        """Send it to the calls' queue; the mark that its answer will bear."""
        self._numbers += 1
        mark = str(self._numbers)
        said = {"content_type": "application/json", "reply_to": DIRECT, "user_id": "elastic", **properties}
        said = {name: value for name, value in said.items() if value is not None}
        exchange = topology.rpc_exchange(CLUSTER).name
        self.publish(body, exchange, exchange, headers or {}, correlation_id=mark, **said)
        return mark

    def publish(self, body: bytes, exchange: str, key: str, headers: Mapping[str, Any], **properties: Any) -> None:
        message = amqp.Message(body, application_headers=dict(headers), **properties)
        self.channel.basic_publish(message, exchange, key)

    def await_all(self, marks: list[str]) -> None:
        ends = time.monotonic() + PATIENCE
        while not self.replies.keys() >= set(marks):
            left = ends - time.monotonic()
            assert left > 0, f"{len(set(marks) - self.replies.keys())} of {len(marks)} were not answered"
            try:
                self._connection.connection.drain_events(timeout=min(left, 1.0))
            except TimeoutError:
                continue

    def is_alive(self) -> bool:
        """The broker has not broken it over what it sent."""
        try:
            self.channel.basic_qos(0, 1, False)
        except (AMQPError, OSError):
            return False
        return True

    def close(self) -> None:
        self._connection.release()


class Served:
    """A place in memory whose reactor serves on a real broker."""

    def __init__(self, rabbitmq: RabbitMQ, vhost: str) -> None:
        self.place = Ears()
        self._rabbitmq, self._vhost = rabbitmq, vhost
        self.url = rabbitmq.url(vhost=vhost)
        self.server = KombuRpcServer(self.url, CLUSTER)
        self.delivered: Counter[bool] = Counter()
        """Calls that reached the reactor: by whether they came a second time."""
        self.server.start(self._handle)
        until(lambda: self.server.is_connected)
        self.client = KombuRpcClient(self.url, CLUSTER)

    def _handle(self, call: Any) -> Any:
        self.delivered[call.redelivered] += 1
        return self.place.reactor.handle(call)

    def sender(self, user: str = "elastic") -> Sender:
        return Sender(self._rabbitmq.url(user, vhost=self._vhost))

    def messages(self) -> int:
        """In all queues, those given out and not acknowledged too."""
        return sum(map(int, self._rabbitmq.ctl("list_queues", "-p", self._vhost, "messages").split()))

    def serves(self) -> bool:
        return self.client.call("ping", {}, timeout=PATIENCE)["caller"] == "elastic"

    def close(self) -> None:
        self.client.close()
        self.server.stop()
        self.place.close()


@pytest.fixture
def served(rabbitmq: RabbitMQ, vhost: str) -> Iterator[Served]:
    served = Served(rabbitmq, vhost)
    yield served
    served.close()


@pytest.fixture
def seen() -> Iterator[Errors]:
    with Errors() as seen:
        yield seen


# calls


def test_malformed_calls_of_every_operation_are_answered_and_change_nothing(served: Served, seen: Errors) -> None:
    """By one who owns nothing and may change nothing; what he adds is his own, and only a list may show it."""
    sender, corpus, marks = served.sender(), Corpus("wire"), []
    adds = {"add_domain", "add_domain_definition", "add_type"}
    before = served.place.state()
    for operation in OPERATIONS:
        if operation.name in adds:
            continue
        good = served.place.good(operation.name)
        marks += [sender.call(corpus.body(operation.name, good), _plain(corpus.headers())) for _ in range(EACH)]
    sender.await_all(marks)
    for mark in marks:
        is_refusal(sender.replies[mark])
    assert served.place.state() == before
    assert served.serves()
    assert served.server.is_connected
    until(lambda: served.messages() == 0, "something was requeued")
    assert not served.delivered[True]
    assert not seen.said
    sender.close()


def _plain(headers: Mapping[str, Any]) -> Mapping[str, Any]:
    """Those that AMQP can carry. (What is no number the broker answers by ending its sender's connection.)"""
    return {name: value for name, value in headers.items() if value != "\ud800" and not _is_endless(value)}


def _is_endless(value: Any) -> bool:
    return isinstance(value, int | float) and not abs(value) < 2**63


def test_bodies_that_are_no_calls_are_answered(served: Served, seen: Errors) -> None:
    sender, before = served.sender(), served.place.state()
    marks = [sender.call(body) for body in RAW]
    sender.await_all(marks)
    for mark in marks:
        is_refusal(sender.replies[mark])
    assert served.place.state() == before
    assert served.serves()
    assert not seen.said
    sender.close()


PING = b'{"op": "ping"}'
ODD: dict[str, tuple[dict[str, Any], str | None]] = {
    "no content type": ({"content_type": None}, ""),
    "pickle": ({"content_type": "application/x-python-serialize"}, ""),
    "yaml": ({"content_type": "application/x-yaml", "content_encoding": "binary"}, ""),
    "a coding that there is not": ({"content_encoding": "no-such"}, ""),
    "compressed": ({"headers": {"compression": "application/x-bz2"}}, ""),
    "no user": ({"user_id": None}, "denied"),
    "an empty user": ({"user_id": ""}, None),
    "another's name": ({"user_id": "ann"}, None),
    "an operator's name in a header": ({"user_id": None, "headers": {"user_id": "root"}}, "denied"),
    "a deadline that is no number": ({"headers": {"deadline": float("nan")}}, None),
    "no address": ({"reply_to": None}, None),
    "the calls' own queue": ({"reply_to": f"elastic.rpc.{topology.part(CLUSTER)}"}, None),
    "a subscriber's queue": ({"reply_to": f"elastic.subscriber.{topology.part(CLUSTER)}.ann.pager"}, None),
    "a member's queue": ({"reply_to": f"elastic.peers.{topology.part(CLUSTER)}.m1.0"}, None),
    "an address of 250 letters": ({"reply_to": "elastic.reply." + "x" * 230}, None),
    "a reply queue that there is not": ({"reply_to": "elastic.reply.nobody"}, None),
    "an odd address": ({"reply_to": "elastic.reply.*#"}, None),
    "an expiration that is none": ({"expiration": "soon"}, None),
    "an expiration below zero": ({"expiration": "-1"}, None),
    "an expiration beyond all": ({"expiration": "9" * 30}, None),
    "the longest there is": ({"expiration": "4294967295"}, ""),
    "a priority": ({"priority": 255}, ""),
    "another's app": ({"app_id": "root", "cluster_id": "x", "type": "y", "message_id": "z" * 250}, ""),
    "a time out of time": ({"timestamp": 2**63}, ""),
    "copies to others": ({"headers": {"CC": ["elastic.rpc.x", ""], "BCC": ["q"]}}, ""),
    "deaths that never were": ({"headers": {"x-death": [{"count": 9}], "x-delivery-count": 99}}, ""),
    "a thousand headers": ({"headers": {f"h{n}": n for n in range(1000)}}, ""),
}


def test_odd_properties_make_no_call_of_another(served: Served, seen: Errors) -> None:
    """The type of the error, "" for none, null if nobody can be told: the broker refuses it, or we do."""
    before = served.place.state()
    for what, (properties, expected) in ODD.items():
        sender = served.sender()
        rest = {name: value for name, value in properties.items() if name != "headers"}
        mark = sender.call(PING, properties.get("headers"), **rest)
        if expected is not None:
            sender.await_all([mark])
            assert json.loads(sender.replies[mark]).get("error", {}).get("type", "") == expected, what
        assert served.serves(), what
        assert served.server.is_connected, what
        if sender.is_alive():
            assert expected is not None or mark not in sender.replies, what
            sender.close()
    until(lambda: served.messages() == 0, "something stays in a queue")
    assert not served.delivered[True]
    assert served.place.state() == before
    assert not seen.said


def test_17_mb_break_nothing(served: Served, seen: Errors) -> None:
    sender = served.sender()
    mark = sender.call(b'{"op": "ping", "args": {"a": "' + b"x" * 17_000_000 + b'"}}')
    sender.await_all([mark])
    assert b"at most" in sender.replies[mark]
    assert dict(served.server.dropped) == {"oversized": 1}
    assert served.serves()
    assert not seen.said
    sender.close()


def test_no_header_makes_an_operator(served: Served) -> None:
    sender, before = served.sender("bob"), served.place.state()
    marks = [sender.call(b'{"op": "store_accept"}', _plain(headers), user_id="bob") for headers in HEADERS]
    sender.await_all(marks)
    types = [json.loads(sender.replies[mark])["error"]["type"] for mark in marks]
    assert set(types) == {"denied", "bad_request"}
    assert served.place.state() == before
    sender.close()


def test_nobody_asks_as_another(served: Served, rabbitmq: RabbitMQ, vhost: str) -> None:
    bob = KombuRpcClient(rabbitmq.url("bob", vhost=vhost), CLUSTER)
    with pytest.raises(errors.Denied, match="bob"):
        bob.call("describe_domain", {"domain_id": "web"}, PATIENCE, as_user="ann")
    as_ann = KombuRpcClient(rabbitmq.url("bob", vhost=vhost), CLUSTER, user="ann")
    with pytest.raises(errors.Denied, match="another's name"):
        as_ann.call("describe_domain", {"domain_id": "web"}, PATIENCE)
    with pytest.raises(errors.NotFound):
        bob.call("describe_domain", {"domain_id": "web"}, PATIENCE)
    assert bob.call("describe_domain", {"domain_id": "own"}, PATIENCE)["owner"] == "bob"
    bob.close()
    as_ann.close()


# heartbeats


def test_every_lie_is_counted_once_and_never_comes_again(served: Served, seen: Errors) -> None:
    """The same table as in memory, through the broker. What goes to no slot goes to nobody."""
    place, sender = served.place, served.sender()
    heartbeats = KombuHeartbeats(served.url, CLUSTER, "m1", PARTITIONS)
    ours = frozenset(partition_of(slot_of(key), PARTITIONS) for key in (WEB, OWN))
    ours |= {partition_of((slot_of(WEB) + 1) % 4096, PARTITIONS)}
    heartbeats.tune(ours)
    heartbeats.start(place.reactor.hear)
    exchange = topology.heartbeat_exchange(CLUSTER).name
    before, counted = place.state(), Counter[str]()

    def send(beat: Beat) -> None:
        mac = beat.mac if not isinstance(beat.mac, str) else beat.mac.encode(errors="replace").decode()
        sender.publish(beat.body, exchange, str(beat.slot), {"mac": mac})

    def dropped() -> Counter[str]:
        return Counter(heartbeats.dropped) + Counter(place.reactor.dropped)

    try:
        until(lambda: heartbeats.bound() == ours)
        for reason, made in LIES.values():
            beat = made(place)
            send(beat)
            counted[reason] += 1
            if reason == "bad_slot":
                counted[reason] -= 1  # bound to nobody: the broker drops it
        for number, (words, again) in enumerate(AGAIN.values()):
            for word in [*words, again]:
                send(place.beat(boot=f"{number} {word.boot}", seq=word.seq))
            counted["stale"] += 1
        send(place.others(1))
        until(lambda: place.seq_of(place.own) == 1, "a good one was not heard")
        assert dropped() == +counted
        until(lambda: served.messages() == 0, "something was requeued")
        assert dropped() == +counted
        assert heartbeats.is_connected
    finally:
        heartbeats.stop()
    assert place.state() == before
    assert not seen.said
    sender.close()


# members


def test_members_are_asked_and_told_nonsense_and_go_on(served: Served, seen: Errors) -> None:
    heard: list[str] = []
    peers = KombuPeers(served.url, CLUSTER, "m1")
    peers.start(served.place.reactor.answer_peer, lambda topic, _message: heard.append(topic))
    asking = KombuPeers(served.url, CLUSTER, "m2")
    sender, corpus = served.sender(), Corpus("members")
    questions, tidings = topology.peer_exchange(CLUSTER).name, topology.tell_exchange(CLUSTER).name
    try:
        until(lambda: peers.is_connected)
        for number in range(300):
            op = corpus.choice(("status", "last_heard", "add_domain", "__class__"))
            body = corpus.choice(RAW) if number % 10 == 0 else corpus.body(op, {"instance_ids": []})
            headers, address = _plain(corpus.headers()), corpus.choice((DIRECT, "q", ""))
            sender.publish(body, questions, "m1", headers, reply_to=address)
            sender.publish(body, tidings, "", headers)
            if number % 100 == 0:
                assert asking.ask("m1", "status", {}, PATIENCE)["store"] == "connected"
        asking_again = asking.ask("m1", "last_heard", {"instance_ids": ["x"]}, PATIENCE)
        assert asking_again == {"x": None}
        sender.publish(wire.encoded(wire.Tidings("after")), tidings, "", {})
        until(lambda: "after" in heard)
        assert peers.is_connected
        with pytest.raises(errors.UnknownOperation):
            asking.ask("m1", "add_domain", {}, PATIENCE)
        with pytest.raises(BusUnavailable):
            asking.ask("nobody", "status", {}, 2)
    finally:
        peers.stop()
        asking.stop()
    until(lambda: served.messages() == 0, "something was requeued")
    assert not seen.said
    sender.close()
