"""Heartbeats over kombu: a queue of our own, bound to the exchanges of the partitions that are ours."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

from elastic.adapters.bus import topology, wire
from elastic.adapters.bus.frames import guard, hand_on_rest, read_ahead
from elastic.adapters.bus.hands import Hands
from elastic.adapters.bus.listener import Listener, Served
from elastic.adapters.bus.sender import Sender
from elastic.errors import BadMessage
from elastic.ports.bus import Pulse

log = logging.getLogger(__name__)

PREFETCH = 500
BATCH = 250
TUNE_SECONDS = 0.1
GATHER_SECONDS = 0.005
BOUND_AT_ONCE = 8
"""Partitions. One that is new to the broker costs it some 10 ms, and meanwhile nothing is heard here."""


class KombuHeartbeats(Served):
    """`partitions`: how many the cluster has. `dropped` counts, by reason, what was no heartbeat.

    What has come is heard in a thread of its own. If that hangs, the connection lives on and the broker keeps
    what it can: first `PREFETCH` here, then as many as `topology.heartbeat_queue` says, of which the oldest go.
    """

    def __init__(self, url: str, cluster: str, member: str, partitions: int) -> None:
        self._cluster = cluster
        self._member = member
        self._partitions = partitions
        self._sender = Sender(url)
        self._listener = Listener("heartbeats", url, self._set_up, self._turn, self._patience)
        self._hands = Hands("hearing", 1, self._listener.wake)
        self._hear: Callable[[Sequence[Pulse]], None] = lambda _pulses: None
        self._wanted: frozenset[int] = frozenset()
        self._bound: frozenset[int] = frozenset()
        self._channel: Any = None
        self._queue = ""
        self._waiting: list[Any] = []
        self._dropped: Counter[str] = Counter()

    @property
    def turned(self) -> float:
        """When the loop last went round, or a hearing began that still lasts, in monotonic seconds."""
        stuck = self._hands.stuck_since
        return self._listener.turned if stuck is None else min(stuck, self._listener.turned)

    def start(self, hear: Callable[[Sequence[Pulse]], None]) -> None:
        self._hear = hear
        self._hands.start()
        self._listener.start()

    def stop(self) -> None:
        self._hands.stop()
        self._listener.stop()
        self._sender.close()

    def tune(self, partitions: frozenset[int]) -> None:
        self._wanted = partitions

    def bound(self) -> frozenset[int]:
        return self._bound if self._listener.is_connected else frozenset()

    def probe(self, partition: int, body: bytes) -> None:
        self._listener.demand_bus()
        slot = topology.slots_of(partition, self._partitions)[0]
        self._sender.publish(
            body, topology.heartbeat_exchange(self._cluster), str(slot), **heartbeat_properties(wire.PROBE_MAC)
        )

    def _set_up(self, channel: Any) -> None:
        guard(channel, wire.HEARTBEAT_LIMIT)
        read_ahead(channel)
        self._channel = channel
        self._waiting.clear()
        self._bound = frozenset()
        topology.heartbeat_exchange(self._cluster)(channel).declare()
        queue = topology.heartbeat_queue(self._cluster, self._member)(channel)
        queue.declare()
        self._queue = queue.name
        channel.basic_qos(0, PREFETCH, False)
        channel.basic_consume(
            queue=queue.name, consumer_tag="heartbeats", no_ack=False, callback=self._waiting.append
        )

    def _patience(self) -> float:
        if self._wanted != self._bound:
            return 0.0
        return GATHER_SECONDS if self._waiting and not self._hands.open else TUNE_SECONDS

    def _turn(self, idle: bool) -> None:
        hand_on_rest(self._channel)
        self._hands.settle()
        if self._waiting and (idle or len(self._waiting) >= BATCH) and not self._hands.open:
            self._pass_on()
        if self._wanted != self._bound:
            self._retune()

    def _pass_on(self) -> None:
        messages = self._waiting[:]
        self._waiting.clear()
        last, channel = messages[-1].delivery_tag, self._channel

        def acknowledge() -> None:
            if channel is self._channel:  # else the connection was lost meanwhile, and its queue with it
                channel.basic_ack(last, multiple=True)

        self._hands.do(lambda: self._hear_all(messages), acknowledge)

    def _hear_all(self, messages: Sequence[Any]) -> None:
        pulses = [pulse for message in messages if (pulse := self._pulse(message)) is not None]
        if not pulses:
            return
        try:
            self._hear(pulses)
        except Exception:
            log.exception("%d heartbeats were not heard", len(pulses))

    def _pulse(self, message: Any) -> Pulse | None:
        properties = message.properties
        try:
            return wire.pulse_of(
                message.body, message.headers or {}, message.delivery_info["routing_key"], properties
            )
        except BadMessage as reason:
            self._dropped[str(reason)] += 1
            return None

    def _retune(self) -> None:
        """One step of it: what is new is bound before what is old is let go."""
        wanted = self._wanted
        new = list(islice(sorted(wanted - self._bound), BOUND_AT_ONCE))
        if new:
            self._bind(new)
            self._bound |= frozenset(new)
            return
        for partition in islice(sorted(self._bound - wanted), BOUND_AT_ONCE):
            self._bound -= {partition}
            self._channel.queue_unbind(
                queue=self._queue,
                exchange=topology.partition_exchange(self._cluster, partition).name,
                routing_key="",
            )

    def _bind(self, partitions: Sequence[int]) -> None:
        """The last step is confirmed by the broker, and with it all that went before on this channel."""
        heartbeats = topology.heartbeat_exchange(self._cluster).name
        for partition in partitions:
            exchange = topology.partition_exchange(self._cluster, partition)
            exchange(self._channel).declare(nowait=True)
            for slot in topology.slots_of(partition, self._partitions):
                self._channel.exchange_bind(
                    destination=exchange.name, source=heartbeats, routing_key=str(slot), nowait=True
                )
            self._channel.queue_bind(
                queue=self._queue, exchange=exchange.name, routing_key="", nowait=partition != partitions[-1]
            )


def heartbeat_properties(mac: str) -> Mapping[str, Any]:
    """What a heartbeat has beside its body, for kombu to publish it with."""
    return {
        "headers": {wire.MAC_HEADER: mac},
        "delivery_mode": 1,
        "expiration": topology.HEARTBEAT_SECONDS,
        **wire.CONTENT,
    }
