"""What a member sends without waiting for an answer: asks to VMs, news to subscribers."""

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from amqp.exceptions import InternalError
from kombu import Exchange

from elastic.adapters.bus import topology, wire
from elastic.adapters.bus.sender import Sender
from elastic.errors import BusUnavailable
from elastic.model.domain import Json

log = logging.getLogger(__name__)

ASK_SECONDS = 10.0
DEFAULT_EXCHANGE = Exchange("")


class KombuOutgoing:
    """Asks go out on a connection of their own: RabbitMQ breaks one over an address that it cannot read."""

    def __init__(self, url: str, cluster: str) -> None:
        self._cluster = cluster
        self._sender = Sender(url)
        self._asker = Sender(url)

    def ask(self, reply_to: str, order: bytes = b"", mac: str = "") -> None:
        if wire.ADDRESS.fullmatch(reply_to) is None:
            return
        try:
            self._asker.publish(
                order or wire.ASK,
                DEFAULT_EXCHANGE,
                reply_to,
                declare=False,
                delivery_mode=1,
                expiration=ASK_SECONDS,
                headers={wire.MAC_HEADER: mac} if order else {},
                **wire.CONTENT,
            )
        except BusUnavailable as fault:
            if not isinstance(fault.__cause__, InternalError):
                raise
            log.warning("nobody can be asked at %s", reply_to[:60])

    def announce(
        self, owner: str, domain: str, subscribers: Sequence[str], state: str, body: Mapping[str, Json]
    ) -> None:
        for subscriber in subscribers:  # in case the broker has lost its memory since they subscribed
            self._sender.run(partial(self._bind_once, owner=owner, domain=domain, subscriber=subscriber))
        self._sender.publish(
            wire.encoded(body),
            topology.events_exchange(self._cluster),
            topology.events_key(owner, domain, state),
            delivery_mode=2,
            **wire.CONTENT,
        )

    def subscribe(self, owner: str, domain: str, subscriber: str) -> None:
        """Each time: whatever we have bound, another member may have unbound since."""

        def bind(channel: Any) -> None:
            self._sender.forget((owner, domain, subscriber))
            self._bind_once(channel, owner, domain, subscriber)

        self._sender.run(bind)

    def unsubscribe(self, owner: str, domain: str, subscriber: str) -> None:
        """Its queue stays: there may be news of other domains in it, and of this one from before."""

        def unbind(channel: Any) -> None:
            self._sender.forget((owner, domain, subscriber))
            self._declare(channel, owner, subscriber)
            channel.queue_unbind(
                queue=topology.subscriber_queue(self._cluster, owner, subscriber).name,
                exchange=topology.events_exchange(self._cluster).name,
                routing_key=topology.events_key(owner, domain, "*"),
            )

        self._sender.run(unbind)

    def close(self) -> None:
        self._sender.close()
        self._asker.close()

    def _bind_once(self, channel: Any, owner: str, domain: str, subscriber: str) -> None:
        self._sender.once((owner, domain, subscriber), lambda: self._bind(channel, owner, domain, subscriber))

    def _bind(self, channel: Any, owner: str, domain: str, subscriber: str) -> None:
        self._declare(channel, owner, subscriber)
        channel.queue_bind(
            queue=topology.subscriber_queue(self._cluster, owner, subscriber).name,
            exchange=topology.events_exchange(self._cluster).name,
            routing_key=topology.events_key(owner, domain, "*"),
        )

    def _declare(self, channel: Any, owner: str, subscriber: str) -> None:
        topology.events_exchange(self._cluster)(channel).declare()
        topology.subscriber_queue(self._cluster, owner, subscriber)(channel).declare()
