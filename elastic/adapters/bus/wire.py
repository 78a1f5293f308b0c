"""What stands in the messages: bodies, headers, limits, and the words for our errors."""

import logging
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from elastic import errors
from elastic.model.assignment import SLOTS
from elastic.model.domain import Json
from elastic.ports.bus import Call, Pulse, Reply

log = logging.getLogger(__name__)

RPC_LIMIT = 1024 * 1024
HEARTBEAT_LIMIT = 64 * 1024
PEER_LIMIT = 16 * 1024 * 1024
KEY_LIMIT = 128
KEY_HEADER = "idempotency-key"
DEADLINE_HEADER = "deadline"
MAC_HEADER = "mac"
PROBE_MAC = "probe"
ASK = b"{}"
"""What a VM is sent that is asked for a sign of life and given no order."""

SLOT = re.compile("[0-9]{1,4}")
KEYS: Mapping[object, int] = {str(slot): slot for slot in range(SLOTS)}
"""The routing keys of heartbeats."""

_BASE64 = "[A-Za-z0-9+/_-]{2,220}={0,2}"
ADDRESS = re.compile(rf"elastic\.reply\.[\w.%-]{{1,160}}|amq\.rabbitmq\.reply-to\.{_BASE64}\.{_BASE64}", re.ASCII)
"""A queue of replies, or what RabbitMQ makes of a direct reply-to."""

NONE: Mapping[str, Any] = {}

BAD_REPLY_TO = "bad_reply_to"
REFUSED: Mapping[str, str] = {
    "oversized": f"a call has at most {RPC_LIMIT} bytes",
    "undecodable": "that is no call: it has to be JSON, with op, and args by their names",
    "bad_headers": f"{KEY_HEADER} is a text of 1 to {KEY_LIMIT} characters, {DEADLINE_HEADER} a number of seconds",
}
"""What is told to the sender of what is no call."""

CONTENT: Mapping[str, Any] = {"content_type": "application/json", "content_encoding": "utf-8"}

TYPES: Mapping[type[errors.ElasticError], str] = {
    errors.NotFound: "not_found",
    errors.Conflict: "conflict",
    errors.BadRequest: "bad_request",
    errors.Denied: "denied",
    errors.Unavailable: "unavailable",
    errors.UnknownOperation: "unknown_operation",
    errors.TooLate: "too_late",
}
"""Each class and its word. A subclass has its base's word; what is not here is `unavailable`: try again."""

CLASSES = {word: error for error, word in TYPES.items()}


class Request(msgspec.Struct, frozen=True):
    op: str
    args: dict[str, Any] = {}


class Tidings(msgspec.Struct, frozen=True):
    """What a member tells all members."""

    topic: str
    message: dict[str, Any] = {}


class Fault(msgspec.Struct, frozen=True):
    type: str
    message: str = ""


class Answer(msgspec.Struct, frozen=True):
    result: Any = None
    error: Fault | None = None


T = TypeVar("T")


def encoded(value: Any) -> bytes:
    """As JSON. BadRequest if JSON cannot say it."""
    try:
        return msgspec.json.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise errors.BadRequest(f"JSON cannot say that: {error}") from error


def decoded(body: bytes, kind: type[T], limit: int) -> T:
    """Raise BadMessage, with one word for the count of what was dropped."""
    if len(body) > limit:
        raise errors.BadMessage("oversized")
    try:
        return msgspec.json.decode(body, type=kind)
    except (ValueError, RecursionError) as error:  # ValueError: MsgspecError, and bytes that are no UTF-8
        raise errors.BadMessage("undecodable") from error


def headers_of(idempotency_key: str | None, deadline: float) -> dict[str, Json]:
    key = {} if idempotency_key is None else {KEY_HEADER: idempotency_key}
    return {DEADLINE_HEADER: deadline, **key}


def call_of(
    body: bytes, headers: Mapping[str, Any], properties: Mapping[str, Any], redelivered: bool = False
) -> Call:
    """Read an RPC as it arrived; BadMessage as `decoded`."""
    request = decoded(body, Request, RPC_LIMIT)
    key, deadline = headers.get(KEY_HEADER), headers.get(DEADLINE_HEADER)
    caller = properties.get("user_id") or ""
    if not isinstance(caller, str) or not _is_key(key) or not _is_deadline(deadline):
        raise errors.BadMessage("bad_headers")
    return Call(request.op, request.args, caller, key, deadline, redelivered)


def pulse_of(
    body: bytes, headers: Mapping[str, Any], routing_key: object, properties: Mapping[str, Any] = NONE
) -> Pulse:
    """Read a heartbeat as it arrived, as far as the bus goes; BadMessage as `decoded`.

    An address that cannot be one of replies is passed over: we do not let a VM make us write anywhere else.
    """
    if len(body) > HEARTBEAT_LIMIT:
        raise errors.BadMessage("oversized")
    mac = headers.get(MAC_HEADER)
    if not isinstance(mac, str) or not mac:
        raise errors.BadMessage("unsigned")
    slot = KEYS.get(routing_key)
    if slot is None:
        raise errors.BadMessage("bad_slot")
    reply_to = properties.get("reply_to")
    has_address = isinstance(reply_to, str) and ADDRESS.fullmatch(reply_to) is not None
    return Pulse(bytes(body), mac, slot, reply_to if has_address else None)


def answer(handle: Callable[[Call], Reply], call: Call) -> bytes:
    """Let `handle` answer (it is for it to say what is too late); the reply as bytes."""
    return guarded(lambda: handle(call), call.op)


def guarded(reply: Callable[[], Reply], op: str) -> bytes:
    """`reply` as bytes; if it fails, the reply that says so. One call must not end the thread that serves all."""
    try:
        return encoded(reply())
    except errors.ElasticError as error:
        return encoded(reply_for(error))
    except Exception:
        log.exception("%s failed in a way that nobody thought of", op[:KEY_LIMIT])
        return encoded(reply_for(errors.Unavailable("internal error; the log has it")))


def reply_for(error: errors.ElasticError) -> Reply:
    """How a caller is told of `error`."""
    word = next((TYPES[kind] for kind in type(error).__mro__ if kind in TYPES), TYPES[errors.Unavailable])
    return {"error": {"type": word, "message": str(error)}}


def refusal_of(reason: str) -> Reply:
    """How the sender of what is no call is told, by BadMessage's reason."""
    return reply_for(errors.BadRequest(REFUSED.get(reason, reason)))


def result_of(body: bytes) -> Json:
    """What a reply says, or raise the error that it tells of. BadMessage if it is no reply."""
    reply = decoded(body, Answer, PEER_LIMIT)
    if reply.error is None:
        return reply.result
    known = CLASSES.get(reply.error.type)
    if known is None:
        raise errors.ElasticError(f"{reply.error.type}: {reply.error.message}")
    raise known(reply.error.message)


def _is_key(key: object) -> bool:
    return key is None or (isinstance(key, str) and 0 < len(key) <= KEY_LIMIT)


def _is_deadline(deadline: object) -> bool:
    if deadline is None:
        return True
    return isinstance(deadline, int | float) and not isinstance(deadline, bool) and math.isfinite(deadline)
