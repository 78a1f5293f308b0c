"""A store with its elections and its group, once for each technology: what the contract suites run over.

Another adapter joins them by a class of these methods and a line in one of the tables.
"""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from elastic.adapters.clock import SYSTEM_CLOCK
from elastic.adapters.membership.alive import AliveLock
from elastic.adapters.membership.memory import MemoryElection, MemoryGroup, Room
from elastic.adapters.membership.sqlite import SqliteElection
from elastic.adapters.membership.tooz import ToozGroup
from elastic.adapters.membership.tooz_zookeeper import ZookeeperDriver
from elastic.adapters.membership.zookeeper import ZookeeperElection
from elastic.adapters.store.memory import MemoryStore
from elastic.adapters.store.place import StorePlace
from elastic.adapters.store.sqlite import SqliteStore
from elastic.adapters.store.zookeeper import ZookeeperStore
from elastic.adapters.store.zookeeper.session import Session as ZookeeperSession
from elastic.errors import StoreUnavailable
from elastic.model.assignment import Seat
from elastic.ports.clock import Clock
from elastic.ports.membership import Election, Group
from elastic.ports.store import Store
from tests.contract.clocks import HandClock
from tests.servers.proxy import Proxy
from tests.servers.sessions import expire
from tests.servers.zookeeper import ZooKeeper

TTL = 10.0
SESSION = 2.0
SERVER_SESSION = 30.0  # seconds, of those that no test lets lapse: a busy machine does not end them


class StoreWorld(Protocol):
    """One cluster's store. `opened` gives a handle of its own on it, as another replica would have."""

    partitions: int

    @property
    def store(self) -> Store: ...

    def opened(self) -> Store: ...

    def election(self, member: str) -> Election:
        """A new life of that member, which is alive until `kill`."""

    def kill(self, member: str) -> None: ...

    def close(self) -> None: ...


class MemoryWorld:
    partitions = 256

    def __init__(self, folder: Path, clock: HandClock) -> None:
        self._clock = clock
        self._dead: set[str] = set()
        self.store = MemoryStore(clock=clock)

    def opened(self) -> Store:
        return self.store

    def election(self, member: str) -> Election:
        self._dead.discard(member)
        return MemoryElection(self.store, member, self._clock, TTL, self._dead.__contains__)

    def kill(self, member: str) -> None:
        self._dead.add(member)

    def close(self) -> None: ...


class SqliteWorld:
    partitions = 256

    def __init__(self, folder: Path, clock: HandClock) -> None:
        self._folder = folder
        self._clock = clock
        self._locks: dict[str, AliveLock] = {}
        self._opened: list[SqliteStore] = []
        self.store = self.opened()

    def opened(self) -> SqliteStore:
        self._opened.append(SqliteStore(self._folder / "store.db", clock=self._clock))
        return self._opened[-1]

    def election(self, member: str) -> Election:
        if member not in self._locks:
            self._locks[member] = AliveLock(self._folder, member)
            self._locks[member].acquire()
        return SqliteElection(self.store, member, self._clock, TTL, self._folder)

    def kill(self, member: str) -> None:
        self._locks.pop(member).release()

    def close(self) -> None:
        for lock in self._locks.values():
            lock.release()
        for store in self._opened:
            store.close()


class ZookeeperWorld:
    """On a server that others use too, below a node of its own. Each life of a member has its own session, which
    ends with it; and when the hand-set clock says that it has not contended for TTL seconds."""

    partitions = 16  # a store is opened in an instant; 256 take a third of a second

    def __init__(self, hosts: str, root: str, clock: HandClock) -> None:
        self._hosts = hosts
        self._clock = clock
        url = f"zookeeper://elastic:secret@{hosts}{root}"
        self._place = StorePlace(url, self.partitions, session_timeout=SERVER_SESSION)
        self._opened: list[ZookeeperStore] = []
        self._lives: dict[str, ZookeeperLife] = {}
        self.store = self.opened()

    def opened(self) -> ZookeeperStore:
        self._opened.append(ZookeeperStore.at(self._place, self._clock))
        return self._opened[-1]

    def election(self, member: str) -> "ZookeeperLife":
        if member in self._lives:
            self.kill(member)
        self._lives[member] = ZookeeperLife(self.opened().session, member, self)
        return self._lives[member]

    def kill(self, member: str) -> None:
        self.expire(self._lives.pop(member).session)

    def lapse(self) -> None:
        now = self._clock.monotonic()
        for life in self._lives.values():
            if life.contended is not None and now - life.contended >= TTL:
                life.contended = None
                self.expire(life.session)

    def expire(self, session: ZookeeperSession) -> None:
        """Have the server end it, and wait until its client knows and has another."""
        old = session.client.client_id
        assert old is not None
        expire(self._hosts, old)
        assert until(lambda: session.is_connected and session.client.client_id not in (None, old))

    def close(self) -> None:
        for store in self._opened:
            store.close()


