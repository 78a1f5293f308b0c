"""What each account at the broker can do and cannot, as made by the commands of `doc/accounts.md`."""

import re
import shlex
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from amqp.exceptions import AccessRefused, PreconditionFailed

from elastic import errors
from elastic.adapters.bus.kombu import (
    KombuHeartbeats,
    KombuOutgoing,
    KombuPeers,
    KombuRpcClient,
    KombuRpcServer,
    KombuVoice,
)
from elastic.adapters.bus.link import connected, opened_channel
from elastic.adapters.bus.signing import verify
from elastic.ports.bus import Call, Reply
from tests.contract.bus_worlds import Ear
from tests.functional.test_node import INSTANCE, KEY, NODE, environment, eventually, running
from tests.servers.rabbitmq import RabbitMQ

pytestmark = pytest.mark.functional

PAGE = Path(__file__).parents[2] / "doc" / "accounts.md"
CLUSTER, VHOST = "north", "elastic"
MEMBERS, VMS, CAROL = "north-members", "north-vms", "carol"
SECRETS = {MEMBERS: "secret-of-the-members", VMS: "secret-of-the-vms", CAROL: "secret-of-carol"}


def commands() -> list[list[str]]:
    """Those of the page, as they stand there."""
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return [shlex.split(line)[1:] for block in blocks for line in block.splitlines() if line.strip()]


class Cluster:
    """A member, as far as the bus goes, and where everybody finds it."""

    def __init__(self, server: RabbitMQ) -> None:
        self._server = server
        url = self.url(MEMBERS)
        self.ear = Ear()
        self.heartbeats = KombuHeartbeats(url, CLUSTER, "m1", 16)
        self.rpc, self.peers = KombuRpcServer(url, CLUSTER), KombuPeers(url, CLUSTER, "m1")
        self.outgoing = KombuOutgoing(url, CLUSTER)
        self.words: list[Any] = []

    def url(self, user: str) -> str:
        return self._server.url(user, SECRETS[user], VHOST)

    def start(self) -> None:
        def answer(call: Call) -> Reply:
            return {"result": call.caller}

        self.rpc.start(answer)
        self.heartbeats.start(self.ear)
        self.peers.start(lambda op, _args: op, lambda topic, _message: self.words.append(topic))
        self.heartbeats.tune(frozenset(range(16)))
        parts = (self.rpc, self.heartbeats, self.peers)
        assert eventually(lambda: all(part.is_connected for part in parts))
        assert eventually(lambda: len(self.heartbeats.bound()) == 16)
        for owner in ("carol", "ann"):
            self.outgoing.announce(owner, "web", ["pager"], "600-RUNNING", {"of": owner})
        self.peers.tell("hello", {})
        assert eventually(lambda: self.words)
        assert self.peers.ask("m1", "how", {}, 5) == "how"

    def stop(self) -> None:
        for part in (self.rpc, self.heartbeats, self.peers):
            part.stop()
        self.outgoing.close()


@pytest.fixture(scope="module")
def cluster(rabbitmq: RabbitMQ) -> Iterator[Cluster]:
    for command in commands():
        rabbitmq.ctl(*command)
    cluster = Cluster(rabbitmq)
    cluster.start()
    yield cluster
    cluster.stop()
    rabbitmq.ctl("delete_vhost", VHOST)
    for user in SECRETS:
        rabbitmq.ctl("delete_user", user)


Deed = Callable[[Any], object]


def publish(exchange: str, key: str, **properties: Any) -> Deed:
    return lambda channel: channel.basic_publish(
        channel.prepare_message(b"{}", properties=properties), exchange=exchange, routing_key=key
    )


def queues() -> dict[str, str]:
    """Those that anybody has, by what they are."""
    return {
        "the calls'": f"elastic.rpc.{CLUSTER}",
        "ann's subscriber's": f"elastic.subscriber.{CLUSTER}.ann.pager",
        "carol's subscriber's": HERS,
        "the heartbeats'": "HEARTBEATS",
        "the member's": "PEERS",
    }


