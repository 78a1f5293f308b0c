"""Ask and wait for the answer: what RPC clients and members that ask one another have in common."""

import math
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kombu import Connection, Exchange

from elastic.adapters.bus import topology
from elastic.adapters.bus.connection import FAULTS, connected, is_amqp, opened_channel, release
from elastic.adapters.bus.wire import CONTENT
from elastic.errors import BusUnavailable

PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Errand:
    """A question and where it goes. `again`: seconds after which it is sent anew; never, unless it bears that."""

    body: bytes
    exchange: Exchange
    routing_key: str
    headers: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)
    again: float = math.inf


class Caller:
    """For any thread, one errand at a time, on one connection that is made when first needed."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._channel: Any = None
        self._reply_to = ""
        self._replies: list[Any] = []

    def ask(self, errand: Errand, timeout: float) -> bytes:
        """The body of the reply. BusUnavailable if none comes in `timeout` seconds."""
        ends = time.monotonic() + timeout
        if not self._lock.acquire(timeout=max(0.0, timeout)):
            raise BusUnavailable(f"others' calls took all of the {timeout:g} s")
        try:
            return self._ask_until(errand, ends)
        finally:
            self._lock.release()

    def close(self) -> None:
        with self._lock:
            self._disconnect()

    def _ask_until(self, errand: Errand, ends: float) -> bytes:
        correlation, trouble = secrets.token_hex(16), "no answer came in time"
        while (left := ends - time.monotonic()) > 0:
            sent = False
            try:
                self._connect()
                sent = True  # from here on it may have been
                self._send(errand, correlation, left)
                reply = self._await(correlation, min(left, errand.again))
                if reply is not None:
                    return reply
            except FAULTS as error:
                self._disconnect()
                trouble = f"the bus failed: {error}"
                if sent and errand.again == math.inf:
                    break
                time.sleep(max(0.0, min(PAUSE_SECONDS, ends - time.monotonic())))
        raise BusUnavailable(trouble)

    def _connect(self) -> None:
        if self._connection is not None:
            return
        self._connection = connected(self._url, listens=False)
        self._channel = opened_channel(self._connection)
        if is_amqp(self._channel):
            self._reply_to = topology.DIRECT_REPLY
        else:
            self._reply_to = topology.reply_queue()(self._channel).declare()
        self._channel.basic_consume(
            queue=self._reply_to, no_ack=True, consumer_tag="replies", callback=self._replies.append
        )

    def _send(self, errand: Errand, correlation: str, left: float) -> None:
        self._channel.Producer().publish(
            errand.body,
            errand.routing_key,
            exchange=errand.exchange,
            headers=dict(errand.headers),
            reply_to=self._reply_to,
            correlation_id=correlation,
            expiration=max(left, 0.001),
            delivery_mode=1,
            **CONTENT,
            **errand.properties,
        )

    def _await(self, correlation: str, seconds: float) -> bytes | None:
        """None if nothing came. Late answers to earlier errands are passed over."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            try:
                self._connection.drain_events(timeout=left)  # type: ignore[union-attr]
            except TimeoutError:
                return None
            while self._replies:
                reply = self._replies.pop(0)
                if reply.properties.get("correlation_id") == correlation:
                    return bytes(reply.body)
        return None

    def _disconnect(self) -> None:
        connection, self._connection, self._channel = self._connection, None, None
        self._replies.clear()
        release(connection)
