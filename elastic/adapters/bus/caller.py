"""Ask and wait for the answer: what RPC clients and members that ask one another have in common."""

import math
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from amqp.exceptions import NotFound

from elastic.adapters.bus import topology
from elastic.adapters.bus.address import is_sqlite, user_of
from elastic.adapters.bus.frames import guard
from elastic.adapters.bus.link import FAULTS, Link, is_amqp
from elastic.adapters.bus.plain import REFUSALS, refusal, words
from elastic.adapters.bus.post import BLOCKED, Post
from elastic.adapters.bus.wire import CONTENT, PEER_LIMIT
from elastic.errors import BusUnavailable

PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Errand:
    """A question and where it goes. `again`: seconds after which it is sent anew; never, unless it bears that.
    `nobody`: what it means that there is no queue for it, as far as the bus can tell."""

    body: bytes
    exchange: str
    routing_key: str
    nobody: str
    headers: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)
    again: float = math.inf


class Caller:
    """For any thread, one errand at a time, on one connection that is made when first needed."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._user = "" if is_sqlite(url) else user_of(url)
        self._lock = threading.Lock()
        self._is_closing = False
        self._link: Link | None = None
        self._post: Post | None = None
        self._reply_to = ""
        self._replies: list[Any] = []

    def ask(self, errand: Errand, timeout: float) -> bytes:
        """The body of the reply. BusUnavailable if none comes in `timeout` seconds, or none can; Denied."""
        ends = time.monotonic() + timeout
        if not self._lock.acquire(timeout=max(0.0, timeout)):
            raise BusUnavailable(f"others' calls took all of the {timeout:g} s")
        try:
            return self._ask_until(errand, ends)
        finally:
            self._lock.release()

    def close(self) -> None:
        """Within about a second; who waits for an answer then gets none."""
        self._is_closing = True
        if not self._lock.acquire(timeout=0.2):
            if (link := self._link) is not None:
                link.cut()
            if not self._lock.acquire(timeout=0.5):
                return
        try:
            self._disconnect()
        finally:
            self._is_closing = False
            self._lock.release()

    def _ask_until(self, errand: Errand, ends: float) -> bytes:
        correlation, trouble = secrets.token_hex(16), "no answer came in time"
        while not self._is_closing and (left := ends - time.monotonic()) > 0:
            sent = False
            try:
                post = self._ready()
                if post.is_blocked:
                    reply = self._await_free(post, correlation, left)
                else:
                    sent = True  # from here on it may have been
                    self._send(post, errand, correlation, left)
                    reply = self._await(post, errand.nobody, correlation, min(left, errand.again))
                if reply is not None:
                    return reply
                trouble = BLOCKED if post.is_blocked else "no answer came in time"
            except (*REFUSALS, NotFound) as error:
                self._disconnect()
                raise refusal(error, self._user, errand.nobody) from error
            except FAULTS as error:
                self._disconnect()
                trouble = f"the bus failed: {words(error)}"
                if sent and errand.again == math.inf:
                    break
                time.sleep(max(0.0, min(PAUSE_SECONDS, ends - time.monotonic())))
        raise BusUnavailable(trouble)

    def _ready(self) -> Post:
        if self._link is None or self._post is None:
            self._link = Link.to(self._url, listens=False)
            self._post = Post(self._link)
            self._consume(self._post.channel)
        self._post.catch_up()
        return self._post

    def _consume(self, channel: Any) -> None:
        guard(channel, PEER_LIMIT)
        if is_amqp(channel):
            self._reply_to = topology.DIRECT_REPLY
        else:
            self._reply_to = topology.reply_queue()(channel).declare()
        channel.basic_consume(
            queue=self._reply_to, no_ack=True, consumer_tag="replies", callback=self._replies.append
        )

    def _send(self, post: Post, errand: Errand, correlation: str, left: float) -> None:
        post.send(
            errand.body,
            errand.exchange,
            errand.routing_key,
            mandatory=True,
            headers=dict(errand.headers),
            reply_to=self._reply_to,
            correlation_id=correlation,
            expiration=max(left, 0.001),
            delivery_mode=1,
            **CONTENT,
            **errand.properties,
        )

    def _await(self, post: Post, nobody: str, correlation: str, seconds: float) -> bytes | None:
        """None if nothing came. BusUnavailable if the broker did not take what was sent."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            post.listen(left)
            if (reply := self._reply_to_this(correlation)) is not None:
                return reply
            post.check_taken(nobody)
        return None

    def _await_free(self, post: Post, correlation: str, seconds: float) -> bytes | None:
        """Until the broker takes messages again: then null, unless an answer came to what was sent before."""
        ends = time.monotonic() + seconds
        while post.is_blocked and (left := ends - time.monotonic()) > 0:
            post.listen(left)
            if (reply := self._reply_to_this(correlation)) is not None:
                return reply
        return None

    def _reply_to_this(self, correlation: str) -> bytes | None:
        """Null if there is none yet. Late answers to earlier errands are passed over."""
        while self._replies:
            reply = self._replies.pop(0)
            if reply.properties.get("correlation_id") == correlation:
                return bytes(reply.body)
        return None

    def _disconnect(self) -> None:
        link, self._link, self._post = self._link, None, None
        self._replies.clear()
        if link is not None:
            link.close()
