from collections.abc import Iterator
from pathlib import Path

import pytest

from elastic.cli import asking
from elastic.conf import embedded
from tests.unit.cli.shell import Shell
from tests.unit.roles.reactors import Bench


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """In a directory without a cluster, with one beside it, and nothing in the environment."""
    here, directory = tmp_path / "here", tmp_path / "cluster"
    here.mkdir()
    embedded.write(directory)
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(here))
    monkeypatch.delenv("ELASTIC_DATA", raising=False)
    monkeypatch.delenv("ELASTIC_CONFIG", raising=False)
    bench = Bench()
    shell = Shell(bench, directory)
    monkeypatch.setattr(asking, "connect", shell.connect)
    yield shell
    bench.close()
