"""Election by ephemeral, sequential nodes in ZooKeeper: the lowest of a role is its seat.

    <root>/elections/<role>/<member>.<life>.<session>-0000000007

Nothing is remembered that the server could contradict: each `contend` reads who contends, and what is missing
or too much of ours is made or taken away then. So a lost session, a reply that never came or a cut in the midst
of anything is put right by the next one. A node's name says the session it was made in, and a session's nodes
end with it: a process that was stopped for longer finds its seat gone, and the store refuses its token (the
node's path) from that moment on.

Who waits watches the one before it, as a wake only, and writes nothing.
"""

import re
import secrets
from collections.abc import Callable
from functools import partial

from elastic.adapters.membership.nodes import make, number_of, remove
from elastic.adapters.store.zookeeper.asks import Get
from elastic.adapters.store.zookeeper.session import Session
from elastic.adapters.workers import ThreadWorkers
from elastic.errors import StoreUnavailable
from elastic.model.assignment import Seat
from elastic.model.names import checked_name
from elastic.ports.workers import Overrun

FOLDER = "elections"
RESIGNING = 1.5  # seconds
NODE = re.compile(r"(?P<prefix>.+-)(?P<number>\d{10})")


class ZookeeperElection:
    """`contend` and `resign` raise StoreUnavailable, within seconds. Used by one thread at a time.

    `session` is the store's own: the seats hang on it, and so does what they allow to be written.
    """

    def __init__(self, session: Session, member: str, life: str | None = None) -> None:
        self._session = session
        self._member = checked_name(member, "member")
        self._life = f"{member}.{life or secrets.token_hex(8)}."
        self._workers = ThreadWorkers()
        self._tried: set[str] = set()  # roles in which there may be nodes of ours
        self._watched: dict[str, str] = {}  # role -> the node before ours
        self._wake: Callable[[], None] = lambda: None

    def set_wake(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def contend(self, role: str) -> Seat | None:
        """Costs a holder, and one that waits, a single read; who begins makes one node."""
        order = self._order(role)
        prefix = f"{self._life}{number_of(self._session):x}-"
        mine = self._tidied(role, order, prefix)
        if mine is None:
            self._tried.add(role)
            make(self._session, (FOLDER, role), prefix, self._member.encode(), sequence=True)
            order = self._order(role)
            mine = self._tidied(role, order, prefix)
        if mine is None:
            return None  # that session is over already
        if order[0] == mine:
            return Seat(role, self._member, self._path(role, mine))
        self._watch(role, order[order.index(mine) - 1])
        return None

    def resign(self, role: str) -> None:
        """Within RESIGNING; costs nothing if nothing of ours can be there."""
        if role in self._tried:
            try:
                self._workers.run(partial(self._resign, role), RESIGNING)
            except Overrun as overrun:
                raise StoreUnavailable(f"{self._session.address} does not answer") from overrun

    def _resign(self, role: str) -> None:
        self._tried.discard(role)
        try:
            for node in self._order(role):
                if node.startswith(self._life):
                    remove(self._session, self._path(role, node))
        except BaseException:
            self._tried.add(role)
            raise

    def _order(self, role: str) -> list[str]:
        """Who contends, the lowest number first."""
        found = self._session.children(self._path(role), fresh=False)
        numbers = {name: match["number"] for name in found if (match := NODE.fullmatch(name))}
        return sorted(numbers, key=numbers.__getitem__)

    def _tidied(self, role: str, order: list[str], prefix: str) -> str | None:
        """Our node of this session, the lowest if a lost reply made two; any other of ours is taken away."""
        ours = [name for name in order if name.startswith(self._life)]
        mine = next((name for name in ours if name[:-10] == prefix), None)
        for name in ours:
            if name != mine:
                order.remove(name)
                remove(self._session, self._path(role, name))
        return mine

    def _watch(self, role: str, before: str) -> None:
        """Once: a watch ends with a change of its node, or with the connection, and says so."""
        if self._watched.get(role) == before:
            return

        def ring(_event: object = None) -> None:  # in kazoo's thread: take note, no more
            if self._watched.get(role) == before:
                self._watched.pop(role, None)
            self._wake()

        self._watched[role] = before
        try:
            stands = self._session.read([Get(self._path(role, before), ring)], fresh=False)[0]
        except BaseException:
            self._watched.pop(role, None)
            raise
        if stands is None:
            ring()

    def _path(self, *parts: str) -> str:
        return self._session.at(FOLDER, *parts)
