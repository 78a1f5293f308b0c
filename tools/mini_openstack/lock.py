"""One command at a time in a stack's directory."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from mini_openstack.errors import Trouble
from mini_openstack.places import Places
from mini_openstack.progress import say


@contextmanager
def held(places: Places, patience: float) -> Iterator[None]:
    descriptor = os.open(places.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _take(descriptor, patience)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, patience: float) -> None:
    deadline = time.monotonic() + patience
    told = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            pass
        if time.monotonic() > deadline:
            raise Trouble(f"another mini-openstack has been at work in this directory for {patience:g} s")
        if not told:
            say("waiting for another mini-openstack that is at work in this directory")
            told = True
        time.sleep(0.1)
