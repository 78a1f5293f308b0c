"""What sends for a process: one connection, made when first needed."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from kombu import Exchange

from elastic.adapters.bus.link import FAULTS, Link
from elastic.adapters.bus.plain import words
from elastic.adapters.bus.post import Post
from elastic.errors import BusUnavailable

log = logging.getLogger(__name__)

CONFIRM_SECONDS = 5.0
SLOW_SECONDS, REST_SECONDS = 1.0, 2.0
"""After a failure that took so long all fail at once for a while: callers must not hang one after the other."""

T = TypeVar("T")


class Sender:
    """Sends for any thread, one at a time."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._link: Link | None = None
        self._post: Post | None = None
        self._once: set[object] = set()
        self._rests_until, self._trouble = 0.0, ""

    def publish(
        self,
        body: bytes,
        exchange: Exchange,
        routing_key: str,
        declare: bool = True,
        patience: float = 0.0,
        **properties: Any,
    ) -> None:
        """Return when the bus has it. Raises BusUnavailable; it may have it nevertheless then.

        Not `declare`: somebody else has made the exchange, and we may not. `patience`: seconds for which a broker
        that takes nothing now is waited for.
        """
        until = time.monotonic() + patience

        def send(post: Post) -> None:
            post.check_blocked(until)
            if declare:
                self.once(exchange.name, lambda: exchange(post.channel).declare())
            post.send(body, exchange.name, routing_key, **properties)
            post.settle(CONFIRM_SECONDS)

        self._run(send)

    def run(self, work: Callable[[Any], T]) -> T:
        """Do `work` with our channel; once more if the connection turns out to be broken. BusUnavailable."""

        def do(post: Post) -> T:
            post.check_blocked()
            return work(post.channel)

        return self._run(do)

    def once(self, what: object, work: Callable[[], Any]) -> None:
        """Do `work` the first time on each connection. To be called in `run` only."""
        if what not in self._once:
            work()
            self._once.add(what)

    def forget(self, what: object) -> None:
        """`once` has to do it anew."""
        self._once.discard(what)

    def close(self) -> None:
        """Within about a second, even if somebody is waiting for the broker."""
        if not self._lock.acquire(timeout=0.2):
            if (link := self._link) is not None:
                link.cut()
            if not self._lock.acquire(timeout=0.5):
                return
        try:
            self._disconnect()
        finally:
            self._lock.release()

    def _run(self, work: Callable[[Post], T]) -> T:
        with self._lock:
            began = time.monotonic()
            if began < self._rests_until:
                raise BusUnavailable(self._trouble)
            try:
                return self._try_twice(work)
            except FAULTS as error:
                self._trouble = f"the bus does not take it: {words(error)}"
                if (now := time.monotonic()) - began >= SLOW_SECONDS:
                    self._rests_until = now + REST_SECONDS
                raise BusUnavailable(self._trouble) from error

    def _try_twice(self, work: Callable[[Post], T]) -> T:
        was_there = self._link is not None
        try:
            return self._attempt(work)
        except TimeoutError:
            raise
        except FAULTS as first:
            if not was_there:
                raise
            log.debug("the bus failed, trying once more: %s", words(first))
        return self._attempt(work)

    def _attempt(self, work: Callable[[Post], T]) -> T:
        try:
            return work(self._ready())
        except BusUnavailable:
            raise
        except BaseException:
            self._disconnect()
            raise

    def _ready(self) -> Post:
        if self._link is None or self._post is None:
            self._link = Link.to(self._url, listens=False)
            self._post = Post(self._link)
        self._post.catch_up()
        return self._post

    def _disconnect(self) -> None:
        link, self._link, self._post = self._link, None, None
        self._once.clear()
        if link is not None:
            link.close()
