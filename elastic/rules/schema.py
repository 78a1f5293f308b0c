"""Reading a map of keys into the record that is its schema (`model/kinds`).

msgspec does the reading. Only when it refuses is each key looked at by itself: a null is the default of a key, 3.0
is a whole number; and what is wrong then is told in words that name the key and what may stand there.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from functools import cache
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import ValidationError, inspect
from msgspec.structs import FieldInfo

from elastic.errors import BadRequest
from elastic.rules.wording import in_words

T = TypeVar("T", bound=msgspec.Struct)
LONGEST_SHOWN = 200


def read(kind: type[T], said: Any, where: str = "") -> T:
    """`said` as a record. BadRequest names what is wrong, by its place; `where` is that of the map."""
    if not isinstance(said, Mapping):
        raise BadRequest(f"{where} has to be a map, not {_shown(said)}")
    refuse_others(said, keys_of(kind), where or "this config")
    try:
        return msgspec.convert(_spread(kind, said), kind)
    except ValidationError:
        tidy = _tidied(kind, said, where)
    try:
        return msgspec.convert(_spread(kind, tidy), kind)
    except ValidationError as fault:  # of several keys together, each of which is well
        raise BadRequest(f"{where}.{fault}" if where else str(fault)) from None


def refuse_others(said: Iterable[str], keys: Sequence[str], whose: str) -> None:
    """Raise BadRequest that names the key which is none of `keys`."""
    for key in said:
        if key not in keys:
            raise BadRequest(f"{key!r} is no key of {whose}; its keys are {', '.join(keys)}")


@cache
def keys_of(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    """With those of the records that are flat in it, in the order of its fields."""
    config = kind.__struct_config__
    keys = [config.tag_field] if config.tag_field else []
    for key in msgspec.structs.fields(kind):
        flat = flat_in(key)
        keys += keys_of(flat) if flat else [key.encode_name]
    return tuple(keys)


def flat_in(key: FieldInfo) -> type[msgspec.Struct] | None:
    """The record whose keys stand in its place, if it is no key itself."""
    told = inspect.type_info(key.type)
    if not (isinstance(told, inspect.Metadata) and (told.extra or {}).get("flat")):
        return None
    (record,) = records_in(key.type)
    return record


@cache
def key_of(kind: type[msgspec.Struct], field: str) -> str:
    """The name in configs of what the code calls `field`."""
    return next(key.encode_name for key in msgspec.structs.fields(kind) if key.name == field)


@cache
def _flats(kind: type[msgspec.Struct]) -> Mapping[str, type[msgspec.Struct]]:
    return {key.encode_name: flat for key in msgspec.structs.fields(kind) if (flat := flat_in(key))}


def _spread(kind: type[msgspec.Struct], said: Mapping[str, Any]) -> Mapping[str, Any]:
    """With all of it at the name of each flat record too, which takes out what is its own."""
    flats = _flats(kind)
    return {**said, **dict.fromkeys(flats, said)} if flats else said


def records_in(kind: Any) -> tuple[type[msgspec.Struct], ...]:
    """Those that may stand there, or in the list that may stand there."""
    bare = _bare(kind)
    if isinstance(bare, type) and issubclass(bare, msgspec.Struct):
        return (bare,)
    if get_origin(bare) in (tuple, Union, UnionType):
        return tuple(record for part in get_args(bare) if part is not ... for record in records_in(part))
    return ()


def _bare(kind: Any) -> Any:
    return _bare(get_args(kind)[0]) if get_origin(kind) is Annotated else kind


def _tidied(kind: type[msgspec.Struct], said: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Each key's value as msgspec takes it; BadRequest for the first that it would not take."""
    tidy: dict[str, Any] = {}
    prefix = f"{where}." if where else ""
    for key in msgspec.structs.fields(kind):
        flat = flat_in(key)
        if flat:
            tidy |= _tidied(flat, said, where)
            continue
        value = said.get(key.encode_name)
        if value is None and not (key.encode_name in said and _fits(None, key.type)):
            if not key.required:
                continue
            records = records_in(key.type)
            if not records or _is_list(key.type):
                raise BadRequest(f"{prefix}{key.encode_name} is missing")
            value = {}
        tidy[key.encode_name] = _tidy(key.type, value, f"{prefix}{key.encode_name}")
    config = kind.__struct_config__
    return {**tidy, config.tag_field: config.tag} if config.tag_field else tidy


def _tidy(kind: Any, value: Any, place: str) -> Any:
    records = records_in(kind)
    if records and isinstance(value, list | tuple) and value:
        return [_tidy_item(records, kind, item, f"{place}[{number}]") for number, item in enumerate(value)]
    if records and isinstance(value, Mapping) and not _is_list(kind):
        return _of_record(records, value, place)
    if get_origin(_bare(kind)) is dict and isinstance(value, Mapping):
        of_items = get_args(_bare(kind))[1]
        for name, item in value.items():
            if not _fits(item, of_items):
                raise BadRequest(_fault(of_items, item, f"{place}.{name}"))
    if isinstance(value, float) and value.is_integer() and not _fits(value, kind):
        value = int(value)
    if not _fits(value, kind):
        raise BadRequest(_fault(kind, value, place))
    return value


def _tidy_item(records: Sequence[type[msgspec.Struct]], kind: Any, item: Any, place: str) -> Any:
    if isinstance(item, Mapping):
        return _of_record(records, item, place)
    if not _fits([item], kind):
        raise BadRequest(_fault(kind, [item], place.rpartition("[")[0]))
    return item


def _of_record(records: Sequence[type[msgspec.Struct]], value: Mapping[str, Any], place: str) -> Any:
    record = records[0]
    if len(records) > 1:
        record = _tagged(records, value, place)
    refuse_others(value, keys_of(record), place)
    tidy = _tidied(record, value, place)
    try:
        msgspec.convert(tidy, record)
    except ValidationError as fault:
        raise BadRequest(f"{place}.{fault}") from None
    return tidy


def _tagged(records: Sequence[type[msgspec.Struct]], value: Mapping[str, Any], place: str) -> type[msgspec.Struct]:
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


def _is_list(kind: Any) -> bool:
    return get_origin(_bare(kind)) is tuple


def _fits(value: Any, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except ValidationError:
        return False
    return True


def _fault(kind: Any, value: Any, place: str) -> str:
    """Without the value where a text is wanted: it may be a secret."""
    if value in ("", [], {}) and value is not False:
        return f"{place} must not be empty"
    wanted = in_words(kind)
    shown = "" if wanted in ("a text", "a text or null") else f", not {_shown(value)}"
    return f"{place} has to be {wanted.removesuffix(' or null')}{shown}"


def _shown(value: Any) -> str:
    told = repr(value)
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
