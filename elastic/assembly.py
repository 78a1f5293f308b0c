"""Where a replica is put together, and the only module that knows every part of it.

To swap a part (another store, a simulated cloud), hand `assemble` another one; `elastic/parts.py` makes those
that a configuration names.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial

from elastic.adapters.bus.signing import instance_key, sign, verify
from elastic.agent import Agent, Inbox, Staff
from elastic.model.assignment import Member
from elastic.model.domain import DomainKey
from elastic.ports.bus import HeartbeatIn, Outgoing, Peers
from elastic.ports.clock import Clock
from elastic.ports.cloud import Cloud
from elastic.ports.engine import Engine
from elastic.ports.lastheard import LastHeard
from elastic.ports.membership import Election, Group
from elastic.ports.sensor import Closed, Gate, Sensor
from elastic.ports.store import Store
from elastic.ports.workers import Workers
from elastic.roles.alibi import Alibis
from elastic.roles.assignment import Assigner
from elastic.roles.attention import Attention
from elastic.roles.cloudcalls import CloudCalls
from elastic.roles.cycle import Cycle, Role
from elastic.roles.decider import Decider
from elastic.roles.doctor import Doctor
from elastic.roles.dossiers import Dossiers
from elastic.roles.drainer import Drainer
from elastic.roles.duties import Duties
from elastic.roles.findings import Findings
from elastic.roles.herald import Herald
from elastic.roles.isolation import Isolation
from elastic.roles.launchpace import LaunchPace
from elastic.roles.leadership import Leadership
from elastic.roles.mirror import Mirror
from elastic.roles.moment import Moment
from elastic.roles.orders import Orders
from elastic.roles.parting import Parting
from elastic.roles.pipe import Pipe
from elastic.roles.provisioner import Provisioner
from elastic.roles.reactor import Desk, Hearing, MemberStatus, Reactor
from elastic.roles.reaper import Reaper
from elastic.roles.resync import Resync
from elastic.roles.sensing import Sensing
from elastic.roles.survey import Surveyor
from elastic.roles.sweep import Sweep
from elastic.roles.tally import Tally
from elastic.roles.thoughts import Notebook, Thoughts
from elastic.rules.standing import Complaint
from elastic.tuning import Dials, Tuning


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the world gives a replica. `operators` null: everyone is one. `node`: settings that every VM's
    agent is given, beside its own: the bus as it is reached from there."""

    member: str
    cluster: str
    secret: bytes
    clock: Clock
    fresh_id: Callable[[], str]
    store: Store
    group: Group
    election: Election
    cloud: Cloud
    workers: Workers
    heartbeats: HeartbeatIn
    outgoing: Outgoing
    peers: Peers
    lastheard: LastHeard
    notebook: Notebook
    engines: Mapping[str, type[Engine]]
    sensors: Mapping[str, type[Sensor]] = field(default_factory=dict)
    gate: Gate = field(default_factory=Closed)
    tuning: Tuning = field(default_factory=Tuning)
    operators: Collection[str] | None = None
    node: Mapping[str, object] = field(default_factory=dict)
    host: str = ""
    pid: int = 0


def assemble(parts: Parts) -> Agent:
    return _Assembly(parts).agent()


