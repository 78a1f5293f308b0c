"""RPC on a real broker, whatever befalls the broker."""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest

from elastic import errors
from elastic.adapters.bus import link, outage, rpc, topology
from elastic.adapters.bus.kombu import KombuRpcClient
from elastic.adapters.bus.link import connected, opened_channel
from elastic.adapters.store.sqlite import SqliteStore
from tests.functional.calling import CLUSTER, QUEUE, Doing, Serving, echo, reactor_over, through, until
from tests.servers.process import running
from tests.servers.proxy import Proxy
from tests.servers.rabbitmq import RabbitMQ

pytestmark = pytest.mark.functional

SHORT_OF_MEMORY = ("set_vm_memory_high_watermark", "0.00001")
MEMORY_ENOUGH = ("set_vm_memory_high_watermark", "0.4")


@pytest.fixture
def proxy(rabbitmq: RabbitMQ) -> Iterator[Proxy]:
    with Proxy(rabbitmq.port) as proxy:
        yield proxy


def add_definitions(client: KombuRpcClient, answered: list[str], stop: threading.Event) -> None:
    """One after the other, each sent again with its key until it was answered. Made twice, one is a Conflict."""
    while not stop.is_set():
        name = f"d{len(answered)}"
        with contextlib.suppress(errors.Unavailable):
            args: dict[str, Any] = {"definition_id": name, "definition": {"engine_conf": {"preserve_n": 1}}}
            client.call("add_domain_definition", args, timeout=3, idempotency_key=name)
            answered.append(name)


