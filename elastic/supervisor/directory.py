"""The directory of an embedded cluster: whether it may be used, and the lock that says by whom."""

import fcntl
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from elastic.adapters.store.sqlite.mounts import networked
from elastic.conf import embedded
from elastic.errors import BadRequest, Conflict, Unavailable

_FOLDERS = ("run", "log")
_ROOM = 32 * 1024 * 1024  # bytes that store and bus, with their logs, soon take on a quiet day


def prepare(path: Path) -> list[str]:
    """Make `path` usable: there, ours alone, and writable. Return what was changed that the user should know.

    BadRequest says in one line why it cannot be used.
    """
    try:
        _make(path)
        changed = _close(path)
        _probe(path)
        for name in _FOLDERS:
            (path / name).mkdir(mode=0o700, exist_ok=True)
    except OSError as trouble:
        raise BadRequest(f"{path} cannot hold a cluster: {trouble.strerror}; choose another --data") from trouble
    return changed


def _make(path: Path) -> None:
    if path.exists() and not path.is_dir():
        raise BadRequest(f"{path} is not a directory; choose another --data")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)


def _close(path: Path) -> list[str]:
    """Whoever may write here is trusted as any user: so it has to be nobody but us."""
    found = path.stat()
    if found.st_uid != os.geteuid():
        raise BadRequest(f"{path} belongs to another user (uid {found.st_uid}); choose another --data")
    if kind := networked(str(path)):
        raise BadRequest(f"{path} is on {kind}, where locks do not hold; choose another --data")
    if stranger := _stranger(path):
        raise BadRequest(f"{path} holds other things ({stranger}); choose an empty or a new --data")
    mode = stat.S_IMODE(found.st_mode)
    path.chmod(0o700)
    return [f"{path} was open to others (mode {mode:04o}); it is 0700 now"] if mode & 0o077 else []


def _stranger(path: Path) -> str | None:
    """A name in a directory that is not a cluster's yet and that no beginning of one explains."""
    if (path / embedded.CONF).exists():
        return None
    ours = ("secret", "store.db", "bus.db", *embedded.FOLDERS, *_FOLDERS)
    return next((entry.name for entry in path.iterdir() if not entry.name.startswith(ours)), None)


def _probe(path: Path) -> None:
    """A full or read-only disk is found out now, and not by a replica in the middle of its work."""
    probe = path / ".probe"
    try:
        with probe.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, _ROOM)
    finally:
        probe.unlink(missing_ok=True)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the directory: Conflict names the process that has it already. Freed by the kernel when we die."""
    descriptor = os.open(path / "run" / "supervisor.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
            raise Conflict(
                f"{path} is in use by another `elastic run` (pid {pid}); stop that one or choose another --data"
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)


class Ground:
    """What a running cluster stands on: the directory itself with the servers' records in it, `kept` (this very
    file), and `needed` (any file).

    A store that is taken away goes on to be used by those who have it open, while a replica that starts anew
    makes another: two clusters in one place. So nobody may go on then.
    """

    def __init__(self, path: Path, records: Path, kept: Path, needed: Sequence[Path]) -> None:
        self._path = path
        self._whole, self._whole_was = (path, records), (_identity(path), _identity(records))
        self._kept, self._kept_was = kept, _identity(kept)
        self._needed = needed

    @property
    def is_gone(self) -> bool:
        """The directory itself, or the records of the servers."""
        return tuple(_identity(folder) for folder in self._whole) != self._whole_was

    def check(self) -> None:
        """Unavailable names what was taken away."""
        if self.is_gone:
            raise Unavailable(f"{self._path} was taken away: the cluster has ended, and its servers")
        taken = [file for file in self._needed if _identity(file) is None]
        if _identity(self._kept) != self._kept_was:
            taken.append(self._kept)
        if taken:
            raise Unavailable(
                f"{taken[0]} was taken away: the cluster has ended, not its servers; put it back and start again"
            )


def _identity(file: Path) -> tuple[int, int] | None:
    """None if it is not there."""
    try:
        found = file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino
