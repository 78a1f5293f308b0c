"""How records lie in a store: JSON in an envelope that names its format.

    {"format":1,"value":{...}}

A format above ours is refused, never guessed at: a newer release wrote it.
"""

from typing import Any, TypeVar

import msgspec

from elastic.errors import BadMessage, BadRequest

FORMAT = 1
"""The newest format that this release reads, and the one that it writes."""

T = TypeVar("T")

_encoder = msgspec.json.Encoder()
_sorting = msgspec.json.Encoder(order="deterministic")


class _Envelope(msgspec.Struct):
    format: int
    value: msgspec.Raw


_opener = msgspec.json.Decoder(_Envelope)
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}  # making one costs far more than using it


def encode(value: Any) -> bytes:
    """Raise BadRequest for what JSON cannot say."""
    return b'{"format":%d,"value":%b}' % (FORMAT, _written(_encoder, value))


def decode(blob: bytes, type_: type[T]) -> T:
    """Raise BadMessage for a newer format, and for what is no `type_`."""
    try:
        envelope = _opener.decode(blob)
        if envelope.format > FORMAT:
            raise BadMessage(f"stored in format {envelope.format}, and this release reads up to {FORMAT}")
        value: T = _decoder(type_).decode(envelope.value)
    except msgspec.MsgspecError as error:
        raise BadMessage(f"what is stored here is no {type_.__name__}: {error}") from error
    return value


def bare(value: Any) -> bytes:
    """Without the envelope: a part of what will lie in one. BadRequest as `encode`."""
    return _written(_encoder, value)


def bare_decoded(blob: bytes, type_: type[T]) -> T:
    """BadMessage for what is no `type_`."""
    try:
        value: T = _decoder(type_).decode(blob)
    except msgspec.MsgspecError as error:
        raise BadMessage(f"this is no {type_.__name__}: {error}") from error
    return value


def is_same(one: Any, other: Any) -> bool:
    """Whether both say the same in JSON; unlike ==, it tells 1, 1.0 and true apart."""
    return _written(_sorting, one) == _written(_sorting, other)


def _written(encoder: msgspec.json.Encoder, value: Any) -> bytes:
    try:
        return encoder.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise BadRequest(f"this cannot be written as JSON: {error}") from error


def _decoder(type_: Any) -> msgspec.json.Decoder[Any]:
    if type_ not in _decoders:
        _decoders[type_] = msgspec.json.Decoder(type_)
    return _decoders[type_]
