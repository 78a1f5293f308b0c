"""Other processes, made by fork: they die when told to, and never return into the test."""

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Hook = Callable[[str], None]


def hooked(hook: Hook) -> Callable[..., sqlite3.Connection]:
    """A `connect` whose connections call `hook` with each statement before they execute it."""

    class Hooked(sqlite3.Connection):
        def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
            hook(sql)
            return super().execute(sql, *args)

        def executemany(self, sql: str, *args: Any) -> sqlite3.Cursor:
            hook(sql)
            return super().executemany(sql, *args)

    def connect(*args: Any, **options: Any) -> sqlite3.Connection:
        return sqlite3.connect(*args, factory=Hooked, **options)

    return connect


@contextmanager
def forked(work: Callable[[], None]) -> Iterator[int]:
    """Do `work` in a child; what is left of it at the end is killed. Exit code 0 if it returned."""
    pid = os.fork()
    if not pid:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    try:
        yield pid
    finally:
        finish(pid)


def finish(pid: int) -> None:
    """Kill it, if it is there yet, and reap it."""
    try:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    except (ProcessLookupError, ChildProcessError):
        return


def ended(pid: int) -> int:
    """Wait for its end; the exit code, or minus the signal."""
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def stopped(pid: int) -> None:
    """Wait until it has been stopped by a signal."""
    _, status = os.waitpid(pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
