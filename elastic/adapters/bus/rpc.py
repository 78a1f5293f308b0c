"""RPC over kombu: one durable queue for the cluster, served by whichever member takes the message."""

import getpass
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from kombu import Consumer, Exchange
from kombu.utils.url import url_to_parts

from elastic.adapters.bus import topology, wire
from elastic.adapters.bus.caller import Caller, Errand
from elastic.adapters.bus.connection import Listener, Served, is_amqp
from elastic.errors import BadMessage, Denied, Unavailable
from elastic.model.domain import Json
from elastic.ports.bus import Call, Reply

REPLY_SECONDS = 60.0
"""How long a reply waits for a caller that gave no deadline."""

LONGEST_PATIENCE = 5.0


class KombuRpcServer(Served):
    """Serves one call after the other; `dropped` counts, by reason, what was no call."""

    def __init__(self, url: str, cluster: str, wall: Callable[[], float] = time.time) -> None:
        self._cluster = cluster
        self._wall = wall
        self._handle: Callable[[Call], Reply] = _nobody
        self._channel: Any = None
        self._waiting: list[Any] = []
        self._dropped: Counter[str] = Counter()
        self._listener = Listener("rpc", url, self._set_up, self._serve)

    def start(self, handle: Callable[[Call], Reply]) -> None:
        self._handle = handle
        self._listener.start()

    def stop(self) -> None:
        self._listener.stop()

    def _set_up(self, channel: Any) -> None:
        self._channel = channel
        self._waiting.clear()
        queue = topology.rpc_queue(self._cluster, is_amqp(channel))
        # One at a time: a call does not wait behind a slow one while another member has nothing to do.
        Consumer(channel, [queue], on_message=self._waiting.append, accept=["json"], prefetch_count=1).consume()

    def _serve(self, _idle: bool) -> None:
        while self._waiting:
            message = self._waiting.pop(0)
            try:
                call = _call_of(message)
            except BadMessage as reason:
                self._dropped[str(reason)] += 1
                message.reject()
            else:
                self._reply(message, call)
                message.ack()  # after the reply: a call whose server dies before it goes to another one

    def _reply(self, message: Any, call: Call) -> None:
        body = wire.answer(self._handle, call)
        left = REPLY_SECONDS if call.deadline is None else call.deadline - self._wall()
        send_reply(self._channel, message, body, max(1.0, left))


class KombuRpcClient:
    """`user`: who asks, unless `as_user` says otherwise; "" for nobody.

    By default the user that the bus knows us as, and our login name where the bus has no users.
    """

    def __init__(
        self, url: str, cluster: str, user: str | None = None, wall: Callable[[], float] = time.time
    ) -> None:
        self._caller = Caller(url)
        self._queue = topology.rpc_queue(cluster, on_amqp=False).name
        self._has_users = not url.startswith("sqlite")
        self._user = _default_user(url, self._has_users) if user is None else user
        self._wall = wall

    def call(
        self,
        op: str,
        args: Mapping[str, Json],
        timeout: float,
        idempotency_key: str | None = None,
        as_user: str | None = None,
    ) -> Json:
        user = self._user if as_user is None else as_user
        if self._has_users and user != self._user:
            raise Denied(f"the bus knows us as {self._user!r}; only an embedded cluster lets one ask as {user!r}")
        errand = Errand(
            body=wire.encoded(wire.Request(op, dict(args))),
            exchange=Exchange(""),
            routing_key=self._queue,
            headers=wire.headers_of(idempotency_key, self._wall() + timeout),
            properties={"user_id": user} if user else {},
            **({} if idempotency_key is None else {"again": min(LONGEST_PATIENCE, max(0.5, timeout / 4))}),
        )
        return wire.result_of(self._caller.ask(errand, timeout))

    def close(self) -> None:
        self._caller.close()


def _nobody(_call: Call) -> Reply:
    raise Unavailable("nobody serves yet")


def send_reply(channel: Any, message: Any, body: bytes, seconds: float) -> None:
    channel.Producer().publish(
        body,
        message.properties["reply_to"],
        exchange=Exchange(""),
        correlation_id=message.properties.get("correlation_id"),
        expiration=seconds,
        delivery_mode=1,
        **wire.CONTENT,
    )


def check_reply_to(message: Any) -> None:
    """BadMessage unless it names a queue of replies: we do not let a caller write into any queue with our hand."""
    reply_to = message.properties.get("reply_to")
    prefixes = (topology.REPLY_PREFIX, topology.DIRECT_REPLY)
    if not isinstance(reply_to, str) or not reply_to.startswith(prefixes) or len(reply_to) > 255:
        raise BadMessage("bad_reply_to")


def _call_of(message: Any) -> Call:
    check_reply_to(message)
    redelivered = bool(message.delivery_info.get("redelivered"))
    return wire.call_of(message.body, message.headers, message.properties, redelivered)


def _default_user(url: str, has_users: bool) -> str:
    if has_users:
        return url_to_parts(url).username or "guest"
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
