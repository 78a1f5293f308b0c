"""The records of the local cloud on disk, shared by every process of the host.

::

    servers/<server id>/record.json   there is a server of that id while this file is there
                        node.json     the settings of its agent: mode 0600, a key is among them
                        node.log      what the agent says
                        exit          how its process ended, if its parent lived to see that
                        lock          flock: held by whoever makes, finds or deletes this server
"""

import fcntl
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep

import msgspec

from elastic.adapters.cloud.processes import Process
from elastic.errors import CloudUnavailable, ServerGone
from elastic.model.domain import Json
from elastic.model.server import Mark

_LOCK_POLL = 0.01
_REMOVALS = 10
_REMOVAL_PAUSE = 0.02

log = logging.getLogger(__name__)


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Written before the process is started, and again with the process."""

    server_id: str
    site: str
    mark: Mark
    created: float
    hostname: str = ""
    process: Process | None = None


_decode = msgspec.json.Decoder(Record).decode


class ServerFolder:
    """One server's files."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def settings(self) -> Path:
        return self.path / "node.json"

    @property
    def log(self) -> Path:
        return self.path / "node.log"

    def record(self) -> Record:
        try:
            with open(self.path / "record.json", "rb") as file:
                return _decode(file.read())
        except (FileNotFoundError, NotADirectoryError):
            raise ServerGone(f"there is no server {self.path.name}") from None

    def write(self, record: Record) -> None:
        _write_durably(self.path / "record.json", msgspec.json.encode(record))

    def write_settings(self, settings: Json) -> None:
        _write_durably(self.settings, msgspec.json.encode(settings))

    def note_exit(self, text: str) -> None:
        with suppress(FileNotFoundError):  # deleted meanwhile
            (self.path / "exit").write_text(text)

    def exit(self) -> str:
        try:
            return (self.path / "exit").read_text()
        except FileNotFoundError:
            return ""

    def remove(self) -> None:
        """The record goes first: what is left after a crash is no server.

        Whoever waits for the end of its process may write `exit` while we take the files away.
        """
        (self.path / "record.json").unlink(missing_ok=True)
        for _ in range(_REMOVALS):
            shutil.rmtree(self.path, ignore_errors=True)
            if not self.path.exists():
                return
            sleep(_REMOVAL_PAUSE)

    @contextmanager
    def locked(self, timeout: float) -> Iterator[None]:
        """CloudUnavailable if another holds it for longer than `timeout` seconds; ServerGone if it was deleted."""
        with self.tried(timeout) as held:
            if not held:
                raise CloudUnavailable(f"server {self.path.name} is being worked on by another process")
            yield

    @contextmanager
    def tried(self, timeout: float = 0.0) -> Iterator[bool]:
        """Hold the lock, if it can be had in `timeout` seconds: tells whether it is."""
        try:
            lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except (FileNotFoundError, NotADirectoryError):
            raise ServerGone(f"there is no server {self.path.name}") from None
        try:
            yield _flock(lock, monotonic() + timeout)
        finally:
            os.close(lock)


class Folders:
    """All servers' files."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def new(self, server_id: str) -> ServerFolder:
        path = self.directory / server_id
        path.mkdir(mode=0o700, parents=True)
        return ServerFolder(path)

    def of(self, server_id: str) -> ServerFolder:
        """ServerGone unless it is there."""
        if "/" in server_id or "\0" in server_id or server_id in ("", ".", ".."):
            raise ServerGone(f"there is no server {server_id!r}")
        folder = ServerFolder(self.directory / server_id)
        folder.record()
        return folder

    def all(self) -> Iterator[ServerFolder]:
        """Leftovers of interrupted creations and deletions are among them: they have no record."""
        try:
            names = os.listdir(self.directory)
        except FileNotFoundError:
            return
        for name in names:
            yield ServerFolder(self.directory / name)

    def recorded(self) -> Iterator[tuple[ServerFolder, Record]]:
        """Those that have a record that can be read. (It is always whole: one that cannot is not ours.)"""
        for folder in self.all():
            try:
                record = folder.record()
            except ServerGone:
                continue
            except msgspec.MsgspecError as error:
                log.warning("%s: its record is passed over: %s", folder.path, error)
                continue
            yield folder, record


def _write_durably(path: Path, content: bytes) -> None:
    """All of it or nothing of it, also if the power fails. Readable by this user alone."""
    new = path.with_suffix(".new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.rename(new, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _flock(lock: int, deadline: float) -> bool:
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if monotonic() >= deadline:
                return False
            sleep(_LOCK_POLL)
