"""Heartbeats over kombu: a queue of our own, bound to the exchanges of the partitions that are ours."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from kombu import Consumer

from elastic.adapters.bus import topology, wire
from elastic.adapters.bus.connection import Listener, Sender, Served
from elastic.errors import BadMessage
from elastic.ports.bus import Pulse

log = logging.getLogger(__name__)

PREFETCH = 500
BATCH = 250
TUNE_SECONDS = 0.1
GATHER_SECONDS = 0.005


class KombuHeartbeats(Served):
    """`partitions`: how many the cluster has. `dropped` counts, by reason, what was no heartbeat."""

    def __init__(self, url: str, cluster: str, member: str, partitions: int) -> None:
        self._cluster = cluster
        self._member = member
        self._partitions = partitions
        self._sender = Sender(url)
        self._listener = Listener("heartbeats", url, self._set_up, self._turn, self._patience)
        self._hear: Callable[[Sequence[Pulse]], None] = lambda _pulses: None
        self._wanted: frozenset[int] = frozenset()
        self._bound: frozenset[int] = frozenset()
        self._channel: Any = None
        self._queue = ""
        self._waiting: list[Any] = []
        self._dropped: Counter[str] = Counter()

    def start(self, hear: Callable[[Sequence[Pulse]], None]) -> None:
        self._hear = hear
        self._listener.start()

    def stop(self) -> None:
        self._listener.stop()
        self._sender.close()

    def tune(self, partitions: frozenset[int]) -> None:
        self._wanted = partitions

    def bound(self) -> frozenset[int]:
        return self._bound if self._listener.is_connected else frozenset()

    def probe(self, partition: int, body: bytes) -> None:
        slot = topology.slots_of(partition, self._partitions)[0]
        publish_heartbeat(self._sender, self._cluster, slot, body, wire.PROBE_MAC)

    def _set_up(self, channel: Any) -> None:
        self._channel = channel
        self._waiting.clear()
        self._bound = frozenset()
        topology.heartbeat_exchange(self._cluster)(channel).declare()
        queue = topology.heartbeat_queue(self._cluster, self._member)
        self._queue = queue.name
        Consumer(
            channel, [queue], on_message=self._waiting.append, accept=["json"], prefetch_count=PREFETCH
        ).consume()
        self._retune()

    def _patience(self) -> float:
        return GATHER_SECONDS if self._waiting else TUNE_SECONDS

    def _turn(self, idle: bool) -> None:
        if self._waiting and (idle or len(self._waiting) >= BATCH):
            self._flush()
        if self._wanted != self._bound:
            self._retune()

    def _flush(self) -> None:
        messages = self._waiting[:]
        self._waiting.clear()
        pulses = [pulse for message in messages if (pulse := self._pulse(message)) is not None]
        try:
            self._hear(pulses)
        except Exception:
            log.exception("%d heartbeats were not heard", len(pulses))
        messages[-1].ack(multiple=True)

    def _pulse(self, message: Any) -> Pulse | None:
        try:
            key = message.delivery_info.get("routing_key")
            return wire.pulse_of(message.body, message.headers, key)
        except BadMessage as reason:
            self._dropped[str(reason)] += 1
            return None

    def _retune(self) -> None:
        wanted = self._wanted
        for partition in sorted(wanted - self._bound):
            self._bind(partition)
            self._bound |= {partition}
        for partition in sorted(self._bound - wanted):
            self._bound -= {partition}
            self._channel.queue_unbind(
                queue=self._queue,
                exchange=topology.partition_exchange(self._cluster, partition).name,
                routing_key="",
            )

    def _bind(self, partition: int) -> None:
        """The last step is confirmed by the broker, and with it all that went before on this channel."""
        heartbeats = topology.heartbeat_exchange(self._cluster).name
        exchange = topology.partition_exchange(self._cluster, partition)
        exchange(self._channel).declare()
        for slot in topology.slots_of(partition, self._partitions):
            self._channel.exchange_bind(
                destination=exchange.name, source=heartbeats, routing_key=str(slot), nowait=True
            )
        self._channel.queue_bind(queue=self._queue, exchange=exchange.name, routing_key="")


def publish_heartbeat(sender: Sender, cluster: str, slot: int, body: bytes, mac: str) -> None:
    sender.publish(
        body,
        topology.heartbeat_exchange(cluster),
        str(slot),
        headers={wire.MAC_HEADER: mac},
        delivery_mode=1,
        expiration=topology.HEARTBEAT_SECONDS,
        **wire.CONTENT,
    )