class ZookeeperLife:
    """A member's election, from its start to its end."""

    def __init__(self, session: ZookeeperSession, member: str, world: ZookeeperWorld) -> None:
        self.session = session
        self.contended: float | None = None  # by the hand-set clock, monotonic
        self._election = ZookeeperElection(session, member)
        self._world = world

    def contend(self, role: str) -> Seat | None:
        self._world.lapse()
        self.contended = self._world._clock.monotonic()
        return self._election.contend(role)

    def resign(self, role: str) -> None:
        self._election.resign(role)

    def set_wake(self, wake: Callable[[], None]) -> None:
        self._election.set_wake(wake)


def until(condition: Callable[[], bool], bound: float = 30.0) -> bool:
    """Whether it came true in time."""
    deadline = time.monotonic() + bound
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


STORES: dict[str, Callable[[Path, HandClock], StoreWorld]] = {"memory": MemoryWorld, "sqlite": SqliteWorld}


class GroupWorld(Protocol):
    """One group. `silence` makes it as if the member had said nothing for longer than a session."""

    @property
    def clock(self) -> Clock: ...

    def group(self, member: str) -> Group: ...

    def silence(self, member: str) -> None: ...

    def kill(self, member: str) -> None: ...

    def expel(self, member: str) -> None:
        """It loses its membership without being told."""

    def obstruct(self) -> None:
        """The group cannot be read any more."""

    def close(self) -> None: ...


class MemoryGroupWorld:
    def __init__(self, folder: Path) -> None:
        self.clock = HandClock()
        self._room = Room()

    def group(self, member: str) -> Group:
        self._room.rejoin(member)
        return MemoryGroup(self._room, member, self.clock, SESSION)

    def silence(self, member: str) -> None:
        self._room.cut_off(member)
        self._room.rejoin(member)

    def kill(self, member: str) -> None:
        self._room.kill(member)

    def expel(self, member: str) -> None:
        self._room.leave(member)

    def obstruct(self) -> None:
        self._room.unreadable = True

    def close(self) -> None: ...


class ToozFileWorld:
    def __init__(self, folder: Path) -> None:
        self.clock = SYSTEM_CLOCK
        self.folder = folder
        self._locks: dict[str, AliveLock] = {}
        self._groups: list[ToozGroup] = []

    def group(self, member: str) -> Group:
        if member not in self._locks:
            self._locks[member] = AliveLock(self.folder, member)
            self._locks[member].acquire()
        group = ToozGroup(
            f"file://{self.folder}", "members", member, {"release": 1}, self.clock, SESSION, self.folder
        )
        self._groups.append(group)
        return group

    def silence(self, member: str) -> None:
        long_ago = SYSTEM_CLOCK.now() - 2 * SESSION
        os.utime(self._record(member), (long_ago, long_ago))

    def kill(self, member: str) -> None:
        self._locks.pop(member).release()

    def expel(self, member: str) -> None:
        self._record(member).unlink()

    def obstruct(self) -> None:
        next((self.folder / "groups").iterdir()).rename(self.folder / "elsewhere")

    def close(self) -> None:
        for group in self._groups:
            group.leave()
        for lock in self._locks.values():
            lock.release()

    def _record(self, member: str) -> Path:
        return next(p for p in self.folder.glob("groups/*/*.raw") if f"{member}".encode() in p.read_bytes())


class ToozZookeeperWorld:
    """On a real server, through a wire that can be cut. Members are on one host: their file locks are seen."""

    def __init__(self, folder: Path, server: ZooKeeper, root: str) -> None:
        self.clock = SYSTEM_CLOCK
        self._folder = folder
        self._server = server
        self._root = root
        self._proxy = Proxy(server.port)
        self._proxy.start()
        self._locks: dict[str, AliveLock] = {}
        self._drivers: dict[str, ZookeeperDriver] = {}
        self._groups: list[ToozGroup] = []

    def group(self, member: str) -> Group:
        if member not in self._locks:
            self._locks[member] = AliveLock(self._folder, member)
            self._locks[member].acquire()
        url = f"zookeeper://127.0.0.1:{self._proxy.port}{self._root}"

        def connect(name: bytes, session_timeout: float) -> ZookeeperDriver:
            self._drivers[member] = ZookeeperDriver(url, "elastic", name, session_timeout)
            return self._drivers[member]

        group = ToozGroup(
            url, "members", member, {"release": 1}, self.clock, SESSION, self._folder, connect=connect
        )
        self._groups.append(group)
        return group

    def silence(self, member: str) -> None:
        client = self._drivers[member].client
        old = client.client_id
        assert old is not None
        expire(self._server.hosts, old)
        assert until(lambda: client.connected and client.client_id not in (None, old))

    def kill(self, member: str) -> None:
        self._locks.pop(member).release()

    def expel(self, member: str) -> None:
        with self._server.superuser() as client:
            client.delete(f"{self._root}/elastic/group/members/{member}")

    def obstruct(self) -> None:
        self._proxy.cut()

    def close(self) -> None:
        for group in self._groups:
            with suppress(StoreUnavailable):
                group.leave()
        for lock in self._locks.values():
            lock.release()
        self._proxy.stop()


GROUPS: dict[str, Callable[[Path], GroupWorld]] = {"memory": MemoryGroupWorld, "tooz-file": ToozFileWorld}
