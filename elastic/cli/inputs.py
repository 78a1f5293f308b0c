"""What users hand us: files of YAML or JSON, and `section.key=VALUE` on the command line."""

import argparse
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from elastic.errors import BadRequest
from elastic.model.domain import SECTIONS, Json

MOST_BYTES = 1024 * 1024
DEEPEST = 50


class _JsonLoader(yaml.SafeLoader):
    """What JSON can say, and no aliases: a few lines of them stand for gigabytes."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not accepted: write it out")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []
        if len(set(map(str, names))) < len(names):
            raise yaml.YAMLError(_double(names))
        return super().construct_mapping(node, deep)


# A date is a text to us: JSON has none.
_JsonLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_mapping(path: str, most_bytes: int = MOST_BYTES) -> dict[str, Any]:
    """The mapping in a file of YAML or JSON. BadRequest says in one line what is wrong with it."""
    text = _text(Path(path).expanduser(), most_bytes)
    try:
        found = parse(text)
    except BadRequest as error:
        raise BadRequest(f"{path}: {error}") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise BadRequest(f"{path}: has to hold a mapping, not {_kind(found)}")
    return found


def parse(text: str) -> Json:
    """YAML, and so JSON too, as plain values."""
    try:
        found = _loaded(text)
    except yaml.YAMLError as error:
        raise BadRequest(_one_line(error)) from None
    except RecursionError:
        raise BadRequest("nested too deep") from None
    except ValueError as error:
        raise BadRequest(f"cannot be read: {_one_line(error)}") from None
    _check(found, "", 0)
    return found


def assignment(text: str) -> tuple[str, str, Json]:
    """`section.key=VALUE` as (section, key, value); for argparse."""
    path, equals, value = text.partition("=")
    section, key = _path(path)
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} has no value: write section.key=VALUE")
    try:
        return section, key, parse(value)
    except BadRequest as error:
        raise argparse.ArgumentTypeError(f"{path}: {error}") from None


def key_path(text: str) -> str:
    """`section.key`; for argparse."""
    _path(text)
    return text


def joined(file: str | None, assignments: Iterable[tuple[str, str, Json]]) -> dict[str, Any]:
    """A config from `--file` with what `--set` puts in its place."""
    config = read_mapping(file) if file else {}
    for section, key, value in assignments:
        part = config.get(section)
        if part is not None and not isinstance(part, dict):
            raise BadRequest(f"{file}: {section} has to be a mapping, not {_kind(part)}")
        config[section] = {**(part or {}), key: value}
    return config


def spread(words: Sequence[str]) -> list[str]:
    """`--set a.b=1 c.d=2` as `--set a.b=1 --set c.d=2`, and so for --unset: names of things have no such form."""
    result: list[str] = []
    option, is_fresh = "", False
    for word in words:
        if word.startswith("-"):
            option, is_fresh = word, True
        elif option in ("--set", "--unset") and not is_fresh and _belongs(option, word):
            result.append(option)
        elif not is_fresh:
            option = ""
        result.append(word)
        is_fresh = is_fresh and word.startswith("-")
    return result


def _belongs(option: str, word: str) -> bool:
    is_key = any(word.startswith(f"{section}.") for section in SECTIONS)
    return is_key and ("=" in word or option == "--unset")


def _path(text: str) -> tuple[str, str]:
    section, dot, key = text.partition(".")
    if not (section and dot and key):
        raise argparse.ArgumentTypeError(f"{text!r} names no key: write section.key")
    return section, key


def _text(path: Path, most_bytes: int) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
    except OSError as error:
        raise BadRequest(f"{path}: {error.strerror}") from None
    if len(content) > most_bytes:
        raise BadRequest(f"{path}: is larger than {most_bytes // 1024} KiB")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise BadRequest(f"{path}: is not a text in UTF-8") from None


def _loaded(text: str) -> Json:
    """JSON first: it is quicker, and knows tabs. Both without a second word for one key."""
    try:
        return json.loads(text, object_pairs_hook=_without_doubles)
    except json.JSONDecodeError:
        return yaml.load(text, _JsonLoader)  # noqa: S506, it is a SafeLoader that takes even less


def _without_doubles(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(_double([name for name, _ in pairs]))
    return found


def _double(names: Sequence[Any]) -> str:
    return f"key {next(n for n in names if names.count(n) > 1)!r} is given twice"


def _check(value: Any, where: str, depth: int) -> None:
    """Raise BadRequest for what JSON cannot say."""
    if depth > DEEPEST:
        raise BadRequest("nested too deep")
    if isinstance(value, Mapping):
        for name, entry in value.items():
            if not isinstance(name, str):
                raise BadRequest(f"{where or 'a mapping'} has the key {name!r}: keys have to be texts")
            _check(entry, f"{where}.{name}" if where else name, depth + 1)
    elif isinstance(value, list):
        for entry in value:
            _check(entry, where, depth + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        raise BadRequest(f"{where or 'a value'} is {value}, which is no number")
    elif not isinstance(value, str | int | float | bool | None):
        raise BadRequest(f"{where or 'a value'} is {_kind(value)}, which JSON cannot say")


def _kind(value: object) -> str:
    names = {"dict": "a mapping", "list": "a list", "str": "a text", "int": "a number", "float": "a number"}
    return names.get(type(value).__name__, type(value).__name__)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).replace('in "<unicode string>", ', "at ").split())
