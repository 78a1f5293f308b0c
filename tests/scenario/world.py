"""A world in one process: replicas, store, bus, cloud and VMs, with a clock that the test sets by hand."""

import random
from collections.abc import Callable
from itertools import count

import msgspec

from elastic.adapters.bus.memory import (
    MemoryBroker,
    MemoryHeartbeats,
    MemoryOutgoing,
    MemoryPeers,
    MemoryRpcClient,
    MemoryRpcServer,
    MemoryVoice,
)
from elastic.adapters.bus.signing import instance_key, sign
from elastic.adapters.cloud.simulated import SimulatedCloud
from elastic.adapters.cloud.weather import Entry, Happened, Weather
from elastic.adapters.lastheard import MemoryLastHeard
from elastic.adapters.membership.memory import MemoryElection, MemoryGroup, Room
from elastic.adapters.store.memory import MemoryStore
from elastic.adapters.workers import InlineWorkers
from elastic.agent import Agent
from elastic.assembly import Parts, assemble
from elastic.engines import installed_engines
from elastic.errors import CloudUnavailable, StoreUnavailable, Unavailable
from elastic.model.domain import DomainKey
from elastic.model.heartbeat import Heartbeat
from elastic.model.server import Server, ServerStatus
from elastic.model.states import InstanceState
from elastic.model.view import View
from elastic.ports.bus import Call, Reply
from elastic.ports.workers import Workers
from elastic.rules.caution import BrakePolicy
from elastic.rules.ring import partition_of, slot_of
from elastic.tuning import Tuning
from tests.scenario.fragile import Died, Fuse, fragile_cloud, fragile_store

SECRET = b"a secret of thirty-two characters"
ENGINES = installed_engines()
PATIENT = Tuning(
    session_timeout=2.0,
    debounce=0.5,
    decide=1.0,
    survey=2.0,
    probe=1.0,
    sweep=10.0,
    grace=5.0,
    record_max_age=60.0,
    settle=2.0,
    cloud_timeout=1.0,
    resync=100.0,
    brake=BrakePolicy(trickle=60.0),
)
IMPATIENT = {"boot_timeout": 20, "missing_timeout": 8, "really_missing_timeout": 2, "zombie_seconds": 8}
WEB = DomainKey("ann", "web")


def unanswered(*_asked: object) -> None:
    raise StoreUnavailable("cut off")


class Unheard:
    """A cloud as one sees it whom it does not answer."""

    def __init__(self, inner: SimulatedCloud) -> None:
        self.sites, self.needs_recipes = inner.sites, inner.needs_recipes

    def _unheard(self, *_asked: object) -> None:
        raise CloudUnavailable("no route to it")

    prepare = create = delete = server = servers = parts = release = console = _unheard


class Hand:
    """A clock set by hand; the wall clock may be stepped away from the monotonic one."""

    def __init__(self, monotonic: float = 1000.0, wall: float = 1_700_000_000.0) -> None:
        self._monotonic, self._ahead = monotonic, wall - monotonic

    def now(self) -> float:
        return self._monotonic + self._ahead

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        self._monotonic += seconds

    def step(self, seconds: float) -> None:
        """The wall clock jumps."""
        self._ahead += seconds


class Notes:
    """A black box that outlives its replica."""

    def __init__(self) -> None:
        self.key: DomainKey | None = None
        self._left_over: DomainKey | None = None

    def enter(self, key: DomainKey) -> None:
        self.key = key

    def leave(self) -> None:
        self.key = None

    def left_over(self) -> DomainKey | None:
        return self._left_over

    def reopened(self) -> "Notes":
        again = Notes()
        again._left_over = self.key
        return again


class Speech:
    """What the agent of one server says: heartbeats, each numbered and signed."""

    def __init__(self, server: Server) -> None:
        mark = server.mark
        self.server_id, self.instance_id, self.key = server.server_id, mark.instance_id, mark.key
        self.slot = slot_of(mark.key)
        self._signing, self._seq = instance_key(SECRET, mark.instance_id), 0

    def beat(self, state: str, error: str | None) -> tuple[bytes, str]:
        """The next one, and its MAC."""
        self._seq += 1
        beat = Heartbeat(
            node_id=self.instance_id,
            owner=self.key.owner,
            domain_id=self.key.name,
            boot=self.server_id,
            seq=self._seq,
            state=state,
            error=error,
        )
        body = msgspec.json.encode(beat)
        return body, sign(self._signing, body)


class Vm:
    """The agent inside a server: a heartbeat each `interval`, at once when asked, until it is silenced."""

    def __init__(self, world: "World", server: Server) -> None:
        self._speech = speech = Speech(server)
        self.server_id, self.instance_id, self.key = speech.server_id, speech.instance_id, speech.key
        self.state, self.errors, self.silent = "OK", (), False
        self._world, self._next = world, 0.0
        self._voice = MemoryVoice(world.broker, speech.slot, speech.instance_id)
        self._voice.start(self.beat)

    def turn(self) -> None:
        if self._world.clock.monotonic() >= self._next:
            self.beat()

    def beat(self) -> None:
        self._next = self._world.clock.monotonic() + 2.0
        if self.silent:
            return
        said = self._speech.beat(self.state, "; ".join(self.errors) or None)
        if self._world.broker.reaches(self.instance_id):
            self._voice.say(*said)