HEARTBEATS, PARTITION = f"elastic.heartbeats.{CLUSTER}", f"elastic.partition.{CLUSTER}.0"
HERS = f"elastic.subscriber.{CLUSTER}.carol.pager"
TO_QUEUES: dict[str, Callable[[str], Deed]] = {
    "declares": lambda queue: lambda channel: channel.queue_declare(queue, durable=True, auto_delete=False),
    "binds": lambda queue: lambda channel: channel.queue_bind(queue, HEARTBEATS, "5"),
    "unbinds": lambda queue: lambda channel: channel.queue_unbind(queue, HEARTBEATS, "5"),
    "purges": lambda queue: lambda channel: channel.queue_purge(queue),
    "deletes": lambda queue: lambda channel: channel.queue_delete(queue),
    "consumes from": lambda queue: lambda channel: channel.basic_consume(queue),
    "gets from": lambda queue: lambda channel: channel.basic_get(queue),
}
MAKING: dict[str, Deed] = {
    "a queue": lambda channel: channel.queue_declare("new"),
    "an exclusive queue": lambda channel: channel.queue_declare("new", exclusive=True),
    "a queue without a name": lambda channel: channel.queue_declare("", exclusive=True),
    "a queue like ours": lambda channel: channel.queue_declare(f"{HEARTBEATS}.m2.1", exclusive=True),
    "an exchange": lambda channel: channel.exchange_declare("new", "fanout"),
    "an exchange like ours": lambda channel: channel.exchange_declare(f"elastic.partition.{CLUSTER}.99", "fanout"),
}
BENDING: dict[str, Deed] = {
    "delete the heartbeats' exchange": lambda channel: channel.exchange_delete(HEARTBEATS),
    "lead heartbeats elsewhere": lambda channel: channel.exchange_bind("amq.fanout", HEARTBEATS, "5"),
    "lead others to the heartbeats": lambda channel: channel.exchange_bind(HEARTBEATS, "amq.fanout", "5"),
    "cut a partition off": lambda channel: channel.exchange_unbind(
        f"elastic.partition.{CLUSTER}.0", HEARTBEATS, "5"
    ),
}
WRITING: dict[str, Deed] = {
    "to a queue": publish("", f"elastic.rpc.{CLUSTER}"),
    "to who asks": publish("", "amq.rabbitmq.reply-to.g1h2AA5yZXBseUA1MDA1NzI2OAAAA2AAAAAAawGjMg==.YYRN"),
    "to a member": publish(f"elastic.peers.{CLUSTER}", "m1"),
    "to all members": publish(f"elastic.tell.{CLUSTER}", ""),
    "to subscribers": publish(f"elastic.events.{CLUSTER}", "carol.web.600-RUNNING"),
    "to a partition": publish(PARTITION, "5"),
    "to another cluster": publish("elastic.heartbeats.north2", "5"),
    "to amq.topic": publish("amq.topic", "x"),
}
CALLING = {"a call": publish(f"elastic.rpc.{CLUSTER}", f"elastic.rpc.{CLUSTER}")}
BEATING = {"a heartbeat": publish(HEARTBEATS, "5")}


def attempt(url: str, deed: Deed) -> object:
    connection = connected(url, listens=False, confirm_publish=True)
    try:
        return deed(opened_channel(connection))
    finally:
        connection.release()


def real_name(queue: str, rabbitmq: RabbitMQ) -> str:
    prefixes = {"HEARTBEATS": f"elastic.heartbeats.{CLUSTER}.m1.", "PEERS": f"elastic.peers.{CLUSTER}.m1."}
    if queue not in prefixes:
        return queue
    names = rabbitmq.ctl("list_queues", "-p", VHOST, "name").splitlines()
    return next(name for name in names if name.startswith(prefixes[queue]))


SHE_MAY = {(CAROL, "carol's subscriber's", what) for what in ("purges", "consumes from", "gets from")}


@pytest.mark.parametrize(
    ("user", "whose", "what"), sorted({*product((VMS, CAROL), queues(), TO_QUEUES)} - SHE_MAY)
)
def test_nobody_but_a_member_does_anything_with_a_queue(
    cluster: Cluster, rabbitmq: RabbitMQ, user: str, whose: str, what: str
) -> None:
    queue = real_name(queues()[whose], rabbitmq)
    with pytest.raises(AccessRefused):
        attempt(cluster.url(user), TO_QUEUES[what](queue))


@pytest.mark.parametrize("user", [VMS, CAROL])
@pytest.mark.parametrize("what", [*MAKING, *BENDING])
def test_nobody_but_a_member_makes_or_bends_anything(cluster: Cluster, user: str, what: str) -> None:
    with pytest.raises(AccessRefused):
        attempt(cluster.url(user), {**MAKING, **BENDING}[what])


@pytest.mark.parametrize(
    ("user", "what"),
    [(user, what) for user in (VMS, CAROL) for what in WRITING] + [(VMS, "a call"), (CAROL, "a heartbeat")],
)
def test_nobody_writes_where_he_has_no_business(cluster: Cluster, user: str, what: str) -> None:
    with pytest.raises(AccessRefused):
        attempt(cluster.url(user), {**WRITING, **CALLING, **BEATING}[what])


