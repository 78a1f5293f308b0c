"""A cloud of one host: every server is a process that runs `elastic-node`, in a session of its own.

It outlives whoever made it. Its record is on disk before it is started, so that a crash between the
two leaves a server in ERROR or one that is found again by its environment, never an unknown process.
"""

import logging
import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from elastic.adapters.cloud.bare import BareCloud
from elastic.adapters.cloud.folder import Folders, Record, ServerFolder
from elastic.adapters.cloud.place import CloudPlace
from elastic.adapters.cloud.processes import Process, child, with_environment
from elastic.errors import BadOrder, CloudUnavailable, NoRoom, ServerGone
from elastic.model.server import Order, Server, ServerStatus

SITE = "local"
ADDRESS = "127.0.0.1"
SETTINGS = "ELASTIC_NODE_SETTINGS"
LOG_LIMIT = {"ELASTIC_NODE_LOG_LIMIT": str(1 << 20)}

log = logging.getLogger(__name__)


class LocalCloud(BareCloud):
    """`directory` is shared by all agents of the host. `grace`: seconds from SIGTERM to SIGKILL."""

    def __init__(
        self,
        directory: str | Path,
        *,
        grace: float = 2.0,
        now: Callable[[], float] = time.time,
        fresh_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self._folders = Folders(Path(directory).absolute() / "servers")
        self._grace = grace
        self._now = now
        self._fresh_id = fresh_id

    @classmethod
    def at(cls, place: CloudPlace) -> "LocalCloud":
        return cls(place.local_dir)

    def sites(self) -> Sequence[str]:
        """Those that have servers; every other name is as good for a new one."""
        with _disk_trouble_told():
            return sorted({SITE} | {record.site for _, record in self._folders.recorded()})

    def create(self, order: Order, timeout: float) -> Server:
        with _disk_trouble_told():
            folder = self._folders.new(self._fresh_id())
            with folder.locked(timeout):
                record = self._recorded(folder, order)
                started = msgspec.structs.replace(record, process=_started(folder, record))
                folder.write(started)
            return _server(folder, started)

    def delete(self, site: str, server_id: str, timeout: float) -> None:
        """Returns when its process is gone and the record with it."""
        deadline = time.monotonic() + timeout
        with _disk_trouble_told():
            folder, _ = self._find(site, server_id)
            with folder.locked(timeout):
                record = folder.record()
                process = _process_of(folder, record)
                if process and not process.end(self._grace, deadline - time.monotonic()):
                    raise CloudUnavailable(f"process {process.pid} of server {server_id} does not end")
                folder.remove()
        log.info("server %s (%s) is deleted", server_id, record.mark.instance_id)

    def server(self, site: str, server_id: str, timeout: float) -> Server:  # noqa: ARG002 - nothing blocks
        with _disk_trouble_told():
            return _server(*self._find(site, server_id))

    def servers(
        self,
        site: str,
        cluster: str,
        timeout: float,  # noqa: ARG002 - nothing here blocks
        instance_id: str | None = None,
    ) -> Sequence[Server]:
        with _disk_trouble_told():
            return [
                server
                for folder, record in self._folders.recorded()
                if record.site == site
                and record.mark.cluster == cluster
                and instance_id in (None, record.mark.instance_id)
                and (server := _server_unless_gone(folder, record))
            ]

    def stop_all(self, bound: float = 8.0) -> int:
        """End every server of the directory, whoever made it, in `bound` seconds; how many there were.

        For the clean end of a whole embedded cluster, when nobody makes servers any more.
        """
        with _disk_trouble_told():
            return self._stopped(time.monotonic() + bound, bound / 4)

    def _stopped(self, deadline: float, grace: float) -> int:
        recorded = list(self._folders.recorded())
        processes = [process for folder, record in recorded if (process := _process_of(folder, record))]
        for process in processes:
            process.ask_to_end()
        for process in processes:
            process.end(min(self._grace, grace), deadline - time.monotonic())
        for folder in self._folders.all():
            folder.remove()
        return len(recorded)

    def _find(self, site: str, server_id: str) -> tuple[ServerFolder, Record]:
        folder = self._folders.of(server_id)
        record = folder.record()
        if record.site != site:
            raise ServerGone(f"site {site} has no server {server_id}")
        return folder, record

    def _recorded(self, folder: ServerFolder, order: Order) -> Record:
        """The record of a server that is about to be started. If it cannot be written there is none."""
        record = Record(
            server_id=folder.path.name,
            site=order.site,
            mark=order.mark,
            created=self._now(),
            hostname=socket.gethostname(),
        )
        try:
            folder.write_settings(order.user_data)
            folder.write(record)
        except (TypeError, msgspec.MsgspecError) as error:
            folder.remove()
            raise BadOrder(f"settings that JSON cannot say: {error}") from error
        except OSError as error:
            folder.remove()
            raise NoRoom(f"the local cloud's directory takes no more: {error}") from error
        return record


def _started(folder: ServerFolder, record: Record) -> Process:
    """Start the server's process. NoRoom, and no record left, if the host will not."""
    argv = [sys.executable, "-P", "-m", "elastic.node.main", "--instance", record.mark.instance_id]
    environment = {**os.environ, **LOG_LIMIT, SETTINGS: str(folder.settings)}
    output = os.open(folder.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        started = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=environment,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        folder.remove()
        raise NoRoom(f"this host starts no more processes: {error}") from error
    finally:
        os.close(output)
    process = child(started.pid)
    threading.Thread(target=_await_end, args=(started, folder), name=f"child-{started.pid}", daemon=True).start()
    log.info("server %s is process %d (%s)", record.server_id, started.pid, record.mark.instance_id)
    return process


def _await_end(started: "subprocess.Popen[bytes]", folder: ServerFolder) -> None:
    """A child that nobody waits for stays in the process table."""
    status = started.wait()
    folder.note_exit(f"signal {-status}" if status < 0 else f"exit {status}")


def _process_of(folder: ServerFolder, record: Record) -> Process | None:
    """Its process, if that lives and is what we started; also if its maker fell before noting it."""
    process = record.process or with_environment(f"{SETTINGS}={folder.settings}")
    return process if process and process.has_argument(record.mark.instance_id) else None


def _server(folder: ServerFolder, record: Record) -> Server:
    if record.process is None:
        return _half_made(folder, record)
    if record.process.is_alive:
        return _told(record, ServerStatus.ACTIVE)
    how = folder.exit()
    return _told(record, ServerStatus.ERROR, f"process ended ({how})" if how else "process ended")


def _server_unless_gone(folder: ServerFolder, record: Record) -> Server | None:
    try:
        return _server(folder, record)
    except ServerGone:
        return None


def _half_made(folder: ServerFolder, record: Record) -> Server:
    """Its maker is still at work, as long as it holds the lock; else it fell, and we look what came of it."""
    with folder.tried() as alone:
        if not alone:
            return _told(record, ServerStatus.BUILD)
        record = folder.record()
        if record.process is None and (process := _process_of(folder, record)):
            record = msgspec.structs.replace(record, process=process)
            folder.write(record)
    if record.process is None:
        return _told(record, ServerStatus.ERROR, "never started: its maker ended too soon")
    return _server(folder, record)


def _told(record: Record, status: ServerStatus, fault: str = "") -> Server:
    return Server(
        server_id=record.server_id,
        site=record.site,
        mark=record.mark,
        status=status,
        created=record.created,
        public_ip=ADDRESS,
        private_ip=ADDRESS,
        hostname=record.hostname,
        fault=fault,
        pid=record.process.pid if record.process else None,
    )


@contextmanager
def _disk_trouble_told() -> Iterator[None]:
    try:
        yield
    except (OSError, msgspec.MsgspecError) as error:
        raise CloudUnavailable(f"the local cloud's directory: {error}") from error
