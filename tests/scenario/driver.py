"""A seed is a story: what befalls a cluster, drawn by chance, and then a while of peace.

While it is told everything may go wrong; afterwards the judge (`tests/scenario/judge.py`) looks at the cloud's
journal and at what clients were answered, and at nothing else.
"""

import random
from collections import Counter

from msgspec.structs import replace

from elastic.adapters.cloud.weather import Weather
from elastic.errors import ElasticError, Unavailable
from elastic.model.domain import DomainKey
from tests.scenario.world import World

ROUGH = Weather(
    boot=(0.5, 4.0),
    latency=(0.0, 0.3),
    listing_lag=(0.0, 0.8),
    delete=(0.0, 1.0),
    boot_error=0.05,
    no_room=0.05,
    create_unheard=0.08,
    create_late=0.05,
    late_by=(0.0, 0.8),
    reply_lost=0.08,
    read_unheard=0.05,
    delete_unheard=0.05,
    delete_reply_lost=0.05,
)
SLOW = replace(ROUGH, latency=(0.0, 1.0), listing_lag=(0.0, 3.0), late_by=(0.0, 5.0), left_out=0.05)
"""It breaks its promise: a create may take effect, or show, when the settle delay is long over; a
listing may leave out what it showed before."""
FAIR = Weather(boot=(0.5, 2.0))
KEYS = tuple(DomainKey(owner, name) for owner, name in (("ann", "web"), ("ann", "db"), ("bob", "web")))
MOST = 5


