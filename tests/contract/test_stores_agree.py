"""The memory store is the specification: whatever is done to both, SQLite's answers the same."""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from elastic.errors import Answered, ElasticError
from elastic.model.assignment import Member, Seat, Term
from elastic.model.decision import Decision, Event
from elastic.model.domain import Domain, DomainKey
from elastic.model.instance import Instance
from elastic.model.view import Standing
from elastic.ports.membership import Election
from elastic.ports.store import Change, Commit, Quarantine, Request, Store, Stray
from tests.contract.clocks import HandClock
from tests.contract.records import assigned, domain, instance, tenure_of
from tests.contract.story import everything
from tests.contract.worlds import MemoryWorld, SqliteWorld, StoreWorld

keys = st.sampled_from([DomainKey("ann", "web"), DomainKey("bob", "web"), DomainKey("bob", "db")])
members = st.sampled_from(["m1", "m2"])
roles = st.sampled_from(["decider", "reaper"])
ids = st.sampled_from(["i1", "i2", "i3", "i4"])
names = st.sampled_from(["x", "y"])
json = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
requests = st.none() | st.builds(Request, st.sampled_from(["k1", "k2", "k3"]), json, st.just(1_700_000_050.0))
events = st.lists(st.builds(lambda t: Event(time=1.0, kind="health", text=t), st.text(max_size=3)), max_size=2)

edits: st.SearchStrategy[Callable[[Domain], Domain]] = st.one_of(
    st.builds(lambda on: partial(replace, paused=on), st.booleans()),
    st.builds(lambda value: partial(replace, general={"a": value}), json),
    st.just(partial(replace, removed=True)),
)
changes = st.one_of(
    st.builds(Change, st.just(lambda _: None), st.none()),
    st.builds(
        lambda value, version: Change(partial(replace, extravars={"a": value}), version),
        json,
        st.none() | st.integers(1, 3),
    ),
)


def added(ids: set[str]) -> list[Instance]:
    return [instance(i) for i in sorted(ids)]