def test_nobody_speaks_as_another(cluster: Cluster) -> None:
    for user, deed in (
        (CAROL, publish(f"elastic.rpc.{CLUSTER}", f"elastic.rpc.{CLUSTER}", user_id="ann")),
        (VMS, publish(HEARTBEATS, "5", user_id="carol")),
    ):
        with pytest.raises(PreconditionFailed):
            attempt(cluster.url(user), deed)


def test_a_vm_speaks_is_heard_is_asked_and_hears_it(cluster: Cluster) -> None:
    asked: list[float] = []
    voice = KombuVoice(cluster.url(VMS), CLUSTER, 5, "i-005-1-1")
    voice.start(lambda: asked.append(time.monotonic()))
    try:
        voice.say(b"here I am", "mac")
        assert eventually(lambda: b"here I am" in cluster.ear.bodies)
        address = cluster.ear.pulses[-1].reply_to
        assert address is not None
        cluster.outgoing.ask(address)
        assert eventually(lambda: asked)
    finally:
        voice.stop()


def test_an_address_made_up_by_a_vm_holds_up_no_ask_to_others(cluster: Cluster) -> None:
    """RabbitMQ breaks the connection that sends to an address which it cannot read."""
    asked: list[int] = []
    voice = KombuVoice(cluster.url(VMS), CLUSTER, 5, "i-005-1-1")
    voice.start(lambda: asked.append(1))
    try:
        voice.say(b"asked among others", "mac")
        assert eventually(lambda: b"asked among others" in cluster.ear.bodies)
        address = cluster.ear.pulses[-1].reply_to
        assert address is not None
        for forged in ("AAA=.AAAA", "AAAAAAAA.AAAA", f"{address.split('.')[3][:20]}.AAAA"):
            before = len(asked)
            cluster.outgoing.ask(f"amq.rabbitmq.reply-to.{forged}")
            cluster.outgoing.ask(address)
            assert eventually(lambda before=before: len(asked) > before)
    finally:
        voice.stop()


def test_elastic_node_with_the_vms_account_is_heard_and_answers_at_once(cluster: Cluster, tmp_path: Path) -> None:
    def of_node() -> list[Any]:
        return [pulse for pulse in cluster.ear.pulses if INSTANCE.encode() in pulse.body]

    env = environment(tmp_path, cluster.url(VMS), interval=3600, cluster=CLUSTER)
    with running(NODE, env):
        assert eventually(lambda: len(of_node()) >= 4)  # the next comes by itself after some 8 s
        assert all(verify(KEY, pulse.body, pulse.mac) and pulse.slot == 7 for pulse in of_node())
        before, asked = len(of_node()), time.monotonic()
        cluster.outgoing.ask(of_node()[-1].reply_to)
        assert eventually(lambda: len(of_node()) > before)
        assert time.monotonic() - asked < 5


def test_a_client_calls_under_her_own_name(cluster: Cluster) -> None:
    client = KombuRpcClient(cluster.url(CAROL), CLUSTER)
    try:
        assert client.call("who", {}, timeout=10) == "carol"
        with pytest.raises(errors.Denied):
            client.call("who", {}, timeout=10, as_user="ann")
    finally:
        client.close()


def test_a_client_reads_what_her_subscribers_are_told(cluster: Cluster) -> None:
    told = attempt(
        cluster.url(CAROL),
        lambda channel: channel.basic_get(f"elastic.subscriber.{CLUSTER}.carol.pager", no_ack=True),
    )
    assert told is not None
    assert bytes(told.body) == b'{"of":"carol"}'  # type: ignore[attr-defined]


def test_a_client_cannot_speak_as_a_member(cluster: Cluster) -> None:
    peers = KombuPeers(cluster.url(CAROL), CLUSTER, "m2")
    try:
        with pytest.raises(errors.ElasticError):
            peers.ask("m1", "how", {}, 3)
        with pytest.raises(errors.ElasticError):
            peers.tell("hello from carol", {})
    finally:
        peers.stop()
    assert "hello from carol" not in cluster.words


def test_a_vm_cannot_call(cluster: Cluster) -> None:
    client = KombuRpcClient(cluster.url(VMS), CLUSTER)
    try:
        with pytest.raises(errors.ElasticError):
            client.call("who", {}, timeout=3)
    finally:
        client.close()
