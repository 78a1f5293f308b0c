"""The bus as a VM sees it: it says that it lives, and is asked for that.

One connection, in the hands of one thread. On a broker its account may write heartbeats and nothing else: it
declares nothing and binds nothing. Each heartbeat names the address that the broker has lent to this connection,
and asks come there.
"""

import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from elastic.adapters.bus import topology, wire
from elastic.adapters.bus.frames import guard
from elastic.adapters.bus.heartbeats import heartbeat_properties
from elastic.adapters.bus.link import is_amqp
from elastic.adapters.bus.listener import Listener
from elastic.adapters.bus.ordering import hand_on, unheeded
from elastic.errors import BusUnavailable

log = logging.getLogger(__name__)

SAY_SECONDS = 5.0
PATIENCE_SECONDS = 0.25
ASK_LIMIT = 4096


class Utterance:
    """A heartbeat on its way. `is_taken`: the bus has it; false: it refused or lost it; null: nobody knows."""

    def __init__(self, body: bytes, mac: str) -> None:
        self.body, self.mac = body, mac
        self.is_taken: bool | None = None
        self._is_over = threading.Event()

    def end(self, is_taken: bool) -> None:
        self.is_taken = is_taken
        self._is_over.set()

    def wait(self, seconds: float) -> None:
        self._is_over.wait(seconds)


class KombuVoice:
    """`slot` and `instance_id` are the VM's for life."""

    def __init__(self, url: str, cluster: str, slot: int, instance_id: str) -> None:
        self._exchange = topology.heartbeat_exchange(cluster).name
        self._slot = slot
        self._listener = Listener(f"voice of {instance_id}", url, self._set_up, self._turn, self._patience)
        self._on_ask: Callable[[], None] | None = None
        self._on_order: Callable[[bytes, str], None] = unheeded
        self._channel: Any = None
        self._address = ""
        self._asks: list[Any] = []
        self._to_say: deque[Utterance] = deque()
        self._said: dict[int, Utterance] = {}  # by the number that the broker confirms
        self._numbers = 0
        self._connections = 0

    @property
    def is_connected(self) -> bool:
        """Whether asks reach us."""
        return self._listener.is_connected

    def start(self, on_ask: Callable[[], None], on_order: Callable[[bytes, str], None] = unheeded) -> None:
        """Call `on_ask`, in a thread of ours, whenever a sign of life is asked for, and after each loss of the
        bus: whoever asks has to be told our new address. `on_order(body, mac)` gets each order, and has to see
        to it that it is from whom it says."""
        self._on_ask, self._on_order = on_ask, on_order
        self._connections = 0
        self._listener.start()

    def say(self, body: bytes, mac: str) -> None:
        """Send a heartbeat. Returns when the bus has it; raises BusUnavailable within `SAY_SECONDS`."""
        utterance = Utterance(body, mac)
        self._to_say.append(utterance)
        self._listener.wake()
        utterance.wait(SAY_SECONDS)
        if utterance.is_taken:
            return
        if utterance.is_taken is None:
            utterance.end(False)  # so that it is not sent when the bus comes back
        with contextlib.suppress(ValueError):  # it was sent
            self._to_say.remove(utterance)
        raise BusUnavailable("the bus did not take the heartbeat")

    def stop(self) -> None:
        self._listener.stop()

    def _set_up(self, channel: Any) -> None:
        guard(channel, ASK_LIMIT)
        self._channel = channel
        self._asks.clear()
        self._lose()
        if is_amqp(channel):
            self._address = topology.DIRECT_REPLY
            channel.confirm_select()
            channel.events["basic_ack"].add(lambda number, multiple: self._confirm(number, multiple, True))
            channel.events["basic_nack"].add(lambda number, multiple: self._confirm(number, multiple, False))
        else:
            self._address = topology.reply_queue()(channel).declare()
        channel.basic_consume(queue=self._address, no_ack=True, consumer_tag="asks", callback=self._asks.append)
        self._connections += 1
        if self._connections > 1:
            self._give_sign()

    def _lose(self) -> None:
        """What was sent on the connection before."""
        for utterance in self._said.values():
            utterance.end(False)
        self._said.clear()
        self._numbers = 0

    def _patience(self) -> float:
        return 0.0 if self._to_say else PATIENCE_SECONDS

    def _turn(self, _idle: bool) -> None:
        if self._asks:
            asks, self._asks[:] = self._asks[:], []  # asked many times at once is asked once
            for message in asks:
                self._obey(message)
            self._give_sign()
        while self._to_say:
            self._send(self._to_say.popleft())

    def _send(self, utterance: Utterance) -> None:
        if utterance.is_taken is not None:
            return
        self._numbers += 1
        self._said[self._numbers] = utterance
        self._channel.Producer().publish(
            utterance.body,
            str(self._slot),
            exchange=self._exchange,
            reply_to=self._address,
            **heartbeat_properties(utterance.mac),
        )
        if not is_amqp(self._channel):
            self._confirm(self._numbers, False, True)

    def _confirm(self, number: int, multiple: bool, is_taken: bool) -> None:
        numbers = [known for known in self._said if known <= number] if multiple else [number]
        for known in numbers:
            if (utterance := self._said.pop(known, None)) is not None:
                utterance.end(is_taken)

    def _obey(self, message: Any) -> None:
        mac = (message.headers or {}).get(wire.MAC_HEADER)
        if message.body != wire.ASK and isinstance(mac, str):
            hand_on(self._on_order, message.body, mac)

    def _give_sign(self) -> None:
        try:
            if self._on_ask is not None:
                self._on_ask()
        except Exception:
            log.exception("asked for a sign of life, and gave none")
