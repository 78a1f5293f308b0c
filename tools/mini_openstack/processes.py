"""A service's process: started in a session of its own, found again by its pid file, ended with its whole session.

A pid file holds the pid and the time at which that process began, so that another process which has got the
same number is never taken for it.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from mini_openstack.errors import Trouble
from mini_openstack.places import Places
from mini_openstack.progress import say

_KILLED = 5.0  # seconds; after SIGKILL
_PAUSE = 0.05
_INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Life:
    """One process, among all that ever have its pid."""

    pid: int
    born: int  # clock ticks since the machine was

    @property
    def lasts(self) -> bool:
        entry = _Entry.of(self.pid)
        return entry is not None and entry.born == self.born and entry.lives

    def session(self) -> list[int]:
        """Whoever lives in the session that it began, itself among them or not.

        As long as one of them lives, the kernel gives its pid to nobody else.
        """
        entry = _Entry.of(self.pid)
        if entry is not None and entry.born != self.born:
            return []
        return [pid for pid in _pids() if (one := _Entry.of(pid)) and one.session == self.pid and one.lives]


class Processes:
    def __init__(self, places: Places) -> None:
        self._places = places

    def life(self, name: str) -> Life | None:
        """None if it does not run."""
        life = self._noted(name)
        return life if life and life.lasts else None

    def all_run(self, names: Iterable[str]) -> bool:
        return all(self.life(name) for name in names)

    def noted(self) -> list[str]:
        """What was started and not stopped since, whether it still runs or not."""
        return sorted(file.stem for file in self._places.run.glob("*.pid"))

    def launch(self, name: str, argv: Sequence[str], environment: Mapping[str, str]) -> None:
        """With a log of its own; the one before is kept beside it."""
        log = self._places.log_of(name)
        if log.exists():
            log.replace(log.with_suffix(".log.1"))
        with log.open("ab") as out, _no_interrupt():
            try:
                process = subprocess.Popen(
                    argv,
                    env=environment,
                    cwd=self._places.run,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    start_new_session=True,
                )
            except OSError as refusal:
                raise Trouble(f"{name} cannot be run: {argv[0]}: {refusal.strerror}") from None
            entry = _Entry.of(process.pid)
            self._file(name).write_text(f"{process.pid} {entry.born if entry else 0}\n")

    def stop(self, names: Sequence[str], patience: float) -> None:
        """All at once. What has not ended after `patience` seconds is killed."""
        lives = {name: life for name in names if (life := self.life(name))}
        for life in lives.values():
            with suppress(ProcessLookupError):
                os.kill(life.pid, signal.SIGTERM)
        _wait(lives.values(), patience)
        for name, life in lives.items():
            if life.lasts:
                say(f"{name} does not end by itself: it is killed")
        self.kill(names)

    def kill(self, names: Iterable[str]) -> None:
        for name in names:
            self._end_session(name)
            self._file(name).unlink(missing_ok=True)

    def sweep(self, mark: str) -> None:
        """Kill whatever has the variable `mark` in its environment: what an interrupted command has left.

        It is not for services: some write their title over their environment.
        """
        wanted = os.fsencode(mark)
        deadline = time.monotonic() + _KILLED
        while (left := [pid for pid in _pids() if wanted in _environment(pid)]) and time.monotonic() < deadline:
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(_PAUSE)

    def _end_session(self, name: str) -> None:
        life = self._noted(name)
        if life is None:
            return
        deadline = time.monotonic() + _KILLED
        while (left := life.session()) and time.monotonic() < deadline:
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(_PAUSE)

    def _noted(self, name: str) -> Life | None:
        try:
            pid, born = self._file(name).read_text().split()
            return Life(int(pid), int(born))
        except (OSError, ValueError):  # there is none, or whoever wrote it was killed over it
            return None

    def _file(self, name: str) -> Path:
        return self._places.run / f"{name}.pid"


@dataclass(frozen=True)
class _Entry:
    """What /proc says of a process."""

    lives: bool
    session: int
    born: int

    @classmethod
    def of(cls, pid: int) -> "_Entry | None":
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        except OSError:
            return None
        fields = stat.rpartition(")")[2].split()  # the name before it may hold anything
        return cls(lives=fields[0] not in "ZX", session=int(fields[3]), born=int(fields[19]))


def _pids() -> Iterator[int]:
    own = os.getpid()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != own:
            yield int(entry.name)


def _environment(pid: int) -> list[bytes]:
    """With which it was started."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:  # it has just ended, or is not ours
        return []


def _wait(lives: Iterable[Life], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while any(life.lasts for life in lives) and time.monotonic() < deadline:
        time.sleep(_PAUSE)


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """Ctrl-C, and what counts as such, waits until we have noted what we have started."""
    came: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    heeded = [number for number in _INTERRUPTS if signal.getsignal(number) is signal.default_int_handler]
    for number in heeded:
        signal.signal(number, note)
    try:
        yield
    finally:
        for number in heeded:
            signal.signal(number, signal.default_int_handler)
    if came:
        raise KeyboardInterrupt
