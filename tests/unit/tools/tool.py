"""`mini-openstack` as users type it, and stand-ins for its services: real processes that do as they are told."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from mini_openstack.places import Places
from mini_openstack.processes import Life, Processes
from mini_openstack.services import mark
from mini_openstack.settings import Settings

TOOL = Path(__file__).parents[3] / "tools" / "mini-openstack"
README = TOOL.parent / "mini_openstack" / "README.md"
PATIENCE = 30.0  # seconds

OBEDIENT = "trap 'exit 0' TERM; echo ready; sleep 600 & wait"
STUBBORN = "trap '' TERM; echo ready; while :; do sleep 600; done"


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """What it said to stderr, if that was one line and no more."""
        (line,) = self.err.splitlines()
        return line


class Tool:
    """With nothing in its environment but the settings that are given, by their names in the README."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def __call__(self, *words: str, **given: str) -> Done:
        process = self.begin(*words, **given)
        out, err = process.communicate(timeout=PATIENCE)
        return Done(process.returncode, out, err)

    def begin(self, *words: str, **given: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(TOOL), *words],
            env=self.environment(**given),
            cwd=self.directory.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def environment(self, **given: str) -> dict[str, str]:
        ours = {"DIR": str(self.directory), **given}
        theirs = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
        return theirs | {f"MINI_OPENSTACK_{name}": value for name, value in ours.items()}


def settings(here: Path, **given: object) -> Settings:
    return Settings.of({f"MINI_OPENSTACK_{name}": str(value) for name, value in given.items()}, here)


def stand_in(places: Places, name: str, script: str = OBEDIENT) -> Life:
    """A service that runs, by the time that it says `ready`."""
    processes = Processes(places)
    processes.launch(name, shell(script), marked(places))
    until(lambda: "ready" in places.log_of(name).read_text())
    life = processes.life(name)
    assert life
    return life


def marked(places: Places) -> dict[str, str]:
    """The environment of whatever must not outlive the test."""
    name, _, value = mark(places).partition("=")
    return {**os.environ, name: value}


def life_of(pid: int) -> Life:
    """As long as it lasts."""
    return Life(pid, int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]))


def shell(script: str, *args: str) -> Sequence[str]:
    return ["/bin/sh", "-c", script, *args]


def until(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.01)


def line_of(stream: IO[str] | None) -> str:
    assert stream
    return stream.readline()


def tree(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*")}
