"""A store with its elections and its group, once for each technology: what the contract suites run over.

Another adapter joins them by a class of these methods and a line in one of the tables.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from elastic.adapters.clock import SYSTEM_CLOCK
from elastic.adapters.membership.alive import AliveLock
from elastic.adapters.membership.memory import MemoryElection, MemoryGroup, Room
from elastic.adapters.membership.sqlite import SqliteElection
from elastic.adapters.membership.tooz import ToozGroup
from elastic.adapters.store.memory import MemoryStore
from elastic.adapters.store.sqlite import SqliteStore
from elastic.ports.clock import Clock
from elastic.ports.membership import Election, Group
from elastic.ports.store import Store
from tests.contract.clocks import HandClock

TTL = 10.0
SESSION = 2.0


class StoreWorld(Protocol):
    """One cluster's store. `opened` gives a handle of its own on it, as another replica would have."""

    @property
    def store(self) -> Store: ...

    def opened(self) -> Store: ...

    def election(self, member: str) -> Election:
        """A new life of that member, which is alive until `kill`."""

    def kill(self, member: str) -> None: ...

    def close(self) -> None: ...


class MemoryWorld:
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


GROUPS: dict[str, Callable[[Path], GroupWorld]] = {"memory": MemoryGroupWorld, "tooz-file": ToozFileWorld}
