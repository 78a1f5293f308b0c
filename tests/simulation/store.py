"""The store as one process sees it: by requests that take time, get lost or are answered in vain, and by reads
that may be behind, as ZooKeeper's are: never behind what this process has seen or written."""

import random
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from elastic.adapters.membership.sightings import Sightings
from elastic.adapters.store.memory import MemoryStore
from elastic.errors import ElasticError, OutcomeUnknown, StoreUnavailable
from elastic.model.assignment import Layout, Seat, Tenure, Term
from elastic.ports.membership import Capability, Presence
from tests.simulation.kernel import Box
from tests.simulation.line import Line
from tests.simulation.process import Process
from tests.simulation.server import StoreServer

REMEMBERED = frozenset({"assignment", "members", "quarantines", "news"})
"""Kept true by watches: asked for each turn, and answered from memory."""
READS = frozenset(
    [
        *["all_domains", "answered", "decisions", "domains", "domains_of", "events", "flags", "incarnation"],
        *["strays", "terms", "view", "definition", "definitions", "entries", "entry"],
    ]
)
CAUGHT_UP = 0.3  # seconds that a read may be behind though it was preceded by a sync
CATCHES_UP = 0.2  # seconds that watches take to tell it what happened while it stood still
LONGEST = 8.0  # seconds that one request may take


class StoreHandle:
    """`lag`: seconds by which the server that it talks to is behind."""

    def __init__(self, server: StoreServer, process: Process, chance: random.Random) -> None:
        self._server, self._process, self._chance = server, process, chance
        self._kernel = process.kernel
        self.lag = 0.0
        self.line = Line(self._kernel, patience=server.session_timeout * 2 / 3)
        self.session = server.begin_session()
        self._seen = server.zxid
        self._waiting: dict[Box, None] = {}  # in their order
        self._quiet_since: float | None = None
        self.line.on_down.append(self._fall_quiet)
        self.line.on_known_down.append(self._give_up_waiting)
        self.line.on_up.append(self._reconnected)
        process.on_freeze.append(self._fall_quiet)
        process.on_death.append(self._fall_quiet)
        process.on_thaw.append(self._speak_again)

    # what the ports ask for

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in REMEMBERED:
            return partial(self._remembered, name)
        if name in READS:
            return partial(self._read, name)
        return partial(self._write, name)

    def layout(self) -> Layout:
        """Read once, at its start, as by every handle there is."""
        return self._server.store.layout()

    def follow(self, partitions: object) -> None:
        """All are told of."""

    def set_wake(self, wake: Callable[[], None]) -> None:
        """Never: a wake is a hint, and all has to go well without."""

    def close(self) -> None:
        self._server.end_session(self.session)

    def views(self, keys: Any) -> Iterator[Any]:
        keys = tuple(keys)
        if not keys:
            return iter(())
        return iter(self.request(lambda: list(self._as_seen(CAUGHT_UP).views(keys))))

    def _remembered(self, name: str, *args: Any) -> Any:
        if not self.line.is_known_up:
            raise StoreUnavailable("suspended")
        return getattr(self._as_seen(max(self.lag, self._slept())), name)(*args)

    def _slept(self) -> float:
        """For how long it has stood still, if it knows of nothing that happened meanwhile yet."""
        process, now = self._process, self._kernel.now
        return now - process.frozen_at if now - process.thawed_at < CATCHES_UP else 0.0

    def _read(self, name: str, *args: Any, **named: Any) -> Any:
        behind = 0.0 if name == "answered" else CAUGHT_UP
        found = self.request(lambda: getattr(self._as_seen(behind), name)(*args, **named))
        if name == "answered" and found[0]:
            self._kernel.met["a call was answered by its key"] += 1
        return found

    def _write(self, name: str, *args: Any, **named: Any) -> Any:
        fence = next((arg for arg in (*args, *named.values()) if isinstance(arg, Tenure | Term | Seat)), None)
        return self.write_as(name, lambda store: getattr(store, name)(*args, **named), fence)

    def write_as(self, name: str, work: Callable[[MemoryStore], Any], fence: object = None) -> Any:
        self._process.step(after=False)

        def done() -> Any:
            try:
                return self._server.write(self._process.name, name, work, fence)
            finally:
                self._seen = self._server.zxid
                self._process.step(after=True)

        return self.request(done, writes=True)

    def _as_seen(self, most: float) -> MemoryStore:
        zxid, store = self._server.as_of(min(self.lag, most), self._seen)
        self._seen = max(self._seen, zxid)
        return store

    # requests

    def request(self, work: Callable[[], Any], writes: bool = False) -> Any:
        """What `work` returns or raises at the server, some time from now."""
        self._process.check()
        if not self.line.is_known_up:
            raise StoreUnavailable("suspended")
        box, effect = Box(self._kernel), Effect(work)
        there, back = self._latency(), self._latency()
        self._kernel.at(there, partial(self._arrive, box, effect, self.line.connection, back))
        self._waiting[box] = None
        box.wait(LONGEST)
        self._waiting.pop(box)
        self._process.check()
        if box.is_full and box.error is None:
            return effect.outcome()
        return self._read_back(effect, writes)

    def _latency(self) -> float:
        return self._chance.uniform(0.001, 0.01) + self._server.slowness * self._chance.random()

    def _arrive(self, box: Box, effect: "Effect", connection: int, back: float) -> None:
        if not self._reaches(connection):
            return
        if not self._server.has(self.session):
            self._expired(connection)
            return
        effect.happen()
        self._kernel.at(back, partial(self._reply, box, connection))

    def _reply(self, box: Box, connection: int) -> None:
        if self._reaches(connection):
            self._process.deliver(box.put)

    def _reaches(self, connection: int) -> bool:
        return self.line.is_up and connection == self.line.connection and not self._server.is_down

    def _give_up_waiting(self) -> None:
        for box in tuple(self._waiting):
            self._process.deliver(partial(box.put, error=StoreUnavailable("connection lost")))

    def _read_back(self, effect: "Effect", writes: bool) -> Any:
        """A write whose reply was lost: seen by its commit id or its key, once the store answers again."""
        if not writes:
            raise StoreUnavailable("no answer")
        for _ in range(10):
            if self.line.is_known_up and self.line.is_up and not self._server.is_down:
                break
            self._kernel.sleep(self._server.session_timeout / 10)
            self._process.check()
        else:
            raise OutcomeUnknown("no answer, and it cannot be read back")
        self._kernel.met["an outcome was read back"] += 1
        effect.is_cancelled = True
        if not effect.has_happened:
            raise StoreUnavailable("nothing was written")
        return effect.outcome()

    # sessions

    def _fall_quiet(self) -> None:
        """Heard from no more: in a session's time it is over, unless the server itself was away."""
        if self._quiet_since is None:
            self._quiet_since = self._kernel.now
            left = self._server.session_timeout * self._chance.uniform(0.7, 1.0)
            self._kernel.at(left, partial(self._look_for, self._quiet_since))

    def _look_for(self, quiet_since: float) -> None:
        if self._quiet_since != quiet_since:
            return
        if self._server.is_down:
            self._kernel.at(self._server.session_timeout, partial(self._look_for, quiet_since))
            return
        self._server.end_session(self.session)

    def _speak_again(self) -> None:
        if self.line.is_up and self._process.is_up:
            self._quiet_since = None
            if not self._server.has(self.session):
                self._kernel.at(self._chance.uniform(0.0, 0.3), partial(self._expired, self.line.connection))

    def _expired(self, connection: int) -> None:
        """The server has told it so: another connection, another session."""
        if connection == self.line.connection and self.line.is_up:
            self.line.cut()
            self.line.heal(self._chance.uniform(0.05, 0.5))

    def _reconnected(self) -> None:
        if self._process.is_dead:
            return
        if self._process.is_up:
            self._quiet_since = None
        if not self._server.has(self.session):
            self.session = self._server.begin_session()
        self._seen = max(self._seen, self._server.as_of(self.lag, self._seen)[0])


