"""Ephemeral nodes in the store's own session. A write whose outcome is not known is StoreUnavailable here:
whoever made it looks again, and puts right what it finds."""

from collections.abc import Sequence
from contextlib import suppress

from elastic.adapters.store.zookeeper.asks import Create, Delete, Op
from elastic.adapters.store.zookeeper.session import Session
from elastic.adapters.store.zookeeper.transaction import Refused, Unsure
from elastic.errors import StoreUnavailable


def number_of(session: Session) -> int:
    """Of the present session; StoreUnavailable while there is none that works."""
    known = session.client.client_id
    if known is None or not session.is_connected:
        raise StoreUnavailable(f"{session.address} is not connected")
    return int(known[0])


def make(session: Session, folder: Sequence[str], name: str, data: bytes, *, sequence: bool = False) -> bool:
    """An ephemeral node in `folder`, made too if need be below the cluster's root. False: it is there."""
    node = Create(session.at(*folder, name), data, ephemeral=True, sequence=sequence)
    try:
        return _made(session, node)
    except Missing:
        for depth in range(len(folder)):
            _made(session, Create(session.at(*folder[: depth + 1])))
        return _made(session, node)


def remove(session: Session, path: str) -> None:
    """If it is there."""
    with suppress(Missing):
        _done(session, Delete(path))


class Missing(StoreUnavailable):
    """There is no such node, or none to put it below."""


def _made(session: Session, node: Create) -> bool:
    try:
        _done(session, node)
    except Refused as refused:
        if refused.is_there:
            return False
        raise StoreUnavailable(str(refused)) from refused
    return True


def _done(session: Session, op: Op) -> None:
    try:
        session.transact([op])
    except Unsure as unsure:
        raise StoreUnavailable(str(unsure)) from unsure
    except Refused as refused:
        if refused.is_missing:
            raise Missing(str(refused)) from refused
        raise
