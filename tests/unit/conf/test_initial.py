"""What is loaded at start."""

from pathlib import Path

import pytest

from elastic.conf import initial
from elastic.errors import BadRequest

BODY = {"general": {"engine": "simplest"}, "engine_conf": {"preserve_n": 2}}
YAML = "web:\n  general: {engine: simplest}\n  engine_conf: {preserve_n: 2}\n"


def test_nothing_said_is_nothing_to_load() -> None:
    assert initial.definitions("") == {}
    assert initial.domains("") == {}


def test_definitions_come_from_a_file_from_the_option_or_from_a_directory(tmp_path: Path) -> None:
    (tmp_path / "all.yml").write_text(YAML)
    folder = tmp_path / "d"
    folder.mkdir()
    (folder / "web.yaml").write_text("general: {engine: simplest}\nengine_conf: {preserve_n: 2}\n")
    said = [
        str(tmp_path / "all.yml"),
        '{"web": {"general": {"engine": "simplest"}, "engine_conf": {"preserve_n": 2}}}',
        YAML,
        str(folder),
    ]
    assert [initial.definitions(each) for each in said] == [{"web": BODY}] * len(said)


def test_the_definition_that_we_ship_is_one() -> None:
    place = Path(__file__).parents[3] / "etc" / "elastic" / "definitions"
    assert initial.definitions(str(place))["simplest"]["engine_conf"]["preserve_n"] == 1


def test_a_domain_names_its_definition() -> None:
    found = initial.domains("{web: {definition: simplest, owner: ann, config: {engine_conf: {preserve_n: 3}}}}")
    assert found["web"].definition == "simplest"
    assert found["web"].owner == "ann"
    assert found["web"].config == {"engine_conf": {"preserve_n": 3}}
    assert initial.domains("{web: {definition: simplest}}")["web"].owner is None


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("/no/such/file.yaml", "No such file"),
        ("{web: {", "no YAML"),
        ("{web: 3}", "web has to be a mapping"),
        ("{web: {engine: x}}", "web has to be a mapping of general"),
        ("{a/b: {}}", "a/b"),
        ("{3: {}}", "keys have to be texts"),
    ],
)
def test_a_definition_that_is_none_is_named(said: str, told: str) -> None:
    with pytest.raises(BadRequest, match=told):
        initial.definitions(said)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("{web: {}}", "web: .*definition"),
        ("{web: {definition: x, colour: red}}", "web: .*colour"),
        ("{zookeeper: {definition: x}}", "zookeeper"),
    ],
)
def test_a_domain_that_is_none_is_named(said: str, told: str) -> None:
    with pytest.raises(BadRequest, match=told):
        initial.domains(said)
