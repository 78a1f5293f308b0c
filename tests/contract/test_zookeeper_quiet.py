"""What a replica asks of ZooKeeper when nothing happens: nothing. And what it has remembered is never told when it
is over."""

from collections.abc import Callable, Iterator
from dataclasses import replace as with_fields
from itertools import count
from typing import Any

import pytest
from msgspec.structs import replace

from elastic.adapters import codec
from elastic.adapters.bus.memory import MemoryHeartbeats, MemoryOutgoing, MemoryPeers, MemoryRpcServer
from elastic.adapters.lastheard import MemoryLastHeard
from elastic.adapters.membership.memory import MemoryGroup
from elastic.adapters.membership.zookeeper import ZookeeperElection
from elastic.adapters.store.place import StorePlace
from elastic.adapters.store.zookeeper import ZookeeperStore
from elastic.adapters.store.zookeeper.asks import Set
from elastic.adapters.workers import InlineWorkers
from elastic.assembly import Parts, assemble
from elastic.errors import StoreUnavailable, Superseded
from elastic.model.assignment import ROLES, Assignment, Layout, Member, Tenure
from elastic.ports.store import Change, Commit, Quarantine
from elastic.roles.mirror import Mirror
from elastic.rules.ring import partition_of, slot_of
from tests.contract.clocks import HandClock
from tests.contract.listening import following, until
from tests.contract.records import KEY, domain, instance
from tests.scenario.world import ENGINES, PATIENT, SECRET, WEB, Notes, World
from tests.servers.proxy import Proxy
from tests.servers.zookeeper import ZooKeeper

pytestmark = pytest.mark.functional

PARTITIONS = 4
NEVER = 1e9  # seconds
CARD = Member(name="m1", host="h", pid=7)
SHUT = Quarantine(key=KEY, strikes=1, until=10.0, member="m1")


@pytest.fixture
def proxy(zookeeper: ZooKeeper) -> Iterator[Proxy]:
    with Proxy(zookeeper.port) as proxy:
        yield proxy


@pytest.fixture
def handles(proxy: Proxy, zookeeper: ZooKeeper, zookeeper_root: str) -> Iterator[list[ZookeeperStore]]:
    """One behind the proxy, and another's."""
    ports = (proxy.port, zookeeper.port)
    places = [
        StorePlace(f"zookeeper://127.0.0.1:{port}{zookeeper_root}", PARTITIONS, "here", 30.0, insecure=True)
        for port in ports
    ]
    stores = [ZookeeperStore.at(place, HandClock()) for place in places]
    yield stores
    for store in stores:
        store.close()


@pytest.fixture
def store(handles: list[ZookeeperStore]) -> ZookeeperStore:
    return handles[0]


@pytest.fixture
def other(handles: list[ZookeeperStore]) -> ZookeeperStore:
    """There is a card, a weight, a quarantine and a table."""
    other = handles[1]
    other.describe_member(CARD)
    other.set_weight("m1", 2.0)
    other.quarantine(SHUT)
    assign(other, 1)
    return other


def assign(store: ZookeeperStore, serial: int) -> Tenure:
    """As the leader would."""
    table = Assignment(term=1, serial=serial, holders=("m1",) * PARTITIONS, since=(1,) * PARTITIONS)
    store.session.transact([Set(store.session.at("assignment"), codec.encode(table), serial - 1)])
    return Tenure(partition_of(slot_of(KEY), PARTITIONS), "m1", 1, serial)


def requests(store: ZookeeperStore) -> int:
    """That this handle has sent on this connection."""
    return int(store.session.client._connection._xid)


LOOKS: dict[str, Callable[[ZookeeperStore], Any]] = {
    "assignment": ZookeeperStore.assignment,
    "members": ZookeeperStore.members,
    "quarantines": ZookeeperStore.quarantines,
}
CHANGES: dict[str, tuple[str, Callable[[ZookeeperStore], Any]]] = {
    "a new table": ("assignment", lambda store: assign(store, 2)),
    "a card": ("members", lambda store: store.describe_member(replace(CARD, pid=8))),
    "another's card": ("members", lambda store: store.describe_member(replace(CARD, name="m2"))),
    "a weight": ("members", lambda store: store.set_weight("m1", 3.0)),
    "a member that goes": ("members", lambda store: store.forget_member("m1")),
    "another strike": ("quarantines", lambda store: store.quarantine(with_fields(SHUT, strikes=2))),
    "another quarantine": ("quarantines", lambda store: store.quarantine(with_fields(SHUT, key=WEB))),
    "a release": ("quarantines", lambda store: store.release(KEY)),
}


