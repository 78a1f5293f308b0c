"""A shell in this process, with a cluster in memory beside it."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from elastic.cli import asking
from elastic.conf import embedded
from tests.unit.cli.shell import Shell
from tests.unit.roles.reactors import Bench

DEFINITION = "engine_conf: {preserve_n: 2}\n"


@contextmanager
def a_shell(place: Path) -> Iterator[Shell]:
    """In a directory of its own, with the definition `d` and the domain `web`."""
    here, directory, file = place / "here", place / "cluster", place / "definition.yaml"
    here.mkdir()
    embedded.write(directory)
    file.write_text(DEFINITION)
    bench = Bench()
    shell = Shell(bench, directory)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        patch.setenv("HOME", str(here))
        patch.delenv("ELASTIC_DATA", raising=False)
        patch.delenv("ELASTIC_CONFIG", raising=False)
        patch.setattr(asking, "connect", shell.connect)
        assert shell("definition", "add", "d", "--file", str(file)).code == 0
        assert shell("domain", "add", "web", "--definition", "d").code == 0
        yield shell
    bench.close()


def typed(shell: Shell, *words: str, at_cluster: bool = True) -> "subprocess.CompletedProcess[str]":
    """The command in the shapes of a process that has ended."""
    done = shell(*words) if at_cluster else shell.run(*words)
    return subprocess.CompletedProcess(words, done.code, done.out, done.err)
