"""One connection to a bus: how it is made, listened to and let go, and what may go wrong with it."""

import contextlib
import os
import random
import socket
import sqlite3
from typing import Any

from amqp.exceptions import AMQPError, MessageNacked
from kombu import Connection
from kombu.exceptions import KombuError

from elastic.adapters.bus import amqp_transport, sqlite_transport
from elastic.adapters.bus.address import Address, addresses, is_sqlite

FAULTS = (KombuError, AMQPError, MessageNacked, sqlite3.Error, OSError)
"""What goes wrong with a bus; TimeoutError, which says that nothing came, is an OSError too."""

CONNECT_SECONDS = 4.0
"""To try all of a bus's addresses; each gets its share, and one second at least."""

ANSWER_SECONDS = 10.0
"""For what the broker has to answer at once, such as a declaration."""

PARTING_SECONDS = 0.5
HEARTBEAT_SECONDS = 5.0
"""A broker gives up a silent client after two of them, and others get its calls."""


def connected(url: str, listens: bool, **options: Any) -> Connection:
    """A new connection that stands. One that listens shows the broker that it lives, and must be drained.

    Of several addresses any that answers, in random order: so members spread over the brokers. `options` are
    py-amqp's. Raises one of FAULTS.
    """
    if is_sqlite(url):
        sqlite_transport.register()
        return _established(Connection(url))
    found = addresses(url)
    random.shuffle(found)
    seconds = max(1.0, CONNECT_SECONDS / len(found))
    for address in found[:-1]:
        with contextlib.suppress(*FAULTS):
            return _amqp(address, listens, seconds, options)
    return _amqp(found[-1], listens, seconds, options)


def _amqp(address: Address, listens: bool, seconds: float, options: dict[str, Any]) -> Connection:
    _check_files(address)
    connection = Connection(
        hostname=address.host,
        port=address.port,
        userid=address.user,
        password=address.password,
        virtual_host=address.vhost,
        transport=amqp_transport.Transport,
        ssl=dict(address.tls) if address.tls else False,
        connect_timeout=seconds,
        heartbeat=HEARTBEAT_SECONDS if listens else 0,
        transport_options=options,
    )
    _established(connection).connection.sock.settimeout(ANSWER_SECONDS)
    return connection


def _established(connection: Connection) -> Connection:
    try:
        connection.ensure_connection(max_retries=0)
    except BaseException:
        connection.release()
        raise
    return connection


def _check_files(address: Address) -> None:
    """OpenSSL does not say which file it cannot read."""
    said = address.tls or {}
    for file in (said.get(name) for name in ("ca_certs", "certfile", "keyfile")):
        if file is not None and not os.access(file, os.R_OK):
            raise OSError(f"{file} cannot be read")


def opened_channel(connection: Connection) -> Any:
    """A channel whose messages stay as they came: py-amqp would decode their bodies by any codec that they name,
    kombu would unpack what calls itself compressed, of any size."""
    channel = connection.channel()
    channel.auto_decode = False

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


class Link:
    """A connection that stands until it is closed. For one thread, but for `wake` and `cut`."""

    def __init__(self) -> None:
        self.is_blocked = False
        """Whether the broker takes nothing from us: it is short of memory or disk."""
        self._connection: Connection = None
        self._raw: Any = None
        self._socket: Any = None
        self._bell: tuple[socket.socket, socket.socket] | None = None

    @classmethod
    def to(cls, url: str, listens: bool) -> "Link":
        """Raises one of FAULTS."""
        link = cls()
        if is_sqlite(url):
            link._connection = connected(url, listens)
            link._raw = link._connection.connection
            return link
        link._connection = connected(url, listens, on_blocked=link._blocked, on_unblocked=link._unblocked)
        link._raw = link._connection.connection
        link._socket = link._raw.sock
        link._bell = socket.socketpair()
        for end in link._bell:
            end.setblocking(False)
        return link

    def channel(self) -> Any:
        return opened_channel(self._connection)

    def drain(self, seconds: float) -> bool:
        """Hand on what came; False if nothing did within `seconds`, or somebody woke us."""
        if self._bell is not None:
            if not amqp_transport.is_readable(self._socket, seconds, self._bell[0]):
                self._hush()
                return False
            seconds = amqp_transport.READ_SECONDS
        try:
            self._connection.transport.drain_events(self._raw, timeout=seconds)
        except TimeoutError:
            return False
        return True

    def show_life(self) -> None:
        """To be called each second by one that listens. Raises if the broker has been silent for too long."""
        self._connection.transport.heartbeat_check(self._raw)

    def wake(self) -> None:
        """End the wait of `drain`. From any thread."""
        with contextlib.suppress(OSError):  # full: it has been woken; closed: it waits no more
            if self._bell is None:
                self._raw.wake()
            else:
                self._bell[1].send(b"!")

    def cut(self) -> None:
        """Have whatever waits for the broker fail now. From any thread."""
        if self._socket is not None:
            with (
                contextlib.suppress(OSError, ValueError),
                socket.socket(fileno=os.dup(self._socket.fileno())) as same,
            ):
                same.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Whatever state it is in, and within about a second."""
        with contextlib.suppress(*FAULTS, AttributeError, ValueError):  # py-amqp's, of a connection half gone
            if self._socket is not None:
                self._socket.settimeout(PARTING_SECONDS)
            self._connection.release()
        for end in self._bell or ():
            end.close()

    def _hush(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._bell and self._bell[0].recv(64):
                pass

    def _blocked(self, _reason: str) -> None:
        self.is_blocked = True

    def _unblocked(self) -> None:
        self.is_blocked = False
