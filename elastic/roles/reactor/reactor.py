"""The reactor itself: every call gets an answer, whatever it is."""

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from elastic.errors import (
    Answered,
    BadRequest,
    BusUnavailable,
    Conflict,
    Denied,
    ElasticError,
    NotFound,
    OutcomeUnknown,
    StoreUnavailable,
    TooLate,
    Unavailable,
    UnknownOperation,
)
from elastic.model.domain import DomainKey, Json
from elastic.model.names import checked_name
from elastic.ports.bus import Call, Pulse, Reply
from elastic.ports.store import Request
from elastic.roles.reactor import cluster, definitions, domains, instances, servers, sites, stops, types
from elastic.roles.reactor.desk import Desk
from elastic.roles.reactor.hearing import LAST_HEARD, LAST_WORDS, SENSOR_DATA, Hearing, ages_of, word_of
from elastic.roles.reactor.operations import Access, Asked, Operation, Operations, owner_asked_for
from elastic.rules.showing import visible

log = logging.getLogger(__name__)

OPERATIONS = Operations(
    domains.operations,
    definitions.operations,
    types.operations,
    sites.operations,
    stops.operations,
    instances.operations,
    servers.operations,
    cluster.operations,
)

KEY_LIFE = 3600.0
"""Seconds that a mutation's key outlives its deadline: longer than the bus may hold a message back."""

FARTHEST_DEADLINE = 24 * 3600.0
LONGEST_KEY = 128
LONGEST_MESSAGE = 500
"""Characters of an error: it may quote what the caller sent, and that has no end."""

_TYPES: tuple[tuple[type[ElasticError], str], ...] = (
    (NotFound, "not_found"),
    (Conflict, "conflict"),
    (BadRequest, "bad_request"),
    (Denied, "denied"),
    (TooLate, "too_late"),
    (UnknownOperation, "unknown_operation"),
)

_ASKED_BY_MEMBERS = (LAST_HEARD, LAST_WORDS, SENSOR_DATA, "status")