@pytest.mark.slow
def test_a_connection_reset_each_second_loses_no_answered_change_and_makes_none_twice(
    rabbitmq: RabbitMQ,
    vhost: str,
    proxy: Proxy,
    serving: Serving,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    reactor = reactor_over(SqliteStore(tmp_path / "store.db", 16))
    answered: list[str] = []
    stop = threading.Event()
    address = through(proxy, rabbitmq, vhost)
    server = serving.server(address, reactor.handle)
    peers = serving.peers(address, "m1", lambda op, _args: op)
    with ThreadPoolExecutor(1) as pool:
        calling = pool.submit(add_definitions, serving.client(address), answered, stop)
        for _ in range(8):
            time.sleep(1.0)
            proxy.drop()
        before = len(answered)
        until(lambda: len(answered) > before + 10 or calling.done(), 15)
        stop.set()
        calling.result(10)
    until(lambda: server.is_connected and peers.is_connected, 15)
    there = serving.client(address).call("list_domain_definitions", {}, timeout=10)
    assert {row["name"] for row in there} == set(answered)
    assert len([record for record in caplog.records if "no bus" in record.getMessage()]) <= 2


@pytest.mark.slow
def test_all_come_back_from_an_outage_and_the_log_is_not_flooded(
    rabbitmq: RabbitMQ, vhost: str, proxy: Proxy, serving: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    address = through(proxy, rabbitmq, vhost)
    server, peers = serving.server(address), serving.peers(address, "m1", lambda op, _args: op)
    client = serving.client(address)
    assert client.call("x", {}, timeout=10) == ["x", "elastic"]
    proxy.cut()
    ends = time.monotonic() + 14
    while (began := time.monotonic()) < ends:
        with pytest.raises(errors.BusUnavailable):
            client.call("x", {}, timeout=2, idempotency_key="k")
        assert time.monotonic() - began < 4
    assert not server.is_connected
    proxy.heal()
    until(lambda: server.is_connected and peers.is_connected, 15)
    assert client.call("x", {}, timeout=10) == ["x", "elastic"]
    assert peers.ask("m1", "well", {}, timeout=10) == "well"
    told = [record.getMessage() for record in caplog.records if record.name == outage.__name__]
    lost, back = [line for line in told if "no bus" in line], [line for line in told if "is back" in line]
    assert (len(lost), len(back)) == (2, 1), told


@pytest.mark.slow
def test_a_stalled_broker_costs_no_call_more_than_its_timeout(
    rabbitmq: RabbitMQ, vhost: str, proxy: Proxy, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "HEARTBEAT_SECONDS", 1.0)
    address = through(proxy, rabbitmq, vhost)
    server, client = serving.server(address), serving.client(address)
    assert client.call("x", {}, timeout=10) == ["x", "elastic"]
    proxy.stall()
    for key in (None, "k"):
        began = time.monotonic()
        with pytest.raises(errors.BusUnavailable):
            client.call("x", {}, timeout=2, idempotency_key=key)
        assert time.monotonic() - began < 4
    until(lambda: not server.is_connected, 10)
    proxy.heal()
    until(lambda: server.is_connected, 15)
    assert serving.client(address).call("x", {}, timeout=10) == ["x", "elastic"]


@pytest.mark.slow
def test_a_broker_that_is_known_to_be_stalled_holds_up_nobody_who_has_word_for_all(
    rabbitmq: RabbitMQ, vhost: str, proxy: Proxy, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "HEARTBEAT_SECONDS", 1.0)
    heard: list[str] = []
    peers = serving.peers(through(proxy, rabbitmq, vhost), "m1", echo, lambda topic, _message: heard.append(topic))
    peers.tell("before", {})
    proxy.stall()
    until(lambda: not peers.is_connected, 15)
    began = time.monotonic()
    for _ in range(3):
        with pytest.raises(errors.BusUnavailable):
            peers.tell("meanwhile", {})
    assert time.monotonic() - began < 1
    proxy.heal()
    until(lambda: peers.is_connected, 20)
    peers.tell("after", {})
    until(lambda: "after" in heard)


@pytest.mark.slow
def test_a_broker_short_of_memory_is_named_and_forgiven(
    rabbitmq_installed: None, tmp_path: Path, serving: Serving
) -> None:
    with running(RabbitMQ(tmp_path / "broker")) as broker:
        doing = Doing()
        server = serving.server(broker.url(), doing)
        peers = serving.peers(broker.url(), "m1", lambda op, _args: op)
        client = serving.client(broker.url())
        assert client.call("x", {}, timeout=10) == "x"
        broker.ctl(*SHORT_OF_MEMORY)
        for key in ("k1", "k2"):
            with pytest.raises(errors.BusUnavailable, match="short of memory or disk"):
                client.call("do", {}, timeout=2, idempotency_key=key)
        with pytest.raises(errors.BusUnavailable, match="short of memory or disk"):
            peers.tell("x", {})
        assert server.is_connected
        broker.ctl(*MEMORY_ENOUGH)
        assert client.call("x", {}, timeout=15) == "x"
        assert peers.ask("m1", "well", {}, timeout=10) == "well"


@pytest.mark.slow
def test_what_is_asked_and_answered_while_a_broker_is_short_of_memory_goes_out_once_it_is_not(
    rabbitmq_installed: None, tmp_path: Path, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what must not be sent twice: it was not sent yet."""
    monkeypatch.setattr(rpc, "BLOCKED_SECONDS", 60.0)
    with running(RabbitMQ(tmp_path / "broker")) as broker, ThreadPoolExecutor(2) as pool:
        doing = Doing()
        serving.server(broker.url(), doing)
        clients = [serving.client(broker.url()) for _ in range(2)]
        assert [client.call("x", {}, timeout=10) for client in clients] == ["x", "x"]
        answered = pool.submit(clients[0].call, "hang", {}, timeout=120)
        until(doing.taken.is_set)
        broker.ctl(*SHORT_OF_MEMORY)
        with pytest.raises(errors.BusUnavailable, match="short of memory or disk"):
            clients[1].call("k", {}, timeout=2, idempotency_key="k")
        asked = pool.submit(clients[1].call, "once", {}, timeout=120)
        doing.free.set()
        assert wait((asked, answered), timeout=2).done == set()
        broker.ctl(*MEMORY_ENOUGH)
        assert (asked.result(90), answered.result(90)) == ("once", "hang")
        assert [call.op for call in doing.calls].count("once") == 1


@pytest.mark.slow
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_broker_that_starts_again_is_found_again(
    rabbitmq_installed: None, tmp_path: Path, serving: Serving, end: str
) -> None:
    with running(RabbitMQ(tmp_path / "broker")) as broker:
        server = serving.server(broker.url())
        peers = serving.peers(broker.url(), "m1", lambda op, _args: op)
        client = serving.client(broker.url())
        assert client.call("x", {}, timeout=10) == ["x", "elastic"]
        until(lambda: broker.has_on_disk(QUEUE))
        getattr(broker, end)()
        until(lambda: not server.is_connected)
        broker.start()
        until(lambda: server.is_connected and peers.is_connected, 15)
        assert client.call("x", {}, timeout=15) == ["x", "elastic"]
        assert peers.ask("m1", "well", {}, timeout=15) == "well"


@pytest.mark.slow
def test_a_queue_that_came_back_dead_is_made_anew(
    rabbitmq_installed: None, tmp_path: Path, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed right after the queue was made, RabbitMQ 3.10 has one without a leader when it comes back."""
    monkeypatch.setattr(rpc, "DEAD_SECONDS", 3.0)
    with running(RabbitMQ(tmp_path / "broker")) as broker:
        while True:
            connection = connected(broker.url(), listens=False)
            topology.rpc_queue(CLUSTER, on_amqp=True)(opened_channel(connection)).declare()
            broker.kill()
            connection.release()
            is_dead = not broker.has_on_disk(QUEUE)
            broker.start()
            if is_dead:
                break
            broker.ctl("delete_queue", QUEUE)
        server = serving.server(broker.url(), patience=60)
        assert serving.client(broker.url()).call("x", {}, timeout=15) == ["x", "elastic"]
        assert server.is_connected
