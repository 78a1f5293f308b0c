"""Ending a ZooKeeper session on its server, whatever its client does."""

import socket
import struct
import time

from tests.servers.wire import CONNECT_RESPONSE, Session

# length, protocol, last zxid, timeout, session id, length, password, read-only
CONNECT_REQUEST = struct.Struct(">iiqiqi16s?")
CLOSE = struct.pack(">iii", 8, 1, -11)


def expire(hosts: str, session: Session, bound: float = 30.0) -> None:
    """Takes it over with its id and password, and closes it; returns when the server says that it is no more.

    Its own client learns of that when it connects the next time. Without TLS.
    """
    deadline = time.monotonic() + bound
    while not any(_ended(host, session) for host in hosts.split(",")):
        if time.monotonic() > deadline:
            raise TimeoutError(f"session {session[0]:#x} lives on")
        time.sleep(0.05)


def _ended(host: str, session: Session) -> bool:
    """Whether the server does not know it, having had it closed if it did."""
    name, _, port = host.rpartition(":")
    try:
        with socket.create_connection((name, int(port)), timeout=5) as connection:
            connection.sendall(
                CONNECT_REQUEST.pack(CONNECT_REQUEST.size - 4, 0, 0, 10_000, session[0], 16, session[1], False)
            )
            answer = _received(connection, CONNECT_RESPONSE.size)
            if len(answer) < CONNECT_RESPONSE.size:
                return False
            if CONNECT_RESPONSE.unpack(answer)[3] == 0:
                return True
            connection.sendall(CLOSE)
            _received(connection, CONNECT_RESPONSE.size)
    except OSError:
        pass
    return False


def _received(connection: socket.socket, size: int) -> bytes:
    """`size` bytes, or what there was before the end."""
    got = b""
    while len(got) < size and (more := connection.recv(size - len(got))):
        got += more
    return got
