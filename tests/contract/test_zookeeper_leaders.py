"""What leaders write to ZooKeeper, when they are deposed between their last look and the write."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from elastic.adapters.store.zookeeper import ZookeeperStore
from elastic.adapters.store.zookeeper.asks import Delete, Op
from elastic.errors import Superseded
from elastic.model.assignment import Seat
from elastic.ports.store import Stray
from tests.contract.clocks import HandClock
from tests.contract.records import assigned, seat_of
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
