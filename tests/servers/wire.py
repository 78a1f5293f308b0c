"""One connection through a proxy: two sockets, and what is on its way between them."""

import selectors
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
CHUNK = 65_536
FULL = 1_048_576  # bytes on their way in one direction before no more are read
CONNECT_RESPONSE = struct.Struct(">iiiqi16s")  # length, protocol, timeout, session id, length, password

Session = tuple[int, bytes]
"""Of ZooKeeper: its id and its password."""


def session_in(head: bytes) -> Session | None:
    """The session that a ZooKeeper server grants with the first bytes it says."""
    if len(head) < CONNECT_RESPONSE.size:
        return None
    length, protocol, _, session_id, secret, password = CONNECT_RESPONSE.unpack_from(head)
    granted = length in (36, 37) and protocol == 0 and secret == 16 and session_id != 0
    return (session_id, password) if granted else None


class Way:
    """One direction of a pair: what has been read of `source` and not yet been written to `target`."""

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self.source, self.target = source, target
        self.waiting = bytearray()
        self.ended = False  # the source has said all
        self.closed = False  # and the target has been told

    def pull(self) -> bytes:
        got = self.source.recv(CHUNK)
        self.ended = not got
        self.waiting += got
        return got

    def push(self) -> None:
        if self.waiting:
            del self.waiting[: self.target.send(self.waiting)]
        if self.ended and not self.waiting and not self.closed:
            self.target.shutdown(socket.SHUT_WR)
            self.closed = True


@dataclass
class Switchboard:
    """What a proxy and its connections know together. Only the proxy's thread changes it."""

    upstream: tuple[str, int]
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    pairs: "set[Pair]" = field(default_factory=set)
    sessions: dict[Session, None] = field(default_factory=dict)
    stalled: bool = False


class Pair:
    """A client's connection and its other half, to the server. All methods run in the proxy's thread."""

    def __init__(self, board: Switchboard, client: socket.socket) -> None:
        self.session: Session | None = None
        self._board = board
        self._head = b""
        self._client, self._server = client, socket.socket()
        self._to_server, self._to_client = Way(client, self._server), Way(self._server, client)
        self._connected = False
        self._watched: dict[socket.socket, int] = {}
        for end in (self._client, self._server):
            end.setblocking(False)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closing is a reset
        self._server.connect_ex(board.upstream)
        board.pairs.add(self)
        self.watch()

    def watch(self) -> None:
        """Tells the selector what either end waits for now."""
        for end in (self._client, self._server):
            wanted = self._wanted(end)
            before = self._watched.get(end, 0)
            if wanted and before:
                if wanted != before:
                    self._board.selector.modify(end, wanted, self._step_at(end))
            elif wanted:
                self._board.selector.register(end, wanted, self._step_at(end))
            elif before:
                self._board.selector.unregister(end)
            self._watched[end] = wanted

    def reset(self) -> None:
        self._close(linger=False)

    def _wanted(self, end: socket.socket) -> int:
        if not self._connected:
            return WRITE if end is self._server else 0
        if self._board.stalled:
            return 0
        outward, inward = self._ways_of(end)
        reads = not outward.ended and len(outward.waiting) < FULL
        writes = bool(inward.waiting) or (inward.ended and not inward.closed)
        return (READ if reads else 0) | (WRITE if writes else 0)

    def _ways_of(self, end: socket.socket) -> tuple[Way, Way]:
        """What it says, and what it is told."""
        both = (self._to_server, self._to_client)
        return both if end is self._client else (both[1], both[0])

    def _step_at(self, end: socket.socket) -> Callable[[int], None]:
        return lambda mask: self._step(end, mask)

    def _step(self, end: socket.socket, mask: int) -> None:
        try:
            if not self._connected:
                if self._server.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                    self.reset()
                    return
                self._connected = True
            else:
                self._move(end, mask)
        except BlockingIOError:
            pass
        except OSError:
            self.reset()
            return
        if self._to_server.closed and self._to_client.closed:
            self._close(linger=True)
        else:
            self.watch()

    def _move(self, end: socket.socket, mask: int) -> None:
        outward, inward = self._ways_of(end)
        if mask & READ and not outward.ended:
            got = outward.pull()
            if end is self._server:
                self._look_at(got)
        if mask & WRITE:
            inward.push()

    def _look_at(self, said: bytes) -> None:
        if self.session is None and len(self._head) < CONNECT_RESPONSE.size:
            self._head += said[: CONNECT_RESPONSE.size]
            self.session = session_in(self._head)
            if self.session is not None:
                self._board.sessions.setdefault(self.session)

    def _close(self, *, linger: bool) -> None:
        self._board.pairs.discard(self)
        for end in (self._client, self._server):
            if self._watched.get(end, 0):
                self._board.selector.unregister(end)
            self._watched[end] = 0
            if linger:
                with suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 0, 0))
            end.close()
