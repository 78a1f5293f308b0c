"""Heartbeats, asks and news through a real RabbitMQ: hand-overs, losses of the broker, poison, floods."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import amqp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from elastic.adapters.bus import link, topology, wire
from elastic.adapters.bus.kombu import KombuHeartbeats, KombuOutgoing, KombuVoice
from elastic.adapters.bus.link import connected, opened_channel
from elastic.adapters.bus.signing import instance_key, sign, verify
from elastic.adapters.clock import SYSTEM_CLOCK
from elastic.adapters.lastheard import MemoryLastHeard
from elastic.model.domain import DomainKey
from elastic.ports.bus import Pulse
from elastic.roles.reactor.hearing import Hearing
from elastic.rules.ring import slot_of
from tests.contract.bus_worlds import Ear
from tests.functional.test_node import eventually
from tests.servers.process import running
from tests.servers.proxy import Proxy
from tests.servers.rabbitmq import RabbitMQ

pytestmark = pytest.mark.functional

CLUSTER, PARTITIONS = "north.1", 256
ALL = frozenset(range(PARTITIONS))
SECRET = b"s" * 32
WEB = DomainKey("ann", "web")


@pytest.fixture
def url(rabbitmq: RabbitMQ, vhost: str) -> str:
    return rabbitmq.url(vhost=vhost)


@contextmanager
def member(
    url: str,
    name: str = "m1",
    hear: Callable[[Sequence[Pulse]], None] | None = None,
    *,
    partitions: frozenset[int] = ALL,
) -> Iterator[tuple[KombuHeartbeats, Ear]]:
    ear = Ear()
    heartbeats = KombuHeartbeats(url, CLUSTER, name, PARTITIONS)
    heartbeats.tune(partitions)
    heartbeats.start(hear or ear)
    try:
        assert eventually(lambda: heartbeats.bound() == partitions)
        yield heartbeats, ear
    finally:
        heartbeats.stop()


class Sending:
    """Raw heartbeats, without waiting for the broker."""

    def __init__(self, url: str) -> None:
        self._connection = connected(url, listens=False)
        self._channel = opened_channel(self._connection)
        self._exchange = topology.heartbeat_exchange(CLUSTER).name

    def send(self, body: bytes, key: str = "0", mac: Any = "m", **properties: Any) -> None:
        said = {"application_headers": {"mac": mac}, "content_type": "application/json", **properties}
        self._channel.basic_publish(amqp.Message(body, **said), self._exchange, key)

    def settle(self) -> None:
        """The broker has all of it, or has broken the channel over it."""
        self._channel.basic_qos(0, 1, False)

    def close(self) -> None:
        self._connection.release()


@pytest.fixture
def sending(url: str) -> Iterator[Sending]:
    made = Sending(url)
    yield made
    made.close()


class Stream:
    """Numbered heartbeats to all partitions in turn, until it is stopped; some 3,000 a second."""

    def __init__(self, url: str) -> None:
        self.said = 0
        self._sending = Sending(url)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Stream":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._sending.settle()
        self._sending.close()

    def _run(self) -> None:
        for number in count():
            slot = number % PARTITIONS * 16 + number // PARTITIONS % 16
            self._sending.send(b"%d" % number, str(slot))
            self.said = number + 1
            if number % 30 == 0 and self._over.wait(0.01):
                return


# Hand-over


def test_a_hand_over_of_half_the_partitions_loses_no_heartbeat(url: str) -> None:
    odd = frozenset(range(1, PARTITIONS, 2))
    with member(url, "old") as (old, old_ear), member(url, "new", partitions=frozenset()) as (new, new_ear):
        with Stream(url) as stream:
            assert eventually(lambda: stream.said > 500)
            new.tune(odd)
            assert eventually(lambda: new.bound() == odd)
            old.tune(ALL - odd)
            assert eventually(lambda: old.bound() == ALL - odd)
            handed_over = stream.said
            assert eventually(lambda: stream.said > handed_over + 500)
        said = {b"%d" % number for number in range(stream.said)}
        assert eventually(lambda: said == {*old_ear.bodies, *new_ear.bodies})
        late = {b"%d" % number for number in range(handed_over + 100, stream.said)}
        assert not late & set(old_ear.bodies) & set(new_ear.bodies), "each is heard by one again"
        assert not old.dropped
        assert not new.dropped


def test_members_that_bind_the_same_at_the_same_time_both_hear_all(url: str, sending: Sending) -> None:
    members = [KombuHeartbeats(url, CLUSTER, name, PARTITIONS) for name in ("m1", "m2", "m3")]
    ears = [Ear() for _ in members]
    for heartbeats, ear in zip(members, ears, strict=True):
        heartbeats.tune(ALL)
        heartbeats.start(ear)
    try:
        assert eventually(lambda: all(heartbeats.bound() == ALL for heartbeats in members))
        for slot in range(4096):
            sending.send(b"%d" % slot, str(slot))
        assert eventually(lambda: all(len(ear.pulses) >= 4096 for ear in ears))
        assert all(sorted(pulse.slot for pulse in ear.pulses) == list(range(4096)) for ear in ears)
    finally:
        for heartbeats in members:
            heartbeats.stop()


def test_a_probe_proves_the_way_of_its_partition_and_no_other(url: str) -> None:
    with member(url) as (heartbeats, ear):
        connection = connected(url, listens=False)
        channel = opened_channel(connection)
        gone = topology.partition_exchange(CLUSTER, 8).name
        channel.exchange_unbind(gone, topology.heartbeat_exchange(CLUSTER).name, str(8 * 16))
        connection.release()
        for partition in (7, 8, 9):
            heartbeats.probe(partition, b"m1/%d" % partition)
        assert eventually(lambda: b"m1/9" in ear.bodies)
        assert 8 in heartbeats.bound(), "nobody told us"
        assert [(pulse.body, pulse.mac) for pulse in ear.pulses] == [(b"m1/7", "probe"), (b"m1/9", "probe")]


# When the broker goes away


def hears_all(sending: Sending, ear: Ear) -> bool:
    ear.pulses.clear()
    for partition in range(PARTITIONS):
        sending.send(b"%d" % partition, str(partition * 16))
    return eventually(lambda: {*ear.bodies} == {b"%d" % partition for partition in range(PARTITIONS)})


def test_a_cut_is_told_and_all_bindings_come_back(rabbitmq: RabbitMQ, vhost: str, sending: Sending) -> None:
    with Proxy(rabbitmq.port) as proxy:
        through = rabbitmq.url(vhost=vhost).replace(f":{rabbitmq.port}/", f":{proxy.port}/")
        with member(through) as (heartbeats, ear):
            proxy.cut()
            assert eventually(lambda: not heartbeats.is_connected)
            assert heartbeats.bound() == frozenset()
            proxy.heal()
            assert eventually(lambda: heartbeats.bound() == ALL)
            assert heartbeats.is_connected
            assert hears_all(sending, ear)


@pytest.mark.slow
def test_a_stalled_broker_is_noticed(
    rabbitmq: RabbitMQ, vhost: str, sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "HEARTBEAT_SECONDS", 2.0)
    with Proxy(rabbitmq.port) as proxy:
        through = rabbitmq.url(vhost=vhost).replace(f":{rabbitmq.port}/", f":{proxy.port}/")
        with member(through) as (heartbeats, ear):
            proxy.stall()
            assert eventually(lambda: heartbeats.bound() == frozenset())
            proxy.heal()
            assert eventually(lambda: heartbeats.bound() == ALL)
            assert hears_all(sending, ear)


@pytest.fixture(scope="module")
def mortal(rabbitmq_installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """A broker that these tests may stop."""
    with running(RabbitMQ(tmp_path_factory.mktemp("mortal"))) as server:
        yield server


@pytest.mark.slow
def test_after_a_restart_of_the_broker_all_is_bound_again_and_a_vm_tells_its_new_address(mortal: RabbitMQ) -> None:
    asked: list[float] = []
    voice = KombuVoice(mortal.url(), CLUSTER, 0, "i-000-1-1")
    with member(mortal.url()) as (heartbeats, ear):
        voice.start(lambda: asked.append(time.monotonic()))
        voice.say(b"before", "m")
        mortal.stop()
        assert eventually(lambda: not heartbeats.is_connected)
        assert heartbeats.bound() == frozenset()
        mortal.start()
        assert eventually(lambda: heartbeats.bound() == ALL)
        assert eventually(lambda: asked), "it is to speak, so that its new address gets known"
        voice.say(b"after", "m")
        assert eventually(lambda: b"after" in ear.bodies)
        before, after = (pulse.reply_to for pulse in ear.pulses if pulse.body in (b"before", b"after"))
        assert before != after
        sending = Sending(mortal.url())
        assert hears_all(sending, ear)
        sending.close()
    voice.stop()


@pytest.mark.slow
def test_news_survive_a_restart_of_the_broker(mortal: RabbitMQ) -> None:
    outgoing = KombuOutgoing(mortal.url(), CLUSTER)
    outgoing.subscribe("ann", "web", "pager")
    outgoing.announce("ann", "web", ["pager"], "600-RUNNING", {"seq": 1})
    mortal.restart()
    outgoing.announce("ann", "web", ["pager"], "900-FAILED", {"seq": 2})
    outgoing.close()
    connection = connected(mortal.url(), listens=False)
    channel, bodies = opened_channel(connection), []
    while (message := channel.basic_get(topology.subscriber_queue(CLUSTER, "ann", "pager").name)) is not None:
        bodies.append(bytes(message.body))
    connection.release()
    assert bodies == [b'{"seq":1}', b'{"seq":2}']


# Poison


def framed(body: bytes, key: bytes, properties: bytes) -> tuple[bytes, bytes, list[bytes]]:
    """Method, header and body frames' payloads of a publish, made by hand."""
    exchange = topology.heartbeat_exchange(CLUSTER).name.encode()
    method = b"\0\x3c\0\x28\0\0" + bytes([len(exchange)]) + exchange + bytes([len(key)]) + key + b"\0"
    header = b"\0\x3c\0\0" + len(body).to_bytes(8, "big") + properties
    return method, header, [body] if body else []


