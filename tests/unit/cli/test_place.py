"""Which cluster is meant."""

from pathlib import Path

import pytest

from elastic.cli import place
from elastic.errors import NotFound


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def cluster(directory: Path) -> Path:
    directory.mkdir(parents=True)
    (directory / "elastic.conf").write_text("")
    return directory / "elastic.conf"


def test_the_first_word_counts(tmp_path: Path, home: Path) -> None:
    here = tmp_path / "here"
    files = {name: cluster(tmp_path / name) for name in ("option", "env_config", "env_data")}
    nearby = cluster(here / "elastic-data")
    usual = cluster(home / ".config" / "elastic")
    environ = {"ELASTIC_CONFIG": str(files["env_config"]), "ELASTIC_DATA": str(tmp_path / "env_data")}

    def found(data: Path | None = None, file: Path | None = None) -> Path:
        said = (str(data) if data else None, str(file) if file else None)
        return place.config_file(*said, environ=environ, here=here)

    assert found(data=tmp_path / "option") == files["option"]
    assert found(file=files["option"]) == files["option"]
    assert found() == files["env_config"]
    del environ["ELASTIC_CONFIG"]
    assert found() == files["env_data"]
    del environ["ELASTIC_DATA"]
    assert found() == nearby
    nearby.unlink()
    nearby.parent.rmdir()
    assert found() == usual


@pytest.mark.parametrize(
    ("data", "file", "words"),
    [("none", None, "elastic run --data none"), (None, "none", "--config-file"), (None, ".", "not a file")],
)
def test_a_place_without_a_cluster_says_what_to_do(data: str | None, file: str | None, words: str) -> None:
    with pytest.raises(NotFound, match=words):
        place.config_file(data, file, environ={})


@pytest.mark.usefixtures("home")
def test_no_place_at_all_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "USUAL", (tmp_path / "none",))
    with pytest.raises(NotFound, match="elastic run"):
        place.config_file(None, None, environ={}, here=tmp_path)
