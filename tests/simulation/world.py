"""All there is: replicas, the store's server, the bus, the cloud and its VMs, on one virtual clock."""

import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count

from elastic.adapters.cloud.furnished import FurnishedCloud, PartEntry
from elastic.adapters.cloud.simulated import SimulatedCloud
from elastic.adapters.cloud.weather import Happened, Weather
from elastic.model.actions import Answer, Question
from elastic.model.parts import FoundPart
from elastic.model.server import Server
from elastic.ports.bus import Reply
from elastic.rules.caution import BrakePolicy
from elastic.tuning import Tuning
from tests.scenario.world import ENGINES, PATIENT, Notes
from tests.simulation.bus import Bus, Client
from tests.simulation.cloud import Road
from tests.simulation.gauges import Gauge, Source, Tellers, said_by_vm
from tests.simulation.kernel import Kernel
from tests.simulation.labour import Labour, Toil
from tests.simulation.partings import Partings
from tests.simulation.plans import SITE, Plan
from tests.simulation.process import Clock
from tests.simulation.replica import Replica
from tests.simulation.server import StoreServer
from tests.simulation.vm import Vm

PARTITIONS = 16
TUNING = replace(PATIENT, settle=4.0, brake=BrakePolicy(trickle=15.0), sense=3.0, sensor_timeout=1.0)
RECIPE = {
    "flavor": "tiny",
    "image": "debian",
    "networks": ["net", "storage"],
    "volumes": [{"size": 1}],
    "floating_ip": "public",
    "group": "soft-anti-affinity",
}
"""What a server is made with where the cloud is furnished."""
LESS = {"flavor": "tiny", "image": "debian", "networks": ["net"], "group": "soft-anti-affinity"}
"""What it is made with once that was changed."""
NO_PLANS: Mapping[str, Plan] = {}
ENDS = frozenset({Happened.GONE, Happened.VANISHED, Happened.KILLED, Happened.ERROR})


@dataclass
class Mood:
    """How engines are: `hangs_until` (virtual time) they do not answer, or they raise."""

    hangs_until: float = 0.0
    raises: bool = False
    lingers: bool = False


class Outside:
    """Whoever is no process of ours: clients, and the world itself."""

    def deliver(self, act: Callable[[], None]) -> None:
        act()


@dataclass(frozen=True)
class Look:
    """One look at a replica from outside: what its health says, and for how long its control loop is overdue."""

    time: float
    member: str
    overdue: float
    ailments: tuple[str, ...]


@dataclass(frozen=True)
class Held:
    """A part that is there, and the ids of the servers there that have it."""

    found: FoundPart
    holders: tuple[str, ...]