class Crooked:
    """Says what py-amqp would not let one say."""

    def __init__(self, url: str) -> None:
        self._connection = connected(url, listens=False)
        self._raw = self._connection.connection
        self._channel = opened_channel(self._connection)

    def send(self, body: bytes, key: bytes, properties: bytes) -> None:
        method, header, bodies = framed(body, key, properties)
        for kind, payload in ((1, method), (2, header), *((3, one) for one in bodies)):
            number = self._channel.channel_id.to_bytes(2, "big")
            self._raw.transport.write(bytes([kind]) + number + len(payload).to_bytes(4, "big") + payload + b"\xce")
        self._channel.basic_qos(0, 1, False)

    def close(self) -> None:
        self._connection.release()


def table(entries: bytes) -> bytes:
    """The flags and value of the one property `headers`."""
    return b"\x20\x00" + len(entries).to_bytes(4, "big") + entries


def nested(depth: int) -> bytes:
    inner = b""
    for _ in range(depth):
        inner = b"\x01dF" + len(inner).to_bytes(4, "big") + inner
    return inner


MAC = b"\x03macS\x00\x00\x00\x01m"
CROOKED: dict[str, tuple[str, bytes, bytes, bytes]] = {
    "a time out of all time": ("unsigned", b"0", table(MAC + b"\x01tT" + b"\xff" * 8), b"x"),
    "headers nested without end": ("unsigned", b"0", table(MAC + nested(5000)), b"x"),
    "a content type that is no text": ("unsigned", b"0", b"\x80\x00\x02\xff\xfe", b"x"),
    "an address that is no text": ("unsigned", b"0", b"\x02\x00\x02\xff\xfe", b"x"),
    "a key that is no text, led here by CC": (
        "bad_slot",
        b"\xff\xfe",
        table(MAC + b"\x02CCA\x00\x00\x00\x06S\x00\x00\x00\x010"),
        b"x",
    ),
    "nothing at all": ("unsigned", b"0", b"\0\0", b""),
}
PLAIN = {
    "no mac": ("unsigned", {"application_headers": {}}, b"x"),
    "a number for a mac": ("unsigned", {"mac": 7}, b"x"),
    "a table for a mac": ("unsigned", {"mac": {"a": [1, {"b": None}]}}, b"x"),
    "an empty mac": ("unsigned", {"mac": ""}, b"x"),
    "100 kB": ("oversized", {}, b"x" * 100_000),
    "2 MB": ("oversized", {}, b"x" * 2_000_000),
    "20 MB": ("oversized", {}, b"x" * 20_000_000),
    "led here from no slot": ("bad_slot", {"key": "7x", "application_headers": {"mac": "m", "CC": ["0"]}}, b"x"),
}


