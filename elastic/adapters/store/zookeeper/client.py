"""kazoo's client, made so that nothing is sent that was given up on, and that nothing lasts for ever.

As it comes, kazoo keeps what is asked of it while it is not connected and sends it later, perhaps in another
session; ends for good at a surprise in its loop; may wait for one server as long as a session lasts; and shows
the credentials to whoever logs at DEBUG.
"""

import logging
import socket
import ssl
import threading
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from kazoo.client import KazooClient
from kazoo.exceptions import ConnectionLoss
from kazoo.handlers.threading import SequentialThreadingHandler
from kazoo.protocol.connection import ConnectionHandler
from kazoo.protocol.states import KeeperState
from kazoo.retry import KazooRetry
from kazoo.security import ACL

from elastic.adapters.store.zookeeper.address import Address

log = logging.getLogger(__name__)
wire = logging.getLogger(f"{__name__}.wire")
wire.setLevel(logging.ERROR)  # below that it shows each request, and each attempt to connect

CONNECT_SECONDS = 2.0  # to one server, TCP and TLS
GREET_SECONDS = 3.0  # until that server has given us a session
RETRY_SECONDS = 1.0  # at most, between two rounds over the servers
WAKE_SECONDS = 4.0

CONNECTED = (KeeperState.CONNECTED,)
ENDED = (KeeperState.CLOSED, KeeperState.AUTH_FAILED)


class Handler(SequentialThreadingHandler):  # type: ignore[misc]
    """Bounds each attempt to connect, trusts one CA alone, and remembers why an attempt failed."""

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        super().__init__()
        self._tls = tls
        self.faults: dict[tuple[str, int], OSError] = {}

    def create_connection(self, address: tuple[str, int], hostname: str, **_others: Any) -> socket.socket:
        try:
            connected = _connected(address, hostname, self._tls)
        except OSError as fault:
            self.faults[address] = fault
            raise
        self.faults.pop(address, None)
        return connected

    def create_socket_pair(self) -> tuple[socket.socket, socket.socket]:
        read, write = super().create_socket_pair()
        write.settimeout(WAKE_SECONDS)  # it fills up when the loop hangs at a server that takes nothing
        return read, write


def _connected(address: tuple[str, int], hostname: str, tls: ssl.SSLContext | None) -> socket.socket:
    connected = socket.create_connection(address, CONNECT_SECONDS)
    try:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return tls.wrap_socket(connected, server_hostname=hostname) if tls else connected
    except BaseException:
        connected.close()
        raise


class Connection(ConnectionHandler):  # type: ignore[misc]
    """kazoo's loop, with bounds."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._known: dict[tuple[str, int], list[Any]] = {}

    def zk_loop(self) -> None:
        try:
            super().zk_loop()
        except InterruptedError:
            pass  # how kazoo tells itself that it was stopped between two attempts
        except Exception as fault:
            log.error("the connection to ZooKeeper ended: %s", fault, exc_info=fault)

    def _invoke(self, timeout: float, *args: Any, **kwargs: Any) -> Any:
        return super()._invoke(min(timeout, GREET_SECONDS), *args, **kwargs)

    def _expand_client_hosts(self) -> list[Any]:
        """Where a name does not resolve now, what it stood for before."""
        found: list[Any] = super()._expand_client_hosts()
        fresh: dict[tuple[str, int], list[Any]] = {}
        for place in found:
            fresh.setdefault((place[0], place[2]), []).append(place)
        self._known.update(fresh)
        missing = [place for name, places in self._known.items() if name not in fresh for place in places]
        return found + missing


class Client(KazooClient):  # type: ignore[misc]
    """Takes a request only while it is connected: one that waited would be sent in another life."""

    def __init__(self, address: Address, session_timeout: float, acl: list[ACL] | None) -> None:
        handler = Handler(address.tls())
        retry = {"max_tries": -1, "delay": 0.1, "max_delay": RETRY_SECONDS, "sleep_func": handler.sleep_func}
        self._gate = threading.RLock()  # held for a moment only: kazoo's loop takes it too
        super().__init__(
            hosts=address.hosts,
            timeout=session_timeout,
            handler=handler,
            default_acl=acl,
            auth_data=[("digest", address.credentials)] if address.credentials else None,
            connection_retry=KazooRetry(**retry),
            logger=wire,
        )
        self._connection = Connection(self, self._conn_retry.copy(), logger=wire)

    @property
    def faults(self) -> list[OSError]:
        """Why each server that could not be connected to could not be, the last time."""
        return list(self.handler.faults.values())

    def send(self, requests: Iterable[Any]) -> list[Any]:
        """The answers to come, kazoo's `IAsyncResult`s, in the order of the requests.

        All are queued at once, and kazoo's loop is woken once: it takes a byte for each.
        """
        calls = [(request, self.handler.async_result()) for request in requests]
        if calls:
            self._queue_up(calls)
        return [answer for _, answer in calls]

    def _call(self, request: Any, async_object: Any) -> bool | None:
        return None if self._queue_up([(request, async_object)]) else False

    def _queue_up(self, calls: Sequence[tuple[Any, Any]]) -> bool:
        """False: each has failed already."""
        with self._gate:
            if self._state in CONNECTED:
                self._queue.extend(calls)
                bell = self._connection._write_sock
            else:
                bell = None
        if bell is None:
            return _fail(calls, "not connected")
        try:
            bell.sendall(bytes(len(calls)))
        except OSError:
            return _fail(calls, "the connection hangs")
        return True

    def _session_callback(self, state: str) -> None:
        with self._gate:
            super()._session_callback(state)


def _fail(calls: Iterable[tuple[Any, Any]], why: str) -> Literal[False]:
    for _, answer in calls:
        answer.set_exception(ConnectionLoss(why))
    return False
