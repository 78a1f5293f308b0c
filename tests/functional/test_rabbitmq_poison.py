"""RPC on a real broker, whatever is sent."""

from collections.abc import Iterator
from typing import Any

import pytest
from amqp.exceptions import AMQPError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kombu import Connection

from elastic import errors
from elastic.adapters.bus.kombu import KombuRpcClient, KombuRpcServer
from elastic.adapters.bus.rpc import WIDTH
from elastic.ports.bus import Call, Reply
from tests.functional.calling import QUEUE, Serving, publish, until

pytestmark = pytest.mark.functional


POISON: dict[str, tuple[bytes, dict[str, Any], str]] = {
    "no JSON": (b"not json", {}, "undecodable"),
    "no text": (b'"\xff\xfe"', {}, "undecodable"),
    "nothing": (b"", {}, "undecodable"),
    "a wrong type": (b'{"op": ["x"], "args": 7}', {}, "undecodable"),
    "depth": (b"[" * 200_000, {}, "undecodable"),
    "size": (b"x" * (2 * 1024 * 1024), {}, "oversized"),
    "pickle": (b"cos\nsystem\n(S'true'\ntR.", {"content_type": "application/x-python-serialize"}, "undecodable"),
    "yaml": (b"!!python/object/apply:os.system ['true']", {"content_type": "application/x-yaml"}, "undecodable"),
    "compressed": (b"x\x9c\x03\x00\x00\x00\x00\x01", {"headers": {"compression": "zlib"}}, "undecodable"),
    "an odd encoding": (b"{}", {"content_encoding": "punycode"}, "undecodable"),
    "a key of a wrong type": (b'{"op": "x"}', {"headers": {"idempotency-key": 7}}, "bad_headers"),
    "a deadline of a wrong type": (b'{"op": "x"}', {"headers": {"deadline": {"a": ["b"]}}}, "bad_headers"),
    "nobody to answer": (b'{"op": "x"}', {"reply_to": None}, "bad_reply_to"),
    "another's queue": (b'{"op": "x"}', {"reply_to": QUEUE}, "bad_reply_to"),
    "a broken address": (b'{"op": "x"}', {"reply_to": "amq.rabbitmq.reply-to.x"}, "bad_reply_to"),
}


@pytest.mark.parametrize("case", POISON)
def test_what_is_no_call_is_counted_dropped_and_its_sender_told(url: str, serving: Serving, case: str) -> None:
    body, properties, reason = POISON[case]
    server = serving.server(url)
    with Connection(url) as connection:
        channel, replies = connection.channel(), []
        channel.basic_consume("amq.rabbitmq.reply-to", no_ack=True, callback=replies.append)
        publish(channel, body, **{"reply_to": "amq.rabbitmq.reply-to", **properties})
        assert serving.client(url).call("x", {}, timeout=10) == ["x", "elastic"]
        until(lambda: dict(server.dropped) == {reason: 1})
        if reason != "bad_reply_to":
            connection.drain_events(timeout=10)
            assert '"bad_request"' in bytes(replies[0].body, "utf-8").decode()
        until(lambda: is_empty(url))
        assert server.is_connected


def is_empty(url: str) -> bool:
    with Connection(url) as connection:
        return bool(connection.channel().queue_declare(QUEUE, passive=True).message_count == 0)


def test_an_operation_that_nobody_knows_is_for_the_handler_to_refuse(url: str, serving: Serving) -> None:
    def refuse(_call: Call) -> Reply:
        raise errors.UnknownOperation("there is no operation 'fly'")

    server = serving.server(url, refuse)
    with pytest.raises(errors.UnknownOperation, match="fly"):
        serving.client(url).call("fly", {}, timeout=10)
    assert not server.dropped


FORGED = "amq.rabbitmq.reply-to.g2dhcmJhZ2U=.kcOqYhXRz3T4nDV5C1LoWQ=="


