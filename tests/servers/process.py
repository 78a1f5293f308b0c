"""What all servers under test share: a free port, a process of our own, an end by its pid."""

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol, TypeVar

PATIENCE = 60.0
_given: set[int] = set()


def free_port() -> int:
    """Of 127.0.0.1, below those that the kernel gives to clients: none can take it while its server is down.

    Each of the processes that share the tests has a range of its own.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    begin = 10_000 + worker % 7 * 3_000
    while True:
        port = random.randrange(begin, begin + 3_000)
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            if port not in _given:
                _given.add(port)
                return port


def opened_by(pid: int) -> Iterator[str]:
    """Names of what that process has open just now; it may close some of that while we look."""
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            yield os.readlink(entry)


class Server(Protocol):
    def start(self) -> None: ...

    def kill(self) -> None: ...


S = TypeVar("S", bound=Server)


@contextmanager
def running(server: S) -> Iterator[S]:
    """Started; and nothing of it is left afterwards."""
    try:
        server.start()
        yield server
    finally:
        server.kill()


class ServerFailed(Exception):
    """A server did not come up or go down; with the end of its log."""


class Child:
    """A server's process: our child, in a session of its own, so that Ctrl-C reaches only the tests."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], cwd: Path, log: Path) -> None:
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        self._log = log
        _watchdog.add(self._process.pid)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def lives(self) -> bool:
        return self._process.poll() is None

    def until(self, ready: Callable[[], bool], bound: float = PATIENCE) -> None:
        deadline = time.monotonic() + bound
        while not ready():
            if not self.lives:
                raise ServerFailed(f"it ended with {self._process.returncode}: {self._tail()}")
            if time.monotonic() > deadline:
                raise ServerFailed(f"it was not ready within {bound:g} s: {self._tail()}")
            time.sleep(0.02)

    def end(self, number: signal.Signals, bound: float = 30.0) -> int:
        """Its exit code, once it is gone; one that does not go within `bound` seconds is killed."""
        if self.lives:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(number)
        try:
            return self._process.wait(bound)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise ServerFailed(f"it did not end within {bound:g} s: {self._tail()}") from None
        finally:
            _watchdog.remove(self._process.pid)

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def _tail(self) -> str:
        return "\n" + self._log.read_text(errors="replace")[-4000:]


class _Watchdog:
    """Started with the first server, and ends by itself after us."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._owner = 0

    def add(self, pid: int) -> None:
        self._tell(f"+ {pid}")

    def remove(self, pid: int) -> None:
        self._tell(f"- {pid}")

    def _tell(self, line: str) -> None:
        with self._lock:
            if self._process is None or self._owner != os.getpid():
                argv = [sys.executable, "-S", str(Path(__file__).with_name("watchdog.py"))]
                self._process = subprocess.Popen(
                    argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True
                )
                self._owner = os.getpid()
            assert self._process.stdin is not None
            print(line, file=self._process.stdin, flush=True)


_watchdog = _Watchdog()
