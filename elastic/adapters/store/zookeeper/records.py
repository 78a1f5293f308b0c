"""Records that are a node each and know no fence but that of their own: put, found, listed, forgotten."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from elastic.adapters.store.zookeeper.asks import Children, Create, Delete, Exists, Found, Get, Op, Set, Watch
from elastic.adapters.store.zookeeper.paths import unquoted
from elastic.adapters.store.zookeeper.session import Session
from elastic.adapters.store.zookeeper.transaction import Refused
from elastic.errors import StoreUnavailable

ATTEMPTS = 20  # against others that change the same at the same moment

T = TypeVar("T")


def listed(session: Session, folder: str, watch: Watch | None = None) -> dict[str, Found]:
    """What lies in a folder, by name, in the names' order. One that goes while we look may be left out.

    `watch` is set at the folder and at each node in it; called now if there is no folder to set it at.
    """
    [whole] = session.read([Children(session.at(folder), watch)])
    if whole is None:
        if watch is not None:
            watch(None)
        return {}
    found = session.read([Get(session.at(folder, name), watch) for name in whole.children], fresh=False)
    there = {unquoted(name): node for name, node in zip(whole.children, found, strict=True) if node is not None}
    return dict(sorted(there.items()))


def put(session: Session, path: str, data: bytes, *checks: Op) -> None:
    """Have `data` there, whether there was something or not. Refused of one of `checks`."""
    persistently(lambda: _put(session, path, data, checks), len(checks))


def forget(session: Session, path: str) -> None:
    """Nothing, if it is not there."""
    try:
        session.write([Delete(path)], landed=lambda: session.read([Exists(path)]) == [None])
    except Refused as refused:
        if not refused.is_missing:
            raise


def upserts(session: Session, wanted: Mapping[str, bytes]) -> list[Op]:
    """What has to be done, as of now, to have `wanted` (path: data) there."""
    found = session.read([Exists(path) for path in wanted])
    return [
        Create(path, data) if node is None else Set(path, data)
        for (path, data), node in zip(wanted.items(), found, strict=True)
    ]


def persistently(attempt: Callable[[], T], fences: int) -> T:
    """Do it again when another was faster: when an operation behind the first `fences` was refused."""
    for _ in range(ATTEMPTS):
        try:
            return attempt()
        except Refused as refused:
            if refused.index < fences:
                raise
            last = refused
    raise StoreUnavailable(f"others change it all the time: {last}") from last


def _put(session: Session, path: str, data: bytes, checks: Sequence[Op]) -> None:
    def landed() -> bool:
        found = session.get(path)
        return found is not None and found.data == data

    session.write([*checks, *upserts(session, {path: data})], landed)
