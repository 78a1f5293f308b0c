"""How a store comes to be in ZooKeeper, what of one will not do, and how its story is kept short."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from elastic.adapters import codec
from elastic.adapters.store.outcomes import EVENTS_KEPT
from elastic.adapters.store.place import StorePlace
from elastic.adapters.store.zookeeper import ZookeeperStore
from elastic.adapters.store.zookeeper.asks import Delete, Set
from elastic.adapters.store.zookeeper.journal import PRUNED_EVERY
from elastic.errors import BadRequest, StoreUnavailable
from elastic.model.assignment import Layout
from elastic.model.decision import Event
from tests.contract.records import KEY, domain
from tests.contract.worlds import SERVER_SESSION
from tests.servers.process import free_port
from tests.servers.zookeeper import ZooKeeper

pytestmark = pytest.mark.functional


class Places:
    """Stores below one node; all that were opened are closed in the end."""

    def __init__(self, hosts: str, root: str) -> None:
        self.url = f"zookeeper://elastic:secret@{hosts}{root}/deep/er"
        self._opened: list[ZookeeperStore] = []

    def open(self, partitions: int | None = 8, cluster: str = "c") -> ZookeeperStore:
        store = ZookeeperStore.at(StorePlace(self.url, partitions, cluster, SERVER_SESSION))
        self._opened.append(store)
        return store

    def close(self) -> None:
        for store in self._opened:
            store.close()


@pytest.fixture
def places(zookeeper: ZooKeeper, zookeeper_root: str) -> Iterator[Places]:
    places = Places(zookeeper.hosts, zookeeper_root)
    yield places
    places.close()


def test_replicas_that_make_it_at_the_same_moment_make_one(places: Places) -> None:
    with ThreadPoolExecutor(6) as pool:
        stores = list(pool.map(lambda _: places.open(64), range(6)))
    assert len({store.layout() for store in stores}) == 1
    for store in stores:
        assert list(store.all_domains()) == []


def test_of_replicas_that_want_different_ones_at_the_same_moment_one_has_its_way(places: Places) -> None:
    def attempt(partitions: int) -> int | BadRequest:
        try:
            return places.open(partitions).layout().partitions
        except BadRequest as refusal:
            return refusal

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(attempt, (8, 9, 10, 11)))
    assert sum(isinstance(outcome, int) for outcome in outcomes) == 1


def test_clusters_lie_beside_one_another(places: Places) -> None:
    here, there = places.open(8, "here"), places.open(16, "the/re")
    here.add_domain(domain())
    assert here.layout().uid != there.layout().uid
    assert (list(here.all_domains()), list(there.all_domains())) == ([KEY], [])


def test_where_nobody_says_how_many_partitions_there_are_256(places: Places) -> None:
    assert places.open(None).layout().partitions == 256


@pytest.mark.hazard("F23")
def test_another_number_of_partitions_than_the_stores_is_refused(places: Places) -> None:
    places.open(8)
    assert places.open(None).layout().partitions == 8
    with pytest.raises(BadRequest, match="was made with 8 partitions, and cannot be given 9"):
        places.open(9)


@pytest.mark.parametrize("partitions", [0, 4097])
def test_so_is_one_that_no_store_has(places: Places, partitions: int) -> None:
    with pytest.raises(BadRequest, match="between 1 and 4096"):
        places.open(partitions)


@pytest.mark.slow
def test_it_can_have_as_many_partitions_as_there_are_slots(places: Places) -> None:
    assert places.open(4096).incarnation(4095) == 0


@pytest.mark.hazard("F24")
def test_what_a_newer_release_wrote_is_refused(places: Places) -> None:
    session = places.open().session
    for newer in (codec.encode(Layout("uid", 8, 2)), b'{"format":2,"value":{}}'):
        session.transact([Set(session.at("layout"), newer)])
        with pytest.raises(BadRequest, match=r"format 2.* reads up to 1"):
            places.open()


def test_one_whose_making_was_cut_short_is_completed(places: Places) -> None:
    store = places.open()
    session, uid = store.session, store.layout().uid
    session.transact(
        [
            *[Delete(session.at("partitions", "003", ".keys")), Delete(session.at("partitions", "003"))],
            *[Delete(session.at("partitions", "004", ".keys")), Delete(session.at("terms", "doctor"))],
            *[Delete(session.at("flags")), Delete(session.at("assignment"))],
        ]
    )
    again = places.open()
    assert again.layout().uid == uid
    assert [again.incarnation(partition) for partition in range(8)] == [0] * 8
    assert session.children(session.at("partitions", "004")) == (".keys",)
    assert (again.flags(), again.assignment().serial, again.terms()) == ({}, 0, {})


def test_where_nobody_answers_it_is_not_there_now_and_one_learns_so_in_time() -> None:
    place = StorePlace(f"zookeeper://elastic:s3cret@127.0.0.1:{free_port()}/x", 8)
    begun = time.monotonic()
    with pytest.raises(StoreUnavailable, match="does not answer") as caught:
        ZookeeperStore.at(place)
    assert time.monotonic() - begun < 8
    assert "s3cret" not in str(caught.value)


@pytest.mark.slow
def test_of_the_story_no_more_is_kept_than_is_shown_and_a_little(places: Places) -> None:
    store = places.open()
    written = EVENTS_KEPT + 3 * PRUNED_EVERY
    for number in range(written):
        store.log([Event(time=number, kind="health")])
    there = store.session.children(store.session.at("events"))
    assert len(there) <= EVENTS_KEPT + PRUNED_EVERY
    told = [event.time for event in store.events()]
    assert told == list(range(written - EVENTS_KEPT, written))