class Reactor:
    """`operators`: callers who may act on every owner's things; null: everyone may. Safe to call from several
    threads at once."""

    def __init__(self, desk: Desk, hearing: Hearing, operators: Collection[str] | None = None) -> None:
        self._desk, self._hearing = desk, hearing
        self.operators = operators

    def handle(self, call: Call) -> Reply:
        """Never raises."""
        try:
            return {"result": self._result(call)}
        except Answered as done:
            return {"result": done.answer}
        except Unavailable as error:
            log.debug("%s asked by %s cannot be answered now: %s", call.op[:60], call.caller[:60], error)
            return _refusal(error)
        except ElasticError as error:
            log.info("%s asked by %s is refused: %s", call.op[:60], call.caller[:60], _shown(str(error)))
            return _refusal(error)
        except Exception:
            log.exception("%s asked by %s failed", call.op[:60], call.caller[:60])
            return _error("unavailable", "something went wrong in this replica, its log says what; try again")

    def hear(self, pulses: Sequence[Pulse]) -> None:
        self._hearing.hear(pulses)

    @property
    def dropped(self) -> Mapping[str, int]:
        """Heartbeats dropped so far, by the reason."""
        return self._hearing.dropped

    @property
    def heard(self) -> int:
        """Heartbeats taken so far."""
        return self._hearing.heard

    def answer_peer(self, op: str, args: Mapping[str, Json]) -> Json:
        """Questions of other members. UnknownOperation, BadRequest."""
        if op == "status":
            return msgspec.to_builtins(self._desk.status())
        if op not in _ASKED_BY_MEMBERS:
            raise UnknownOperation(f"members do not answer {op[:60]!r}, but {', '.join(_ASKED_BY_MEMBERS)}")
        if op == SENSOR_DATA:
            return dict(self._desk.sensor_data(DomainKey.checked(str(args.get("owner")), str(args.get("name")))))
        ids = args.get("instance_ids")
        if not isinstance(ids, list | tuple) or not all(isinstance(i, str) for i in ids):
            raise BadRequest("instance_ids has to be a list of ids")
        if op == LAST_WORDS:
            return msgspec.to_builtins([word_of(identity, self._desk.lastheard) for identity in ids])
        return ages_of(ids, self._desk.lastheard, self._desk.clock.monotonic())

    def close(self) -> None:
        self._desk.questions.close()

    def _result(self, call: Call) -> Json:
        if not call.caller:
            raise Denied("the request does not say who asks: connect with a user of your own and set user_id")
        caller = checked_name(call.caller, "caller")
        operation = OPERATIONS.get(call.op)
        if operation is None:
            raise UnknownOperation(f"there is no operation {call.op[:60]!r}")
        is_operator = self.operators is None or caller in self.operators
        if operation.access is Access.OPERATOR and not is_operator:
            raise Denied(f"{operation.name} is for operators")
        return self._run(operation, call, is_operator)

    def _run(self, operation: Operation, call: Call, is_operator: bool) -> Json:
        args = operation.read(call.args)
        owner = owner_asked_for(args, call.caller, is_operator)
        now = self._desk.clock.now()
        asked = Asked(
            caller=call.caller,
            owner=owner,
            is_operator=is_operator,
            everything=is_operator and getattr(args, "owner", None) is None,
            now=now,
            request=self._request(call, now) if operation.mutates else None,
        )
        result = self._done(operation, asked, args)
        if operation.mutates:
            log.info("%s of %s done for %s", operation.name, owner, call.caller)
        return result

    def _done(self, operation: Operation, asked: Asked, args: Any) -> Json:
        """A call may be delivered to two members at once: a refusal holds only if the other has not done it
        meanwhile, for then it is what that one did which stands in our way."""
        try:
            return operation.run(self._desk, asked, args)
        except (Conflict, NotFound):
            was_made, answer = self._desk.store.answered(asked.request.key) if asked.request else (False, None)
            if was_made:
                raise Answered(answer) from None
            raise

    def _request(self, call: Call, now: float) -> Request | None:
        """Raises Answered if it was made before, TooLate if nobody can tell any more, or nobody waits."""
        deadline = call.deadline
        if deadline is not None and deadline > now + FARTHEST_DEADLINE:
            raise BadRequest("the deadline is more than a day away: check the clocks")
        key = self._key(call)
        if key is not None:
            was_made, answer = self._desk.store.answered(key)
            if was_made:
                raise Answered(answer)
        if deadline is not None and deadline < now:
            raise TooLate(
                f"by this replica's clock the deadline passed {now - deadline:.1f} s ago: it did nothing"
            )
        if call.redelivered and (key is None or deadline is None):
            raise TooLate("delivered twice without a key and a deadline: it may have been done already")
        return None if key is None else Request(key, None, (deadline or now) + KEY_LIFE)

    def _key(self, call: Call) -> str | None:
        """Keys are the caller's own: nobody gets at another's answer."""
        key = call.idempotency_key
        if key is None:
            return None
        if not key or len(key) > LONGEST_KEY or not key.isprintable():
            raise BadRequest(f"an idempotency key is 1 to {LONGEST_KEY} printable characters")
        return f"{call.caller}:{key}"


def _refusal(error: ElasticError) -> Reply:
    for kind, name in _TYPES:
        if isinstance(error, kind):
            return _error(name, str(error))
    if isinstance(error, StoreUnavailable):
        return _error("unavailable", "the store does not answer now; nothing was done; try again")
    if isinstance(error, BusUnavailable):
        return _error("unavailable", "the message bus does not answer now; nothing was done; try again")
    if isinstance(error, OutcomeUnknown):
        return _error("unavailable", "the store was lost while it wrote: ask again with the same key to be sure")
    return _error("unavailable", str(error))


def _error(kind: str, message: str) -> Reply:
    return {"error": {"type": kind, "message": _shown(message)}}


def _shown(message: str) -> str:
    """On one line, of a length that one can read, and nothing in it that a terminal would obey."""
    line = visible(" ".join(message[: 2 * LONGEST_MESSAGE].split()))
    return line if len(line) <= LONGEST_MESSAGE else f"{line[: LONGEST_MESSAGE - 3]}..."
