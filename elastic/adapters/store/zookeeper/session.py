"""Our session with ZooKeeper: reads in windows, writes as transactions, and no wait without an end.

    session = Session(parsed(url), cluster="elastic", session_timeout=10, acl=None)
    session.start()
    [found] = session.read([Get(session.at("layout"))])
    session.transact([Check(lock, 0), Set(path, data, version)])

What goes wrong is told apart by what is known: StoreUnavailable: nothing was written. Unsure: it was sent, and
has to be read back (`read_back`). Refused: the first of the operations that ZooKeeper would not do.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, TypeVar

from kazoo.exceptions import KazooException, NoAuthError, NoNodeError
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.protocol.serialization import Sync
from kazoo.protocol.states import KazooState, KeeperState
from kazoo.security import ACL, OPEN_ACL_UNSAFE

from elastic.adapters.store.zookeeper.address import Address
from elastic.adapters.store.zookeeper.asks import Ask, Check, Children, Found, Get, Op, found_by, request_of
from elastic.adapters.store.zookeeper.client import ENDED, Client
from elastic.adapters.store.zookeeper.closing import closed_within
from elastic.adapters.store.zookeeper.paths import quoted
from elastic.adapters.store.zookeeper.transaction import DEFINITE, Refused, Ticket, Unsure, packed, results
from elastic.errors import OutcomeUnknown, StoreUnavailable

log = logging.getLogger(__name__)

PATIENCE = 4.0  # seconds for one batch of answers
SETTLE = 5.0  # seconds from the sending of a write until its outcome is known, or said to be unknown
CLOSING = 2.0  # seconds
WINDOW = 256  # requests in flight
BATCH = 64  # of them sent, and waited for, at once

T = TypeVar("T")


class Forbidden(StoreUnavailable):
    """ZooKeeper does not let us: its ACLs are not ours."""


class Session:
    """`client` may be shared with others of this process (the election); `losses` counts each time that it was
    not connected for a moment: whatever watches it had are gone then. May be used by many threads."""

    def __init__(
        self, address: Address, cluster: str, session_timeout: float, acl: Sequence[ACL] | None = None
    ) -> None:
        self.address = address
        self.client = Client(address, session_timeout, list(acl) if acl else None)
        self.losses = 0
        self._acl = list(acl or OPEN_ACL_UNSAFE)
        self._root = f"{address.chroot}/{quoted(cluster)}"
        self._lock = threading.Lock()
        self._closed = False
        self._reviving = False
        self._told: str | None = None
        self._last = "not connected yet"
        self.client.add_listener(self._note)

    def at(self, *parts: str) -> str:
        """The absolute path of a node of our cluster. `parts` are as they stand in the tree."""
        return "/".join((self._root, *parts))

    def start(self, patience: float = PATIENCE) -> None:
        """Connect. StoreUnavailable, with what the servers said, if nobody answers in time; closed then."""
        self._live = self.client.start_async()
        if self._live.wait(patience):
            return
        self.close()
        raise StoreUnavailable(f"{self.address} does not answer{self._reason()}")

    @property
    def is_connected(self) -> bool:
        return not self._closed and self.client.client_state == KeeperState.CONNECTED

    def read(self, asked: Sequence[Ask], *, fresh: bool = True) -> list[Found | None]:
        """Of each what was found, None where there is no such node. `fresh`: what was written before this call is
        seen, though the leader of an ensemble may be some milliseconds behind its followers (ZOOKEEPER-1675: see
        `catch_up`); else it may be what the server knew a moment ago."""
        requests = (request_of(ask) for ask in asked)
        return [found_by(ask, raw) for ask, raw in zip(asked, self.ask(requests, fresh=fresh), strict=True)]

    def get(self, path: str, *, fresh: bool = True) -> Found | None:
        return self.read([Get(path)], fresh=fresh)[0]

    def children(self, path: str, *, fresh: bool = True) -> tuple[str, ...]:
        """Their names, sorted; none where there is no such node."""
        found = self.read([Children(path)], fresh=fresh)[0]
        return tuple(sorted(found.children)) if found else ()

    def ask(self, requests: Iterator[Any], *, fresh: bool = True) -> Iterator[Any]:
        """The answer to each of kazoo's `requests`, in order, with WINDOW of them under way; None for NoNode."""
        self._check_connected()
        answers = self._answers(chain([Sync(self._root)], requests) if fresh else requests)
        if fresh:
            next(answers)
        yield from answers

    def _answers(self, requests: Iterator[Any]) -> Iterator[Any]:
        """BATCH by BATCH, each with one wake of kazoo's loop and one wait: they are answered in order."""
        flying = deque(self.client.send(islice(requests, WINDOW)))
        while flying:
            batch = [flying.popleft() for _ in range(min(BATCH, len(flying)))]
            batch[-1].wait(PATIENCE)
            yield from map(self._answer, batch)
            flying.extend(self.client.send(islice(requests, BATCH)))

    def transact(self, ops: Sequence[Op]) -> list[Any]:
        """All of `ops`, or none. Return of each: the path that a Create made, the version a Set led to, or None.

        Refused, Unsure, StoreUnavailable (nothing was written), TooMuch (nothing was sent).
        """
        ticket = Ticket()
        transaction = packed(ops, self._acl, ticket)
        self._check_connected()
        until = time.monotonic() + SETTLE
        [flying] = self.client.send([transaction])
        try:
            return results(ops, flying.get(timeout=PATIENCE))
        except NoAuthError as fault:
            raise self._forbidden() from fault
        except (KazooException, KazooTimeoutError) as fault:
            if isinstance(fault, DEFINITE) or ticket.give_up():
                raise self._unavailable(fault) from fault
            raise Unsure(f"{self.address}: {_text(fault)} after it was sent", until) from fault

    def write(self, ops: Sequence[Op], landed: Callable[[], bool]) -> list[Any] | None:
        """`transact`, and if that is unsure, whether it `landed`: None if it did, StoreUnavailable if not.

        Refused, OutcomeUnknown, StoreUnavailable, TooMuch.
        """
        try:
            return self.transact(ops)
        except Unsure as unsure:
            if self.read_back(unsure, landed):
                return None
            raise StoreUnavailable(str(unsure)) from unsure

    def read_back(self, unsure: Unsure, look: Callable[[], T]) -> T:
        """What `look` finds, as soon as we are connected again. OutcomeUnknown if we are not, in time.

        What is not there by then will not come: a server takes nothing any more from a connection after which
        the session made another, nor from a session that is over.
        """
        while True:
            self._live.wait(max(0.0, unsure.until - time.monotonic()))
            try:
                self.catch_up()
                return look()
            except StoreUnavailable as fault:
                if time.monotonic() >= unsure.until:
                    raise OutcomeUnknown(f"{unsure}, and it cannot be read back") from fault
                time.sleep(0.02)

    def catch_up(self) -> None:
        """Have our server know all that was written before this call. It costs the ensemble a write."""
        try:
            self.transact([Check(self._root, -1)])
        except (Refused, Unsure) as fault:
            raise StoreUnavailable(str(fault)) from fault

    def close(self) -> None:
        """Within CLOSING seconds, whatever the state. Our ephemeral nodes go now if the server can be told."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        closed_within(self.client, CLOSING)

    def _check_connected(self) -> None:
        self._tell()
        if self._closed:
            raise StoreUnavailable("the store is closed")
        if self.client.client_state in ENDED:
            self._revive()
        if not self.is_connected:
            raise StoreUnavailable(f"{self.address} is not connected{self._reason()}")

    def _answer(self, flying: Any) -> Any:
        """What has come by now."""
        try:
            return flying.get_nowait()
        except NoNodeError:
            return None
        except NoAuthError as fault:
            raise self._forbidden() from fault
        except (KazooException, KazooTimeoutError) as fault:
            raise self._unavailable(fault) from fault

    def _unavailable(self, fault: Exception) -> StoreUnavailable:
        return StoreUnavailable(f"{self.address}: {_text(fault)}")

    def _forbidden(self) -> Forbidden:
        who = f"user {self.address.user}" if self.address.user else "someone without credentials"
        return Forbidden(f"{self.address}: what lies in {self._root} is not open to {who}")

    def _reason(self) -> str:
        faults = {str(fault) for fault in self.client.faults}
        return f": {'; '.join(sorted(faults))}" if faults else ""

    def _note(self, state: str) -> None:
        """In kazoo's own thread: it may not wait for anything."""
        if state != KazooState.CONNECTED:
            self.losses += 1

    def _tell(self) -> None:
        state = self.client.client_state
        if state != self._told:
            was, self._told = self._told, state
            log.info("%s: the session was %s, is %s%s", self.address, was, state, self._reason())

    def _revive(self) -> None:
        """kazoo's loop has ended without our word: begin anew, elsewhere, since that waits for the old one."""
        with self._lock:
            if self._reviving or self._closed:
                return
            self._reviving = True
        threading.Thread(target=self._begin_anew, name="zookeeper revival", daemon=True).start()

    def _begin_anew(self) -> None:
        """Without `stop`: that would queue a farewell which the new session would send as its first word."""
        try:
            self.client.start_async()
        except Exception as fault:
            log.error("%s: cannot begin anew: %s", self.address, fault, exc_info=fault)
        finally:
            self._reviving = False


def _text(fault: Exception) -> str:
    return f"{type(fault).__name__}{f' ({fault})' if str(fault) else ''}"
