"""What may stand at a key, in words: from its type alone, so that they cannot disagree."""

import sys
from collections.abc import Iterable
from functools import cache
from typing import Any

from msgspec import inspect
from msgspec.inspect import Type

from elastic.model.kinds import LARGEST_WHOLE

PLAIN = inspect.IntType | inspect.FloatType | inspect.BoolType | inspect.LiteralType | inspect.NoneType
PLURALS = {"a text": "texts", "a map": "maps", "a number": "numbers", "a whole number": "whole numbers"}


@cache
def in_words(kind: Any) -> str:
    """Of a Python type: `a whole number, 0 or more`."""
    return _told(inspect.type_info(kind))


@cache
def may_not_be_empty(kind: Any) -> bool:
    """A text, a list or a map of this type has to have something in it."""
    return any(getattr(one, "min_length", None) for one in _alternatives(inspect.type_info(kind)))


@cache
def longest(kind: Any) -> int:
    """How many items its list may have."""
    found = [getattr(one, "max_length", None) for one in _alternatives(inspect.type_info(kind))]
    return min((most for most in found if most is not None), default=sys.maxsize)


@cache
def wants_no_text(kind: Any) -> bool:
    """Numbers, yes or no, or a word of some that are known."""
    return all(isinstance(one, PLAIN) for one in _alternatives(inspect.type_info(kind)))


def _alternatives(kind: Type) -> list[Type]:
    if isinstance(kind, inspect.Metadata):
        return _alternatives(kind.type)
    if isinstance(kind, inspect.UnionType):
        return [one for part in kind.types for one in _alternatives(part)]
    return [kind]


def _told(kind: Type) -> str:
    match kind:
        case inspect.Metadata(type=inner, extra_json_schema={"title": str(title)}):
            return title
        case inspect.Metadata(type=inner):
            return _told(inner)
        case inspect.UnionType(types=several):
            return " or ".join(dict.fromkeys(_told(one) for one in _numbers_once(several)))
        case inspect.IntType():
            return f"a whole number{_bounds(kind)}"
        case inspect.FloatType():
            return f"a number{_bounds(kind)}"
        case inspect.StrType():
            return "a text"
        case inspect.BoolType():
            return "true or false"
        case inspect.NoneType():
            return "null"
        case inspect.LiteralType(values=values):
            return _one_of([str(value) for value in values])
        case (
            inspect.ListType(item_type=item, max_length=most)
            | inspect.VarTupleType(item_type=item, max_length=most)
        ):
            return _many("a list", item) + (f", {most} at most" if most else "")
        case inspect.DictType(value_type=value):
            return _many("a map", value)
        case inspect.StructType():
            return "a map"
        case _:
            return "anything"


def _bounds(kind: inspect.IntType | inspect.FloatType) -> str:
    """As far as anybody would care."""
    least = kind.ge if kind.ge is not None and kind.ge > -LARGEST_WHOLE else None
    most = kind.le if kind.le is not None and kind.le < LARGEST_WHOLE else None
    if least is not None and most is not None:
        return f" from {least:g} to {most:g}"
    bounds = [f" above {kind.gt:g}"] if kind.gt is not None else []
    bounds += [f", {least:g} or more"] if least is not None else []
    bounds += [f", {most:g} at most"] if most is not None else []
    return "".join(bounds)


def _numbers_once(kinds: Iterable[Type]) -> list[Type]:
    """Without the whole numbers, if others may stand there too."""
    bare = list(kinds)
    takes_all = any(isinstance(kind, inspect.FloatType) for kind in bare)
    return [kind for kind in bare if not (takes_all and isinstance(kind, inspect.IntType))]


def _many(container: str, item: Type) -> str:
    told = _told(item)
    plural = " or ".join(PLURALS.get(one, "") for one in told.split(" or "))
    return f"{container} of {plural}" if plural.strip(" or") else container


def _one_of(values: list[str]) -> str:
    return values[0] if len(values) == 1 else f"{', '.join(values[:-1])} or {values[-1]}"