class _Assembly:
    """One replica while it is being put together."""

    def __init__(self, parts: Parts) -> None:
        self.parts, self.tuning = parts, parts.tuning
        self.inbox = Inbox()
        self.cycles: list[Cycle] = []
        self.mirror = Mirror(
            parts.store, parts.member, parts.clock, parts.fresh_id, self.touch, self.inbox.progress
        )
        self.pipe = Pipe(parts.heartbeats, parts.member, self.tuning.probe, parts.fresh_id())
        self.heard = Attention(parts.lastheard, self.mirror, self.inbox.flag)
        self.dossiers = Dossiers()
        self.tally = Tally(
            parts.peers,
            parts.member,
            self.tuning.survey,
            self.tuning.brake.share,
            self.tuning.site_brake_count,
        )
        self.isolation = Isolation(parts.notebook)
        self.thoughts = Thoughts(parts.workers, parts.notebook, self.tuning.budget)
        self.leadership = Leadership(
            parts.election, parts.store, parts.member, self.tuning.session_timeout, self.now
        )
        self.sweep = Sweep(
            parts.store,
            parts.cloud,
            parts.workers,
            self.tuning.sweep,
            self.tuning.grace,
            self.tuning.cloud_timeout,
            self.now,
        )
        self.surveyor = self._surveyor()
        self.alibis = Alibis(parts.cloud, parts.workers, self.tuning.cloud_timeout, self.touch)
        self.assigner = Assigner(
            parts.store, parts.member, parts.clock, self.tuning.session_timeout, self.tuning.debounce
        )

    def now(self) -> Moment:
        return Moment.of(self.parts.clock)

    def uid(self) -> str:
        return self.parts.store.layout().uid

    def touch(self, key: DomainKey) -> None:
        """Something about this domain has changed: every role is to look at it."""
        for cycle in self.cycles:
            cycle.touch((key,))

    def tell_decider(self, key: DomainKey) -> None:
        """There are new numbers: nobody else goes by them."""
        next(cycle for cycle in self.cycles if cycle.role is self.decider).touch((key,))

    def complaints(self, key: DomainKey) -> tuple[Complaint, ...]:
        """What roles other than the decider fail at."""
        found = ((c.name, c.failures[key]) for c in self.cycles if key in c.failures)
        failed = (Complaint("Degraded", f"{name.capitalize()}Failed", failure.text) for name, failure in found)
        stuck = self.provisioner.stuck.complaints(key)
        return (*failed, *self.calls.complaints(key, self.mirror.tenure(key).since), *stuck)

    def agent(self) -> Agent:
        self._appoint()
        self._agent = Agent(self._staff())
        return self._agent

    def _appoint(self) -> None:
        """Make the roles, and the cycles that they are visited in: in this order within a turn."""
        parts = self.parts
        self.sensing, self.drainer = self._sensing(), self._drainer()
        self.doctor, self.decider, self.provisioner = self._doctor(), self._decider(), self._provisioner()
        self.herald = Herald(self.mirror, parts.outgoing, parts.workers, self.touch)
        self.parting = Parting(parts.outgoing, parts.workers, self.herald.is_telling, self.touch)
        self.reaper = Reaper(self.mirror, self.tuning.record_max_age, self.dossiers.forget, self.parting)
        self.resync = Resync(self.mirror, self.tuning.resync)
        roles: dict[str, Role] = {
            "sensing": self.sensing,
            "doctor": self.doctor,
            "decider": self.decider,
            "drainer": self.drainer,
            "provisioner": self.provisioner,
            "herald": self.herald,
            "reaper": self.reaper,
            "resync": self.resync,
        }
        self.cycles += [
            Cycle(
                name,
                role,
                self.mirror,
                parts.clock,
                self.touch,
                self.inbox.progress,
                heeds_itself=role is not self.decider,
            )
            for name, role in roles.items()
        ]

    def _staff(self) -> Staff:
        parts, remembering = self.parts, (self.doctor, self.decider, self.herald)
        return Staff(
            member=Member(name=parts.member, host=parts.host, pid=parts.pid),
            clock=parts.clock,
            store=parts.store,
            group=parts.group,
            workers=parts.workers,
            heartbeats=parts.heartbeats,
            peers=parts.peers,
            lastheard=parts.lastheard,
            mirror=self.mirror,
            pipe=self.pipe,
            leadership=self.leadership,
            duties=self._duties(),
            surveyor=self.surveyor,
            sweep=self.sweep,
            tally=self.tally,
            isolation=self.isolation,
            thoughts=self.thoughts,
            reactor=self._reactor(),
            cycles=tuple(self.cycles),
            inbox=self.inbox,
            dials=self._dials(),
            memories=(
                *remembering,
                self.sensing,
                self.drainer,
                self.dossiers,
                self.parting,
                self.alibis,
                self.calls,
                self.isolation,
                self.provisioner.stuck,
            ),
        )

    def _dials(self) -> Dials:
        return Dials(
            alibis=self.alibis,
            assigner=self.assigner,
            calls=self.calls,
            decider=self.decider,
            pipe=self.pipe,
            provisioner=self.provisioner,
            reaper=self.reaper,
            resync=self.resync,
            surveyor=self.surveyor,
            sweep=self.sweep,
            tally=self.tally,
            thoughts=self.thoughts,
        )

    def _doctor(self) -> Doctor:
        parts = self.parts
        return Doctor(self.mirror, self.heard, self.pipe, parts.outgoing, self.alibis, parts.workers)

    def _decider(self) -> Decider:
        parts = self.parts
        return Decider(
            self.mirror,
            parts.engines,
            self.heard,
            self.thoughts,
            self.isolation,
            self.tuning.decide,
            self.tuning.brake,
            lambda site: self.tally.is_braked(site, parts.clock.monotonic()),
            self.complaints,
            lambda view, now: self.drainer.judged(view, self.sensing.observed(view, now), now),
        )

    def _drainer(self) -> Drainer:
        parts = self.parts
        return Drainer(
            self.heard,
            parts.outgoing,
            parts.workers,
            lambda instance_id, body: sign(instance_key(parts.secret, instance_id), body),
        )

    def _sensing(self) -> Sensing:
        parts, tuning = self.parts, self.tuning
        return Sensing(
            parts.clock,
            parts.sensors,
            parts.gate,
            parts.workers,
            self.heard,
            self.tell_decider,
            tuning.sense,
            tuning.sensor_timeout,
        )

    def _provisioner(self) -> Provisioner:
        parts, tuning = self.parts, self.tuning
        key_of = partial(instance_key, parts.secret)
        orders = Orders(parts.store, parts.cluster, parts.node, key_of)
        self.calls = CloudCalls(
            parts.cloud,
            parts.workers,
            self.dossiers,
            parts.clock,
            tuning.cloud_timeout,
            self.uid,
            orders.order,
            orders.recipe,
            self.touch,
            self.surveyor.doubt,
        )
        return Provisioner(
            self.mirror,
            self.calls,
            self.dossiers,
            tuning.settle,
            tuning.survey,
            tuning.creates_at_once,
            LaunchPace(tuning.launches_per_minute, lambda: len({*self.mirror.assignment.holders})),
            self.touch,
            lambda key, now: self.pipe.watching_since(self.mirror.partition(key), now),
        )

    def _surveyor(self) -> Surveyor:
        parts, tuning = self.parts, self.tuning
        findings = Findings(
            self.mirror,
            parts.store,
            self.dossiers,
            lambda server: self.sweep.remove(server, "a double of a living instance"),
            self.touch,
        )
        return Surveyor(
            parts.cloud,
            parts.workers,
            parts.peers,
            parts.member,
            parts.clock,
            tuning.survey,
            tuning.cloud_timeout,
            self.uid,
            findings.learn,
        )

    def _duties(self) -> Duties:
        parts, tuning = self.parts, self.tuning
        look_again = min(0.5, tuning.session_timeout / 4)
        return Duties(
            self.leadership, parts.store, parts.member, self.assigner, self.surveyor, self.sweep, look_again
        )

    def _reactor(self) -> Reactor:
        parts = self.parts

        @lru_cache(maxsize=65536)
        def key_of(instance_id: str) -> str:
            return instance_key(parts.secret, instance_id)

        hearing = Hearing(
            parts.clock,
            self.heard,
            self.mirror.home_of,
            lambda instance_id, body, mac: verify(key_of(instance_id), body, mac),
            lambda body: self.pipe.returned(body, parts.clock.monotonic()),
        )
        desk = Desk(
            store=parts.store,
            clock=parts.clock,
            peers=parts.peers,
            outgoing=parts.outgoing,
            cloud=parts.cloud,
            lastheard=parts.lastheard,
            engines=parts.engines,
            sensors=parts.sensors,
            gate=parts.gate,
            member=parts.member,
            status=self._status,
            sensor_data=self.sensing.shown,
        )
        return Reactor(desk, hearing, parts.operators)

    def _status(self) -> MemberStatus:
        agent = self._agent
        return MemberStatus(
            leads=tuple(sorted(agent.leads())),
            term=self.leadership.terms(),
            loop_age={name: round(age, 3) for name, age in agent.loop_ages().items()},
            store="lost" if agent.store_is_lost else "connected",
            bus="connected" if agent.hears() else "lost",
        )