class Replica:
    """One agent of the world. `paused`: it is stopped, like a process by SIGSTOP; `dead`: by SIGKILL."""

    def __init__(self, world: "World", name: str, notes: Notes | None = None) -> None:
        self.world, self.name, self.notes = world, name, notes or Notes()
        self.fuse = Fuse()
        self.store, self.cloud = fragile_store(world.store, self.fuse), fragile_cloud(world.cloud, self.fuse)
        self.paused = self.dead = False
        self._kept_at = 0.0
        clock, broker = world.clock, world.broker
        self.heartbeats = MemoryHeartbeats(broker, name, world.store.layout().partitions)
        session = world.tuning.session_timeout
        self.group = MemoryGroup(world.room, name, clock, session)
        self.election = MemoryElection(world.store, name, clock, session, world.room.is_dead)
        self.peers, self.server = MemoryPeers(broker, name), MemoryRpcServer(broker, name)
        self.agent: Agent = assemble(
            Parts(
                member=name,
                cluster="test",
                secret=SECRET,
                clock=clock,
                fresh_id=world.fresh_id,
                store=self.store,
                group=self.group,
                election=self.election,
                cloud=self.cloud,
                workers=world.make_workers(),
                heartbeats=self.heartbeats,
                outgoing=MemoryOutgoing(broker, name),
                peers=self.peers,
                lastheard=MemoryLastHeard(),
                notebook=self.notes,
                engines=world.engines,
                tuning=world.tuning,
            )
        )
        self.agent.join()
        self.heartbeats.start(self.agent.reactor.hear)
        self.peers.start(self.agent.reactor.answer_peer, self.agent.hear_peer)
        self.server.start(self._handle)

    def _handle(self, call: Call) -> Reply:
        """A replica that dies while it answers gives no answer; the client asks again with the same key."""
        try:
            return self.agent.reactor.handle(call)
        except Died:
            self.kill()
            return {"error": {"type": "unavailable", "message": "died"}}

    def turn(self) -> None:
        if self.paused or self.dead:
            return
        try:
            self._live()
        except Died:
            self.kill()

    def _live(self) -> None:
        now = self.world.clock.monotonic()
        if now - self._kept_at >= self.world.tuning.session_timeout / 4:
            self._kept_at = now
            self.agent.keep()
        self.agent.turn()

    def kill(self, proved: bool = True) -> None:
        """It is gone from one instant to the next. `proved`: the others know it at once."""
        self.dead = True
        for part in (self.heartbeats, self.peers, self.server):
            part.stop()
        if proved:
            self.world.room.kill(self.name)

    def sleep(self, seconds: float) -> None:
        """Stopped and continued, whatever it is doing: meanwhile the world goes on without it."""
        self.paused = True
        self.world.broker.cut.add(self.name)
        self.world.run(seconds)
        self.world.broker.cut.discard(self.name)
        self.paused = False

    def lose_store(self) -> None:
        """The store does not answer it any more; its place in the group lies there."""
        self.store.__dict__["cut"] = True
        self.group.beat = self.election.contend = unanswered

    def lose_cloud(self) -> None:
        """None of its calls is answered; others fare better."""
        self.cloud.__dict__["inner"] = Unheard(self.world.cloud)

    def find_cloud(self) -> None:
        self.cloud.__dict__["inner"] = self.world.cloud

    def find_store(self) -> None:
        self.store.__dict__["cut"] = False
        del self.group.beat, self.election.contend

    def restart(self) -> "Replica":
        self.world.room.rejoin(self.name)
        again = Replica(self.world, self.name, self.notes.reopened())
        self.world.replicas[self.name] = again
        return again


