"""Files of YAML or JSON that users hand us. They say what JSON can say, and nothing that costs more to read."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from elastic.conf.places import expanded
from elastic.errors import BadRequest
from elastic.model.domain import Json

MOST_BYTES = 1024 * 1024
DEEPEST = 50
LARGEST = 2**64
"""Whole numbers beyond it are none that anybody counts with, and not every reader of JSON can say them."""

BROKEN = (AttributeError, IndexError, KeyError)
"""What PyYAML raises for a value that is not of the tag written before it."""


class _JsonLoader(yaml.SafeLoader):
    """What JSON can say, and no aliases: a few lines of them stand for gigabytes."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not accepted: write it out")
        return super().compose_node(parent, index)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except BROKEN:
            raise yaml.YAMLError(f"a value is not what its tag {node.tag} says {node.start_mark}") from None

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []
        if double := _double(list(map(str, names))):
            raise yaml.YAMLError(double)
        return super().construct_mapping(node, deep)


# A date is a text to us: JSON has none.
_JsonLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_mapping(path: str | Path, most_bytes: int = MOST_BYTES) -> dict[str, Any]:
    """The mapping in a file of YAML or JSON. BadRequest says in one line what is wrong with it."""
    text = _text(expanded(path), most_bytes)
    try:
        found = parse(text)
    except BadRequest as error:
        raise BadRequest(f"{path}: {error}") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise BadRequest(f"{path}: has to hold a mapping, not {kind(found)}")
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


def kind(value: object) -> str:
    """What it is, in a user's words."""
    names = {"dict": "a mapping", "list": "a list", "str": "a text", "int": "a number", "float": "a number"}
    return names.get(type(value).__name__, type(value).__name__)


def _text(path: Path, most_bytes: int) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
    except OSError as error:
        raise BadRequest(f"{path}: {error.strerror}") from None
    except ValueError:
        raise BadRequest(f"{str(path)!r} is no path of a file") from None
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


def _double(names: Sequence[str]) -> str | None:
    """What is wrong with them, if one is there twice."""
    if len(set(names)) == len(names):
        return None
    return f"key {Counter(names).most_common(1)[0][0]!r} is given twice"


def _check(value: Any, where: str, depth: int) -> None:
    """Raise BadRequest for what JSON cannot say."""
    if depth > DEEPEST:
        raise BadRequest("nested too deep")
    if isinstance(value, Mapping):
        for name, entry in value.items():
            if not isinstance(name, str):
                raise BadRequest(f"{where or 'a mapping'} has the key {name!r}: keys have to be texts")
            _check_text(name, where or "a mapping")
            _check(entry, f"{where}.{name}" if where else name, depth + 1)
    elif isinstance(value, list):
        for entry in value:
            _check(entry, where, depth + 1)
    elif isinstance(value, str):
        _check_text(value, where or "a value")
    elif isinstance(value, float) and not math.isfinite(value):
        raise BadRequest(f"{where or 'a value'} is {value}, which is no number")
    elif isinstance(value, int) and abs(value) >= LARGEST:
        raise BadRequest(f"{where or 'a value'} is too large a number")
    elif not isinstance(value, int | float | bool | None):
        raise BadRequest(f"{where or 'a value'} is {kind(value)}, which JSON cannot say")


def _check_text(text: str, where: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadRequest(f"{where} has half a character in it ({text[:40]!r}), which UTF-8 cannot say") from None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).replace('in "<unicode string>", ', "at ").split())
