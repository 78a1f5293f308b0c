from collections.abc import Iterator
from pathlib import Path

import pytest

from elastic.cli import asking
from elastic.conf import embedded
from elastic.model.domain import DomainKey
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


DEFINITION = "engine_conf: {preserve_n: 2}\n"


@pytest.fixture
def definition(tmp_path: Path) -> str:
    file = tmp_path / "definition.yaml"
    file.write_text(DEFINITION)
    return str(file)


@pytest.fixture
def web(shell: Shell, definition: str) -> str:
    """A domain, decided on, and its one instance's id."""
    assert shell("definition", "add", "d", "--file", definition).code == 0
    assert shell("domain", "add", "web", "--definition", "d").code == 0
    key = DomainKey("ann", "web")
    shell.bench.decide(key)
    return shell.bench.add_instance(key)
