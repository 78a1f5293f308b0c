"""One thread after another, and none waits for ever."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from elastic.errors import NotAsked


@contextmanager
def in_turn(lock: threading.Lock, timeout: float, why: str) -> Iterator[None]:
    """Hold the lock; NotAsked if another thread has it for longer than `timeout` seconds."""
    if not lock.acquire(timeout=timeout):
        raise NotAsked(why)
    try:
        yield
    finally:
        lock.release()
