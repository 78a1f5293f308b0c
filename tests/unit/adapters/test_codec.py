from typing import Any

import pytest

from elastic.adapters import codec
from elastic.errors import BadMessage, BadRequest
from elastic.model.domain import Domain, DomainKey


def test_a_record_lies_in_an_envelope_with_its_format() -> None:
    record = Domain(key=DomainKey("ann", "web"), general={"engine": "simplest"})
    blob = codec.encode(record)

    assert blob == b'{"format":1,"value":{"key":["ann","web"],"general":{"engine":"simplest"}}}'
    assert codec.decode(blob, Domain) == record


@pytest.mark.parametrize("value", [None, True, 0, 2**60, 1.5, "", "\0", [], {}, {"a": [1, {"b": None}]}])
def test_json_comes_back(value: Any) -> None:
    assert codec.decode(codec.encode(value), object) == value


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value", [object(), "\ud800", {"a": {1j}}, nested(100_000)], ids=["object", "surrogate", "complex", "deep"]
)
def test_what_json_cannot_say_is_refused(value: Any) -> None:
    with pytest.raises(BadRequest):
        codec.encode(value)


@pytest.mark.parametrize(
    "blob",
    [b"", b"null", b"{}", b'{"format":1}', b'{"format":1,"value":{}}', b'{"format":1,"value":[1]}', b"\xff\xfe"],
)
def test_what_is_no_such_record_is_refused(blob: bytes) -> None:
    with pytest.raises(BadMessage):
        codec.decode(blob, Domain)


@pytest.mark.hazard("F24")
def test_a_newer_format_is_refused_before_a_look_at_its_value() -> None:
    with pytest.raises(BadMessage, match="format 2"):
        codec.decode(b'{"format":2,"value":{"key":["ann","web"]}}', Domain)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": 1}, {"a": True}, False),
        ({"a": 1}, {"a": 1.0}, False),
        ((1, 2), [1, 2], True),
        ([1, 2], [2, 1], False),
    ],
)
def test_sameness_is_that_of_the_json(one: Any, other: Any, same: bool) -> None:
    assert codec.is_same(one, other) is same
