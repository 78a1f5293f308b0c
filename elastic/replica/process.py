"""A replica from its start to its end: threads around an agent, and signals to the process."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from oslo_config import cfg

from elastic import logs
from elastic.adapters.beat import Beat
from elastic.adapters.membership.alive import AliveLock
from elastic.conf import settings
from elastic.conf.settings import Settings
from elastic.errors import BadRequest, Unavailable
from elastic.replica.lifeline import Lifeline
from elastic.replica.living import Living

log = logging.getLogger(__name__)

STOPPED, HUNG_ON_STOP = 0, 72
_LOOK = 0.25  # seconds between two looks at the loops
_STOP = 8.0  # seconds for a clean stop
_ORPHAN = 2.5  # seconds from our supervisor's end to ours
_TELL = 10.0  # seconds between two words about what we wait for
_RETRY = 1.0


def run_replica(
    conf: cfg.ConfigOpts, member: str, parent_pipe: int | None = None, log_file: str | None = None
) -> int:
    """Be the replica `member` until a signal, or our supervisor's end, says stop. Return the exit code.

    Raises BadRequest, Conflict or Denied if it cannot begin however long it waits. To be called in the main
    thread, by a process that ends when it returns: threads that hang are left to that end.
    """
    logs.setup(conf, member, log_file)
    now = Settings.of(conf)
    run_dir = Path(now.default.run_dir)
    _make(run_dir)
    alive = AliveLock(run_dir, member)
    alive.acquire()
    beat = Beat(run_dir / f"{member}.beat")
    with _listening() as orders:
        if parent_pipe is not None:
            Lifeline(parent_pipe, lambda: _orphaned(orders)).watch()
        ...
