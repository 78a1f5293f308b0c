"""A broker in memory, for tests: nothing moves until it is pumped, and what goes wrong is for the test to say."""

import heapq
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

from elastic.adapters.bus import topology, wire
from elastic.errors import BadMessage, BusUnavailable
from elastic.ports.bus import Call, Reply

Taker = Callable[[str, Mapping[str, Any], Mapping[str, Any], bytes], None]
"""What a member does with a heartbeat: its key, headers, properties and body."""

Asked = Callable[[bytes, str], None]
"""What a VM does when it is asked: it gets the order that came with that, if there was one, and its MAC."""


class Parcel(NamedTuple):
    """A message on its way, as `meddle` sees it. `kind`: request, reply, question, answer, word, heartbeat,
    probe, ask or news. `to`: member, slot, address or routing key; "" is nobody in particular."""

    kind: str
    sender: str
    to: str
    body: bytes


class Letter(NamedTuple):
    """An RPC as it lies in the queue."""

    body: bytes
    headers: Mapping[str, Any]
    properties: Mapping[str, Any]
    redelivered: bool = False


class Server:
    """One member that serves RPC, and what it dropped."""

    def __init__(self, member: str, handle: Callable[[Call], Reply], dropped: dict[str, int]) -> None:
        self.member = member
        self.handle = handle
        self.dropped = dropped


class MemoryBroker:
    """Everything the ports of one simulated cluster share. `wall` is the clock by which calls are too late.

    `meddle(parcel)` says in how many pumps from the next each copy of it arrives: `(0,)` as it should, `()` never,
    `(0, 0)` twice, `(3,)` late and so out of order. `down`: nothing works for anybody. `cut`: nor for those named
    here, be it members, instance ids or users.
    """

    def __init__(self, wall: Callable[[], float] = lambda: 0.0) -> None:
        self.wall = wall
        self.meddle: Callable[[Parcel], Sequence[int]] = lambda _parcel: (0,)
        self.down = False
        self.cut: set[str] = set()
        self.before_pump: list[Callable[[], None]] = []
        self.after_pump: list[Callable[[], None]] = []
        self.bindings: dict[str, dict[int, Taker]] = defaultdict(dict)
        self.words: dict[str, Callable[[bytes], None]] = {}
        self.questions: dict[str, Callable[[bytes], bytes]] = {}
        self.asked: dict[str, tuple[str, Asked]] = {}  # by address: whose it is, and what it does
        self.inboxes: dict[tuple[str, str], deque[bytes]] = {}
        self.subscriptions: set[tuple[str, str, str]] = set()
        self._servers: list[Server] = []
        self._ahead: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()
        self._pumps = 0

    def check(self, who: str) -> None:
        """BusUnavailable unless `who` reaches the bus."""
        if self.down or who in self.cut:
            raise BusUnavailable("the bus does not answer")

    def reaches(self, who: str) -> bool:
        return not self.down and who not in self.cut

    def send(self, parcel: Parcel, deliver: Callable[[], None]) -> None:
        """`deliver` is called by the pump, as `meddle` has it."""
        self.check(parcel.sender)
        for delay in self.meddle(parcel):
            self.later(delay, deliver)

    def later(self, delay: int, deliver: Callable[[], None]) -> None:
        heapq.heappush(self._ahead, (self._pumps + 1 + delay, next(self._order), deliver))

    def pump(self) -> int:
        """Deliver what is due and return how much that was. What is sent meanwhile waits for the next pump."""
        self._pumps += 1
        for step in list(self.before_pump):
            step()
        if self.down:
            return 0
        due = []
        while self._ahead and self._ahead[0][0] <= self._pumps:
            due.append(heapq.heappop(self._ahead)[2])
        for deliver in due:
            deliver()
        for step in list(self.after_pump):
            step()
        return len(due)

    def fresh_address(self, instance_id: str) -> str:
        return f"{topology.REPLY_PREFIX}{instance_id}.{next(self._order)}"

    def publish_heartbeat(
        self, sender: str, key: str, headers: Mapping[str, Any], body: bytes, reply_to: str | None = None
    ) -> None:
        """To those whose partition the key is in when it is sent; to nobody, if there is none such."""
        kind = "probe" if headers.get(wire.MAC_HEADER) == wire.PROBE_MAC else "heartbeat"
        slot = int(key) if wire.SLOT.fullmatch(key) else -1
        properties = {} if reply_to is None else {"reply_to": reply_to}
        takers = [(member, bound[slot]) for member, bound in self.bindings.items() if slot in bound]

        def deliver() -> None:
            for member, take in takers:
                if self.reaches(member):
                    take(key, headers, properties, body)

        self.send(Parcel(kind, sender, key, body), deliver)

    def publish_rpc(self, sender: str, letter: Letter) -> bytes | None:
        """Ask whose turn it is, at once; the reply, unless one of the two was lost or is late."""
        self.check(sender)
        reply = None
        for delay in self.meddle(Parcel("request", sender, "", letter.body)):
            if delay:
                self.later(delay - 1, lambda: self._serve_late(letter))
                continue
            answered = self._serve(letter)
            if answered is not None and 0 in self.meddle(Parcel("reply", answered[0], sender, answered[1])):
                reply = answered[1]
        return reply

    def add_server(self, server: Server) -> None:
        self._servers.append(server)

    def remove_server(self, member: str) -> None:
        self._servers = [server for server in self._servers if server.member != member]

    def inbox(self, owner: str, subscriber: str) -> list[bytes]:
        """Take all that lies in a subscriber's queue."""
        queue = self.inboxes.get((owner, subscriber), deque())
        bodies = list(queue)
        queue.clear()
        return bodies

    def queue_news(self, owner: str, domain: str, body: bytes) -> None:
        for of_owner, of_domain, subscriber in sorted(self.subscriptions):
            if (of_owner, of_domain) == (owner, domain):
                queue = self.inboxes[owner, subscriber]
                queue.append(body)
                if len(queue) > topology.SUBSCRIBER_LENGTH:
                    queue.popleft()

    def _serve(self, letter: Letter) -> tuple[str, bytes] | None:
        """Who answered and what. None if it was no call; if nobody is there, it waits for somebody."""
        turn = next((n for n, server in enumerate(self._servers) if self.reaches(server.member)), None)
        if turn is None:
            self.later(0, lambda: self._serve_late(letter))
            return None
        server = self._servers.pop(turn)
        self._servers.append(server)
        try:
            call = wire.call_of(letter.body, letter.headers, letter.properties, letter.redelivered)
        except BadMessage as reason:
            server.dropped[str(reason)] += 1
            return None
        try:
            return server.member, wire.answer(server.handle, call)
        except BaseException:  # not an error: the member died of it, and the message goes to another
            self.remove_server(server.member)
            self.later(0, lambda: self._serve_late(letter._replace(redelivered=True)))
            raise

    def _serve_late(self, letter: Letter) -> None:
        """Nobody waits for this answer any more; expired messages go as a broker's do."""
        deadline = letter.headers.get(wire.DEADLINE_HEADER)
        if not isinstance(deadline, float) or self.wall() <= deadline:
            self._serve(letter)
