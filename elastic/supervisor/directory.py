"""The directory of an embedded cluster: whether it may be used, and the lock that says by whom."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from elastic.adapters.store.sqlite.mounts import networked
from elastic.conf import embedded
from elastic.errors import BadRequest, Conflict

_FOLDERS = ("run", "log")
_PROBE = b"\0" * 65536


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
    ours = ("secret", *embedded.FOLDERS, *_FOLDERS)
    return next((entry.name for entry in path.iterdir() if not entry.name.startswith(ours)), None)


def _probe(path: Path) -> None:
    """A full or read-only disk is found out now, and not by a replica in the middle of its work."""
    probe = path / ".probe"
    try:
        with probe.open("wb") as file:
            file.write(_PROBE)
            file.flush()
            os.fsync(file.fileno())
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
