"""Commands as processes, with streams, limits and users as one finds them."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

ELASTIC = [sys.executable, "-P", "-m", "elastic.cli.main"]
AGENT = [sys.executable, "-P", "-m", "elastic.cli.agent"]
PATIENCE = 60.0


def by_shell(
    words: str, here: Path, environment: Mapping[str, str | None] | None = None
) -> "subprocess.CompletedProcess[str]":
    """`words` is a line for bash, in which $elastic is the command. A null takes out of the environment."""
    changed = {
        "HOME": str(here),
        "ELASTIC_DATA": None,
        "ELASTIC_CONFIG": None,
        "PYTHONUNBUFFERED": None,
        **(environment or {}),
    }
    env = {name: value for name, value in {**os.environ, **changed}.items() if value is not None}
    command = " ".join(ELASTIC)
    return subprocess.run(
        ["bash", "-c", f"elastic='{command}'\n{words}"],
        cwd=here,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=PATIENCE,
    )


def typed(*words: str, here: Path | None = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*ELASTIC, *words], cwd=here, capture_output=True, text=True, timeout=PATIENCE)


@contextmanager
def tmpfs(place: Path, options: str) -> Iterator[Path]:
    """A file system of its own; the test is skipped where none may be mounted."""
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def all_of(*lines: Sequence[str]) -> "list[subprocess.CompletedProcess[str]]":
    """Several at once."""
    begun = [
        subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for line in lines
    ]
    ended = []
    for process in begun:
        try:
            out, err = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
        ended.append(subprocess.CompletedProcess(process.args, process.returncode, out, err))
    return ended
