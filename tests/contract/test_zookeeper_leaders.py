"""What leaders write to ZooKeeper, when they are deposed between their last look and the write."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from elastic.adapters.store.zookeeper import ZookeeperStore
from elastic.adapters.store.zookeeper.asks import Create, Delete, Op
from elastic.errors import Superseded
from elastic.model.assignment import Member, Seat
from elastic.ports.store import Quarantine, Stray
from tests.contract.clocks import HandClock
from tests.contract.records import KEY, assigned, seat_of
from tests.contract.worlds import ZookeeperWorld
from tests.servers.zookeeper import ZooKeeper

pytestmark = pytest.mark.functional

STRAY = Stray(server_id="s1", instance_id="i1", at=1.0)


@pytest.fixture
def world(zookeeper: ZooKeeper, zookeeper_root: str, clock: HandClock) -> Iterator[ZookeeperWorld]:
    world = ZookeeperWorld(zookeeper.hosts, zookeeper_root, clock)
    yield world
    world.close()


def just_before_the_write(store: ZookeeperStore, deed: Callable[[], object]) -> None:
    transact = store.session.transact

    def late(ops: Sequence[Op]) -> list[Any]:
        store.session.transact = transact  # type: ignore[method-assign]
        deed()
        return transact(ops)

    store.session.transact = late  # type: ignore[method-assign]


def test_a_seat_that_is_lost_in_the_last_moment_raises_no_term(world: ZookeeperWorld) -> None:
    store, other = world.store, world.opened()
    seat = seat_of(world.election("m1"))
    just_before_the_write(store, lambda: other.session.transact([Delete(seat.token)]))
    with pytest.raises(Superseded):
        store.raise_term(seat)
    assert other.terms() == {}


@pytest.mark.hazard("F7")
def test_nor_does_it_write_the_table(world: ZookeeperWorld) -> None:
    store, other = world.store, world.opened()
    seat = seat_of(world.election("m1"))
    table = assigned(store, seat)
    just_before_the_write(store, lambda: other.session.transact([Delete(seat.token)]))
    with pytest.raises(Superseded):
        store.assign(seat, replace(table, serial=table.serial + 1))
    assert other.assignment() == table


def test_a_term_that_is_over_in_the_last_moment_notes_no_strays(world: ZookeeperWorld) -> None:
    store, other = world.store, world.opened()
    first, second = world.election("m1"), world.election("m2")
    term = store.raise_term(seat_of(first, "reaper"))

    def deposed() -> None:
        first.resign("reaper")
        seat: Seat = seat_of(second, "reaper")
        other.raise_term(seat)

    just_before_the_write(store, deposed)
    with pytest.raises(Superseded):
        store.note_strays(term, [STRAY], [])
    assert other.strays() == ()


@pytest.mark.parametrize("folder", ["members", "weights", "quarantine", "strays"])
def test_an_entry_that_cannot_be_understood_hides_no_other(world: ZookeeperWorld, folder: str) -> None:
    store = world.store
    member = Member(name="m1", host="h1", pid=1)
    entry = Quarantine(key=KEY, strikes=1, until=5.0, member="m1")
    store.describe_member(member)
    store.set_weight("m1", 2.0)
    store.quarantine(entry)
    store.note_strays(store.raise_term(seat_of(world.election("m1"), "reaper")), [STRAY], [])

    world.opened().session.transact([Create(store.session.at(folder, "odd"), b'{"format":99,"value":null}')])
    fresh = world.opened()
    assert fresh.members() == {"m1": replace(member, weight=2.0)}
    assert list(fresh.quarantines()) == [entry]
    assert list(fresh.strays()) == [STRAY]
