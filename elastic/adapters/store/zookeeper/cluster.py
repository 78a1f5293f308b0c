"""Who is who, in ZooKeeper."""

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TypeVar

from msgspec.structs import replace

from elastic.adapters import codec
from elastic.adapters.store.zookeeper import leaders
from elastic.adapters.store.zookeeper.asks import Check, Found, Watch
from elastic.adapters.store.zookeeper.paths import quoted
from elastic.adapters.store.zookeeper.records import forget, listed, put
from elastic.adapters.store.zookeeper.remembered import Remembered
from elastic.adapters.store.zookeeper.session import Session
from elastic.adapters.store.zookeeper.state import ZookeeperState
from elastic.adapters.store.zookeeper.transaction import Refused
from elastic.errors import BadMessage, NotFound
from elastic.model.assignment import Assignment, Layout, Member, Seat, Term
from elastic.model.domain import DomainKey, Json
from elastic.ports.clock import Clock
from elastic.ports.store import Quarantine, Stray

log = logging.getLogger(__name__)

T = TypeVar("T")


class ZookeeperCluster(ZookeeperState):
    """The assignment, the members and the quarantines are remembered: each turn asks for them."""

    def __init__(self, session: Session, layout: Layout, clock: Clock) -> None:
        super().__init__(session, layout, clock)
        self._members = Remembered(session, partial(_read_members, session))
        self._quarantines = Remembered(session, partial(_read_quarantines, session))

    def layout(self) -> Layout:
        return self._layout

    def assignment(self) -> Assignment:
        return self._assignment.get()

    def terms(self) -> Mapping[str, int]:
        return {role: found.version for role, found in listed(self.session, "terms").items() if found.version}

    def raise_term(self, seat: Seat) -> Term:
        return leaders.raise_term(self.session, seat)

    def assign(self, seat: Seat, assignment: Assignment) -> None:
        with self._assignment.changing():
            leaders.assign(self.session, seat, assignment)

    def members(self) -> Mapping[str, Member]:
        return self._members.get()

    def describe_member(self, member: Member) -> None:
        with self._members.changing():
            put(self.session, self._member(member.name), codec.encode(member))

    def set_weight(self, name: str, weight: float) -> None:
        is_known = Check(self._member(name), -1)
        try:
            with self._members.changing():
                put(self.session, self.session.at("weights", quoted(name)), codec.encode(weight), is_known)
        except Refused as refused:
            raise NotFound(f"member {name}") from refused

    def forget_member(self, name: str) -> None:
        with self._members.changing():
            forget(self.session, self._member(name))

    def strays(self) -> Sequence[Stray]:
        return tuple(_understood(listed(self.session, "strays"), Stray).values())

    def note_strays(self, fence: Term, seen: Sequence[Stray], gone: Sequence[str]) -> None:
        leaders.note_strays(self.session, fence, seen, gone)

    def quarantines(self) -> Sequence[Quarantine]:
        return self._quarantines.get()

    def quarantine(self, entry: Quarantine) -> None:
        with self._quarantines.changing():
            put(self.session, self._quarantined(entry.key), codec.encode(entry))

    def release(self, key: DomainKey) -> None:
        with self._quarantines.changing():
            forget(self.session, self._quarantined(key))

    def flags(self) -> Mapping[str, Json]:
        return {name: codec.decode(found.data, object) for name, found in listed(self.session, "flags").items()}

    def set_flag(self, name: str, value: Json) -> None:
        put(self.session, self.session.at("flags", quoted(name)), codec.encode(value))

    def _member(self, name: str) -> str:
        return self.session.at("members", quoted(name))

    def _quarantined(self, key: DomainKey) -> str:
        return self.session.at("quarantine", f"{quoted(key.owner)}:{quoted(key.name)}")


def _read_members(session: Session, watch: Watch) -> Mapping[str, Member]:
    cards = _understood(listed(session, "members", watch), Member)
    weights = _understood(listed(session, "weights", watch), float)
    return {m.name: replace(m, weight=weights.get(m.name, m.weight)) for m in cards.values()}


def _read_quarantines(session: Session, watch: Watch) -> Sequence[Quarantine]:
    entries = _understood(listed(session, "quarantine", watch), Quarantine)
    return tuple(sorted(entries.values(), key=lambda entry: entry.key))


def _understood(found: Mapping[str, Found], kind: type[T]) -> dict[str, T]:
    """By name. One that cannot be understood harms only itself: it is as good as not there."""
    understood = {}
    for name, node in found.items():
        try:
            understood[name] = codec.decode(node.data, kind)
        except BadMessage as fault:
            log.warning("the %s of %s is left out: %s", kind.__name__, name, fault)
    return understood
