"""Reading a map of keys into the record that is its schema (`model/kinds`).

msgspec does the reading. Only when it refuses is each key looked at by itself: a null is the default of a key, 3.0
is a whole number; and what is wrong then is told in words that name the key and what may stand there.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from functools import cache
from types import UnionType
from typing import Annotated, Any, NamedTuple, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import ValidationError, inspect
from msgspec.structs import FieldInfo

from elastic.errors import BadRequest
from elastic.rules.wording import in_words, longest, may_not_be_empty, wants_no_text

T = TypeVar("T", bound=msgspec.Struct)
Record = type[msgspec.Struct]
LONGEST_SHOWN = 200
TYPES: Mapping[type, str] = {
    Mapping: "a map",
    list: "a list",
    tuple: "a list",
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    type(None): "null",
}


class Key(NamedTuple):
    """One key of a record. `records`: those that may stand there, or, with `is_list`, in the list there; `items`:
    what may stand in that list, and `most` how many. `flat`: the record whose keys stand in its place, if it is no
    key itself."""

    name: str
    kind: Any
    required: bool
    may_be_null: bool
    records: tuple[Record, ...]
    is_list: bool
    items: Any
    most: int
    flat: Record | None


def read(kind: type[T], said: Any, where: str = "") -> T:
    """`said` as a record. BadRequest names what is wrong, by its place; `where` is that of the map."""
    if not isinstance(said, Mapping):
        raise BadRequest(f"{where} has to be a map, not {_type_of(said)}")
    refuse_others(said, keys_of(kind), where or "this config")
    try:
        return msgspec.convert(_spread(kind, said), kind)
    except ValidationError:
        tidy = _tidied(kind, said, where)
    try:
        return msgspec.convert(_spread(kind, tidy), kind)
    except ValidationError as fault:
        raise BadRequest(_together(fault, where)) from None


def refuse_others(said: Iterable[str], keys: Sequence[str], whose: str) -> None:
    """Raise BadRequest that names the key which is none of `keys`."""
    for key in said:
        if key not in keys:
            raise BadRequest(f"{key!r} is no key of {whose}; its keys are {', '.join(keys)}")


@cache
def keys_of(kind: Record) -> tuple[str, ...]:
    """With those of the records that are flat in it, in the order of its fields."""
    config = kind.__struct_config__
    names = [config.tag_field] if config.tag_field else []
    for key in fields_of(kind):
        names += keys_of(key.flat) if key.flat else [key.name]
    return tuple(names)


@cache
def key_of(kind: Record, field: str) -> str:
    """The name in configs of what the code calls `field`."""
    return next(key.encode_name for key in msgspec.structs.fields(kind) if key.name == field)


@cache
def fields_of(kind: Record) -> tuple[Key, ...]:
    return tuple(_key(field) for field in msgspec.structs.fields(kind))


def _key(field: FieldInfo) -> Key:
    told = inspect.type_info(field.type)
    is_flat = isinstance(told, inspect.Metadata) and bool((told.extra or {}).get("flat"))
    bare, records = _bare(field.type), _records_in(field.type)
    is_list = get_origin(bare) is tuple
    return Key(
        name=field.encode_name,
        kind=field.type,
        required=field.required,
        may_be_null=_fits(None, field.type),
        records=records,
        is_list=is_list,
        items=get_args(bare)[0] if is_list else None,
        most=longest(field.type),
        flat=records[0] if is_flat else None,
    )


def _records_in(kind: Any) -> tuple[Record, ...]:
    bare = _bare(kind)
    if isinstance(bare, type) and issubclass(bare, msgspec.Struct):
        return (bare,)
    if get_origin(bare) in (tuple, Union, UnionType):
        return tuple(record for part in get_args(bare) if part is not ... for record in _records_in(part))
    return ()


def _bare(kind: Any) -> Any:
    return _bare(get_args(kind)[0]) if get_origin(kind) is Annotated else kind


@cache
def _flats(kind: Record) -> tuple[str, ...]:
    return tuple(key.name for key in fields_of(kind) if key.flat)


def _spread(kind: Record, said: Mapping[str, Any]) -> Mapping[str, Any]:
    """With all of it at the name of each flat record too, which takes out what is its own."""
    flats = _flats(kind)
    return {**said, **dict.fromkeys(flats, said)} if flats else said


def _tidied(kind: Record, said: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Each key's value as msgspec takes it; BadRequest for the first that it would not take."""
    tidy: dict[str, Any] = {}
    prefix = f"{where}." if where else ""
    for key in fields_of(kind):
        place = f"{prefix}{key.name}"
        if key.flat:
            tidy |= _whole(key.flat, said, where)
        elif said.get(key.name) is not None:
            tidy[key.name] = _tidy(key, said[key.name], place)
        elif key.name in said and key.may_be_null:
            tidy[key.name] = None
        elif key.required and key.records and not key.is_list:
            _of_record(key.records, {}, place)  # which tells what is missing in it
        elif key.required:
            raise BadRequest(f"{place} is missing")
    config = kind.__struct_config__
    return {**tidy, config.tag_field: config.tag} if config.tag_field else tidy