def outcome(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except Answered as answered:
        return ("Answered", answered.answer)
    except ElasticError as error:
        return (type(error).__name__, str(error))


class Stores(RuleBasedStateMachine):
    """Two worlds, one clock. `views` are old looks at domains, which later commits may rest on."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.clock = HandClock()
        path = Path(self.folder.name)
        self.worlds: tuple[StoreWorld, ...] = (MemoryWorld(path, self.clock), SqliteWorld(path, self.clock))
        self.elections: list[dict[str, Election]] = [
            {member: world.election(member) for member in ("m1", "m2")} for world in self.worlds
        ]
        self.commits = 0
        self.views: dict[DomainKey, list[Any]] = {}
        self.tenures: dict[DomainKey, Any] = {}
        self.seats: dict[str, Seat] = {}
        self.contend("m1", "decider")
        self.assign("m1")

    def both(self, work: Callable[[Store], Any]) -> Any:
        one, other = (outcome(partial(work, world.store)) for world in self.worlds)
        assert one == other
        return one

    @rule(key=keys, body=json, request=requests)
    def add(self, key: DomainKey, body: Any, request: Request | None) -> None:
        self.both(lambda store: store.add_domain(domain(key, general={"a": body}), request))

    @rule(key=keys, edit=edits, request=requests, told=events)
    def change(self, key: DomainKey, edit: Any, request: Request | None, told: list[Event]) -> None:
        self.both(lambda store: store.change(key, edit, request, told))

    @rule(member=members, role=roles)
    def contend(self, member: str, role: str) -> None:
        one, other = (elections[member].contend(role) for elections in self.elections)
        assert one == other
        if one is not None:
            self.seats[role] = one

    @rule(member=members, role=roles)
    def resign(self, member: str, role: str) -> None:
        for elections in self.elections:
            elections[member].resign(role)

    @rule(role=roles)
    def raise_term(self, role: str) -> None:
        if role in self.seats:
            self.both(lambda store: store.raise_term(self.seats[role]))

    @rule(holder=members)
    def assign(self, holder: str) -> None:
        if "decider" in self.seats:
            self.both(lambda store: assigned(store, self.seats["decider"], holder))

    @rule(key=keys)
    def look(self, key: DomainKey) -> None:
        view = self.both(lambda store: store.view(key))
        if not isinstance(view, tuple):
            self.views.setdefault(key, []).append(view)
            holder = self.worlds[0].store.assignment().holders[0]
            self.tenures[key] = tenure_of(self.worlds[0].store, key, holder)

    @rule(
        key=keys,
        decides=st.booleans(),
        new=st.sets(ids, max_size=2),
        changed=st.dictionaries(ids, changes, max_size=2),
        memo=st.none() | st.dictionaries(names, json, max_size=1),
        told=events,
        newest=st.booleans(),
        again=st.booleans(),
    )
    def commit(
        self,
        key: DomainKey,
        decides: bool,
        new: Any,
        changed: Any,
        memo: Any,
        told: Any,
        newest: bool,
        again: bool,
    ) -> None:
        if key not in self.views:
            return
        self.commits += not again
        commit = Commit(
            id=f"c{self.commits}",
            decides=decides,
            added=added(new),
            changes=changed,
            standing=None if memo is None else Standing(memo=memo),
            decision=Decision(time=1.0, member="m1", term=1, reason=f"{self.commits}") if decides else None,
            events=told,
        )
        view = self.views[key][-1 if newest else 0]
        after = self.both(lambda store: store.commit(view, self.tenures[key], commit))
        if not isinstance(after, tuple):
            self.views[key].append(after)

    @rule(key=keys)
    def forget(self, key: DomainKey) -> None:
        if key in self.views:
            self.both(lambda store: store.forget_domain(self.views[key][-1], self.tenures[key]))

    @rule(name=names, body=st.dictionaries(names, json, max_size=1), request=requests, verb=st.integers(0, 2))
    def catalogue(self, name: str, body: Any, request: Request | None, verb: int) -> None:
        self.both(
            lambda store: (
                store.add_entry("type", name, body, request)
                if verb == 0
                else store.update_entry("type", name, body, request)
                if verb == 1
                else store.remove_entry("type", name, request)
            )
        )

    @rule(name=members, weight=st.floats(0, 5), verb=st.integers(0, 2))
    def member(self, name: str, weight: float, verb: int) -> None:
        self.both(
            lambda store: (
                store.describe_member(Member(name=name, weight=weight))
                if verb == 0
                else store.set_weight(name, weight)
                if verb == 1
                else store.forget_member(name)
            )
        )

    @rule(term=st.integers(0, 3), server=names, gone=st.lists(names, max_size=1))
    def strays(self, term: int, server: str, gone: list[str]) -> None:
        stray = Stray(server_id=server, instance_id="i1", at=float(term))
        self.both(lambda store: store.note_strays(Term("reaper", term), [stray], gone))

    @rule(key=keys, strikes=st.integers(1, 3), lift=st.booleans(), flag=json)
    def notes(self, key: DomainKey, strikes: int, lift: bool, flag: Any) -> None:
        entry = Quarantine(key=key, strikes=strikes, until=1.0, member="m1")
        self.both(lambda store: store.release(key) if lift else store.quarantine(entry))
        self.both(lambda store: store.set_flag("flag", flag))

    @rule(seconds=st.sampled_from([1.0, 11.0, 60.0]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(cursor=st.integers(0, 12))
    def news(self, cursor: int) -> None:
        self.both(lambda store: store.news(cursor))

    @invariant()
    def all_is_the_same(self) -> None:
        one, other = (everything(world.store) for world in self.worlds)
        assert {**one, "layout": None} == {**other, "layout": None}
        assert self.worlds[0].store.terms() == self.worlds[1].store.terms()
        for key in ("k1", "k2", "k3"):
            assert self.worlds[0].store.answered(key) == self.worlds[1].store.answered(key)

    def teardown(self) -> None:
        for world in getattr(self, "worlds", ()):
            world.close()
        if hasattr(self, "folder"):
            self.folder.cleanup()


TestStoresAgree = Stores.TestCase
TestStoresAgree.settings = settings(
    max_examples=30, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
