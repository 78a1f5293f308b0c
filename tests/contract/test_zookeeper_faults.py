"""ZooKeeper's store over a wire that fails: cut, its session ended, or a reply lost, at each request in turn."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
from kazoo.exceptions import ConnectionDropped
from kazoo.protocol.serialization import Transaction

from elastic.adapters.membership.memory import MemoryElection
from elastic.adapters.membership.zookeeper import ZookeeperElection
from elastic.adapters.store.memory import MemoryStore
from elastic.adapters.store.place import StorePlace
from elastic.adapters.store.zookeeper import ZookeeperStore
from elastic.errors import OutcomeUnknown, StoreUnavailable
from tests.contract.clocks import HandClock
from tests.contract.story import Story, everything
from tests.contract.worlds import SERVER_SESSION, until
from tests.servers.proxy import Proxy
from tests.servers.sessions import expire
from tests.servers.zookeeper import ZooKeeper

pytestmark = [pytest.mark.functional, pytest.mark.slow]

ELECTED, RESIGNED = 0, 21  # the story's steps that are the election's

Seen = Mapping[str, Any]


class Line:
    """A store whose connection goes through a proxy, and one that sees from elsewhere what there is."""

    def __init__(self, hosts: str, root: str, proxy: Proxy) -> None:
        self.hosts, self.proxy = hosts, proxy
        self.store = self._opened(f"127.0.0.1:{proxy.port}", root)
        self.onlooker = self._opened(hosts, root)
        self.client = self.store.session.client

    def seen(self) -> Seen:
        return comparable(everything(self.onlooker))

    def has_come_to(self, chapter: Seen, at: str = "") -> None:
        """The onlooker is another handle: its watches may be a moment late."""
        until(lambda: self.seen() == chapter)
        assert self.seen() == chapter, at

    def until_connected(self) -> None:
        assert until(lambda: self.store.session.is_connected)

    def close(self) -> None:
        self.store.close()
        self.onlooker.close()

    def _opened(self, hosts: str, root: str) -> ZookeeperStore:
        place = StorePlace(f"zookeeper://elastic:secret@{hosts}{root}", 16, session_timeout=SERVER_SESSION)
        return ZookeeperStore.at(place, HandClock())


@pytest.fixture
def line(zookeeper: ZooKeeper, zookeeper_root: str) -> Iterator[Line]:
    with Proxy(zookeeper.port) as proxy:
        line = Line(zookeeper.hosts, zookeeper_root, proxy)
        yield line
        line.close()


def comparable(seen: Seen) -> Seen:
    """Without what is each handle's own."""
    return {name: what for name, what in seen.items() if name != "news"}


def chapters(uid: str) -> list[Seen]:
    """What there is to see before the first step, after the first, ... after the last: in memory."""
    store = MemoryStore(16, uid, HandClock())
    telling = Story(store, MemoryElection(store, "m1", HandClock()))
    seen = [comparable(everything(store))]
    for step in telling.steps:
        step()
        seen.append(comparable(everything(store)))
    return seen


class Trap:
    """Sprung by the request of a given number; set anew for each attempt. `caught`: how often it was sprung."""

    def __init__(self, mischief: Callable[[], None]) -> None:
        self.caught = 0
        self._mischief = mischief
        self._left = -1

    def set(self, number: int) -> None:
        self._left = number

    @property
    def is_sprung(self) -> bool:
        return self._left < 0

    def step(self) -> None:
        self._left -= 1
        if self._left == -1:
            self.caught += 1
            self._mischief()


def before_each_request(line: Line, mischief: Callable[[], None]) -> Trap:
    """Also between two that are sent at once."""
    trap, queue_up = Trap(mischief), line.client._queue_up

    def trapped(calls: Sequence[tuple[Any, Any]]) -> bool:
        taken = []
        for call in calls:
            trap.step()
            taken.append(queue_up([call]))
        return all(taken)

    line.client._queue_up = trapped
    return trap


def in_place_of_each_reply(line: Line) -> Trap:
    """The server did what the transaction says, and the connection breaks before we hear of it."""

    def lose() -> None:
        raise ConnectionDropped("a reply was lost")

    trap, connection = Trap(lose), line.client._connection
    read = connection._read_response

    def trapped(*reply: Any) -> Any:
        if isinstance(line.client._pending[0][0], Transaction):
            trap.step()
        return read(*reply)

    connection._read_response = trapped
    return trap


def tell_all(line: Line, trap: Trap) -> list[tuple[int, Exception]]:
    """Each step as often as it has requests: with mischief at the first, at the second, ... and at none.

    What was raised, with the step's number.
    """
    telling = Story(line.store, ZookeeperElection(line.store.session, "m1"))
    expected, faults = chapters(line.store.layout().uid), list[tuple[int, Exception]]()
    for number, step in enumerate(telling.steps):
        attempt = 0
        while True:
            line.until_connected()
            trap.set(attempt)
            try:
                telling.tell(step)
            except (StoreUnavailable, OutcomeUnknown) as fault:
                faults.append((number, fault))
            if not trap.is_sprung:
                break
            assert line.seen() in expected[number : number + 2], f"step {number}, attempt {attempt}"
            attempt += 1
        line.has_come_to(expected[number + 1], f"step {number}, without mischief")
    return faults


def test_the_story_is_the_same_as_in_memory(line: Line) -> None:
    telling = Story(line.store, ZookeeperElection(line.store.session, "m1"))
    expected = chapters(line.store.layout().uid)
    assert line.seen() == expected[0]
    for step, chapter in zip(telling.steps, expected[1:], strict=True):
        step()
        line.has_come_to(chapter)


def test_cut_before_any_request_a_write_is_whole_or_absent_and_can_be_made_again(line: Line) -> None:
    faults = tell_all(line, before_each_request(line, line.proxy.drop))

    assert len(faults) > 50
    assert all(isinstance(fault, StoreUnavailable) for _, fault in faults)  # the server was there to be asked


def test_with_the_session_ended_before_any_request_too(line: Line) -> None:
    def end() -> None:
        session = line.client.client_id
        if session is not None:
            expire(line.hosts, session)

    faults = tell_all(line, before_each_request(line, end))

    assert len(faults) > 50
    assert all(isinstance(fault, StoreUnavailable) for _, fault in faults)


def test_a_write_whose_reply_is_lost_is_read_back_and_not_made_twice(line: Line) -> None:
    trap = in_place_of_each_reply(line)
    faults = tell_all(line, trap)

    assert trap.caught > 20
    looked_again = {number for number, _ in faults}  # and put right what was found
    assert looked_again <= {ELECTED, RESIGNED}