def _tidy(key: Key, value: Any, place: str) -> Any:
    if key.records and key.is_list and isinstance(value, list | tuple) and value:
        if len(value) > key.most:
            raise BadRequest(f"{place} has to be {in_words(key.kind)}, not one of {len(value)}")
        return [
            _of_record(key.records, item, f"{place}[{number}]")
            if isinstance(item, Mapping)
            else _leaf(key.items, item, f"{place}[{number}]")
            for number, item in enumerate(value)
        ]
    if key.records and not key.is_list and isinstance(value, Mapping):
        return _of_record(key.records, value, place)
    if get_origin(_bare(key.kind)) is dict and isinstance(value, Mapping):
        of_items = get_args(_bare(key.kind))[1]
        for name, item in value.items():
            _leaf(of_items, item, f"{place}.{name}")
    return _leaf(key.kind, value, place)


def _leaf(kind: Any, value: Any, place: str) -> Any:
    if _fits(value, kind):
        return value
    if isinstance(value, float) and value.is_integer() and _fits(int(value), kind):
        return int(value)
    raise BadRequest(_fault(kind, value, place))


def _of_record(records: Sequence[Record], value: Mapping[str, Any], place: str) -> Any:
    record = records[0] if len(records) == 1 else _tagged(records, value, place)
    refuse_others(value, keys_of(record), place)
    return _whole(record, value, place)


def _whole(record: Record, value: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Its keys, which go together."""
    tidy = _tidied(record, value, place)
    try:
        msgspec.convert(tidy, record)
    except ValidationError as fault:
        raise BadRequest(_together(fault, place)) from None
    return tidy


def _together(fault: ValidationError, place: str) -> str:
    """Of keys each of which is well by itself: what their record has said, which begins with one of them."""
    return f"{place}.{fault}" if place else str(fault)


def _tagged(records: Sequence[Record], value: Mapping[str, Any], place: str) -> Record:
    """The one whose name stands at the key by which they are told apart."""
    field = str(records[0].__struct_config__.tag_field)
    tag = value.get(field)
    if tag is None:
        raise BadRequest(f"{place}.{field} is missing")
    for record in records:
        if record.__struct_config__.tag == tag:
            return record
    known = ", ".join(str(record.__struct_config__.tag) for record in records)
    raise BadRequest(f"{place}.{field}: there is none called {_shown(tag)}, only {known}")


def _fits(value: Any, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except ValidationError:
        return False
    return True


def _fault(kind: Any, value: Any, place: str) -> str:
    """With the value where it can hardly be a secret: where no text is wanted but a word of several."""
    if may_not_be_empty(kind) and value in ("", [], {}):
        return f"{place} must not be empty"
    is_plain = wants_no_text(kind) and isinstance(value, bool | int | float | str)
    shown = _shown(value) if is_plain else _type_of(value)
    return f"{place} has to be {in_words(kind).removesuffix(' or null')}, not {shown}"


def _type_of(value: Any) -> str:
    return next((told for kind, told in TYPES.items() if isinstance(value, kind)), "that")


def _shown(value: Any) -> str:
    try:
        told = repr(value)
    except ValueError:  # an int of many thousand digits
        return "that"
    return told if len(told) <= LONGEST_SHOWN else f"{told[:LONGEST_SHOWN]}..."


def unquoted(conf: Mapping[str, Any], keys: Container[str]) -> dict[str, Any]:
    """With the numbers that stand at `keys` as texts read as numbers; what reads as none is left as it is."""
    return {key: _number_in(value) if key in keys else value for key, value in conf.items()}


def _number_in(value: Any) -> Any:
    if not isinstance(value, str) or "_" in value:
        return value
    for number in (int, float):
        try:
            return number(value)
        except ValueError:
            continue
    return value


def check_distinct(key: str, names: Iterable[str]) -> None:
    """Raise ValueError that names the one which stands twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{key}: {name!r} stands there twice")
        seen.add(name)


def check_one_of(record: msgspec.Struct, keys: Sequence[str]) -> None:
    """Raise ValueError that names them, unless exactly one is there."""
    given = [key for key in keys if getattr(record, key) is not None]
    if len(given) != 1:
        there = " and ".join(given) or "none"
        raise ValueError(f"{keys[0]}: one of {', '.join(keys)} is needed, and there is {there}")
