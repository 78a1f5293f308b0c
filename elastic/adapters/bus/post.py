"""What we send on one connection, and what becomes of it."""

import time
from enum import Enum, auto
from typing import Any

from elastic.adapters.bus.link import Link, is_amqp
from elastic.errors import BusUnavailable

BLOCKED = "the broker takes no messages now: it is short of memory or disk"
FULL = "the queue is full; try again later"


class Fate(Enum):
    UNKNOWN = auto()
    TAKEN = auto()
    REFUSED = auto()
    RETURNED = auto()


class Post:
    """One message at a time. Raises FAULTS, but for what is said."""

    def __init__(self, link: Link) -> None:
        self.channel = link.channel()
        self._link = link
        self._producer = self.channel.Producer()
        self._confirms = is_amqp(self.channel)
        self._sent = 0
        self._fate = Fate.UNKNOWN
        self._came_back = False
        if self._confirms:
            self._watch()

    def send(self, body: bytes, exchange: str, routing_key: str, **properties: Any) -> None:
        """What is sent as `mandatory` comes back if no queue wants it."""
        self._sent += 1
        self._fate = Fate.UNKNOWN if self._confirms else Fate.TAKEN
        self._producer.publish(body, routing_key, exchange=exchange, **properties)

    def settle(self, seconds: float) -> None:
        """Return when the broker has the last one. BusUnavailable if it refuses; TimeoutError if it is silent."""
        ends = time.monotonic() + seconds
        while self._fate is Fate.UNKNOWN:
            self.check_blocked()
            if (left := ends - time.monotonic()) <= 0:
                raise TimeoutError("the broker does not say whether it took it")
            self._link.drain(left)
        self.check_taken("nobody is there to take it")

    def check_taken(self, nobody: str) -> None:
        """BusUnavailable if the broker has said that it did not take the last one; `nobody`: no queue wants it."""
        if self._fate is Fate.REFUSED:
            raise BusUnavailable(FULL)
        if self._fate is Fate.RETURNED:
            raise BusUnavailable(nobody)

    def listen(self, seconds: float) -> None:
        """To what the broker has to say, for so long at most."""
        self._link.drain(seconds)

    @property
    def is_blocked(self) -> bool:
        """Whether the broker has said that it takes nothing."""
        return self._link.is_blocked

    def catch_up(self) -> None:
        """Take note of what the broker has said meanwhile."""
        while self._link.drain(0.0):
            pass

    def check_blocked(self, until: float = 0.0) -> None:
        """BusUnavailable if the broker has said that it takes nothing, and has not said otherwise by then, in
        monotonic seconds."""
        while self._link.is_blocked:
            if (left := until - time.monotonic()) <= 0:
                raise BusUnavailable(BLOCKED)
            self._link.drain(left)

    def _watch(self) -> None:
        self.channel.confirm_select()
        self.channel.events["basic_ack"].add(self._taken)
        self.channel.events["basic_nack"].add(self._refused)
        self.channel.events["basic_return"].add(self._returned)

    def _taken(self, number: int, _multiple: bool) -> None:
        self._note(number, Fate.RETURNED if self._came_back else Fate.TAKEN)
        self._came_back = False

    def _refused(self, number: int, _multiple: bool) -> None:
        self._note(number, Fate.REFUSED)

    def _returned(self, _error: Any, _exchange: str, _key: str, _message: Any) -> None:
        """The broker confirms it next."""
        self._came_back = True

    def _note(self, number: int, fate: Fate) -> None:
        """Nobody asks any more what became of those before."""
        if number == self._sent:
            self._fate = fate
