"""Draining inside a VM: a command of the owner's that takes it out of service and ends when its work is done."""

import logging
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import msgspec

from elastic.errors import BadRequest
from elastic.model.heartbeat import DRAINED, DRAINING

log = logging.getLogger(__name__)

REQUEUE = "ELASTIC_DRAIN_REQUEUE"
"""In the environment of the command: `1` if it is to give back what it has not finished."""

RETRY = 30.0  # seconds after a command that failed


class Commands(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Each is a list of words, and no shell reads it. `begin` ends, with 0, when the work is done; `back` has the
    machine serve again. Without `begin`, what the agent tells of its work has to do."""

    begin: tuple[str, ...] = ()
    back: tuple[str, ...] = ()

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Self:
        """BadRequest says what is wrong."""
        try:
            return msgspec.convert(said, cls)
        except msgspec.ValidationError as fault:
            raise BadRequest(f"drain: {fault}") from None

    def filled(self, fill: Callable[[str], str]) -> Self:
        return type(self)(begin=tuple(map(fill, self.begin)), back=tuple(map(fill, self.back)))


class Drain:
    """For one thread. `monotonic` is the clock by which a command that failed is tried again."""

    def __init__(self, commands: Commands, monotonic: Callable[[], float]) -> None:
        self._commands, self._monotonic = commands, monotonic
        self._process: subprocess.Popen[bytes] | None = None
        self._is_on = self._requeues = False
        self._is_done = False
        self._retry_at = 0.0
        self.fault = ""

    @property
    def state(self) -> str:
        """As it goes into a heartbeat; empty while the machine serves."""
        if not self._is_on:
            return ""
        return DRAINED if self._is_done else DRAINING

    def order(self, drain: bool, requeue: bool) -> None:
        if drain and (not self._is_on or (requeue and not self._requeues)):
            self._end()
            self._is_on, self._requeues, self._is_done = True, requeue, False
            log.info("told to drain%s", ", and to give back what is not finished" if requeue else "")
            self._begin()
        elif not drain and self._is_on:
            self._end()
            self._is_on = self._requeues = self._is_done = False
            self.fault = ""
            log.info("told to serve again")
            if self._commands.back:
                self._process = self._started(self._commands.back)

    def look(self) -> None:
        """See how far the command is."""
        if self._process is None:
            if self._is_on and not self._is_done and self.fault and self._monotonic() >= self._retry_at:
                self._begin()
            return
        code = self._process.poll()
        if code is None:
            return
        self._process = None
        if not self._is_on:
            if code:
                log.warning("the command that ends a drain ended with %d", code)
        elif code == 0:
            self._is_done, self.fault = True, ""
            log.info("drained")
        else:
            self._failed(f"the drain's command ended with {code}")

    def close(self) -> None:
        self._end()

    def _begin(self) -> None:
        if self._commands.begin:
            self._process = self._started(self._commands.begin)

    def _started(self, command: Sequence[str]) -> subprocess.Popen[bytes] | None:
        environment = {**os.environ, REQUEUE: "1" if self._requeues else "0"}
        try:
            return subprocess.Popen(  # noqa: S603 - the command is the owner's, from the settings
                command, env=environment, stdin=subprocess.DEVNULL, start_new_session=True
            )
        except OSError as fault:
            self._failed(f"the drain's command {command[0]!r} cannot be run: {fault.strerror}")
            return None

    def _failed(self, text: str) -> None:
        log.warning("%s; tried again in %g s", text, RETRY)
        self.fault, self._retry_at = text, self._monotonic() + RETRY

    def _end(self) -> None:
        """What is at work is told to stop, with all that it has started."""
        if self._process is not None and self._process.poll() is None:
            try:
                os.killpg(self._process.pid, signal.SIGTERM)
            except ProcessLookupError:
                log.debug("it was over already")
        self._process = None
