"""What a record of a config says of its keys, for whoever has to write one: made from the record itself."""

import textwrap
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
from msgspec import NODEFAULT, inspect
from msgspec.structs import FieldInfo

from elastic.rules.schema import fields_of, keys_of
from elastic.rules.wording import in_words

WIDTH = 110
INDENT = "  "


class Line(NamedTuple):
    """`depth`: of the map in which the key stands; without a text it is a heading."""

    depth: int
    key: str
    text: str = ""


class Manual:
    """An attribute of a class of records: what it is for, and its keys. `common`: a record whose keys many have,
    which come last, with `heading` before them."""

    def __init__(self, summary: str, common: type[msgspec.Struct] | None = None, heading: str = "") -> None:
        self._summary, self._common, self._heading = summary, common, heading

    def __get__(self, _record: object, kind: type[msgspec.Struct]) -> str:
        common = keys_of(self._common) if self._common else ()
        own = [line for line in _lines(kind, 0) if line.depth or line.key not in common]
        parts = [textwrap.fill(self._summary, WIDTH), _table(own)]
        if self._common:
            parts.append(f"{self._heading}\n\n{_table(list(_lines(self._common, 0)))}")
        return "\n\n".join(part for part in parts if part) + "\n"


def _lines(kind: type[msgspec.Struct], depth: int) -> Iterator[Line]:
    for field, key in zip(msgspec.structs.fields(kind), fields_of(kind), strict=True):
        if key.flat:
            yield from _lines(key.flat, depth)
            continue
        yield Line(depth, key.name, _said(field))
        for record in key.records:
            tag = record.__struct_config__.tag
            if tag:
                yield Line(depth + 1, f"{record.__struct_config__.tag_field}: {tag}")
            yield from _lines(record, depth + 2 if tag else depth + 1)


def _said(key: FieldInfo) -> str:
    told = inspect.type_info(key.type)
    schema, extra = (
        (told.extra_json_schema or {}, told.extra or {}) if isinstance(told, inspect.Metadata) else ({}, {})
    )
    facts = [in_words(key.type).removesuffix(" or null"), extra.get("default") or _default(key)]
    return f"{schema.get('description', '')} ({'; '.join(fact for fact in facts if fact)})".strip()


def _default(key: FieldInfo) -> str:
    if key.required:
        return "required"
    value: Any = key.default
    if value is NODEFAULT or value in ("", ()) or isinstance(value, msgspec.Struct):
        return ""
    if value is None:
        return "may be left out"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _table(lines: list[Line]) -> str:
    room = max((len(INDENT * line.depth + line.key) for line in lines), default=0) + 2
    told = []
    for line in lines:
        head = INDENT * line.depth + line.key
        told += textwrap.wrap(
            line.text, WIDTH, initial_indent=head.ljust(room), subsequent_indent=" " * room, break_on_hyphens=False
        ) or [head]
    return "\n".join(told)
