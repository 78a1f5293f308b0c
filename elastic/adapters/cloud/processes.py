"""Processes of this host, told apart for certain: Linux gives a pid away again, a `Process` never."""

import os
import select
import signal
from functools import cache
from pathlib import Path
from time import monotonic, sleep

import msgspec

PROC = Path("/proc")
_DEAD = "ZX"  # zombie: only its exit status is left of it
_SHOWN_SECONDS, _SHOWN_POLL = 2.0, 0.001


class Process(msgspec.Struct, frozen=True):
    """`started` is in clock ticks after the boot of the host that `boot` names."""

    pid: int
    started: int
    boot: str

    @property
    def is_alive(self) -> bool:
        return process(self.pid) == self

    def has_argument(self, text: str) -> bool:
        """False also if it may not be looked at, or has ended.

        One that was just started is there before the kernel shows its arguments: they are waited for.
        """
        deadline = monotonic() + _SHOWN_SECONDS
        while not (argv := self._argv()) and self.is_alive and monotonic() < deadline:
            sleep(_SHOWN_POLL)
        return text.encode() in argv.split(b"\0") and self.is_alive

    def _argv(self) -> bytes:
        try:
            return (PROC / str(self.pid) / "cmdline").read_bytes()
        except OSError:
            return b""

    def end(self, grace: float, bound: float) -> bool:
        """Ask it to end, make it end after `grace` seconds, wait `bound` at most; true if it is gone."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return True
        try:
            return not self.is_alive or _end(handle, grace, monotonic() + bound)
        finally:
            os.close(handle)

    def ask_to_end(self) -> None:
        """SIGTERM to it, and to nobody who has its number now."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            if self.is_alive:
                signal.pidfd_send_signal(handle, signal.SIGTERM)
        except ProcessLookupError:
            return
        finally:
            os.close(handle)


def process(pid: int) -> Process | None:
    """The process that has this number now, if it lives."""
    looked = _look(pid)
    return looked[1] if looked and looked[0] not in _DEAD else None


def child(pid: int) -> Process:
    """Our own child, not yet waited for: it may have ended already and is still told apart."""
    looked = _look(pid)
    if looked is None:
        raise ProcessLookupError(pid)
    return looked[1]


def with_environment(setting: str) -> Process | None:
    """The process of this user that was started with `setting` (NAME=value) in its environment."""
    wanted = setting.encode()
    for folder in PROC.iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue
        if wanted in environment.split(b"\0"):
            return process(int(folder.name))
    return None


@cache
def boot_id() -> str:
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


def _look(pid: int) -> tuple[str, Process] | None:
    """The kernel's letter for its state, and who it is."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            fields = stat.read().rpartition(")")[2].split()  # what is before ")" may hold anything
    except OSError:
        return None
    return (fields[0], Process(pid, int(fields[19]), boot_id())) if fields else None


def _end(handle: int, grace: float, deadline: float) -> bool:
    """`handle` is a pidfd: it names one process only, and becomes readable when that has ended."""
    polite = min(grace, max(0.0, deadline - monotonic()) / 2)
    for number, wait in ((signal.SIGTERM, polite), (signal.SIGKILL, None)):
        try:
            signal.pidfd_send_signal(handle, number)
        except ProcessLookupError:
            return True
        patience = max(0.0, deadline - monotonic()) if wait is None else wait
        if _has_ended(handle, patience):
            return True
    return False


def _has_ended(handle: int, patience: float) -> bool:
    poll = select.poll()  # select() cannot take descriptors above 1023
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(int(patience * 1000)))
