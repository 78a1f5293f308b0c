"""One transaction: how it is packed, whether it was sent, and what became of each of its operations."""

import threading
from collections.abc import Sequence
from typing import Any

from kazoo.exceptions import (
    BadArgumentsError,
    BadVersionError,
    ConnectionDropped,
    InvalidACLError,
    KazooException,
    MarshallingError,
    NoAuthError,
    NoChildrenForEphemeralsError,
    NodeExistsError,
    NoNodeError,
    NotEmptyError,
    QuotaExceededError,
    RolledBackError,
    RuntimeInconsistency,
    SessionMovedError,
    ThrottledOpError,
)
from kazoo.protocol.serialization import CheckVersion, SetData, Transaction
from kazoo.protocol.serialization import Create as MakeNode
from kazoo.protocol.serialization import Delete as RemoveNode
from kazoo.security import ACL

from elastic.adapters.store.zookeeper.asks import Check, Create, Delete, Op, Set
from elastic.errors import ElasticError, TooMuch

LIMIT = 512 * 1024  # bytes; a server drops the connection at 1 MB

ELSEWHERE = (RolledBackError, RuntimeInconsistency)
"""What ZooKeeper says of the operations before and after the one that it refused."""

DEFINITE = (
    BadArgumentsError,
    InvalidACLError,
    MarshallingError,
    NoAuthError,
    QuotaExceededError,
    SessionMovedError,
    ThrottledOpError,
)
"""A server's own word, not the want of one, that the transaction was not made."""

REFUSALS = (NoNodeError, NodeExistsError, BadVersionError, NotEmptyError, NoChildrenForEphemeralsError)


class Refused(ElasticError):
    """Nothing was done, because of `op`, the operation at `index`. Never leaves the adapter."""

    def __init__(self, index: int, op: Op, fault: KazooException) -> None:
        super().__init__(f"{type(op).__name__} {op.path}: {type(fault).__name__}")
        self.index, self.op, self.fault = index, op, fault

    @property
    def is_missing(self) -> bool:
        return isinstance(self.fault, NoNodeError)

    @property
    def is_there(self) -> bool:
        return isinstance(self.fault, NodeExistsError)

    @property
    def is_stale(self) -> bool:
        return isinstance(self.fault, BadVersionError)


class Unsure(ElasticError):
    """It was sent and not answered. Never leaves the adapter: see `Session.read_back`.

    `until`: monotonic seconds at which one stops to wait for the connection.
    """

    def __init__(self, text: str, until: float) -> None:
        super().__init__(text)
        self.until = until


class Ticket:
    """Whether a write may still be sent. Either it is sent or it is given up, never both."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_sent = self._is_given_up = False

    def send(self) -> bool:
        with self._lock:
            self._is_sent = not self._is_given_up
            return self._is_sent

    def give_up(self) -> bool:
        """False: too late."""
        with self._lock:
            self._is_given_up = not self._is_sent
            return self._is_given_up


class Packed(Transaction):  # type: ignore[misc]
    """kazoo's request, in bytes already, for one sending."""

    ticket: Ticket
    body: bytearray

    def serialize(self) -> bytearray:
        """Called by kazoo's loop when it is this one's turn. By then a write that was given up has waited so
        long for a server that takes nothing that the connection is no good: drop it, and all that waits."""
        if not self.ticket.send():
            raise ConnectionDropped("the server takes nothing")
        return self.body


def packed(ops: Sequence[Op], acl: list[ACL], ticket: Ticket) -> Packed:
    """Raise TooMuch above LIMIT."""
    request = Packed([_operation(op, acl) for op in ops])
    request.ticket, request.body = ticket, Transaction.serialize(request)
    if len(request.body) > LIMIT:
        raise TooMuch(f"{len(request.body)} bytes in one transaction: {LIMIT} is the most")
    return request


def results(ops: Sequence[Op], answered: Sequence[Any]) -> list[Any]:
    """Each of the answers looked at: kazoo returns what was refused as if it were a result.

    Raise Refused, or one of kazoo's own that is DEFINITE.
    """
    faults = [(index, answer) for index, answer in enumerate(answered) if isinstance(answer, Exception)]
    if not faults:
        return [_result(op, answer) for op, answer in zip(ops, answered, strict=True)]
    index, fault = next(((i, fault) for i, fault in faults if not isinstance(fault, ELSEWHERE)), faults[0])
    if isinstance(fault, REFUSALS):
        raise Refused(index, ops[index], fault)
    raise fault if isinstance(fault, DEFINITE) else BadArgumentsError(f"{ops[index].path}: {fault!r}")


def _operation(op: Op, acl: list[ACL]) -> Any:
    match op:
        case Check(path, version):
            return CheckVersion(path, version)
        case Create(path, data, ephemeral, sequence):
            return MakeNode(path, data, acl, ephemeral | sequence << 1)
        case Set(path, data, version):
            return SetData(path, data, version)
        case Delete(path, version):
            return RemoveNode(path, version)


def _result(op: Op, answer: Any) -> Any:
    match op:
        case Create():
            return answer
        case Set():
            return answer.version
    return None
