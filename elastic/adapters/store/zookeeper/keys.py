"""Idempotency keys with their answers: a node each, written in the transaction of the mutation that they name.

    asked = keys.asks(request)
    ops = keys.ops(request, session.read(asked))          # Answered, if it was made before
    session.write([*ops, ...], landed=lambda: keys.is_kept(request))
    keys.tidy(request)

They lie beneath a partition by a hash of the key. Whoever writes one there looks, now and then, at some of its
neighbours, and deletes those whose time is over.
"""

import logging
from collections.abc import Sequence
from hashlib import blake2b

import msgspec

from elastic.adapters import codec
from elastic.adapters.store.zookeeper.asks import Ask, Create, Delete, Found, Get, Op, Set
from elastic.adapters.store.zookeeper.names import Tree
from elastic.adapters.store.zookeeper.paths import quoted
from elastic.adapters.store.zookeeper.session import Session
from elastic.adapters.store.zookeeper.transaction import Refused, Unsure
from elastic.errors import Answered, BadMessage, BadRequest, Unavailable
from elastic.model.domain import Json
from elastic.ports.clock import Clock
from elastic.ports.store import Request

log = logging.getLogger(__name__)

LARGEST = 480 * 1024  # bytes that a client may have kept in one node
LONGEST_NAME = 200  # characters; a longer key goes by its hash
TIDY_SECONDS = 300.0  # between two looks at one partition's keys
TIDIED_AT_ONCE = 100


class Kept(msgspec.Struct, frozen=True):
    """An answer as it is stored; until `keep_until` (wall seconds) for certain."""

    key: str
    keep_until: float
    answer: Json = None


class Keys:
    def __init__(self, session: Session, tree: Tree, clock: Clock) -> None:
        self._session, self._tree, self._clock = session, tree, clock
        self._tidied: dict[str, tuple[float, str]] = {}  # by folder: when, and up to which name

    def answered(self, key: str) -> tuple[bool, Json]:
        kept = self._valid(self._session.get(self._path(key)))
        return (True, kept.answer) if kept else (False, None)

    def is_kept(self, request: Request) -> bool:
        return self.answered(request.key)[0]

    def asks(self, request: Request | None) -> list[Ask]:
        """What has to be known before `ops`; at most one."""
        return [Get(self._path(request.key))] if request else []

    def ops(self, request: Request | None, found: Sequence[Found | None]) -> list[Op]:
        """At most one. Answered, if a mutation with that key was made; BadRequest for an answer too large."""
        if request is None:
            return []
        node, path = found[0], self._path(request.key)
        before = self._valid(node)
        if before is not None:
            raise Answered(before.answer)
        data = codec.encode(Kept(request.key, request.keep_until, request.answer))
        check_size(data, "the answer to this request")
        return [Create(path, data) if node is None else Set(path, data, node.version)]

    def tidy(self, request: Request | None) -> None:
        """What fails here fails quietly: the mutation is done."""
        if request is None:
            return
        folder, now = self._folder(request.key), self._clock.now()
        last, name = self._tidied.setdefault(folder, (now, ""))
        if 0 <= now - last < TIDY_SECONDS:
            return
        try:
            self._tidied[folder] = (now, self._tidy(folder, name))
        except (Unavailable, Refused, Unsure) as fault:
            log.info("%s is not tidied now: %s", folder, fault)

    def _tidy(self, folder: str, last: str) -> str:
        names = self._session.children(folder, fresh=False)
        some = [name for name in names if name > last][:TIDIED_AT_ONCE]
        paths = [f"{folder}/{name}" for name in some]
        found = self._session.read([Get(path) for path in paths], fresh=False)
        over = [
            Delete(path, node.version)
            for path, node in zip(paths, found, strict=True)
            if node is not None and self._is_over(node)
        ]
        if over:
            self._session.transact(over)
        return some[-1] if len(some) == TIDIED_AT_ONCE else ""

    def _is_over(self, found: Found) -> bool:
        try:
            return self._valid(found) is None
        except BadMessage:
            return False  # of a newer release, which knows when its time is over

    def _valid(self, found: Found | None) -> Kept | None:
        kept = codec.decode(found.data, Kept) if found else None
        return kept if kept and kept.keep_until >= self._clock.now() else None

    def _folder(self, key: str) -> str:
        digest = blake2b(key.encode(errors="surrogatepass"), digest_size=8).digest()
        return f"{self._tree.partition(int.from_bytes(digest, 'big') % self._tree.partitions)}/.keys"

    def _path(self, key: str) -> str:
        name = quoted(key)
        if len(name) > LONGEST_NAME:
            name = f"%{blake2b(key.encode(errors='surrogatepass'), digest_size=32).hexdigest()}"
        return f"{self._folder(key)}/{name}"


def check_size(data: bytes, what: str) -> None:
    """BadRequest."""
    if len(data) > LARGEST:
        raise BadRequest(f"{what} has {len(data)} bytes: {LARGEST} is the most")
