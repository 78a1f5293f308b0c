"""Signals as something to wait for, by a main thread that does nothing else for long."""

import os
import select
import signal
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Self


class Signals:
    """While entered, the signals in `stopping` and `noted` are counted in `seen`, and do nothing else.

    A SIGHUP that our starter chose to ignore (nohup) stays ignored.
    """

    def __init__(self, stopping: Sequence[signal.Signals], noted: Sequence[signal.Signals]) -> None:
        self.seen: Counter[int] = Counter()
        self._stopping = stopping
        self._noted = noted
        self._before: dict[int, signal._HANDLER] = {}

    @property
    def stops(self) -> int:
        """How often we were asked to stop."""
        return sum(self.seen[number] for number in self._stopping)

    def __enter__(self) -> Self:
        self._wake_in, self._wake_out = os.pipe()
        os.set_blocking(self._wake_in, False)
        os.set_blocking(self._wake_out, False)
        for number in (*self._stopping, *self._noted):
            if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue
            self._before[number] = signal.signal(number, self._count)
        self._woken_before = signal.set_wakeup_fd(self._wake_out, warn_on_full_buffer=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(self._woken_before)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._wake_in)
        wake_out, self._wake_out = self._wake_out, -1  # the number may soon be another file's
        os.close(wake_out)

    def _count(self, number: int, _frame: FrameType | None) -> None:
        self.seen[number] += 1

    def wake(self) -> None:
        """Cut a wait short; from any thread."""
        with suppress(OSError):  # nobody waits any more, or is woken already
            os.write(self._wake_out, b"\0")

    def wait(self, seconds: float) -> None:
        """Return after `seconds`, or as soon as one of the signals comes, or `wake` is called."""
        if select.select([self._wake_in], [], [], seconds)[0]:
            os.read(self._wake_in, 4096)
