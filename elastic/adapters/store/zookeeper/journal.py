"""The cluster's story, in ZooKeeper: a sequential node for each write, with all its events in it.

A node's number and an event's place in it make the event's `seq`. Whoever has written a node now and then takes
away those that are too old.
"""

import logging
import secrets
from collections.abc import Iterable, Sequence

import msgspec
from msgspec.structs import replace

from elastic.adapters import codec
from elastic.adapters.store.outcomes import EVENTS_KEPT
from elastic.adapters.store.zookeeper.asks import Create, Delete, Found, Get
from elastic.adapters.store.zookeeper.session import Session
from elastic.adapters.store.zookeeper.state import ZookeeperState
from elastic.adapters.store.zookeeper.transaction import Refused, Unsure
from elastic.errors import BadMessage, ElasticError
from elastic.model.decision import Event

log = logging.getLogger(__name__)

PLACES = 10_000  # of events in one node: more than fit in a transaction
PRUNED_EVERY = 64  # nodes
PRUNED_AT_ONCE = 256
LOOKED_AT = 64  # of the newest nodes, for one of ours


class Page(msgspec.Struct, frozen=True):
    """One node. `id` tells it from all others; "" where the commit that wrote it has one."""

    id: str
    events: tuple[Event, ...]


class ZookeeperJournal(ZookeeperState):
    def log(self, events: Sequence[Event]) -> None:
        if not events:
            return
        page = Page(secrets.token_hex(8), tuple(events))
        op = page_op(self.session, page)
        made = self.session.write([op], landed=lambda: self._is_among_newest(page.id))
        if made:
            prune(self.session, made[0])

    def events(self, after: int = 0, count: int = 1000) -> Sequence[Event]:
        count = min(count, EVENTS_KEPT)
        if count <= 0:
            return []
        nodes = [name for name in self._nodes() if int(name) >= after // PLACES][-count:]
        found = self.session.read([Get(self.session.at("events", name)) for name in nodes], fresh=False)
        events = [
            replace(event, seq=int(name) * PLACES + place)
            for name, node in zip(nodes, found, strict=True)
            if node is not None
            for place, event in enumerate(_page(node).events, 1)
        ]
        return [event for event in events if event.seq > after][-count:]

    def _nodes(self) -> Sequence[str]:
        return self.session.children(self.session.at("events"))

    def _is_among_newest(self, page_id: str) -> bool:
        newest = [Get(self.session.at("events", name)) for name in self._nodes()[-LOOKED_AT:]]
        found = self.session.read(newest)
        return any(node is not None and _page(node).id == page_id for node in found)


def _page(found: Found) -> Page:
    """One without anything, of a node that cannot be understood."""
    try:
        return codec.decode(found.data, Page)
    except BadMessage as fault:
        log.debug("a page of events is left out: %s", fault)
        return Page("", ())


def events_op(session: Session, events: Sequence[Event]) -> list[Create]:
    """What writes them as a part of a transaction: nothing, if there are none.

    The path that it made goes to `prune` afterwards.
    """
    return [page_op(session, Page("", tuple(events)))] if events else []


def page_op(session: Session, page: Page) -> Create:
    return Create(session.at("events", ""), codec.encode(page), sequence=True)


def prune(session: Session, made: str) -> None:
    """Take away what is too old, if it is the turn of the node that was `made`. Never raises: it can wait."""
    if int(made.rpartition("/")[2]) % PRUNED_EVERY:
        return
    try:
        old = session.children(session.at("events"), fresh=False)[:-EVENTS_KEPT]
        _take_away(session, old[:PRUNED_AT_ONCE])
    except ElasticError as fault:
        log.debug("old events stay for now: %s", fault)


def _take_away(session: Session, names: Iterable[str]) -> None:
    try:
        session.transact([Delete(session.at("events", name)) for name in names])
    except (Refused, Unsure) as fault:
        log.debug("another takes away old events: %s", fault)
