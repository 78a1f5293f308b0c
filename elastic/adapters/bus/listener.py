"""What listens: a thread with a connection of its own, made anew whenever it breaks."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_when_event_set,
    wait_random_exponential,
)

from elastic.adapters.bus.link import FAULTS, Link
from elastic.adapters.bus.outage import TELL_SECONDS, outage_of
from elastic.adapters.bus.plain import words
from elastic.errors import BusUnavailable

log = logging.getLogger(__name__)

MAX_BACKOFF_SECONDS = 5.0
PATIENCE_SECONDS = 0.25
LOST_SECONDS = 0.2
"""Before connecting again after a loss: a bus that breaks each connection at once is not hammered."""


class Listener:
    """`set_up(channel)` declares and consumes. `turn(idle)` is called each time something came (False), and when
    nothing came for `patience()` seconds, or it was woken (True)."""

    def __init__(
        self,
        name: str,
        url: str,
        set_up: Callable[[Any], None],
        turn: Callable[[bool], None] = lambda _idle: None,
        patience: Callable[[], float] = lambda: PATIENCE_SECONDS,
    ) -> None:
        self._name = name
        self._url = url
        self._set_up = set_up
        self._turn = turn
        self._patience = patience
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._link: Link | None = None
        self._surprised = -TELL_SECONDS
        self._outage = outage_of(url)
        self.is_connected = False
        self.turned = time.monotonic()
        """When it last went round, in monotonic seconds: the loop's age."""

    def start(self) -> None:
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 2.0) -> None:
        """Return within `timeout` seconds. One that is just connecting then ends a little later by itself."""
        self._stopping.set()
        self.wake()
        if self._thread is None or self._thread is threading.current_thread():
            return
        self._thread.join(timeout / 2)
        if self._thread.is_alive():
            if (link := self._link) is not None:
                link.cut()
            self._thread.join(timeout / 2)

    def wake(self) -> None:
        """Have `turn` called soon. From any thread."""
        if (link := self._link) is not None:
            link.wake()

    def demand_bus(self) -> None:
        """BusUnavailable if it is known to be away: whoever may not wait need not find that out by waiting."""
        if not self.is_connected:
            raise BusUnavailable("the bus is away")

    def _run(self) -> None:
        while not self._stopping.is_set():
            retrying = Retrying(
                retry=retry_if_exception_type(Exception),
                wait=wait_random_exponential(multiplier=0.1, max=MAX_BACKOFF_SECONDS),
                stop=stop_when_event_set(self._stopping),
                sleep=sleep_using_event(self._stopping),
                before_sleep=self._tell_of,
                retry_error_callback=lambda _state: None,
            )
            retrying(self._serve)
        self._outage.back(self._name)

    def _serve(self) -> None:
        """Return when stopped, or when a connection that did stand is lost: the backoff begins anew then."""
        self._link = link = Link.to(self._url, listens=True)
        try:
            if self._stopping.is_set():
                return
            self._set_up(link.channel())
            self.is_connected = True
            self._outage.back(self._name)
            log.debug("%s: connected to the bus", self._name)
            self._drain(link)
        except Exception as error:
            if self._stopping.is_set():
                return
            if not self.is_connected:
                raise
            self.is_connected = False
            self._tell(error)
            self._stopping.wait(LOST_SECONDS)
        finally:
            self.is_connected = False
            self._link = None
            link.close()

    def _drain(self, link: Link) -> None:
        checked = time.monotonic()
        while not self._stopping.is_set():
            came = link.drain(self._patience())
            self.turned = time.monotonic()
            if self.turned - checked >= 1.0:
                link.show_life()
                checked = self.turned
            self._turn(not came)

    def _tell_of(self, state: RetryCallState) -> None:
        self._tell(state.outcome.exception() if state.outcome is not None else None)

    def _tell(self, error: BaseException | None) -> None:
        """The log shows where an error comes from if it is none that buses have."""
        self.turned = time.monotonic()
        if not isinstance(error, FAULTS) and self.turned - self._surprised >= TELL_SECONDS:
            self._surprised = self.turned
            log.error("%s: that should not happen", self._name, exc_info=error)
        self._outage.lost(self._name, words(error))


class Served:
    """What each of our servers on the bus tells of itself."""

    _dropped: Counter[str]
    _listener: Listener

    @property
    def dropped(self) -> Mapping[str, int]:
        return self._dropped

    @property
    def is_connected(self) -> bool:
        return self._listener.is_connected

    @property
    def turned(self) -> float:
        """When the loop last went round, in monotonic seconds."""
        return self._listener.turned