WAKERS: dict[str, Callable[[ZookeeperStore], Any]] = {
    "a new table": lambda other: assign(other, 2),
    "a domain that comes": lambda other: other.add_domain(domain(WEB)),
    "a client's word": lambda other: other.change(KEY, lambda known: replace(known, removed=True)),
}


@pytest.mark.parametrize("change", WAKERS.values(), ids=WAKERS)
def test_who_waits_is_woken_by_what_another_writes(
    store: ZookeeperStore, other: ZookeeperStore, change: Callable[[ZookeeperStore], Any]
) -> None:
    other.add_domain(domain(KEY))
    following(store)
    store.assignment()
    store.news(0)
    store.view(KEY)
    woken: list[bool] = []
    store.set_wake(lambda: woken.append(True))
    change(other)
    until(lambda: woken, bool)


def test_the_layout_is_told_while_the_store_is_away(store: ZookeeperStore, proxy: Proxy) -> None:
    before = store.layout()
    proxy.cut()
    until(lambda: store.session.is_connected, lambda is_connected: not is_connected)
    with pytest.raises(StoreUnavailable):
        store.assignment()
    assert store.layout() == before


class TestWhatIsRemembered:
    @pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
    def test_it_is_read_once(
        self, store: ZookeeperStore, other: ZookeeperStore, look: Callable[[ZookeeperStore], Any]
    ) -> None:
        seen, before = look(store), requests(store)
        assert look(other) == seen
        assert all(look(store) is seen for _ in range(10))
        assert requests(store) == before

    @pytest.mark.parametrize(("what", "change"), CHANGES.values(), ids=CHANGES)
    def test_what_another_changes_is_seen(
        self, store: ZookeeperStore, other: ZookeeperStore, what: str, change: Callable[[ZookeeperStore], Any]
    ) -> None:
        look = LOOKS[what]
        for _ in range(3):
            before = look(store)
        change(other)
        seen = until(lambda: look(store), lambda seen: seen != before)
        assert seen == look(other)

    @pytest.mark.parametrize(
        ("what", "change"), [c for n, c in CHANGES.items() if n != "a new table"], ids=list(CHANGES)[1:]
    )
    def test_what_we_change_ourselves_is_seen_at_once(
        self,
        store: ZookeeperStore,
        other: ZookeeperStore,
        what: str,
        change: Callable[[ZookeeperStore], Any],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        before = LOOKS[what](store)
        monkeypatch.setattr(store.session.client.handler, "dispatch_callback", lambda _: None)  # no watch rings
        change(store)
        assert LOOKS[what](store) != before

    @pytest.mark.parametrize(("what", "change"), CHANGES.values(), ids=CHANGES)
    def test_a_lost_connection_forgets_it(
        self,
        store: ZookeeperStore,
        other: ZookeeperStore,
        proxy: Proxy,
        what: str,
        change: Callable[[ZookeeperStore], Any],
    ) -> None:
        look = LOOKS[what]
        before = look(store)
        proxy.cut()
        until(lambda: store.session.is_connected, lambda connected: not connected)
        with pytest.raises(StoreUnavailable):
            look(store)
        change(other)
        proxy.heal()
        until(lambda: store.session.is_connected, bool)
        assert before != look(store) == look(other)

    def test_watches_do_not_pile_up_where_nothing_changes(
        self, store: ZookeeperStore, other: ZookeeperStore
    ) -> None:
        for weight in range(20):
            store.members()
            other.set_weight("m1", weight)
            until(lambda: store.members()["m1"].weight, lambda seen, weight=weight: seen == weight)  # type: ignore[misc]
        client = store.session.client
        watchers = [client._data_watchers, client._child_watchers]
        assert max(len(watching) for kind in watchers for watching in kind.values()) == 1

    def test_where_there_is_no_folder_to_watch_it_is_read_each_time(
        self, store: ZookeeperStore, other: ZookeeperStore, zookeeper: ZooKeeper
    ) -> None:
        with zookeeper.superuser() as client:
            client.delete(store.session.at("weights"), recursive=True)
            assert until(store.members, lambda members: members["m1"].weight == 1.0)
            client.create(store.session.at("weights"))
        other.set_weight("m1", 4.0)
        assert store.members()["m1"].weight == 4.0


class TestRefusal:
    """The watch has rung on the wire, and its callback has yet to run."""

    @pytest.fixture
    def mirror(self, store: ZookeeperStore, other: ZookeeperStore, monkeypatch: pytest.MonkeyPatch) -> Mirror:
        other.add_domain(domain())
        ids = map(str, count())
        mirror = Mirror(following(store), "m1", HandClock(), lambda: next(ids), lambda _: None)
        mirror.refresh()
        monkeypatch.setattr(store.session.client.handler, "dispatch_callback", lambda _: None)
        return mirror

    def test_a_refused_commit_forgets_the_table(
        self, store: ZookeeperStore, other: ZookeeperStore, mirror: Mirror
    ) -> None:
        fence = assign(other, 2)
        assert store.assignment().serial == 1
        with pytest.raises(Superseded):
            store.commit(store.view(KEY), replace(fence, serial=1), Commit(id="x", added=[instance("i1")]))
        assert store.assignment().serial == 2

    def test_the_mirror_makes_the_same_commit_again_in_the_same_visit(
        self, other: ZookeeperStore, mirror: Mirror
    ) -> None:
        view = mirror.view(KEY)
        assert view is not None
        for serial in (2, 3, 4):
            assign(other, serial)
            changed = Change(lambda i: replace(i, reason=f"{serial}"))  # noqa: B023
            view = mirror.commit(
                view, added=[instance("i1")] if serial == 2 else [], changes={} if serial == 2 else {"i1": changed}
            )
            assert mirror.assignment.serial == serial
        assert [i.reason for i in other.view(KEY).instances] == ["4"]

    def test_a_refused_table_forgets_the_last_one(self, store: ZookeeperStore, other: ZookeeperStore) -> None:
        election = ZookeeperElection(store.session, "m1")
        seat = election.contend("decider")
        assert seat is not None
        term = store.raise_term(seat)
        ahead = Assignment(term=term.number, serial=9, holders=("m1",) * PARTITIONS, since=(9,) * PARTITIONS)
        assert store.assignment().serial == 1
        store.session.client.handler.dispatch_callback = lambda _: None
        assign(other, 2)
        with pytest.raises(Exception, match="9"):
            store.assign(seat, ahead)
        assert store.assignment().serial == 2


class Alone:
    """A replica that is all there is; stepped by the world. Its store and its election are real."""

    dead = paused = False

    def __init__(self, world: World, store: ZookeeperStore) -> None:
        broker, clock, name = world.broker, world.clock, "m1"
        heartbeats, peers = MemoryHeartbeats(broker, name, PARTITIONS), MemoryPeers(broker, name)
        self.agent = assemble(
            Parts(
                member=name,
                cluster="world",
                secret=SECRET,
                clock=clock,
                fresh_id=world.fresh_id,
                store=store,
                group=MemoryGroup(world.room, name, clock, world.tuning.session_timeout),
                election=ZookeeperElection(store.session, name),
                cloud=world.cloud,
                workers=InlineWorkers(),
                heartbeats=heartbeats,
                outgoing=MemoryOutgoing(broker, name),
                peers=peers,
                lastheard=MemoryLastHeard(),
                notebook=Notes(),
                engines=ENGINES,
                tuning=world.tuning,
            )
        )
        self.agent.join()
        heartbeats.start(self.agent.reactor.hear)
        peers.start(self.agent.reactor.answer_peer, self.agent.hear_peer)
        MemoryRpcServer(broker, name).start(self.agent.reactor.handle)

    def turn(self) -> None:
        self.agent.keep()
        self.agent.turn()


def test_a_quiet_replica_that_leads_everything_asks_for_nothing_but_its_seats(store: ZookeeperStore) -> None:
    """Sweep and resync apart: they have intervals of their own, and are set to never."""
    world = World(members="", tuning=with_fields(PATIENT, sweep=NEVER, resync=NEVER))
    store = ZookeeperStore(store.session, Layout("world", PARTITIONS, 1), world.clock)
    world.store = store  # type: ignore[assignment]
    alone = world.replicas["m1"] = Alone(world, store)  # type: ignore[assignment]
    world.until(lambda: alone.agent.in_ring())
    world.add(n=3)
    world.until(lambda: len(world.running()) == 3)
    world.run(30)
    assert alone.agent.leads() == frozenset(ROLES)

    before, turns = requests(store), 100
    world.run(turns * 0.5)
    assert requests(store) - before == turns * len(ROLES)
    assert len(world.running()) == 3

    world.resize(4)
    world.until(lambda: len(world.running()) == 4)
