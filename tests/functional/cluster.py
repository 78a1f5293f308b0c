"""A cluster under test, and eyes on its processes that trust none of its logs: /proc alone."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, Self

from elastic.client import Client, connect
from elastic.errors import Unavailable

ELASTIC = [sys.executable, "-P", "-m", "elastic.cli.main"]
AGENT = [sys.executable, "-P", "-m", "elastic.cli.agent"]
PATIENCE = 60.0

DEFINITION = {
    "health": {
        "heartbeat_interval": 1,
        "boot_timeout": 60,
        "missing_timeout": 20,
        "really_missing_timeout": 5,
        "zombie_seconds": 10,
    }
}


def until(
    what: Callable[[], Any], bound: float = PATIENCE, lack: str | Callable[[], object] = "it did not come to pass"
) -> Any:
    """What `what` says, once it says anything. A cluster that does not answer just now has said nothing.

    `lack`: what there is to say if it never does; asked then, if it is to be called.
    """
    deadline = time.monotonic() + bound
    while True:
        with suppress(Unavailable):
            if said := what():
                return said
        assert time.monotonic() < deadline, f"{lack() if callable(lack) else lack} within {bound:g} s"
        time.sleep(0.1)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class VM(NamedTuple):
    """A server's process, as the kernel tells it."""

    pid: int
    instance_id: str


def vms_of(directory: Path) -> set[VM]:
    """The living servers of the cluster in `directory`: by their settings' place in the environment."""
    mark = f"ELASTIC_NODE_SETTINGS={directory}/".encode()
    found = set()
    for pid in _pids():
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            argv = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"--instance" in argv and any(setting.startswith(mark) for setting in environment) and is_alive(pid):
            found.add(VM(pid, argv[argv.index(b"--instance") + 1].decode()))
    return found


def agents_of(directory: Path) -> dict[str, int]:
    """The living replicas whose configuration is in `directory`, by member."""
    mark = f"{directory}/".encode()
    found = {}
    for pid in _pids():
        try:
            argv = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        is_agent = any(word.endswith((b"elastic.cli.agent", b"_agent.py")) for word in argv[:5])
        if is_agent and any(word.startswith(mark) for word in argv) and is_alive(pid):
            # a child of its own that is just being started still has its arguments, and a greater number
            found.setdefault(argv[argv.index(b"--member") + 1].decode(), pid)
    return found


def _pids() -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            yield int(entry.name)


class Said:
    """Lines that a process has written so far."""

    def __init__(self, pipe: Any) -> None:
        self.lines: list[str] = []
        self._reading = threading.Thread(target=self._read, args=(pipe,), daemon=True)
        self._reading.start()

    def finish(self) -> None:
        """Returns when all is read. Only for one that has ended: `lines` may lag behind that."""
        self._reading.join(PATIENCE)
        assert not self._reading.is_alive(), "somebody else has the pipe"

    def _read(self, pipe: Any) -> None:
        for line in pipe:
            self.lines.append(line.rstrip("\n"))


class Heard(subprocess.Popen[str]):
    """A process whose every word has been read once it was waited for."""

    def __init__(self, argv: Sequence[str]) -> None:
        super().__init__(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.out, self.err = Said(self.stdout), Said(self.stderr)

    def wait(self, timeout: float | None = None) -> int:
        code = super().wait(timeout)
        self.out.finish()
        self.err.finish()
        return code


class AnyCluster:
    """What can be asked of a cluster, however it is run. `place`: the options that name it to a command."""

    def __init__(self, directory: Path, place: Sequence[str], open_client: Callable[[], Client]) -> None:
        self.directory = directory
        self._place = place
        self._open_client = open_client
        self._client: Client | None = None

    def __enter__(self) -> Self:
        """Not started yet. Nothing of it is left afterwards, but what it has in servers that are not its own."""
        return self

    def __exit__(self, *_exc: object) -> None:
        self.destroy()

    def cli(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([*ELASTIC, *words, *self._place], capture_output=True, text=True, timeout=PATIENCE)

    def json(self, *words: str) -> Any:
        done = self.cli(*words, "-f", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    @property
    def client(self) -> Client:
        if self._client is None:
            self._client = self._open_client()
        return self._client

    def add_domains(self, sizes: dict[str, int]) -> None:
        """Make them, and wait until they are settled."""
        self.client.add_definition("test", DEFINITION)
        for name, size in sizes.items():
            self.client.add_domain(name, "test", {"engine_conf": {"preserve_n": size}})
        self.until_settled(sizes)

    def until_settled(self, sizes: dict[str, int], bound: float = 120) -> None:
        """Until each domain has exactly its N instances up, and the kernel as many processes, one for each."""
        until(lambda: not self.lacks(sizes), bound, "the domains are not as they should be")

    def lacks(self, sizes: dict[str, int]) -> list[str]:
        """What is not as it should be, by the client and by the kernel."""
        faults, recorded = [], set()
        for name, size in sizes.items():
            up = [row for row in self.client.instances(name) if row["state"] == "600-RUNNING"]
            recorded |= {row["instance_id"] for row in up}
            if len(up) != size:
                faults.append(f"{name} has {len(up)} running, not {size}")
        living = sorted(vm.instance_id for vm in self.vms())
        if living != sorted(recorded):
            faults.append(f"alive are {living}, on record {sorted(recorded)}")
        return faults

    def vms(self) -> set[VM]:
        return vms_of(self.directory)

    def agents(self) -> dict[str, int]:
        return agents_of(self.directory)

    def leader(self, role: str) -> dict[str, Any]:
        """The row of the replica that leads `role`, and whose process lives."""
        return until(
            lambda: next(
                (row for row in self.client.replicas() if role in row["leads"] and is_alive(row["pid"])), None
            ),
            lack=f"nobody leads {role}",
        )

    def until_whole(self, replicas: int = 3) -> None:
        """Until all replicas live and each has its share."""

        def whole() -> bool:
            rows = self.client.replicas()
            return len(rows) == replicas and all(row["partitions"] and is_alive(row["pid"]) for row in rows)

        until(whole, lack="the ring is not whole")

    def close_client(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def destroy(self) -> None:
        """End every process of it, by pid, and be sure."""
        self.close_client()

        def left() -> Sequence[int]:
            pids = [*self.agents().values(), *(vm.pid for vm in self.vms())]
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return pids

        until(lambda: not left(), 20, "processes of the test cannot be ended")


class Cluster(AnyCluster):
    """An embedded one."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, ("--data", str(directory)), lambda: connect(data_dir=directory, timeout=15))
        self.supervisor: subprocess.Popen[str] | None = None
        self.out = self.err = Said(())

    def start(self, replicas: int = 3) -> None:
        """`elastic run`; returns when it has said ready."""
        self.supervisor = heard = Heard(
            [*ELASTIC, "run", "--replicas", str(replicas), "--data", str(self.directory)]
        )
        self.out, self.err = heard.out, heard.err
        until(lambda: "ready" in self.out.lines or self._ended(), lack="it was not ready")
        assert self.supervisor.poll() is None, self.err.lines

    def _ended(self) -> bool:
        return self.supervisor is None or self.supervisor.poll() is not None

    def stop(self) -> int:
        """Ask it to stop; its exit code. It has 10 s."""
        assert self.supervisor is not None
        self.close_client()
        self.supervisor.send_signal(signal.SIGTERM)
        return self.supervisor.wait(10)

    def destroy(self) -> None:
        if self.supervisor is not None and self.supervisor.poll() is None:
            self.supervisor.kill()
        super().destroy()
        if self.supervisor is not None:
            self.supervisor.wait()
