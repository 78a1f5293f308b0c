"""RPC on a real broker: whoever asks, however long it takes."""

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from amqp.exceptions import AccessRefused
from kombu import Connection

from elastic import errors
from elastic.adapters.bus import link, topology
from elastic.adapters.bus.kombu import KombuPeers, KombuRpcServer
from elastic.adapters.store.sqlite import SqliteStore
from tests.functional.calling import (
    CLUSTER,
    PATIENCE,
    QUEUE,
    Doing,
    Serving,
    publish,
    reactor_over,
    through,
    until,
)
from tests.servers.proxy import Proxy
from tests.servers.rabbitmq import RabbitMQ

pytestmark = pytest.mark.functional


# Who asks


def test_an_account_that_may_only_write_calls_is_served_and_can_do_nothing_else(
    rabbitmq: RabbitMQ, vhost: str, url: str, serving: Serving
) -> None:
    serving.server(url)
    rabbitmq.ctl("set_permissions", "-p", vhost, "ann", "^$", r"^elastic\.rpc\.", "^$")
    anns = rabbitmq.url("ann", vhost=vhost)
    assert serving.client(anns).call("x", {}, timeout=10) == ["x", "ann"]
    steps: dict[str, Callable[[Any], object]] = {
        "declare": lambda channel: channel.queue_declare("mine"),
        "read": lambda channel: channel.basic_get(QUEUE),
        "consume": lambda channel: channel.basic_consume(QUEUE, no_ack=True),
        "purge": lambda channel: channel.queue_purge(QUEUE),
        "bind": lambda channel: channel.queue_bind(QUEUE, "elastic.rpc.north%2E1", "x"),
    }
    for step in steps.values():
        with Connection(anns) as connection:
            channel = connection.channel()
            with pytest.raises(AccessRefused):
                step(channel)


def test_one_who_may_not_write_calls_is_told(rabbitmq: RabbitMQ, vhost: str, url: str, serving: Serving) -> None:
    serving.server(url)
    rabbitmq.ctl("set_permissions", "-p", vhost, "bob", "^$", "^$", "^$")
    with pytest.raises(errors.Denied, match="the broker refuses it to 'bob'"):
        serving.client(rabbitmq.url("bob", vhost=vhost)).call("x", {}, timeout=10)


def test_nobody_asks_in_anothers_name(rabbitmq: RabbitMQ, vhost: str, url: str, serving: Serving) -> None:
    doing = Doing()
    serving.server(url, doing)
    with pytest.raises(errors.Denied, match="the broker knows us as 'ann', and refuses a call in another's name"):
        serving.client(rabbitmq.url("ann", vhost=vhost), user="bob").call("x", {}, timeout=10)
    assert not doing.calls


def test_who_does_not_say_who_he_is_is_denied(url: str, serving: Serving, tmp_path: Path) -> None:
    """The broker lets it pass."""
    serving.server(url, reactor_over(SqliteStore(tmp_path / "store.db", 16)).handle)
    with Connection(url) as connection:
        channel, replies = connection.channel(), []
        channel.basic_consume("amq.rabbitmq.reply-to", no_ack=True, callback=replies.append)
        for user in ({}, {"user_id": "elastic"}):
            publish(channel, b'{"op": "ping"}', reply_to="amq.rabbitmq.reply-to", **user)
            connection.drain_events(timeout=10)
    nobody, elastic = (json.loads(reply.body) for reply in replies)
    assert nobody["error"]["type"] == "denied"
    assert elastic["result"]["caller"] == "elastic"


@pytest.mark.parametrize(
    ("user", "password", "told"),
    [("ann", "wrong", "refuses the user 'ann' with that password"), ("eve", "x", "refuses the user 'eve'")],
)
def test_a_wrong_password_is_told_in_one_line_and_not_shown(
    rabbitmq: RabbitMQ, vhost: str, serving: Serving, user: str, password: str, told: str
) -> None:
    with pytest.raises(errors.Denied, match=told) as caught:
        serving.client(rabbitmq.url(user, f"{password}-secret", vhost=vhost)).call("x", {}, timeout=10)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_vhost_that_is_not_there_is_told(rabbitmq: RabbitMQ, serving: Serving) -> None:
    with pytest.raises(errors.Denied, match="no such vhost"):
        serving.client(rabbitmq.url("ann", vhost="nowhere")).call("x", {}, timeout=10)


# What the broker can say at once


def test_without_a_cluster_of_that_name_nobody_waits(url: str, serving: Serving) -> None:
    began = time.monotonic()
    with pytest.raises(errors.BusUnavailable, match=r"no cluster 'north\.1' serves on that bus"):
        serving.client(url).call("x", {}, timeout=PATIENCE, idempotency_key="k")
    assert time.monotonic() - began < PATIENCE / 2


def test_without_a_queue_nobody_waits(url: str, serving: Serving) -> None:
    with Connection(url) as connection:
        topology.rpc_exchange(CLUSTER)(connection.channel()).declare()
    with pytest.raises(errors.BusUnavailable, match="no cluster"):
        serving.client(url).call("x", {}, timeout=PATIENCE)


def test_a_member_that_is_not_there_is_not_waited_for(url: str, serving: Serving) -> None:
    peers = serving.peers(url, "m1", lambda _op, _args: None)
    began = time.monotonic()
    with pytest.raises(errors.BusUnavailable, match="'m2' is not on the bus"):
        peers.ask("m2", "status", {}, timeout=PATIENCE)
    assert time.monotonic() - began < PATIENCE / 2


