"""A whole replica that leads and holds everything, on ZooKeeper; its cloud and its bus are in memory.

Its clock is set by hand, so that minutes of a fleet's life take seconds, and each turn can be timed by itself.
"""

import time
from collections.abc import Callable, Sequence
from itertools import count

import msgspec

from bench.fleet import SESSION, SITE, Fleet
from elastic.adapters.bus.memory import MemoryBroker, MemoryHeartbeats, MemoryOutgoing, MemoryPeers
from elastic.adapters.bus.signing import instance_key, sign
from elastic.adapters.cloud.bare import BareCloud
from elastic.adapters.lastheard import MemoryLastHeard
from elastic.adapters.membership.memory import MemoryGroup, Room
from elastic.adapters.membership.zookeeper import ZookeeperElection
from elastic.adapters.store.zookeeper import ZookeeperStore
from elastic.adapters.workers import ThreadWorkers
from elastic.assembly import Parts, assemble
from elastic.engines import installed_engines
from elastic.errors import CloudUnavailable
from elastic.model.domain import DomainKey
from elastic.model.heartbeat import Heartbeat
from elastic.model.server import Order, Server
from elastic.ports.bus import HeartbeatIn, Pulse
from elastic.ports.clock import Clock
from elastic.ports.workers import Workers
from elastic.rules.ring import slot_of
from elastic.tuning import Tuning
from tests.contract.clocks import HandClock
from tests.scenario.world import Notes

MEMBER = "m1"
SECRET = b"s" * 32
NEVER = 1e9  # seconds
TUNING = Tuning(session_timeout=SESSION, sweep=NEVER, resync=NEVER)
INTERVAL = 30  # seconds between two heartbeats of one instance
ADDRESS = "amq.rabbitmq.reply-to.g1h2AA5yZXBseUA1MDA1NzI2OAAALacAAAABawGjMg==.DbcA+oqjJFVMVMXvs5MQFg=="
BOUND = 120.0  # seconds


class StillCloud(BareCloud):
    """It lists the same servers for ever, and takes no orders."""

    def __init__(self, listing: Callable[[], Sequence[Server]] = tuple) -> None:
        self.listing = listing

    def sites(self) -> Sequence[str]:
        return (SITE,)

    def servers(
        self, _site: str, _cluster: str, _timeout: float, instance_id: str | None = None
    ) -> Sequence[Server]:
        if instance_id is not None:
            raise CloudUnavailable("it takes no orders")
        return self.listing()

    def create(self, _order: Order, _timeout: float) -> Server:
        raise CloudUnavailable("it takes no orders")

    def delete(self, _site: str, _server_id: str, _timeout: float) -> None:
        raise CloudUnavailable("it takes no orders")

    def server(self, _site: str, _server_id: str, _timeout: float) -> Server:
        raise CloudUnavailable("it takes no orders")


class Solo:
    def __init__(
        self,
        store: ZookeeperStore,
        cloud: StillCloud,
        clock: Clock | None = None,
        heartbeats: HeartbeatIn | None = None,
        workers: Workers | None = None,
    ) -> None:
        self.store, self._threads = store, ThreadWorkers()
        self.hand = HandClock()
        self.clock = clock or self.hand
        self.broker = MemoryBroker(self.clock.now)
        self.heartbeats = heartbeats or MemoryHeartbeats(self.broker, MEMBER, store.layout().partitions)
        peers, numbers = MemoryPeers(self.broker, MEMBER), count()
        self.agent = assemble(
            Parts(
                member=MEMBER,
                cluster="bench",
                secret=SECRET,
                clock=self.clock,
                fresh_id=lambda: f"c{next(numbers)}",
                store=store,
                group=MemoryGroup(Room(), MEMBER, self.clock, SESSION),
                election=ZookeeperElection(store.session, MEMBER),
                cloud=cloud,
                workers=workers or self._threads,
                heartbeats=self.heartbeats,
                outgoing=MemoryOutgoing(self.broker, MEMBER),
                peers=peers,
                lastheard=MemoryLastHeard(),
                notebook=Notes(),
                engines=installed_engines(),
                tuning=TUNING,
            )
        )
        self.agent.join()
        self.heartbeats.start(self.agent.reactor.hear)
        peers.start(self.agent.reactor.answer_peer, self.agent.hear_peer)

    def close(self) -> None:
        self.heartbeats.stop()
        self._threads.close()
        self.agent.stop()

    def step(self, seconds: float = 1.0) -> float:
        """One turn, so much later, and what belongs to it; return the seconds that it wants to wait for the next.
        The place in the group is kept each time."""
        self.hand.advance(seconds)
        self.agent.keep()
        self.broker.pump()
        wait = self.agent.turn()
        self.broker.pump()
        return wait

    def settle(self, instances: int) -> None:
        """Until it holds all partitions and has read so many instances."""
        deadline = time.monotonic() + BOUND
        while not self.agent.in_ring() or len(self.agent.staff.mirror.instance_ids()) < instances:
            assert time.monotonic() < deadline, "it does not come into the ring"
            self.step()


class Voices:
    """The VMs of a fleet: each says every INTERVAL seconds that it is well, spread over that time."""

    def __init__(self, solo: Solo, fleet: Fleet) -> None:
        self._solo, self._told = solo, int(solo.clock.monotonic())
        all_ = [(domain.key, name) for domain in fleet for name in fleet.ids(domain)]
        self._due = [all_[second::INTERVAL] for second in range(INTERVAL)]

    def all(self) -> None:
        for second in range(INTERVAL):
            self._say(second, self._told)

    def beat(self) -> None:
        """Those that are due since the last call."""
        now = int(self._solo.clock.monotonic())
        for second in range(self._told, now):
            self._say(second, now)
        self._told = now

    def _say(self, second: int, seq: int) -> None:
        """As it comes from the bus, with strings of its own."""
        reactor, before = self._solo.agent.reactor, self._solo.agent.reactor.heard
        due = self._due[second % INTERVAL]
        reactor.hear([pulse(key, name, seq) for key, name in due])
        assert reactor.heard - before == len(due), dict(reactor.dropped)


def pulse(key: DomainKey, name: str, seq: int) -> Pulse:
    beat = Heartbeat(node_id=name, owner=key.owner, domain_id=key.name, boot=f"boot-{name}", seq=seq)
    body = msgspec.json.encode(beat)
    return Pulse(body, sign(instance_key(SECRET, name), body), slot_of(key), f"{ADDRESS[:-8]}{name[-6:]}==")