@dataclass(frozen=True)
class Place:
    rabbitmq: RabbitMQ
    vhost: str
    sending: Sending

    def messages(self) -> int:
        """In all queues, those that were given out and not acknowledged too."""
        return sum(map(int, self.rabbitmq.ctl("list_queues", "-p", self.vhost, "messages").split()))


@pytest.fixture
def place(rabbitmq: RabbitMQ, vhost: str, sending: Sending) -> Place:
    return Place(rabbitmq, vhost, sending)


def dropped(heartbeats: KombuHeartbeats, ear: Ear, place: Place) -> Mapping[str, int]:
    """What was dropped, once what was sent after it has been heard, and all is acknowledged."""
    place.sending.send(b"after")
    assert eventually(lambda: ear.bodies == [b"before", b"after"])
    assert eventually(lambda: place.messages() == 0, 120)  # rabbitmqctl is slow on a busy host
    return heartbeats.dropped


@pytest.mark.parametrize("what", PLAIN)
def test_poison_is_counted_and_holds_up_nothing(url: str, place: Place, what: str) -> None:
    reason, properties, body = PLAIN[what]
    with member(url, partitions=frozenset({0})) as (heartbeats, ear):
        place.sending.send(b"before")
        place.sending.send(body, **properties)
        assert dropped(heartbeats, ear, place) == {reason: 1}


