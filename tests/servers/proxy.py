"""A wire that can be cut: a TCP proxy on 127.0.0.1, with an eye for the ZooKeeper sessions that pass through."""

import socket
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from tests.servers.process import free_port
from tests.servers.wire import CHUNK, READ, Pair, Session, Switchboard


class Proxy:
    """`with Proxy(port) as proxy:` or `start()` and `stop()`. Its port stays the same throughout."""

    def __init__(self, upstream_port: int) -> None:
        self.port = free_port()
        self._board = Switchboard(("127.0.0.1", upstream_port))
        self._selector = self._board.selector
        self._listener: socket.socket | None = None
        self._orders: deque[tuple[Callable[[], None], threading.Event]] = deque()
        self._bell, self._ear = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name=f"proxy-{self.port}", daemon=True)
        self._running = True

    def start(self) -> None:
        self._ear.setblocking(False)
        self._selector.register(self._ear, READ, self._obey)
        self._listen()
        self._thread.start()

    def stop(self) -> None:
        if self._running and self._thread.is_alive():
            self._order(self._end)
            self._thread.join()
        self._bell.close()
        self._ear.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def cut(self) -> None:
        """Drops all connections, and refuses new ones."""
        self._order(self._cut)

    def drop(self) -> None:
        """Drops all connections; new ones are welcome."""
        self._order(self._drop)

    def stall(self) -> None:
        """Accepts, and passes nothing. What is under way comes through after `heal`."""
        self._order(lambda: self._set_stalled(True))

    def heal(self) -> None:
        self._order(self._heal)

    @property
    def sessions(self) -> list[Session]:
        """ZooKeeper sessions seen so far, in the order of their first connection."""
        return list(self._board.sessions)

    @property
    def live_sessions(self) -> list[Session]:
        """ZooKeeper sessions that have a connection through here now."""
        found: list[Session] = []
        self._order(lambda: found.extend(pair.session for pair in self._board.pairs if pair.session is not None))
        return found

    def _order(self, what: Callable[[], None]) -> None:
        """Has it done by the thread, and returns when it is."""
        done = threading.Event()
        self._orders.append((what, done))
        self._bell.send(b".")
        if not done.wait(30):
            raise TimeoutError("the proxy does not answer")

    def _run(self) -> None:
        while self._running:
            for key, mask in self._selector.select():
                if key.fileobj.fileno() >= 0:  # type: ignore[union-attr]
                    key.data(mask)
        self._selector.close()

    def _obey(self, _mask: int) -> None:
        with suppress(BlockingIOError):
            self._ear.recv(CHUNK)
        while self._orders:
            what, done = self._orders.popleft()
            try:
                what()
            finally:
                done.set()

    def _listen(self) -> None:
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
            self._listener.setblocking(False)
            self._selector.register(self._listener, READ, self._accept)

    def _accept(self, _mask: int) -> None:
        assert self._listener is not None
        with suppress(OSError):
            client, _ = self._listener.accept()
            Pair(self._board, client)

    def _cut(self) -> None:
        if self._listener is not None:
            self._selector.unregister(self._listener)
            self._listener.close()
            self._listener = None
        self._drop()

    def _drop(self) -> None:
        for pair in list(self._board.pairs):
            pair.reset()

    def _heal(self) -> None:
        self._set_stalled(False)
        self._listen()

    def _set_stalled(self, stalled: bool) -> None:
        self._board.stalled = stalled
        for pair in self._board.pairs:
            pair.watch()

    def _end(self) -> None:
        self._cut()
        self._running = False
