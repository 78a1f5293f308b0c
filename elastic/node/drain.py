"""Draining inside a VM: a command of the owner's that takes it out of service and ends when its work is done."""

import logging
import os
import signal
import subprocess
from collections.abc import Callable, Sequence

from elastic.model.heartbeat import DRAINED, DRAINING
from elastic.model.inside import Commands

log = logging.getLogger(__name__)

REQUEUE = "ELASTIC_DRAIN_REQUEUE"
"""In the environment of the command: `1` if it is to give back what it has not finished."""

RETRY = 30.0  # seconds after a command that failed
PATIENCE = 10.0  # seconds that a command has to stop in when it is told to


def filled(commands: Commands, fill: Callable[[str], str]) -> Commands:
    """With names in the place of what stands for them, in each word."""
    return Commands(begin=tuple(map(fill, commands.begin)), back=tuple(map(fill, commands.back)))


class Drain:
    """For one thread. `monotonic` is the clock by which a command that failed is tried again, and by which one
    that does not stop is killed. There is never more than one at work."""

    def __init__(self, commands: Commands, monotonic: Callable[[], float]) -> None:
        self._commands, self._monotonic = commands, monotonic
        self._process: subprocess.Popen[bytes] | None = None
        self._kill_at: float | None = None  # of a process that was told to stop
        self._to_run: tuple[str, ...] = ()  # until it has ended well
        self._run_at = 0.0
        self._is_on = self._requeues = self._is_done = False

    @property
    def state(self) -> str:
        """As it goes into a heartbeat; empty while the machine serves."""
        if not self._is_on:
            return ""
        return DRAINED if self._is_done else DRAINING

    @property
    def is_moving(self) -> bool:
        """Something of it may change soon."""
        return self._is_on or self._process is not None

    def order(self, drain: bool, requeue: bool) -> None:
        is_to_requeue = requeue and not self._requeues and not self._is_done
        if drain and (not self._is_on or is_to_requeue):
            log.info("told to drain%s", ", and to give back what is not finished" if requeue else "")
            self._is_on, self._requeues, self._is_done = True, requeue, False
            self._turn_to(self._commands.begin)
        elif not drain and self._is_on:
            log.info("told to serve again")
            self._is_on = self._requeues = self._is_done = False
            self._turn_to(self._commands.back)

    def look(self) -> None:
        """See how far the command is; begin the next, once it is over."""
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                self._lose_patience()
                return
            self._ended(code)
        if self._to_run and self._monotonic() >= self._run_at:
            self._start(self._to_run)

    def close(self) -> None:
        """What is at work is told to stop. May be called at any moment, by a handler of signals too."""
        if (process := self._process) is not None:
            self._signal(process.pid, signal.SIGTERM)

    def _turn_to(self, command: tuple[str, ...]) -> None:
        self._to_run, self._run_at = command, self._monotonic()
        if self._process is not None and self._kill_at is None:
            self._signal(self._process.pid, signal.SIGTERM)
            self._kill_at = self._monotonic() + PATIENCE
        self.look()

    def _lose_patience(self) -> None:
        if self._process is not None and self._kill_at is not None and self._monotonic() >= self._kill_at:
            self._signal(self._process.pid, signal.SIGKILL)

    def _ended(self, code: int) -> None:
        process, was_told_to = self._process, self._kill_at is not None
        self._process = self._kill_at = None
        if process is not None and (code or was_told_to):
            self._signal(process.pid, signal.SIGKILL)  # what it has left behind
        if was_told_to:
            return
        if code:
            self._failed(f"the drain's command ended with {code}")
            return
        self._to_run, self._is_done = (), self._is_on
        log.info("drained" if self._is_on else "serves again")

    def _start(self, command: Sequence[str]) -> None:
        environment = {**os.environ, REQUEUE: "1" if self._requeues else "0"}
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the command is the owner's, from the settings
                command, env=environment, stdin=subprocess.DEVNULL, start_new_session=True
            )
        except (OSError, ValueError) as fault:
            self._failed(f"the drain's command {command[0]!r} cannot be run: {fault}")

    def _failed(self, text: str) -> None:
        log.warning("%s; tried again in %g s", text, RETRY)
        self._run_at = self._monotonic() + RETRY

    @staticmethod
    def _signal(group: int, number: int) -> None:
        """To a command and all that it has started."""
        try:
            os.killpg(group, number)
        except OSError as fault:
            log.debug("%d: %s", group, fault)  # nobody is left, or it is another user's by now
