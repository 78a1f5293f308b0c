"""Two replicas' reactors over one store and one broker in memory, and the clients that ask them."""

from collections.abc import Collection, Mapping
from typing import Any

from msgspec.structs import replace

from elastic.adapters.bus.memory import MemoryBroker, MemoryOutgoing, MemoryPeers, MemoryRpcClient, MemoryRpcServer
from elastic.adapters.bus.signing import instance_key, sign, verify
from elastic.adapters.cloud.simulated import SimulatedCloud
from elastic.adapters.lastheard import MemoryLastHeard
from elastic.adapters.membership.memory import MemoryElection
from elastic.adapters.sensor import installed_sensors
from elastic.adapters.sensor.gate import UrlGate
from elastic.adapters.store.memory import MemoryStore
from elastic.client import Client
from elastic.engines.simplest import Simplest
from elastic.model.assignment import Assignment, Member, Tenure
from elastic.model.domain import DomainKey
from elastic.model.instance import Instance
from elastic.model.states import InstanceState
from elastic.model.view import Standing, View
from elastic.ports.bus import Call, Pulse, Reply
from elastic.ports.store import Change, Commit
from elastic.roles.reactor import Desk, Hearing, MemberStatus, Reactor
from elastic.rules.ring import partition_of, slot_of
from elastic.rules.strays import instance_id
from tests.contract.clocks import HandClock

SECRET = b"s" * 32
PARTITIONS = 256
N = {"engine_conf": {"preserve_n": 1}}


class Bench:
    """Members m1, which looks after every partition, and m2. `known`: instances whose heartbeats m1 takes."""

    def __init__(
        self, operators: Collection[str] | None = None, cloud: type[SimulatedCloud] = SimulatedCloud
    ) -> None:
        self.clock = HandClock()
        self.store = MemoryStore(PARTITIONS, clock=self.clock)
        self.broker = MemoryBroker(wall=self.clock.now)
        self.cloud = cloud(self.clock, site_names=("north", "south"))
        self.known: dict[str, DomainKey] = {}
        self.probes: list[bytes] = []
        self.sensed: dict[tuple[str, DomainKey], dict[str, Any]] = {}  # by member
        self.lastheard = {name: MemoryLastHeard() for name in ("m1", "m2")}
        self.reactors = {name: self._reactor(name, operators) for name in ("m1", "m2")}
        self._commits = 0
        self._let_m1_lead()

    def _reactor(self, name: str, operators: Collection[str] | None) -> Reactor:
        hearing = Hearing(
            self.clock,
            self.lastheard[name],
            self.known.get,
            lambda instance, body, mac: verify(instance_key(SECRET, instance), body, mac),
            self.probes.append,
        )
        peers = MemoryPeers(self.broker, name)
        desk = Desk(
            store=self.store,
            clock=self.clock,
            peers=peers,
            outgoing=MemoryOutgoing(self.broker, name),
            cloud=self.cloud,
            lastheard=self.lastheard[name],
            engines={"simplest": Simplest},
            sensors=installed_sensors(),
            gate=UrlGate(["http://prometheus.example:9090"]),
            member=name,
            sensor_data=lambda key: self.sensed.get((name, key), {}),
            status=lambda: MemberStatus(leads=("decider",), term={"decider": 1}, loop_age={"turn": 0.5}),
        )
        reactor = Reactor(desk, hearing, operators)
        MemoryRpcServer(self.broker, name).start(reactor.handle)
        peers.start(reactor.answer_peer, lambda _topic, _message: None)
        self.store.describe_member(Member(name=name, host="host", pid=7, told=self.clock.now()))
        return reactor

    def _let_m1_lead(self) -> None:
        election = MemoryElection(self.store, "m1", self.clock, 1e9, lambda _name: False)
        seat = election.contend("decider")
        assert seat is not None
        term = self.store.raise_term(seat)
        holders, since = ("m1",) * PARTITIONS, (1,) * PARTITIONS
        self.store.assign(seat, Assignment(term=term.number, serial=1, holders=holders, since=since))

    def close(self) -> None:
        for reactor in self.reactors.values():
            reactor.close()

    @property
    def reactor(self) -> Reactor:
        return self.reactors["m1"]

    def client(self, user: str, owner: str | None = None) -> Client:
        return Client(MemoryRpcClient(self.broker, user), owner=owner)

    def call(self, op: str, args: Mapping[str, Any] | None = None, caller: str = "ann", **rest: Any) -> Reply:
        return self.reactor.handle(Call(op, args or {}, caller, **rest))

    def error(self, op: str, args: Mapping[str, Any] | None = None, caller: str = "ann", **rest: Any) -> str:
        """The type of the error that this is answered with; "" if it is done."""
        return str(self.call(op, args, caller, **rest).get("error", {}).get("type", ""))

    def add_domain(self, owner: str = "ann", name: str = "web", **config: Any) -> DomainKey:
        client = self.client(owner)
        if "d" not in [row["name"] for row in client.definitions()]:
            client.add_definition("d", N)
        client.add_domain(name, "d", config)
        return DomainKey(owner, name)

    def view(self, key: DomainKey) -> View:
        return self.store.view(key)

    def tenure(self, key: DomainKey) -> Tenure:
        tenure = self.store.assignment().tenure(partition_of(slot_of(key), PARTITIONS), "m1")
        assert tenure is not None
        return tenure

    def write(self, key: DomainKey, **commit: Any) -> View:
        """What the partition's member would write."""
        self._commits += 1
        return self.store.commit(self.store.view(key), self.tenure(key), Commit(id=f"c{self._commits}", **commit))

    def decide(self, key: DomainKey, **standing: Any) -> None:
        """Conclude on the domain as its owner left it."""
        view = self.store.view(key)
        said = {"revision": view.domain.revision, "status": "STABLE", "desired": 1, "next_number": 100}
        self.write(key, standing=Standing(**{**said, **standing}))

    def add_instance(
        self, key: DomainKey, state: InstanceState = InstanceState.RUNNING, number: int = 1, **rest: Any
    ) -> str:
        view = self.store.view(key)
        name = instance_id(slot_of(key), view.domain.incarnation, number)
        added = Instance(instance_id=name, site="north", deployable_type="t", state=state, **rest)
        self.write(key, added=[added])
        self.known[name] = key
        return name

    def move(self, key: DomainKey, name: str, state: InstanceState) -> None:
        self.write(key, changes={name: Change(lambda instance: replace(instance, state=state))})

    def forget_instance(self, key: DomainKey, name: str) -> None:
        self.write(key, changes={name: Change(lambda _instance: None)})


def pulse(body: bytes, key: DomainKey, name: str, secret: bytes = SECRET, slot: int | None = None) -> Pulse:
    return Pulse(body, sign(instance_key(secret, name), body), slot_of(key) if slot is None else slot)
