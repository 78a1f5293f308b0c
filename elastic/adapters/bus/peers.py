"""Member to member over kombu: a question to one, word to all."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from kombu import Consumer

from elastic.adapters.bus import topology, wire
from elastic.adapters.bus.caller import Caller, Errand
from elastic.adapters.bus.frames import guard
from elastic.adapters.bus.hands import Hands
from elastic.adapters.bus.listener import Listener, Served
from elastic.adapters.bus.rpc import check_reply_to, send_reply
from elastic.adapters.bus.sender import Sender
from elastic.errors import BadMessage, Unavailable
from elastic.model.domain import Json

log = logging.getLogger(__name__)

TELL_SECONDS = 30.0
REPLY_SECONDS = 30.0

WIDTH = 4
MOST_QUESTIONS, MOST_WORDS = 100, 1_000
"""That wait for us to be free; more are dropped."""

Answering = Callable[[str, Mapping[str, Json]], Json]
Hearing = Callable[[str, Mapping[str, Json]], None]


def _nobody(op: str, _args: Mapping[str, Json]) -> Json:
    raise Unavailable(f"nobody listens for {op} yet")


class KombuPeers(Served):
    """`dropped` counts, by reason, what was neither a question nor word."""

    def __init__(self, url: str, cluster: str, member: str) -> None:
        self._cluster = cluster
        self._member = member
        self._url = url
        self._callers: dict[str, Caller] = {}  # one a member: one that hangs holds up no question to another
        self._sender = Sender(url)
        self._listener = Listener("peers", url, self._set_up, self._serve)
        self._mouths = Hands("peers", WIDTH, self._listener.wake)
        self._ears = Hands("tidings", 1, self._listener.wake)  # one: word is heard in the order in which it comes
        self._answer: Answering = _nobody
        self._hear: Hearing = _nobody
        self._channel: Any = None
        self._waiting: list[Any] = []
        self._dropped: Counter[str] = Counter()

    def start(self, answer: Answering, hear: Hearing) -> None:
        self._answer, self._hear = answer, hear
        self._mouths.start()
        self._ears.start()
        self._listener.start()

    def stop(self) -> None:
        self._mouths.stop()
        self._ears.stop()
        self._listener.stop()
        for caller in tuple(self._callers.values()):
            caller.close()
        self._sender.close()

    def ask(self, member: str, op: str, args: Mapping[str, Json], timeout: float) -> Json:
        errand = Errand(
            body=wire.encoded(wire.Request(op, dict(args))),
            exchange=topology.peer_exchange(self._cluster).name,
            routing_key=member,
            nobody=f"the member {member!r} is not on the bus",
        )
        caller = self._callers.setdefault(member, Caller(self._url))
        return wire.result_of(caller.ask(errand, timeout))

    def tell(self, topic: str, message: Mapping[str, Json]) -> None:
        self._listener.demand_bus()
        self._sender.publish(
            wire.encoded(wire.Tidings(topic, dict(message))),
            topology.tell_exchange(self._cluster),
            "",
            delivery_mode=1,
            expiration=TELL_SECONDS,
            **wire.CONTENT,
        )

    def _set_up(self, channel: Any) -> None:
        guard(channel, wire.PEER_LIMIT)
        self._channel = channel
        self._waiting.clear()
        queue = topology.peer_queue(self._cluster, self._member)
        consumer = Consumer(channel, [queue], on_message=self._waiting.append, accept=["json"], prefetch_count=10)
        for exchange, key in (
            (topology.peer_exchange(self._cluster), self._member),
            (topology.tell_exchange(self._cluster), ""),
        ):
            exchange(channel).declare()
            channel.queue_bind(queue=queue.name, exchange=exchange.name, routing_key=key)
        consumer.consume()

    def _serve(self, _idle: bool) -> None:
        tell = topology.tell_exchange(self._cluster).name
        while self._waiting:
            message = self._waiting.pop(0)
            serve = self._take_word if message.delivery_info.get("exchange") == tell else self._take_question
            try:
                serve(message)
            except BadMessage as reason:
                self._dropped[str(reason)] += 1
            message.ack()  # at once: the queue is ours alone, nothing in it would ever come again
        self._mouths.settle()
        self._ears.settle()

    def _take_question(self, message: Any) -> None:
        check_reply_to(message)
        request = wire.decoded(message.body, wire.Request, wire.PEER_LIMIT)
        if self._mouths.open >= MOST_QUESTIONS:
            raise BadMessage("overload")
        self._mouths.do(lambda: self._reply(message, request))

    def _reply(self, message: Any, request: wire.Request) -> None:
        body = wire.guarded(lambda: {"result": self._answer(request.op, request.args)}, request.op)
        send_reply(self._sender, message, body, REPLY_SECONDS, self._dropped)

    def _take_word(self, message: Any) -> None:
        tidings = wire.decoded(message.body, wire.Tidings, wire.PEER_LIMIT)
        if self._ears.open >= MOST_WORDS:
            raise BadMessage("overload")
        self._ears.do(lambda: self._listen_to(tidings))

    def _listen_to(self, tidings: wire.Tidings) -> None:
        try:
            self._hear(tidings.topic, tidings.message)
        except Exception:
            log.exception("a word about %s was not heard", tidings.topic)