class World:
    """`is_furnished`: servers are made with parts. `plans`: of the domains whose size a policy chooses."""

    def __init__(
        self,
        seed: int,
        members: int,
        weather: Weather,
        tuning: Tuning = TUNING,
        is_furnished: bool = False,
        plans: Mapping[str, Plan] = NO_PLANS,
    ) -> None:
        self.kernel, self.chance, self.tuning = Kernel(), random.Random(f"world {seed}"), tuning
        self.lines: list[str] = []
        self.server = StoreServer(self.kernel, PARTITIONS, tuning.session_timeout)
        self.bus = Bus(self.kernel, self.chance, PARTITIONS)
        self.is_furnished = is_furnished
        self.cloud = (FurnishedCloud if is_furnished else SimulatedCloud)(
            Clock(self.kernel), random.Random(f"cloud {seed}"), weather=weather, site_names=(SITE,)
        )
        self.road, self.mood = Road(), Mood()
        self.engines = {name: self._moody(engine) for name, engine in ENGINES.items()}
        self._measure(seed, plans)
        self.vms: dict[str, Vm] = {}
        self.labours: dict[str, Labour] = {}  # by server id, of all that ever lived
        self.looks: list[Look] = []
        self.clocks_stepped = False
        self.faults: list[str] = []  # of loops and threads of all that ever lived
        self._seen = 0
        self._ids = count(1)
        self._outside = Outside()
        self.clocks = {name: self._clock() for name in "abcdefg"[:members]}
        self.replicas = {
            name: Replica(self, name, self.chance, Notes(), self.clocks[name]) for name in self.clocks
        }
        self.kernel.at(0.0, self._watch_the_cloud)
        self.kernel.at(1.0, self._watch_health)

    def _measure(self, seed: int, plans: Mapping[str, Plan]) -> None:
        """By dice of its own: all else is as it would be without."""
        self.plans, self.fortune = plans, random.Random(f"fortune {seed}")
        self.gauge, self.tellers = Gauge(self.kernel), Tellers()
        self.source = Source(self.kernel, self.gauge, self.tellers, self.fortune, self.fortune.random() < 0.25)
        self.toils: dict[str, Toil] = defaultdict(Toil)
        self.partings = Partings(self.kernel)
        self.server.on_commit.append(self.partings.note)

    def _clock(self) -> Clock:
        drift, begun = self.chance.uniform(-1e-3, 1e-3), self.chance.uniform(0.0, 1e5)
        return Clock(self.kernel, self.chance.uniform(-0.5, 0.5), drift, begun)

    def fresh_id(self) -> str:
        return f"c{next(self._ids)}"

    def say(self, text: str) -> None:
        self.lines.append(f"{self.kernel.now:7.2f}  {text}")

    def run(self, seconds: float) -> None:
        self.kernel.run(self.kernel.now + seconds)

    def spawn(self, body: Callable[[], None]) -> None:
        self.kernel.spawn(body, self._outside)

    # replicas

    def up(self) -> list[Replica]:
        return [replica for replica in self.replicas.values() if replica.process.is_up]

    def living(self, name: str) -> Replica | None:
        replica = self.replicas[name]
        return replica if replica.process.is_up else None

    def restart(self, name: str) -> None:
        """Another life of that member, if the last one is over."""
        last = self.replicas[name]
        if last.process.is_dead:
            self.say(f"{name} starts again")
            again = Replica(self, name, self.chance, last.notes.reopened(), self.clocks[name])
            again.store.lag = last.store.lag
            self.replicas[name] = again

    def call(self, user: str, op: str, **args: object) -> Reply | None:
        """To be called in a task."""
        return Client(self.bus, user, self.fresh_id).call(op, **args)

    # what goes on by itself

    def _watch_the_cloud(self) -> None:
        """A server that is up has an agent in it; one that is not has none."""
        journal = self.cloud.journal
        for entry in journal[self._seen :]:
            if entry.what is Happened.ACTIVE and entry.mark is not None and entry.mark.cluster == "world":
                self._boot(entry.server_id)
            elif entry.what in ENDS and entry.server_id in self.vms:
                self.vms.pop(entry.server_id).end()
        self._seen = len(journal)
        self.kernel.at(0.5, self._watch_the_cloud)

    def _boot(self, server_id: str) -> None:
        found = [server for server in self.cloud.live_servers() if server.server_id == server_id]
        if not found:
            return
        server, domain = found[0], str(found[0].mark.key)
        if domain not in self.plans:
            self.vms[server_id] = Vm(self.bus, server)
            return
        toil, plan = self.toils[domain], self.plans[domain]
        tasks = int(self.fortune.random() < toil.share)
        labour = Labour(self.kernel, domain, server.mark.instance_id, tasks, toil.seconds)
        self.labours[server_id] = labour
        self.vms[server_id] = Vm(self.bus, server, labour, partial(self._numbers, domain, plan.metric))

    def _numbers(self, domain: str, metric: str) -> Mapping[str, object]:
        return said_by_vm(metric, self.gauge.of(domain), self.tellers.of_vms(domain), self.fortune)

    def _watch_health(self) -> None:
        for replica in self.up():
            loop = replica.control
            standstill = self.kernel.now - replica.process.thawed_at
            overdue = min(loop.lateness(), standstill)
            if overdue > 1.0:
                self.looks.append(Look(self.kernel.now, replica.name, overdue, tuple(replica.ailments())))
        self.kernel.at(0.5, self._watch_health)

    def _moody(self, engine: type) -> type:
        world = self

        class Moody(engine):
            def decide(self, question: Question) -> Answer:
                mood = world.mood
                if mood.raises:
                    raise RuntimeError("the engine is in a bad mood")
                if mood.lingers and mood.hangs_until > world.kernel.now:
                    world.kernel.sleep(mood.hangs_until - world.kernel.now)
                return super().decide(question)

        return Moody

    # what is so

    def ours(self) -> list[Server]:
        """Live servers of this cluster."""
        return [s for s in self.cloud.live_servers() if s.mark is not None and s.mark.cluster == "world"]

    def held(self) -> list[Held]:
        """All parts that are there, whosever they are."""
        if not self.is_furnished:
            return []
        return [Held(found, self.cloud.holders(found.part.part_id)) for found in self.cloud.all_parts()]

    def parts_journal(self) -> Sequence[PartEntry]:
        return self.cloud.parts_journal if self.is_furnished else ()

    def ill(self) -> list[str]:
        """Instances whose agent is dead, or says that it is not well."""
        return sorted(vm.instance_id for vm in self.vms.values() if vm.is_silent or vm.state != "OK")

    def told(self) -> list[str]:
        """The store's story, for a reader."""
        store = self.server.store
        lines = [f"{e.time:.1f} {e.kind} {e.domain} {e.instance_id} {e.text}" for e in store.events()]
        for key in store.all_domains():
            view = store.view(key)
            lines.append(f"{key} {view.standing.status} {view.standing.conditions}")
            lines += [
                f"  {i.instance_id} {i.state} {i.health} {i.server_id} {i.attempt} {i.reason}"
                + "".join(f" {part.part_id}" for part in i.parts)
                for i in view.instances
            ]
        lines += [f"{h.found.part.part_id} of {h.found.home}: {', '.join(h.holders)}" for h in self.held()]
        return lines