def test_a_full_queue_is_told_and_nothing_is_lost_of_it(
    url: str, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topology, "RPC_LENGTH", 2)
    serving.server(url).stop()
    client = serving.client(url)
    with Connection(url) as connection:
        channel = connection.channel()
        for _ in range(5):
            publish(channel, b'{"op": "waiting"}', reply_to="elastic.reply.nobody")
        until(lambda: channel.queue_declare(QUEUE, passive=True).message_count >= 2)
    with pytest.raises(errors.BusUnavailable, match="the queue is full"):
        client.call("x", {}, timeout=10)
    serving.server(url)
    assert client.call("x", {}, timeout=10) == ["x", "elastic"]


# What is slow, and what kills


@pytest.mark.slow
def test_a_slow_handler_neither_loses_its_connection_nor_holds_up_others(
    url: str, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "HEARTBEAT_SECONDS", 2.0)
    doing = Doing()
    server = serving.server(url, doing)
    slow, quick = serving.client(url), serving.client(url)
    lost = []
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(slow.call, "hang", {}, PATIENCE)
        assert doing.taken.wait(10)
        ends = time.monotonic() + 10
        while time.monotonic() < ends:
            assert quick.call("x", {}, timeout=5) == "x"
            lost += [] if server.is_connected else [time.monotonic()]
            time.sleep(0.05)
        doing.free.set()
        assert answer.result(10) == "hang"
    assert not lost
    assert [call.op for call in doing.calls].count("hang") == 1


def test_a_member_whose_hands_are_all_full_leaves_calls_to_others(url: str, serving: Serving) -> None:
    stuck = Doing()
    server = serving.server(url, stuck)
    with ThreadPoolExecutor(4) as pool:
        hung = [pool.submit(serving.client(url).call, "hang", {}, PATIENCE) for _ in range(4)]
        until(lambda: len(stuck.calls) == 4)
        serving.server(url)
        for _ in range(8):
            assert serving.client(url).call("x", {}, timeout=10) == ["x", "elastic"]
        until(lambda: server.turned < time.monotonic() - 1.0)  # whoever looks at the loop's age sees it
        stuck.free.set()
        assert [one.result(10) for one in hung] == ["hang"] * 4
    until(lambda: server.turned > time.monotonic() - 0.5)


def test_a_peer_that_hangs_hears_and_answers_others(url: str, serving: Serving) -> None:
    free, heard = threading.Event(), []

    def answer(op: str, _args: Any) -> Any:
        if op == "hang":
            free.wait(PATIENCE)
        return op

    serving.peers(url, "m1", answer, lambda topic, _message: heard.append(topic))
    one, other = serving.peers(url, "m2", answer), serving.peers(url, "m3", answer)
    with ThreadPoolExecutor(1) as pool:
        hung = pool.submit(one.ask, "m1", "hang", {}, PATIENCE)
        for number in range(20):
            assert other.ask("m1", "quick", {}, timeout=10) == "quick"
            other.tell(f"{number}", {})
        until(lambda: heard == [f"{number}" for number in range(20)])
        free.set()
        assert hung.result(10) == "hang"


def test_a_call_that_kills_its_members_is_given_up(url: str, serving: Serving) -> None:
    doing = Doing()
    client = serving.client(url)
    with ThreadPoolExecutor(1) as pool:
        for round_ in range(1, topology.RPC_DELIVERIES + 2):
            server = serving.server(url, doing)
            if round_ == 1:
                answer = pool.submit(client.call, "hang", {}, PATIENCE)
            until(lambda round_=round_: len(doing.calls) == round_)  # type: ignore[misc]
            server.stop()
        serving.server(url)
        assert serving.client(url).call("x", {}, timeout=10) == ["x", "elastic"]
        client.close()
        with pytest.raises(errors.BusUnavailable):
            answer.result(PATIENCE)
    assert [call.redelivered for call in doing.calls] == [False] + [True] * topology.RPC_DELIVERIES
    doing.free.set()


@pytest.mark.parametrize("state", ["idle", "hanging", "away", "stalled", "never there"])
def test_stopping_takes_two_seconds_whatever_the_state(
    rabbitmq: RabbitMQ, vhost: str, serving: Serving, state: str
) -> None:
    doing = Doing()
    with Proxy(rabbitmq.port) as proxy:
        if state == "never there":
            proxy.cut()
        address = through(proxy, rabbitmq, vhost)
        server, peers = KombuRpcServer(address, CLUSTER), KombuPeers(address, CLUSTER, "m1")
        server.start(doing)
        peers.start(lambda op, _args: op, lambda _topic, _message: None)
        if state != "never there":
            until(lambda: server.is_connected and peers.is_connected)
        with ThreadPoolExecutor(1) as pool:
            if state == "hanging":
                pool.submit(serving.client(rabbitmq.url(vhost=vhost)).call, "hang", {}, 3.0)
                assert doing.taken.wait(10)
            elif state == "away":
                proxy.cut()
                until(lambda: not server.is_connected)
            elif state == "stalled":
                proxy.stall()
            took = []
            for part in (server, peers):
                began = time.monotonic()
                part.stop()
                took.append(time.monotonic() - began)
            doing.free.set()
    assert max(took) < 3.5, took


@pytest.mark.parametrize("key", [None, "k"])
def test_a_client_that_is_closed_lets_go_whoever_still_waits(url: str, serving: Serving, key: str | None) -> None:
    doing = Doing()
    serving.server(url, doing)
    client = serving.client(url)
    ended: list[BaseException | None] = []

    def ask() -> None:
        try:
            client.call("hang", {}, timeout=PATIENCE, idempotency_key=key)
        except errors.BusUnavailable as error:
            ended.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    assert doing.taken.wait(PATIENCE)
    began = time.monotonic()
    client.close()
    until(lambda: ended, 5)
    assert time.monotonic() - began < 5
    doing.free.set()
    asking.join()
