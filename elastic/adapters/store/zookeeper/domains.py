"""Domains as clients ask for them, in ZooKeeper: each mutation one transaction, by the versions it rests on."""

from collections.abc import Callable, Sequence
from functools import partial

from msgspec.structs import replace

from elastic.adapters import codec
from elastic.adapters.store.outcomes import changed
from elastic.adapters.store.zookeeper.asks import Check, Children, Create, Found, Get, Op, Set
from elastic.adapters.store.zookeeper.heads import EMPTY, head_data
from elastic.adapters.store.zookeeper.journal import events_op
from elastic.adapters.store.zookeeper.keys import check_size
from elastic.adapters.store.zookeeper.names import HEAD, key_of, node_name
from elastic.adapters.store.zookeeper.reading import ROUNDS, ZookeeperReading, counter, prune_events
from elastic.adapters.store.zookeeper.transaction import Refused
from elastic.errors import BadRequest, Conflict, OutcomeUnknown, StoreUnavailable, TooMuch
from elastic.model.decision import Event
from elastic.model.domain import Domain, DomainKey, Json
from elastic.ports.store import Request


class ZookeeperDomains(ZookeeperReading):
    def answered(self, key: str) -> tuple[bool, Json]:
        return self._keys.answered(key)

    def add_domain(self, domain: Domain, request: Request | None = None) -> Domain:
        folder = self._tree.partition(self._tree.home(domain.key))
        asked = self._keys.asks(request)
        for _ in range(ROUNDS):
            *kept, partition, listed = self.session.read([*asked, Get(folder), Children(folder)])
            slip = self._keys.ops(request, kept)
            if partition is None or listed is None:
                raise StoreUnavailable(f"{folder} is not there: somebody has taken it away")
            if domain.key in map(key_of, listed.children):
                raise Conflict(f"domain {domain.key} is there already")
            made = replace(domain, incarnation=counter(partition) + 1, revision=1)
            body = codec.encode(made)
            check_size(body, f"domain {domain.key}")
            birth = _birth(folder, partition, made, body)
            landed = partial(self._has_landed, request, birth[1].path, 0, body)
            if self._mutated([*slip, *birth], landed, request):
                return codec.decode(body, Domain)
        raise StoreUnavailable(f"{folder} is written to so often that nothing can be added")

    def change(
        self,
        key: DomainKey,
        fn: Callable[[Domain], Domain],
        request: Request | None = None,
        events: Sequence[Event] = (),
    ) -> Domain:
        asked = self._keys.asks(request)
        for _ in range(ROUNDS):
            slip = self._keys.ops(request, self.session.read(asked) if asked else [])
            path = self._path(key)
            node = self.session.get(path, fresh=False)
            if node is None:
                continue
            successor = changed(codec.decode(node.data, Domain), fn)
            if successor is None:
                body, ops = node.data, [*slip, Check(path, node.version)] if slip else []
            else:
                body = codec.encode(successor)
                check_size(body, f"domain {key}")
                ops = [*slip, Set(path, body, node.version), *events_op(self.session, events)]
            landed = partial(self._has_landed, request, path, node.version + 1, body)
            if not ops or self._mutated(ops, landed, request):
                return codec.decode(body, Domain)
        raise StoreUnavailable(f"domain {key} is written to so often that it cannot be changed")

    def _mutated(self, ops: Sequence[Op], landed: Callable[[], bool], request: Request | None) -> bool:
        """False: what it rested on has changed. BadRequest if config and answer together are too large."""
        try:
            answers = self.session.write(ops, landed)
        except Refused:
            return False
        except TooMuch as error:
            raise BadRequest(f"this is too large: {error}") from error
        prune_events(self.session, ops, answers)
        self._keys.tidy(request)
        return True

    def _has_landed(self, request: Request | None, path: str, version: int, body: bytes) -> bool:
        """Whether a mutation was made that writes `body` as that version of the node; OutcomeUnknown."""
        if request is not None:
            return self._keys.is_kept(request)
        found = self.session.get(path)
        if found is not None and found.version > version:
            raise OutcomeUnknown(f"{path} was written to again meanwhile")
        return found is not None and found.version == version and found.data == body


def _birth(folder: str, partition: Found, domain: Domain, body: bytes) -> list[Set | Create]:
    path = f"{folder}/{node_name(domain.key, domain.incarnation)}"
    return [
        Set(folder, codec.encode(domain.incarnation), partition.version),
        Create(path, body),
        Create(f"{path}/{HEAD}", head_data(None, 0, EMPTY, [HEAD], [])),
    ]
