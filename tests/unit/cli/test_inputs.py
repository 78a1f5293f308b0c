"""What users hand us, and what is wrong with it."""

import argparse
from pathlib import Path
from typing import Any

import pytest

from elastic.cli import inputs
from elastic.errors import BadRequest

VALUES: dict[str, Any] = {
    "3": 3,
    "3.5": 3.5,
    "true": True,
    "text": "text",
    '"3"': "3",
    "": None,
    "null": None,
    "[a, b]": ["a", "b"],
    "[1, [2]]": [1, [2]],
    "a=b": "a=b",
    "2026-01-01": "2026-01-01",
    "https://x/y": "https://x/y",
}


@pytest.mark.parametrize("text", VALUES)
def test_a_value_is_what_yaml_says(text: str) -> None:
    assert inputs.assignment(f"engine_conf.key={text}") == ("engine_conf", "key", VALUES[text])


def test_a_key_may_have_dots() -> None:
    assert inputs.assignment("engine_conf.a.b=1") == ("engine_conf", "a.b", 1)


@pytest.mark.parametrize(
    "text", ["", "key", "key=1", "section.key", ".key=1", "section.=1", "a.b=[1", "a.b=*x", "a.b=.nan"]
)
def test_what_is_no_assignment_does_not_parse(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        inputs.assignment(text)


BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"

FILES: dict[str, tuple[bytes, str]] = {
    "bad YAML": (b"a: [1, 2", "line"),
    "a tab": (b"a:\n\t- 1", "line"),
    "a list": (b"- 1", "a list"),
    "a text": (b"hello", "a text"),
    "two documents": (b"a: 1\n---\nb: 2\n", "document"),
    "aliases": (BOMB.encode(), "alias"),
    "a tag": (b"a: !!python/object/apply:os.getcwd []", "tag"),
    "bytes": (b"a: !!binary aGVsbG8=", "JSON"),
    "a set": (b"a: !!set {x}", "JSON"),
    "a key that is a number": (b"engine_conf: {1: x}", "engine_conf"),
    "no number": (b"a: .inf", "a is inf"),
    "NaN in JSON": (b'{"a": NaN}', "a is nan"),
    "a key twice": (b'{"a": 1, "a": 2}', "'a' is given twice"),
    "a key twice in YAML": (b"a: 1\na: 2\n", "'a' is given twice"),
    "no UTF-8": (b"a: \xff", "UTF-8"),
    "a control character": (b"a: \x00", "special characters"),
    "nested too deep": (b"[" * 100_000, "deep"),
    "nested too deep in a mapping": (b'{"a":' * 60 + b"1" + b"}" * 60, "deep"),
    "larger than 1 MiB": (b"# " + b"x" * (1024 * 1024), "1024 KiB"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_makes_no_sense_is_told_of_in_one_line(case: str, tmp_path: Path) -> None:
    content, word = FILES[case]
    file = tmp_path / "f"
    file.write_bytes(content)
    with pytest.raises(BadRequest) as refused:
        inputs.read_mapping(str(file))
    text = str(refused.value)
    assert text.startswith(str(file))
    assert word in text
    assert "\n" not in text


def test_a_file_that_is_not_there_and_one_that_is_a_directory(tmp_path: Path) -> None:
    for path, words in ((tmp_path / "none", "No such file"), (tmp_path, "directory")):
        with pytest.raises(BadRequest, match=words):
            inputs.read_mapping(str(path))


@pytest.mark.parametrize("text", ["a: {b: 1}", '{"a": {"b": 1}}', '{"a":\t{"b": 1}}', "# why\na:\n  b: 1\n"])
def test_yaml_and_json_say_the_same(text: str, tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_text(text)
    assert inputs.read_mapping(str(file)) == {"a": {"b": 1}}


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_text("# nothing\n")
    assert inputs.read_mapping(str(file)) == {}


def test_what_is_set_goes_before_what_is_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_text("engine_conf: {a: 1, b: 1}\nhealth:\n")
    said = [("engine_conf", "a", 2), ("health", "x", 3), ("engine_conf", "a", 4)]
    assert inputs.joined(str(file), said) == {"engine_conf": {"a": 4, "b": 1}, "health": {"x": 3}}


SPREAD = {
    "--set a.b=1 c": "--set a.b=1 c",
    "--set engine_conf.a=1 health.b=2 web": "--set engine_conf.a=1 --set health.b=2 web",
    "--unset health.a health.b --wait": "--unset health.a --unset health.b --wait",
    "web --set engine_conf.a=1 --file health.x=y": "web --set engine_conf.a=1 --file health.x=y",
    "--set engine_conf.a=1 web health.b=2": "--set engine_conf.a=1 web health.b=2",
    "--set=engine_conf.a=1 web": "--set=engine_conf.a=1 web",
}


@pytest.mark.parametrize("words", SPREAD)
def test_several_keys_may_follow_one_option(words: str) -> None:
    assert inputs.spread(words.split()) == SPREAD[words].split()
