"""ZooKeeper's domains answer as the memory store's do, whatever is done to both: also what is remembered of them,
and what another handle reads, which remembers nothing."""

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from elastic.adapters import codec
from elastic.adapters.membership.memory import MemoryElection
from elastic.adapters.store.memory import MemoryStore
from elastic.adapters.store.place import StorePlace
from elastic.adapters.store.zookeeper import ZookeeperStore
from elastic.adapters.store.zookeeper.asks import Set
from elastic.model.assignment import Assignment
from elastic.model.decision import Decision
from elastic.model.domain import DomainKey
from elastic.model.view import Standing
from elastic.ports.store import Commit, Request, Store
from tests.contract.clocks import HandClock
from tests.contract.listening import following, heard
from tests.contract.records import assigned, domain, seat_of, tenure_of
from tests.contract.test_stores_agree import added, changes, edits, events, json, keys, members, outcome, requests
from tests.servers.zookeeper import ZooKeeper

PARTITIONS = 3

pytestmark = [pytest.mark.functional, pytest.mark.slow]

many = st.sets(st.integers(0, 150).map(lambda n: f"i{n}"), max_size=80)
changed = st.one_of(
    st.dictionaries(st.sampled_from(["i1", "i2", "i3", "i4"]), changes, max_size=2),
    st.builds(lambda names, change: dict.fromkeys(names, change), many, changes),
)


class Stores(RuleBasedStateMachine):
    """`views` are old looks at domains, which later commits may rest on."""

    def __init__(self, server: ZooKeeper) -> None:
        super().__init__()
        self.server = server

    @initialize()
    def begin(self) -> None:
        self.clock = HandClock()
        self.memory = MemoryStore(PARTITIONS, clock=self.clock)
        self.seat = seat_of(MemoryElection(self.memory, "m1", self.clock, 1e9, lambda _: False))
        place = StorePlace(
            f"zookeeper://{self.server.hosts}", PARTITIONS, f"agree-{os.urandom(6).hex()}", 30.0, insecure=True
        )
        self.handles = [ZookeeperStore.at(place, self.clock) for _ in range(2)]
        self.store, self.forgetful = self.handles
        following(self.store)
        self.commits = self.cursor = 0
        self.views: dict[DomainKey, list[Any]] = {}
        self.tenures: dict[DomainKey, Any] = {}
        self.assign("m1")

    def both(self, work: Callable[[Store], Any], handle: Store | None = None) -> Any:
        one, other = (outcome(partial(work, store)) for store in (self.memory, handle or self.store))
        assert one == other
        return one

    @rule(holder=members)
    def assign(self, holder: str) -> None:
        table: Assignment = assigned(self.memory, self.seat, holder)
        node = self.store.session.at("assignment")
        self.store.session.transact([Set(node, codec.encode(table), table.serial - 1)])

    @rule(key=keys, body=json, request=requests, by_other=st.booleans())
    def add(self, key: DomainKey, body: Any, request: Request | None, by_other: bool) -> None:
        handle = self.forgetful if by_other else self.store
        self.both(lambda store: store.add_domain(domain(key, general={"a": body}), request), handle)

    @rule(key=keys, edit=edits, request=requests, told=events, by_other=st.booleans())
    def change(self, key: DomainKey, edit: Any, request: Request | None, told: Any, by_other: bool) -> None:
        handle = self.forgetful if by_other else self.store
        self.both(lambda store: store.change(key, edit, request, told), handle)

    @rule(key=keys)
    def look(self, key: DomainKey) -> None:
        view = self.both(lambda store: store.view(key))
        if not isinstance(view, tuple):
            self.views.setdefault(key, []).append(view)
            holder = self.memory.assignment().holders[0]
            self.tenures[key] = tenure_of(self.memory, key, holder)

    @rule(
        key=keys,
        decides=st.booleans(),
        new=many,
        changed=changed,
        memo=st.none() | st.dictionaries(st.text(max_size=2), json, max_size=1),
        told=events,
        newest=st.booleans(),
        again=st.booleans(),
        by_other=st.booleans(),
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
        by_other: bool,
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
        handle = self.forgetful if by_other else self.store
        after = self.both(lambda store: store.commit(view, self.tenures[key], commit), handle)
        if not isinstance(after, tuple):
            self.views[key].append(after)

    @rule(key=keys, by_other=st.booleans())
    def forget(self, key: DomainKey, by_other: bool) -> None:
        if key in self.views:
            view, handle = self.views[key][-1], self.forgetful if by_other else self.store
            self.both(lambda store: store.forget_domain(view, self.tenures[key]), handle)

    @rule()
    def hear(self) -> None:
        wanted = self.memory.news(self.cursor)
        self.cursor = wanted.cursor
        heard(self.store, 0, set(wanted.keys or ()))

    @invariant()
    def all_is_the_same(self) -> None:
        expected = picture(self.memory)
        assert picture(self.store) == expected
        assert picture(self.forgetful) == expected

    def teardown(self) -> None:
        for store in getattr(self, "handles", ()):
            store.close()


def picture(store: Store) -> dict[str, Any]:
    listed = store.all_domains()
    return {
        "views": dict(store.views(listed)),
        "decisions": [list(store.decisions(key)) for key in listed],
        "partitions": [list(store.domains(p)) for p in range(PARTITIONS)],
        "incarnations": [store.incarnation(p) for p in range(PARTITIONS)],
        "events": [(event.kind, event.text) for event in store.events()],
        "answered": [store.answered(key) for key in ("k1", "k2", "k3")],
    }


def test_zookeeper_agrees_with_the_memory_store(zookeeper: ZooKeeper) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        lambda: Stores(zookeeper),
        settings=settings(
            max_examples=30, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
