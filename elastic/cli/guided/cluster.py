"""A cluster of our own for as long as it is needed: `elastic run` on a temporary directory."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elastic.adapters.cloud.local import LocalCloud
from elastic.client import Client, connect
from elastic.errors import CloudUnavailable, NotFound

Row = dict[str, Any]

_STOP = 12.0  # seconds; `elastic run` stops within 10
_ANSWER = 5.0  # seconds; a replica that dies with our question in hand is not waited for longer


@dataclass(frozen=True, slots=True)
class Sight:
    """The cluster as the client saw it at one moment; rows as the commands show them with `-f json`. `hears`:
    VMs are to be heard from before they count."""

    replicas: Sequence[Row] = ()
    instances: Sequence[Row] = ()
    domain: Row | None = None
    hears: bool = True

    @property
    def running(self) -> dict[str, Row]:
        """Instances that are up and, where they are to be, heard from, by id."""
        return {row["instance_id"]: row for row in self.instances if self._serves(row)}

    def _serves(self, row: Row) -> bool:
        is_heard = row["health"] == "OK" and row["last_heartbeat_age"] is not None
        return bool(row["state"] == "600-RUNNING" and (is_heard or not self.hears))

    def leader(self, role: str) -> Row | None:
        return next((row for row in self.replicas if role in row["leads"]), None)


class Cluster:
    """Made by `temporary_cluster`. `ready` is set when `elastic run` has said so."""

    def __init__(self, directory: Path, supervisor: "subprocess.Popen[bytes]", hears: bool) -> None:
        self._hears = hears
        self.ready = threading.Event()
        self._directory = directory
        self._supervisor = supervisor
        self._client: Client | None = None
        threading.Thread(target=self._listen, name="events", daemon=True).start()

    def _listen(self) -> None:
        for line in self._supervisor.stdout or ():
            if line == b"ready\n":
                self.ready.set()

    @property
    def client(self) -> Client:
        if self._client is None:
            self._client = connect(data_dir=str(self._directory), timeout=_ANSWER)
        return self._client

    def look(self, domain: str) -> Sight:
        """Raises Unavailable while no replica answers, ClusterEnded if there is none any more."""
        if self._supervisor.poll() is not None:
            raise ClusterEnded(_last_line(self._directory.parent / "stderr"))
        if not self.ready.is_set():
            return Sight()
        replicas = self.client.replicas()
        try:
            rows, shown = self.client.instances(domain), self.client.domain(domain)
            return Sight(replicas, rows, shown, self._hears)
        except NotFound:
            return Sight(replicas, hears=self._hears)

    def end(self) -> None:
        """Stop it cleanly, or else uncleanly; no process of it is left."""
        if self._client is not None:
            self._client.close()
        self._supervisor.send_signal(signal.SIGTERM)
        try:
            self._supervisor.wait(_STOP)
        except subprocess.TimeoutExpired:
            self._supervisor.kill()
            self._supervisor.wait()
        try:
            LocalCloud(self._directory / "cloud").stop_all()
        except CloudUnavailable:
            return


class ClusterEnded(Exception):
    """The cluster ended without being asked to; the text is its last word."""


@contextmanager
def temporary_cluster(replicas: int, cloud: str, hears: bool) -> Iterator[Cluster]:
    """However it is left, no process and no file remains on this host."""
    place = Path(tempfile.mkdtemp(prefix="elastic-demo-"))
    try:
        cluster = Cluster(place / "data", _started(place, replicas, cloud), hears)
        try:
            yield cluster
        finally:
            cluster.end()
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _started(place: Path, replicas: int, cloud: str) -> "subprocess.Popen[bytes]":
    """It ends by itself when we do, however we end: the pipe that it holds says so."""
    theirs, _ours = os.pipe()  # ours closes when this process ends
    argv = [sys.executable, "-P", "-m", "elastic.cli.main", "run", "--replicas", str(replicas)]
    argv += ["--cloud", cloud, "--data", str(place / "data"), "--parent-pipe", str(theirs)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ELASTIC_")}
    with open(place / "stderr", "wb") as stderr:
        try:
            return subprocess.Popen(  # noqa: S603  our own command
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=environment,
                pass_fds=(theirs,),
                start_new_session=True,  # a Ctrl-C is ours, to tidy up
            )
        finally:
            os.close(theirs)


def _last_line(file: Path) -> str:
    lines = file.read_text(errors="replace").splitlines() if file.exists() else []
    return lines[-1] if lines else "it said nothing"