def test_a_forged_address_breaks_nothing_of_ours(url: str, serving: Serving) -> None:
    """RabbitMQ ends the connection of whoever sends to one."""
    server, client = serving.server(url), serving.client(url)
    seen = []
    with Connection(url) as connection:
        for _ in range(5):
            publish(connection.channel(), b'{"op": "forged"}', reply_to=FORGED)
            assert client.call("x", {}, timeout=10) == ["x", "elastic"]
            seen.append(server.is_connected)
    assert all(seen)
    until(lambda: is_empty(url))
    until(lambda: dict(server.dropped) == {"bad_reply_to": 5})


@pytest.mark.parametrize("deadline", [1.7e308, 2**62, 1e13])
def test_a_caller_who_waits_for_ever_keeps_no_hand_of_ours(url: str, serving: Serving, deadline: float) -> None:
    """No broker takes a reply that is to be kept for so long."""
    serving.server(url)
    with Connection(url) as connection:
        channel, replies = connection.channel(), []
        channel.basic_consume("amq.rabbitmq.reply-to", no_ack=True, callback=replies.append)
        for _ in range(2 * WIDTH):
            publish(channel, b'{"op": "x"}', reply_to="amq.rabbitmq.reply-to", headers={"deadline": deadline})
        assert serving.client(url).call("x", {}, timeout=10) == ["x", "elastic"]
        while len(replies) < 2 * WIDTH:
            connection.drain_events(timeout=10)
    until(lambda: is_empty(url))


SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**31), 2**31) | st.floats(allow_nan=False) | st.text(max_size=9)
)
HEADERS = st.dictionaries(
    st.sampled_from(["idempotency-key", "deadline", "compression", "mac", "x"]),
    SCALARS | st.lists(SCALARS | st.lists(SCALARS, max_size=3), max_size=3),
    max_size=4,
)
BODIES = (
    st.binary(max_size=200)
    | st.sampled_from([b'{"op": "x"}', b'{"op": "x", "args": {"a": [[[]]]}}', b'{"args": {}}', b"null"])
    | st.text(max_size=50).map(str.encode)
)
PROPERTIES = st.fixed_dictionaries(
    {},
    optional={
        "headers": HEADERS,
        "content_type": st.sampled_from(["application/json", "application/x-yaml", "text/plain", "?"]),
        "content_encoding": st.sampled_from(["utf-8", "binary", "zlib", "idna", "?"]),
        "reply_to": st.sampled_from(
            ["amq.rabbitmq.reply-to", "elastic.reply.x", "q", "elastic.reply." + "y" * 200]
        ),
        "correlation_id": st.text("ab", max_size=20),
        "priority": st.integers(0, 255),
        "type": st.text("ab", max_size=20),
    },
)


class Shell:
    """One who sends what he likes. The broker itself breaks some who do: he comes again."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Connection | None = None

    def send(self, body: bytes, properties: dict[str, Any]) -> None:
        try:
            if self._connection is None:
                self._connection = Connection(self._url)
                self._channel = self._connection.channel()
                self._channel.basic_consume("amq.rabbitmq.reply-to", no_ack=True, callback=lambda _reply: None)
            publish(self._channel, body, **properties)
        except (AMQPError, OSError):
            self.close()

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.release()


@pytest.fixture
def shelled(url: str, serving: Serving) -> Iterator[tuple[Shell, KombuRpcServer, KombuRpcClient]]:
    server = serving.server(url)
    shell = Shell(url)
    yield shell, server, serving.client(url)
    shell.close()


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES, properties=PROPERTIES)
def test_whatever_is_sent_the_next_good_call_is_served(
    shelled: tuple[Shell, KombuRpcServer, KombuRpcClient], body: bytes, properties: dict[str, Any]
) -> None:
    shell, server, client = shelled
    shell.send(body, properties)
    assert client.call("x", {}, timeout=10) == ["x", "elastic"]
    assert server.is_connected
