"""The bus as a VM sees it: it says that it lives, and is asked for that."""

import logging
from collections.abc import Callable
from typing import Any

from kombu import Consumer

from elastic.adapters.bus import topology
from elastic.adapters.bus.connection import Listener, Sender
from elastic.adapters.bus.heartbeats import publish_heartbeat

log = logging.getLogger(__name__)


class KombuVoice:
    """`slot` and `instance_id` are the VM's for life."""

    def __init__(self, url: str, cluster: str, slot: int, instance_id: str) -> None:
        self._cluster = cluster
        self._slot = slot
        self._instance_id = instance_id
        self._sender = Sender(url)
        self._listener = Listener("asks", url, self._set_up, self._serve)
        self._on_ask: Callable[[], None] | None = None
        self._waiting: list[Any] = []

    @property
    def is_connected(self) -> bool:
        """Whether asks reach us."""
        return self._listener.is_connected

    def start(self, on_ask: Callable[[], None]) -> None:
        """Call `on_ask`, in a thread of ours, whenever a sign of life is asked for."""
        self._on_ask = on_ask
        self._listener.start()

    def say(self, body: bytes, mac: str) -> None:
        """Send a heartbeat. Returns when the bus has it; raises BusUnavailable."""
        publish_heartbeat(self._sender, self._cluster, self._slot, body, mac)

    def stop(self) -> None:
        self._listener.stop()
        self._sender.close()

    def _set_up(self, channel: Any) -> None:
        self._waiting.clear()
        queue = topology.ask_queue(self._cluster, self._instance_id)
        Consumer(channel, [queue], on_message=self._waiting.append, accept=["json"], prefetch_count=10).consume()

    def _serve(self, _idle: bool) -> None:
        """Asked many times at once is asked once: the bodies say nothing that we need."""
        if not self._waiting:
            return
        messages = self._waiting[:]
        self._waiting.clear()
        try:
            if self._on_ask is not None:
                self._on_ask()
        except Exception:
            log.exception("asked for a sign of life, and gave none")
        messages[-1].ack(multiple=True)
