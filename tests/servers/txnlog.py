"""What a ZooKeeper server has written down of what it was asked: its transaction log.

A transaction that was refused is in it too, with the session that asked for it and the operation it failed at.
The order of zxids is the order in which the store saw them. The format is that of ZooKeeper's FileTxnLog.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

HEADER = struct.Struct(">4sIq")  # magic, version, database
ENTRY = struct.Struct(">qi")  # checksum, length
TXN = struct.Struct(">qiqqi")  # session, cxid, zxid, time, type

MULTI, ERROR = 14, -1
KINDS = {1: "create", 2: "delete", 5: "set", 13: "check", 15: "create", 19: "create", ERROR: "error"}
ROLLED_BACK = {0, -2}  # what stands at the operations beside the one that failed

BAD_VERSION, NO_NODE = -103, -101


class Op(NamedTuple):
    """`fault`: why the transaction was refused here; 0 if it was not."""

    kind: str
    path: str = ""
    fault: int = 0


class Txn(NamedTuple):
    session: int
    zxid: int
    ops: tuple[Op, ...]

    @property
    def refused_at(self) -> tuple[int, int] | None:
        """Place and fault of the operation that it was refused for."""
        return next(((at, op.fault) for at, op in enumerate(self.ops) if op.fault not in ROLLED_BACK), None)

    def has(self, kind: str, path: str) -> bool:
        """Whether one of its operations is of that kind, on a node at or below one that is so called."""
        return any(op.kind == kind and f"{path}/" in f"{op.path}/" for op in self.ops)


def transactions(data_dir: Path) -> list[Txn]:
    """All that is in the logs of the server whose `dataDir` it is, in order."""
    found = [txn for log in data_dir.glob("version-2/log.*") for txn in _read(log.read_bytes())]
    return sorted(found, key=lambda txn: txn.zxid)


def _read(log: bytes) -> Iterator[Txn]:
    at = HEADER.size
    while at + ENTRY.size <= len(log):
        _, length = ENTRY.unpack_from(log, at)
        at += ENTRY.size
        if length <= 0 or at + length > len(log):
            return  # the rest is preallocated, or is being written now
        yield _txn(log[at : at + length])
        at += length + 1  # each ends with a B


def _txn(record: bytes) -> Txn:
    session, _, zxid, _, kind = TXN.unpack_from(record)
    body = record[TXN.size :]
    return Txn(session, zxid, tuple(_parts(body)) if kind == MULTI else (_op(kind, body),))


def _parts(body: bytes) -> Iterator[Op]:
    (count,) = struct.unpack_from(">i", body)
    at = 4
    for _ in range(count):
        kind, length = struct.unpack_from(">ii", body, at)
        at += 8
        yield _op(kind, body[at : at + length])
        at += length


def _op(kind: int, body: bytes) -> Op:
    if kind == ERROR:
        return Op("error", fault=struct.unpack_from(">i", body)[0])
    if kind not in KINDS:
        return Op("other")  # a session's beginning or end
    (length,) = struct.unpack_from(">i", body)
    return Op(KINDS[kind], body[4 : 4 + length].decode())