class Effect:
    """What a request does at the server: once, or never."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self.has_happened = self.is_cancelled = False
        self._value: Any = None
        self._error: ElasticError | None = None

    def happen(self) -> None:
        if self.has_happened or self.is_cancelled:
            return
        self.has_happened = True
        try:
            self._value = self._work()
        except ElasticError as error:
            self._error = error

    def outcome(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._value


class SimulatedElection:
    """Lock nodes on the store's own session; nothing is remembered."""

    def __init__(self, server: StoreServer, handle: StoreHandle, member: str) -> None:
        self._server, self._handle, self._member = server, handle, member

    def contend(self, role: str) -> Seat | None:
        return self._handle.request(lambda: self._server.seats.contend(role, self._member, self._handle.session))

    def resign(self, role: str) -> None:
        def drop() -> None:
            self._server.seats.drop(self._handle.session, role)
            self._server.released()

        self._handle.request(drop)

    def set_wake(self, wake: Callable[[], None]) -> None:
        self._server.on_release.append(wake)


class SimulatedGroup:
    def __init__(self, server: StoreServer, handle: StoreHandle, process: Process) -> None:
        self._server, self._handle, self._name = server, handle, process.name
        self._sightings = Sightings(process.clock)

    def join(self) -> None:
        self.beat()

    def leave(self) -> None:
        self._handle.request(lambda: self._server.group.pop(self._name, None))

    def beat(self) -> None:
        self._handle.request(lambda: self._server.group.__setitem__(self._name, self._handle.session))

    def present(self) -> Mapping[str, Presence]:
        return self._sightings.of(self._handle.request(lambda: set(self._server.group)), lambda _: False)

    def tell(self, capabilities: Mapping[str, Capability]) -> None:
        """Nobody looks."""
