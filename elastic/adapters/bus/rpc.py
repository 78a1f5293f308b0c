"""RPC over kombu: one durable queue for the cluster, served by whichever member takes the message."""

import getpass
import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from amqp.exceptions import InternalError
from kombu import Consumer, Exchange

from elastic.adapters.bus import topology, wire
from elastic.adapters.bus.address import is_sqlite, user_of
from elastic.adapters.bus.allowance import Allowance
from elastic.adapters.bus.caller import Caller, Errand
from elastic.adapters.bus.frames import guard
from elastic.adapters.bus.hands import Hands
from elastic.adapters.bus.link import is_amqp
from elastic.adapters.bus.listener import Listener, Served
from elastic.adapters.bus.sender import Sender
from elastic.errors import BadMessage, BusUnavailable, Denied, Unavailable
from elastic.model.domain import Json
from elastic.ports.bus import Call, Reply

WIDTH = 4
"""Calls at once: a slow one does not hold up the others, and none waits here while another member is idle."""

TOLD_BURST, TOLD_RATE = 200, 20
"""To each account, at once and each second, why what it sent is no call; the rest is dropped without a word."""

FINISH_SECONDS = 1.0
"""For what is under way when we are stopped."""

REPLY_SECONDS = 60.0
"""How long a reply waits for its caller, if he gave no deadline or a later one."""

BLOCKED_SECONDS = 2.0
"""For which a reply waits for a broker that takes nothing now; whoever answers calls takes no other meanwhile."""

DEAD_SECONDS = 30.0
"""For which a broker lets us in and not at the queue, before we look whether that is dead."""

LONGEST_PATIENCE = 5.0
DEFAULT_EXCHANGE = Exchange("")

log = logging.getLogger(__name__)


class KombuRpcServer(Served):
    """Serves a few calls at once, each in a thread; `dropped` counts, by reason, what was no call."""

    def __init__(self, url: str, cluster: str, wall: Callable[[], float] = time.time) -> None:
        self._cluster = cluster
        self._wall = wall
        self._handle: Callable[[Call], Reply] = _nobody
        self._channel: Any = None
        self._consumer: Any = None
        self._is_closing = False
        self._vain_since: float | None = None
        self._waiting: list[Any] = []
        self._dropped: Counter[str] = Counter()
        self._may_be_told = Allowance(TOLD_RATE, TOLD_BURST)
        self._listener = Listener("rpc", url, self._set_up, self._serve)
        self._sender = Sender(url)
        self._hands = Hands("rpc", WIDTH, self._listener.wake)

    @property
    def turned(self) -> float:
        """When it last could take a call, in monotonic seconds."""
        stuck = self._hands.stuck_since
        return self._listener.turned if stuck is None else min(stuck, self._listener.turned)

    def start(self, handle: Callable[[Call], Reply]) -> None:
        self._handle = handle
        self._is_closing = False
        self._hands.start()
        self._listener.start()

    def stop(self) -> None:
        """Within three seconds. What is under way may end and be answered; what has not begun goes to others."""
        self._is_closing = True
        self._listener.wake()
        if self._listener.is_connected:
            self._hands.wait(FINISH_SECONDS)
        self._hands.stop()
        self._listener.stop()
        self._sender.close()

    def _set_up(self, channel: Any) -> None:
        guard(channel, wire.RPC_LIMIT)
        self._channel = channel
        self._waiting.clear()
        queue = topology.rpc_queue(self._cluster, is_amqp(channel))(channel)
        self._vain_since = began = self._vain_since or time.monotonic()
        if is_amqp(channel) and time.monotonic() - began >= DEAD_SECONDS:
            _bury(queue)
        self._consumer = Consumer(
            channel, [queue], on_message=self._waiting.append, accept=["json"], prefetch_count=WIDTH
        )
        self._consumer.consume()
        self._vain_since = None

    def _serve(self, _idle: bool) -> None:
        if self._is_closing:
            self._take_no_more()
        while self._waiting:
            self._take(self._waiting.pop(0))
        self._hands.settle()

    def _take_no_more(self) -> None:
        self._waiting.clear()
        if self._consumer is not None:
            consumer, self._consumer = self._consumer, None
            consumer.cancel()

    def _take(self, message: Any) -> None:
        try:
            call = _call_of(message)
        except BadMessage as reason:
            self._dropped[str(reason)] += 1
            self._refuse(message, str(reason))
            return
        # acknowledged after the reply: a call whose server dies before it goes to another one
        self._hands.do(lambda: self._answer(message, call), self._while_connected(message.ack))

    def _refuse(self, message: Any, reason: str) -> None:
        """Whoever can be told is told: he would wait for nothing."""
        if reason == wire.BAD_REPLY_TO or not self._may_be_told.takes(str(message.properties.get("user_id"))):
            message.reject()
            return
        body = wire.encoded(wire.refusal_of(reason))
        self._hands.do(
            lambda: send_reply(self._sender, message, body, REPLY_SECONDS, self._dropped),
            self._while_connected(message.reject),
        )

    def _answer(self, message: Any, call: Call) -> None:
        body = wire.answer(self._handle, call)
        left = REPLY_SECONDS if call.deadline is None else call.deadline - self._wall()
        send_reply(self._sender, message, body, min(max(1.0, left), REPLY_SECONDS), self._dropped)

    def _while_connected(self, step: Callable[[], None]) -> Callable[[], None]:
        """`step`, unless the connection has been lost since: then the message comes again."""
        channel = self._channel
        return lambda: step() if channel is self._channel else None