@pytest.mark.parametrize("what", CROOKED)
def test_poison_made_by_hand_is_counted_and_breaks_no_connection(url: str, place: Place, what: str) -> None:
    reason, key, properties, body = CROOKED[what]
    crooked = Crooked(url)
    with member(url, partitions=frozenset({0})) as (heartbeats, ear):
        place.sending.send(b"before")
        place.sending.settle()
        crooked.send(body, key, properties)
        assert dropped(heartbeats, ear, place) == {reason: 1}
    crooked.close()


def hearing_of(*names: str) -> tuple[Hearing, MemoryLastHeard]:
    """As the reactor hears, of instances of ann's web."""
    lastheard = MemoryLastHeard()
    known = dict.fromkeys(names, WEB)
    hearing = Hearing(
        SYSTEM_CLOCK,
        lastheard,
        known.get,
        lambda name, body, mac: verify(instance_key(SECRET, name), body, mac),
        lambda _body: None,
    )
    return hearing, lastheard


def beat(name: str, seq: int) -> tuple[bytes, str]:
    said = {"node_id": name, "owner": "ann", "domain_id": "web", "boot": "b", "seq": seq}
    body = wire.encoded(said)
    return body, sign(instance_key(SECRET, name), body)


FIELDS = some.sampled_from(["node_id", "owner", "domain_id", "boot", "seq", "state"])
JUNK = some.one_of(
    some.binary(max_size=300),
    some.dictionaries(FIELDS, some.text() | some.integers()).map(wire.encoded),
    some.sampled_from([b"[" * 60_000, b"null", b"{}", b"\x80\x04K\x01.", b""]),
)
TYPES = ["application/x-python-serialize", "application/json", "text/plain", "yaml", ""]
CODINGS = ["binary", "rot13", "utf-16", "zip", "idna", ""]
MACS = some.one_of(some.text(max_size=80), some.integers(0, 9), some.none(), some.lists(some.booleans()))
PROPERTIES = some.fixed_dictionaries(
    {},
    optional={
        "content_type": some.sampled_from(TYPES),
        "content_encoding": some.sampled_from(CODINGS),
        "reply_to": some.text(alphabet="abc.-/=+", max_size=40),
        "correlation_id": some.text(max_size=20),
        "priority": some.integers(0, 255),
        "timestamp": some.integers(0, 2**64 - 1),
        "mac": MACS,
    },
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(junk=some.lists(some.tuples(JUNK, PROPERTIES), min_size=1, max_size=40))
def test_no_junk_keeps_a_heartbeat_from_being_heard(
    hearer: "Hearer", sending: Sending, junk: list[tuple[bytes, dict[str, Any]]]
) -> None:
    key = str(slot_of(WEB))
    for body, properties in junk:
        sending.send(body, key, **properties)
    body, mac = beat("i-1", hearer.next())
    sending.send(body, key, mac)
    assert eventually(lambda: hearer.last("i-1") == hearer.seq)
    assert hearer.heartbeats.is_connected


class Hearer:
    """A member with all that stands between the wire and its memory."""

    def __init__(self, heartbeats: KombuHeartbeats, lastheard: MemoryLastHeard) -> None:
        self.heartbeats, self._lastheard, self.seq = heartbeats, lastheard, 0

    def next(self) -> int:
        self.seq += 1
        return self.seq

    def last(self, name: str) -> int:
        heard = self._lastheard.of(name)
        return 0 if heard is None else heard.seq


OTHERS = [f"i-{number}" for number in range(2, 52)]


@pytest.fixture
def hearer(url: str) -> Iterator[Hearer]:
    hearing, lastheard = hearing_of("i-1", *OTHERS)
    partition = slot_of(WEB) * PARTITIONS // 4096
    with member(url, hear=hearing.hear, partitions=frozenset({partition})) as (heartbeats, _):
        yield Hearer(heartbeats, lastheard)


# Too much


@pytest.mark.slow
def test_a_flood_from_one_vm_drowns_nobody(url: str, sending: Sending, hearer: Hearer) -> None:
    """5,000 a second for four seconds, while fifty others beat each half a second."""
    key, began, sent = str(slot_of(WEB)), time.monotonic(), 0
    rounds = iter(range(1, 100))
    due, latest = began, 0
    while (now := time.monotonic()) - began < 4:
        if sent < (now - began) * 5000:
            body, mac = beat("i-1", hearer.next())
            sending.send(body, key, mac)
            sent += 1
        if now >= due:
            due, latest = due + 0.5, next(rounds)
            for name in OTHERS:
                body, mac = beat(name, latest)
                sending.send(body, key, mac)
        assert min(map(hearer.last, OTHERS)) >= latest - 4, "nobody is two seconds behind"
    assert sent > 5000
    assert eventually(lambda: {hearer.last(name) for name in OTHERS} == {latest})
    assert eventually(lambda: hearer.last("i-1") == hearer.seq)


def test_when_too_much_has_come_the_oldest_is_lost(
    url: str, sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topology, "HEARTBEATS_LENGTH", 1000)
    go_on, ear = threading.Event(), Ear()

    def hear(pulses: Sequence[Pulse]) -> None:
        go_on.wait(60)
        ear(pulses)

    with member(url, hear=hear, partitions=frozenset({0})):
        for number in range(5000):
            sending.send(b"%d" % number)
        sending.settle()
        go_on.set()
        assert eventually(lambda: ear.bodies[-1:] == [b"4999"])
        heard = [int(body) for body in ear.bodies]
    assert heard == sorted(set(heard))
    assert heard[-1000:] == list(range(4000, 5000))
    assert len(heard) < 2500


@pytest.mark.slow
def test_a_hearing_that_hangs_costs_no_connection(
    url: str, sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker ends a connection that is silent for two of its intervals."""
    monkeypatch.setattr(link, "HEARTBEAT_SECONDS", 1.0)
    went, ear = threading.Event(), Ear()

    def hear(pulses: Sequence[Pulse]) -> None:
        if not went.is_set():
            time.sleep(6)
            went.set()
        ear(pulses)

    with member(url, hear=hear, partitions=frozenset({0})) as (heartbeats, _):
        sending.send(b"first")
        while not went.wait(0.05):
            assert heartbeats.is_connected
        sending.send(b"second")
        assert eventually(lambda: ear.bodies == [b"first", b"second"])
        assert heartbeats.is_connected


@pytest.mark.slow
def test_a_hearing_that_hangs_shows_in_the_age_of_the_loop(url: str, sending: Sending) -> None:
    free = threading.Event()
    with member(url, hear=lambda _pulses: free.wait(60) and None, partitions=frozenset({0})) as (heartbeats, _):
        assert eventually(lambda: time.monotonic() - heartbeats.turned < 1)
        sending.send(b"x")
        assert eventually(lambda: time.monotonic() - heartbeats.turned > 2)
        free.set()
        assert eventually(lambda: time.monotonic() - heartbeats.turned < 1)
