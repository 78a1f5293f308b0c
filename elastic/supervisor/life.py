"""One life of a replica process, from its start to its death."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from elastic.adapters.beat import last_beat

START_PATIENCE = 60.0
"""Seconds that a process may take to its first sign of life: a busy host loads Python slowly."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the replica `member` is run. `patience`: seconds without a sign of life after which it hangs."""

    member: str
    command: Sequence[str]
    beat: Path
    patience: float


class Life:
    """Made by `begin`. All times are monotonic seconds."""

    def __init__(self, recipe: Recipe, process: subprocess.Popen[bytes], lifeline: int, started: float) -> None:
        self._recipe = recipe
        self._process = process
        self._lifeline = lifeline
        self._ready = threading.Event()
        self.started = started
        self.pid = process.pid

    @classmethod
    def begin(cls, recipe: Recipe, now: float, follow: Callable[[IO[bytes]], None]) -> "Life":
        """Start the process; `follow` is handed its stderr to read. Raises OSError if it cannot be started.

        It ends by itself when the writing end of the pipe it is given closes: so when we die.
        """
        recipe.beat.unlink(missing_ok=True)
        theirs, ours = os.pipe()
        try:
            process = subprocess.Popen(  # noqa: S603  our own command
                [*recipe.command, "--parent-pipe", str(theirs)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(theirs,),
                start_new_session=True,  # a Ctrl-C at the terminal is ours to pass on
            )
        except OSError:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        life = cls(recipe, process, ours, now)
        stdout, stderr = process.stdout, process.stderr
        assert stdout is not None  # noqa: S101  for the type checker
        assert stderr is not None  # noqa: S101
        threading.Thread(target=life._listen, args=(stdout,), name="ready", daemon=True).start()
        follow(stderr)
        return life

    def _listen(self, stdout: IO[bytes]) -> None:
        with stdout:
            for line in stdout:
                if line == b"ready\n":
                    self._ready.set()

    @property
    def ready(self) -> bool:
        """It has said that it is in the ring."""
        return self._ready.is_set()

    def ended(self) -> int | None:
        """Its exit code (negative: the signal), None while it lives."""
        return self._process.poll()

    def overdue(self, now: float, fair_since: float) -> float | None:
        """Seconds since its last sign of life, if too many; silence before `fair_since` is not counted."""
        beat = last_beat(self._recipe.beat)
        patience = START_PATIENCE if beat is None else self._recipe.patience
        silence = now - max(beat or 0.0, self.started, fair_since)
        return silence if silence > patience else None

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def bury(self) -> int:
        """Wait for its end, which must be near, and free what we held for it; return its exit code."""
        code = self._process.wait()
        os.close(self._lifeline)
        return code
