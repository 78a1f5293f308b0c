"""Connections to the bus: one for each thread that listens, one for all that is sent."""

import contextlib
import logging
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from amqp.exceptions import AMQPError, MessageNacked
from kombu import Connection, Exchange
from kombu.exceptions import KombuError
from tenacity import (
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_when_event_set,
    wait_random_exponential,
)

from elastic.adapters.bus import sqlite_transport
from elastic.errors import BadRequest, BusUnavailable

log = logging.getLogger(__name__)

FAULTS = (KombuError, AMQPError, MessageNacked, sqlite3.Error, OSError)
"""What goes wrong with a bus; TimeoutError, which says that nothing came, is an OSError too."""

CONNECT_SECONDS = 4.0
CONFIRM_SECONDS = 10.0
HEARTBEAT_SECONDS = 10.0
MAX_BACKOFF_SECONDS = 5.0
PATIENCE_SECONDS = 0.25
LOST_SECONDS = 0.2
"""Before connecting again after a loss: a bus that breaks each connection at once is not hammered."""


T = TypeVar("T")

sqlite_url = sqlite_transport.sqlite_url


def checked_url(url: str) -> str:
    """`url` itself. BadRequest if it is of a kind that nobody knows: a bus that is only away is waited for."""
    sqlite_transport.register()
    try:
        Connection(url).get_transport_cls()
    except (KeyError, ValueError, ImportError) as fault:
        raise BadRequest(f"[bus] url: {fault.args[0] if fault.args else fault}") from None
    return url


def connected(url: str, listens: bool, confirms: bool = False) -> Connection:
    """A new connection that stands. One that listens shows the broker that it lives, and must be drained."""
    sqlite_transport.register()
    amqp = url.startswith(("amqp", "pyamqp"))
    connection = Connection(
        url,
        connect_timeout=CONNECT_SECONDS,
        heartbeat=HEARTBEAT_SECONDS if listens else 0,
        transport_options={"confirm_publish": True} if amqp and confirms else {},
    )
    try:
        # Each of the addresses once, without the seconds that kombu would wait between rounds.
        connection.ensure_connection(max_retries=max(0, len(connection.alt) - 1))
    except BaseException:
        connection.release()
        raise
    return connection


def opened_channel(connection: Connection) -> Any:
    """A channel whose messages stay as they came: kombu would unpack what calls itself compressed, of any size."""
    channel = connection.channel()

    class Packed(channel.Message):  # type: ignore[name-defined]
        def __init__(self, raw: Any, **others: Any) -> None:
            headers = raw["headers"] if isinstance(raw, dict) else raw.properties.get("application_headers")
            (headers or {}).pop("compression", None)
            super().__init__(raw, **others)

    channel.Message = Packed
    return channel


def is_amqp(channel: Any) -> bool:
    """Whether a real broker is at the other end, with quorum queues and direct reply-to."""
    return bool(channel.connection.client.transport.driver_type == "amqp")


class Sender:
    """Sends for any thread, one at a time, on one connection that is made when first needed."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._channel: Any = None
        self._producer: Any = None
        self._once: set[object] = set()

    def publish(self, body: bytes, exchange: Exchange, routing_key: str, **properties: Any) -> None:
        """Return when the bus has it. Raises BusUnavailable; it may have it nevertheless then."""

        def send(channel: Any) -> None:
            self.once(exchange.name, lambda: exchange(channel).declare())
            self._producer.publish(
                body, routing_key, exchange=exchange.name, confirm_timeout=CONFIRM_SECONDS, **properties
            )

        self.run(send)

    def run(self, work: Callable[[Any], T]) -> T:
        """Do `work` with our channel; once more if the connection turns out to be broken. BusUnavailable."""
        with self._lock:
            try:
                return self._attempt(work)
            except FAULTS as first:
                log.debug("the bus failed, trying once more: %s", first)
            try:
                return self._attempt(work)
            except FAULTS as error:
                raise BusUnavailable(f"the bus does not take it: {error}") from error

    def once(self, what: object, work: Callable[[], Any]) -> None:
        """Do `work` the first time on each connection. To be called in `run` only."""
        if what not in self._once:
            work()
            self._once.add(what)

    def forget(self, what: object) -> None:
        """`once` has to do it anew."""
        self._once.discard(what)

    def close(self) -> None:
        with self._lock:
            self._disconnect()

    def _attempt(self, work: Callable[[Any], T]) -> T:
        try:
            if self._connection is None:
                self._connection = connected(self._url, listens=False, confirms=True)
                self._channel = opened_channel(self._connection)
                self._producer = self._channel.Producer()
            return work(self._channel)
        except BaseException:
            self._disconnect()
            raise

    def _disconnect(self) -> None:
        connection, self._connection, self._channel, self._producer = self._connection, None, None, None
        self._once.clear()
        release(connection)


class Listener:
    """A thread with a connection of its own: set up, drained, and made anew whenever it breaks.

    `set_up(channel)` declares and consumes. `turn(idle)` is called each time something came (False), and when
    nothing came for `patience()` seconds (True).
    """

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
        self.is_connected = False
        self.turned = time.monotonic()
        """When it last went round, in monotonic seconds: the loop's age."""

    def start(self) -> None:
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        self._stopping.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stopping.is_set():
            retrying = Retrying(
                retry=retry_if_exception_type(Exception),
                wait=wait_random_exponential(multiplier=0.1, max=MAX_BACKOFF_SECONDS),
                stop=stop_when_event_set(self._stopping),
                sleep=sleep_using_event(self._stopping),
                before_sleep=self._tell,
                retry_error_callback=lambda _state: None,
            )
            retrying(self._serve)

    def _serve(self) -> None:
        """Return when stopped, or when a connection that did stand is lost: the backoff begins anew then."""
        connection = connected(self._url, listens=True)
        try:
            self._set_up(opened_channel(connection))
            self.is_connected = True
            log.debug("%s: connected to the bus", self._name)
            self._drain(connection)
        except Exception as error:
            if not self.is_connected:
                raise
            self.is_connected = False
            log.warning("%s: the bus is lost, connecting again: %s", self._name, error, exc_info=_surprise(error))
            self._stopping.wait(LOST_SECONDS)
        finally:
            self.is_connected = False
            release(connection)

    def _drain(self, connection: Connection) -> None:
        checked = time.monotonic()
        while not self._stopping.is_set():
            idle = False
            try:
                connection.drain_events(timeout=self._patience())
            except TimeoutError:
                idle = True
            self.turned = time.monotonic()
            if self.turned - checked >= 1.0:
                connection.heartbeat_check()
                checked = self.turned
            self._turn(idle)

    def _tell(self, state: Any) -> None:
        self.turned = time.monotonic()
        error = state.outcome.exception()
        log.warning("%s: no bus, trying again: %s", self._name, error, exc_info=_surprise(error))


def release(connection: Connection | None) -> None:
    """Close it, whatever state it is in."""
    if connection is not None:
        with contextlib.suppress(*FAULTS, AttributeError):  # py-amqp's, of a connection half gone
            connection.release()


def _surprise(error: BaseException | None) -> BaseException | None:
    """`error`, if it is not one that buses have: the log should show where it comes from."""
    return None if isinstance(error, FAULTS) else error


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