class KombuRpcClient:
    """`user`: who asks, unless `as_user` says otherwise; "" for nobody.

    By default the user that the bus knows us as, and our login name where the bus has no users.
    """

    def __init__(
        self, url: str, cluster: str, user: str | None = None, wall: Callable[[], float] = time.time
    ) -> None:
        self._caller = Caller(url)
        self._cluster = cluster
        self._exchange = topology.rpc_exchange(cluster).name
        self._has_users = not is_sqlite(url)
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
            exchange=self._exchange,
            routing_key=self._exchange,
            nobody=f"no cluster {self._cluster!r} serves on that bus",
            headers=wire.headers_of(idempotency_key, self._wall() + timeout),
            properties={"user_id": user} if user else {},
            **({} if idempotency_key is None else {"again": min(LONGEST_PATIENCE, max(0.5, timeout / 4))}),
        )
        return wire.result_of(self._caller.ask(errand, timeout))

    def close(self) -> None:
        self._caller.close()


def _bury(queue: Any) -> None:
    """Delete the bound `queue`, if nobody loses a call by that.

    RabbitMQ 3.10 that was killed right after the queue was made comes back with one that has no leader: it can be
    declared again, and all that use it hang until their connection breaks. Only deleting it helps.
    """
    said = queue.queue_declare(passive=True)
    if said.message_count == said.consumer_count == 0:
        log.error("the queue %s does not serve us: it is empty, and is deleted and made anew", queue.name)
        queue.delete()


def _nobody(_call: Call) -> Reply:
    raise Unavailable("nobody serves yet")


def send_reply(sender: Sender, message: Any, body: bytes, seconds: float, dropped: Counter[str]) -> None:
    """As far as it can be done. Not on the connection that listens: RabbitMQ breaks one over a forged address,
    and that is counted in `dropped`."""
    try:
        sender.publish(
            body,
            DEFAULT_EXCHANGE,
            message.properties["reply_to"],
            declare=False,
            patience=min(seconds, BLOCKED_SECONDS),
            correlation_id=message.properties.get("correlation_id"),
            expiration=seconds,
            delivery_mode=1,
            **wire.CONTENT,
        )
    except BusUnavailable as trouble:
        if isinstance(trouble.__cause__, InternalError):
            dropped[wire.BAD_REPLY_TO] += 1
        log.info("an answer was not sent: %s", trouble)


def check_reply_to(message: Any) -> None:
    """BadMessage unless it names a queue of replies: we do not let a caller write into any queue with our hand."""
    reply_to = message.properties.get("reply_to")
    if not isinstance(reply_to, str) or wire.ADDRESS.fullmatch(reply_to) is None:
        raise BadMessage(wire.BAD_REPLY_TO)


def _call_of(message: Any) -> Call:
    check_reply_to(message)
    redelivered = bool(message.delivery_info.get("redelivered"))
    return wire.call_of(message.body, message.headers, message.properties, redelivered)


def _default_user(url: str, has_users: bool) -> str:
    if has_users:
        return user_of(url)
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