class Story:
    def __init__(self, seed: int, troubles: int = 60) -> None:
        self.seed, self.chance = seed, random.Random(seed)
        self.is_slow = seed % 5 == 0
        self.world = World(seed=seed, weather=SLOW if self.is_slow else ROUGH)
        self.world.broker.meddle = self._meddle
        self.loss = 0.0
        self.lines: list[str] = []
        self.wanted: dict[DomainKey, int] = {}  # as acknowledged; what may or may not have happened is not in it
        self.doubtful: set[DomainKey] = set()
        self.given_up: Counter[DomainKey] = Counter()  # servers that clients' words allow to be deleted
        self.harmed: set[str] = set()  # instances that we did something to (a double speaks for both)
        self._troubles = troubles
        self._later: list[tuple[float, str]] = []

    def tell(self) -> "Story":
        self.world.until(lambda: self.world.store.assignment().serial)
        for _ in range(self._troubles):
            self._befall()
            for _ in range(self.chance.randint(1, 6)):
                self._end_troubles()
                self.world.step(self.chance.choice((0.1, 0.3, 0.5, 1.0)))
        self._make_peace()
        self.world.run(100)
        return self

    def _befall(self) -> None:
        happening = self.chance.choice(self.HAPPENINGS)
        getattr(self, happening)()

    def _say(self, text: str) -> None:
        self.lines.append(f"{self.world.clock.monotonic() - 1000:7.1f} {text}")

    def _for_a_while(self, undo: str, most: float) -> None:
        self._later.append((self.world.clock.monotonic() + self.chance.uniform(0.5, most), undo))

    def _end_troubles(self) -> None:
        now = self.world.clock.monotonic()
        due = [undo for at, undo in self._later if at <= now]
        self._later = [(at, undo) for at, undo in self._later if at > now]
        for undo in due:
            self._undo(undo)

    def _undo(self, what: str) -> None:
        kind, _, name = what.partition(" ")
        replica = self.world.replicas.get(name)
        if kind == "restart" and replica is not None and replica.dead:
            replica.restart()
        elif kind == "continue" and replica is not None:
            replica.paused = False
        elif kind == "bus":
            self.world.broker.down = False
        elif kind == "reach":
            self.world.broker.cut.discard(name)
        elif kind == "store" and replica is not None:
            replica.store.__dict__["cut"] = False
        elif kind == "cloud":
            self.world.cloud.outage("site", False)
        elif kind == "loss":
            self.loss = 0.0
        self._say(f"over: {what}")

    def _make_peace(self) -> None:
        for _, undo in self._later:
            self._undo(undo)
        self._later = []
        for replica in tuple(self.world.replicas.values()):
            replica.fuse.left = None
            if replica.dead:
                replica.restart()
        self.world.cloud.weather = FAIR
        self._say("peace")

    def _meddle(self, parcel: object) -> tuple[int, ...]:
        roll = self.chance.random()
        if roll < self.loss:
            return ()
        if roll < 1.5 * self.loss:
            return (0, self.chance.randint(0, 3))
        return (self.chance.randint(1, 3),) if roll < 2 * self.loss else (0,)

    # what may happen

    HAPPENINGS = (
        *["nothing"] * 4,
        *["add", "resize", "resize", "remove", "terminate"],
        *["kill", "die_at_a_step", "die_at_a_step", "pause", "cut_store", "cut_bus"],
        *["bus_down", "cloud_out", "lossy", "clock"],
        *["silence", "kill_server", "vanish", "sicken"],
    )

    def nothing(self) -> None:
        """Peace, for once."""

    def _some_replica(self):
        living = [r for r in self.world.replicas.values() if not r.dead and not r.paused]
        return self.chance.choice(living) if len(living) > 1 else None

    def _some_server(self):
        ours = [s for s in self.world.cloud.live_servers() if s.mark is not None]
        return self.chance.choice(ours) if ours else None

    def kill(self) -> None:
        if replica := self._some_replica():
            proved = self.chance.random() < 0.5
            self._say(f"{replica.name} dies{'' if proved else ', and nobody knows'}")
            replica.kill(proved)
            self._for_a_while(f"restart {replica.name}", 8)

    def die_at_a_step(self) -> None:
        if replica := self._some_replica():
            steps, after = self.chance.randint(1, 6), self.chance.random() < 0.5
            self._say(f"{replica.name} will die {'after' if after else 'before'} {steps} steps")
            replica.fuse.light(steps, after)
            self._later.append((self.world.clock.monotonic() + 10, f"restart {replica.name}"))

    def pause(self) -> None:
        if replica := self._some_replica():
            self._say(f"{replica.name} is paused")
            replica.paused = True
            self._for_a_while(f"continue {replica.name}", 10)

    def cut_store(self) -> None:
        if replica := self._some_replica():
            self._say(f"{replica.name} loses the store")
            replica.store.__dict__["cut"] = True
            self._for_a_while(f"store {replica.name}", 6)

    def cut_bus(self) -> None:
        if replica := self._some_replica():
            self._say(f"{replica.name} loses the bus")
            self.world.broker.cut.add(replica.name)
            self._for_a_while(f"reach {replica.name}", 20)

    def bus_down(self) -> None:
        self._say("the bus is down")
        self.world.broker.down = True
        self._for_a_while("bus ", 30)

    def cloud_out(self) -> None:
        self._say("the cloud does not answer")
        self.world.cloud.outage("site", True)
        self._for_a_while("cloud ", 30)

    def lossy(self) -> None:
        self._say("the bus loses, doubles and delays")
        self.loss = 0.05
        self._for_a_while("loss ", 10)

    def clock(self) -> None:
        by = self.chance.choice((-3600, -30, 30, 3600))
        self._say(f"the clock jumps by {by} s")
        self.world.clock.step(by)

    def silence(self) -> None:
        if self.world.vms:
            vm = self.chance.choice(sorted(self.world.vms.values(), key=lambda v: v.server_id))
            self._say(f"{vm.instance_id} falls silent")
            vm.silent = True
            self.harmed.add(vm.instance_id)

    def sicken(self) -> None:
        if self.world.vms:
            vm = self.chance.choice(sorted(self.world.vms.values(), key=lambda v: v.server_id))
            self._say(f"{vm.instance_id} reports a failed process")
            vm.state, vm.errors = "PROCESS_ERROR", ("it broke",)
            self.harmed.add(vm.instance_id)

    def kill_server(self) -> None:
        if server := self._some_server():
            self._say(f"{server.mark.instance_id}: its server dies")
            self.harmed.add(server.mark.instance_id)
            self.world.cloud.kill(server.server_id)

    def vanish(self) -> None:
        if server := self._some_server():
            self._say(f"{server.mark.instance_id}: its server vanishes")
            self.world.cloud.vanish(server.server_id)

    # what clients say

    def _ask(self, key: DomainKey, op: str, **args: object) -> bool:
        """True if it was answered OK; what was not answered is in doubt for good."""
        try:
            self.world.ask(op, key.owner, domain_id=key.name, **args)
        except Unavailable:
            self._say(f"{op} {key}: no answer")
            self.doubtful.add(key)
            return False
        except ElasticError as refusal:
            self._say(f"{op} {key}: refused: {refusal}")
            return False
        self._say(f"{op} {key} {args.get('config', '')}")
        return True

    def add(self) -> None:
        key, n = self.chance.choice(KEYS), self.chance.randint(1, MOST)
        if key in self.wanted:
            return
        try:
            self.world.add(key, n)
        except Unavailable:
            self._say(f"add {key}: no answer")
            self.doubtful.add(key)
        except ElasticError as refusal:
            self._say(f"add {key}: refused: {refusal}")
        else:
            self._say(f"add {key} {n}")
            self.wanted[key] = n

    def resize(self) -> None:
        key, n = self.chance.choice(KEYS), self.chance.randint(0, MOST)
        if key not in self.wanted:
            return
        self.given_up[key] += max(0, self.wanted[key] - n)
        if self._ask(key, "reconfigure_domain", config={"engine_conf": {"preserve_n": n}}):
            self.wanted[key] = n

    def remove(self) -> None:
        key = self.chance.choice(KEYS)
        if self.chance.random() < 0.5 or key not in self.wanted:
            return
        self.given_up[key] += 1000
        if self._ask(key, "remove_domain"):
            self.wanted.pop(key, None)

    def terminate(self) -> None:
        if (server := self._some_server()) and server.mark.key in self.wanted:
            self._say(f"{server.mark.instance_id} is terminated by its owner")
            self.harmed.add(server.mark.instance_id)
            try:
                self.world.ask("terminate_instance", server.mark.key.owner, instance_id=server.mark.instance_id)
            except ElasticError as refusal:
                self._say(f"  refused: {refusal}")