class World:
    def __init__(
        self,
        members: str = "abc",
        seed: int = 1,
        weather: Weather | None = None,
        quota: int | None = None,
        tuning: Tuning = PATIENT,
        partitions: int = 16,
        engines: dict | None = None,
        workers: Callable[[], Workers] = InlineWorkers,
        cloud: type[SimulatedCloud] = SimulatedCloud,
    ) -> None:
        self.clock, self.chance, self.tuning = Hand(), random.Random(seed), tuning
        self.engines, self.make_workers = engines or ENGINES, workers
        self.store = MemoryStore(partitions=partitions, uid="world", clock=self.clock)
        self.room, self.broker = Room(), MemoryBroker(self.clock.now)
        self.cloud = cloud(
            self.clock,
            random.Random(seed),
            weather=weather or Weather(boot=(1.0, 3.0)),
            quota=quota,
            site_names=("site",),
        )
        self._ids = count(1)
        self.vms: dict[str, Vm] = {}
        self.replicas = {name: Replica(self, name) for name in members}

    @classmethod
    def settled(cls, **made: object) -> "World":
        """Its partitions are dealt out."""
        world = cls(**made)
        world.until(lambda: world.store.assignment().serial)
        return world

    def fresh_id(self) -> str:
        return f"c{next(self._ids)}"

    # what happens

    def step(self, seconds: float = 0.5) -> None:
        self.clock.advance(seconds)
        self._boot_vms()
        for vm in tuple(self.vms.values()):
            vm.turn()
        self.broker.pump()
        for replica in tuple(self.replicas.values()):
            replica.turn()
        self.broker.pump()

    def run(self, seconds: float, step: float = 0.5) -> None:
        until = self.clock.monotonic() + seconds
        while self.clock.monotonic() < until:
            self.step(step)

    def until(self, condition: Callable[[], object], within: float = 60.0, step: float = 0.5) -> float:
        """Let time pass until it holds; return how long that took. It fails the test if it takes too long."""
        begun = self.clock.monotonic()
        while not condition():
            assert self.clock.monotonic() - begun < within, f"not within {within} s: {self.told()}"
            self.step(step)
        return self.clock.monotonic() - begun

    def _boot_vms(self) -> None:
        live = {s.server_id: s for s in self.cloud.live_servers() if s.status is ServerStatus.ACTIVE}
        self.vms = {name: vm for name, vm in self.vms.items() if name in live}
        for server_id, server in live.items():
            if server_id not in self.vms and server.mark is not None and server.mark.cluster == "world":
                self.vms[server_id] = Vm(self, server)

    # what is asked

    def ask(self, op: str, user: str = "ann", **args: object) -> object:
        client, key = MemoryRpcClient(self.broker, user), self.fresh_id()
        for _ in range(4):
            try:
                return client.call(op, args, 5.0, idempotency_key=key)
            except Unavailable:
                continue
        return client.call(op, args, 5.0, idempotency_key=key)

    def add(
        self,
        key: DomainKey = WEB,
        n: int = 3,
        health: dict | None = None,
        engine: str = "simplest",
        **conf: object,
    ) -> None:
        if {"name": "plain"} not in self.ask("list_domain_definitions"):
            self.ask(
                "add_domain_definition", definition_id="plain", definition={"general": {"engine": "simplest"}}
            )
        engine_conf = {"preserve_n": n, "force_site": "site", **conf}
        config = {
            "general": {"engine": engine},
            "engine_conf": engine_conf,
            "health": IMPATIENT if health is None else health,
        }
        self.ask("add_domain", key.owner, domain_id=key.name, definition_id="plain", config=config)

    def resize(self, n: int, key: DomainKey = WEB) -> None:
        self.ask("reconfigure_domain", key.owner, domain_id=key.name, config={"engine_conf": {"preserve_n": n}})

    # what is so

    def view(self, key: DomainKey = WEB) -> View:
        return self.store.view(key)

    def running(self, key: DomainKey = WEB) -> list[str]:
        instances = self.view(key).instances
        return [i.instance_id for i in instances if i.state is InstanceState.RUNNING and i.is_valid]

    def live(self, key: DomainKey = WEB) -> list[Server]:
        """What the cloud has of that domain."""
        return [s for s in self.cloud.live_servers() if s.mark is not None and s.mark.key == key]

    def happened(self, *what: Happened, after: int = 0) -> list[Entry]:
        """Entries of the cloud's journal, from number `after` on; of all kinds if none is named."""
        return [e for e in self.cloud.journal[after:] if not what or e.what in what]

    def is_whole(self, n: int = 3, key: DomainKey = WEB) -> bool:
        """Exactly n run, each with exactly its one server, and nothing else is there."""
        view = self.view(key)
        serving = {i.server_id for i in view.instances if i.state is InstanceState.RUNNING and i.is_valid}
        return len(serving) == n and {s.server_id for s in self.live(key)} == serving

    def holder(self, key: DomainKey = WEB) -> Replica:
        """The replica that looks after the domain."""
        layout, assignment = self.store.layout(), self.store.assignment()
        return self.replicas[assignment.holders[partition_of(slot_of(key), layout.partitions)]]

    def leader(self, role: str) -> Replica:
        return next(r for r in self.replicas.values() if not r.dead and not r.paused and role in r.agent.leads())

    def told(self) -> str:
        lines = [f"{e.time:.1f} {e.kind} {e.domain} {e.instance_id} {e.text}" for e in self.store.events()]
        for key in self.store.all_domains():
            view = self.store.view(key)
            lines.append(f"{key} {view.standing}")
            lines += [
                f"  {i.instance_id} {i.state} {i.health} {i.server_id} {i.attempt} {i.reason}"
                for i in view.instances
            ]
        return "\n".join(lines[-40:])
