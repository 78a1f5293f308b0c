"""What users hand us: files of YAML or JSON, and `section.key=VALUE` on the command line."""

import argparse
from collections.abc import Iterable, Sequence
from typing import Any

from elastic.conf.documents import kind, parse, read_mapping
from elastic.errors import BadRequest
from elastic.model.domain import SECTIONS, Json


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
            raise BadRequest(f"{file}: {section} has to be a mapping, not {kind(part)}")
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
