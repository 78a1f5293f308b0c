"""One replica: the real agent, assembled of simulated parts, with the loops that `elastic/replica` gives it."""

import logging
import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from elastic.adapters.lastheard import MemoryLastHeard
from elastic.agent import Agent
from elastic.assembly import Parts, assemble
from elastic.errors import ElasticError
from elastic.replica.health import Health
from elastic.replica.living import keep_again
from elastic.replica.watchdog import Patience, Watchdog
from tests.scenario.world import SECRET, Notes
from tests.simulation.cloud import CloudPort, FurnishedPort
from tests.simulation.kernel import Kernel, Lock, Wake
from tests.simulation.port import Heartbeats, Peers, Port
from tests.simulation.process import Clock, Process
from tests.simulation.store import SimulatedElection, SimulatedGroup, StoreHandle
from tests.simulation.workers import TaskWorkers

if TYPE_CHECKING:
    from tests.simulation.world import World

log = logging.getLogger(__name__)

LOOK = 0.25  # seconds between two looks at the loops
AFTER_FAILURE = 1.0
SUPERVISED = 2.0  # seconds from its end to another life


class Rounds:
    """One loop: how often it came round, and how late it is. As `elastic/replica/loops.py`, on virtual time."""

    def __init__(self, kernel: Kernel, step: Callable[[], float], blame: Callable[[str], None]) -> None:
        self._kernel, self._step, self._blame = kernel, step, blame
        self.wake = Wake(kernel)
        self.turned, self.pause = kernel.now, 0.0
        self.is_stopping = False

    def progress(self) -> None:
        self.turned = self._kernel.now

    def lateness(self) -> float:
        return max(0.0, self._kernel.now - self.turned - self.pause)

    def go(self) -> None:
        while not self.is_stopping:
            self.turned, self.pause = self._kernel.now, 0.0
            pause = self._turn()
            self.turned, self.pause = self._kernel.now, pause
            self.wake.wait(pause)

    def _turn(self) -> float:
        try:
            return self._step()
        except Exception as fault:
            log.exception("a loop failed")
            self._blame(repr(fault))
            return AFTER_FAILURE


class Replica:
    """`name` is its member's; it lives once: a restart makes another."""

    def __init__(self, world: "World", name: str, chance: random.Random, notes: Notes, clock: Clock) -> None:
        self.world, self.name, self.notes = world, name, notes
        kernel = world.kernel
        self.process = Process(kernel, name, clock)
        self.store = StoreHandle(world.server, self.process, chance)
        self.bus = Port(world.bus, self.process)
        port = FurnishedPort if world.is_furnished else CloudPort
        self.cloud = port(world.cloud, world.road, self.process, chance)
        self._join_pending = True
        self.agent = self._assembled()
        session = world.tuning.session_timeout
        self.control = Rounds(kernel, self._turn, self._blame)
        self.keeper = Rounds(kernel, self._keep, self._blame)
        self._session = session
        self.agent.set_wake(self.control.wake.set)
        self.agent.set_keeper_wake(lambda: kernel.at(0.01, self.keeper.wake.set))
        self.agent.set_progress(self.control.progress)
        self._watchdog = Watchdog(
            Patience.of(session),
            self._late,
            self.agent.leads,
            self.agent.give_up,
            self._end,
            self._apart,
        )
        self._health = Health(self.agent, self, session / 2, {})
        self.bus.serve_calls(self.agent.reactor.handle)
        for body in (self.keeper.go, self.control.go, self._watch):
            self.process.spawn(body)

    def _assembled(self) -> Agent:
        world, process = self.world, self.process
        heartbeats, peers = Heartbeats(self.bus), Peers(self.bus)
        agent = assemble(
            Parts(
                member=self.name,
                cluster="test",
                secret=SECRET,
                clock=process.clock,
                fresh_id=world.fresh_id,
                store=self.store,
                group=SimulatedGroup(world.server, self.store, process),
                election=SimulatedElection(world.server, self.store, self.name),
                cloud=self.cloud,
                workers=TaskWorkers(process, 4, lambda: world.mood.lingers),
                heartbeats=heartbeats,
                outgoing=self.bus,
                peers=peers,
                lastheard=MemoryLastHeard(),
                notebook=self.notes,
                engines=world.engines,
                sensors={"simulated": world.source.sensor()},
                tuning=world.tuning,
            )
        )
        agent.staff.leadership._lock = Lock(world.kernel)  # a thread's lock would stop the one thread there is
        heartbeats.start(agent.reactor.hear)
        peers.start(agent.reactor.answer_peer, agent.hear_peer)
        return agent

    def _blame(self, fault: str) -> None:
        self.world.faults.append(f"{self.name}: {fault}")

    # its loops

    def _turn(self) -> float:
        self.process.check()
        self.control.progress()
        return self.agent.turn()

    def _keep(self) -> float:
        self.process.check()
        if self._join_pending:
            try:
                self.agent.join()
                self._join_pending = False
            except ElasticError:
                return keep_again(None, self._session, 0.0)
        self.agent.keep()
        return keep_again(self.agent.won_at, self._session, self.process.clock.monotonic())

    def _watch(self) -> None:
        while True:
            self._watchdog.look(self.world.kernel.now)
            self.world.kernel.sleep(LOOK)

    def _apart(self, work: Callable[[], None]) -> None:
        """As in a thread of its own, whose end by an error is a fault of ours."""

        def run() -> None:
            try:
                work()
            except Exception as fault:
                self._blame(f"a thread died: {fault!r}")

        self.process.spawn(run)

    def _late(self, _now: float) -> list[tuple[str, float]]:
        return [("control", self.control.lateness()), ("keeper", self.keeper.lateness())]

    def late(self) -> dict[str, float]:
        return dict(self._late(0.0))

    def ailments(self) -> list[str]:
        """What its `/healthz` says."""
        return list(self._health.ailments())

    def _end(self, code: int) -> None:
        self.world.say(f"{self.name} ends itself with code {code}")
        self.process.die()
        self.world.kernel.at(SUPERVISED, lambda: self.world.restart(self.name))

    def retire(self) -> None:
        """As by SIGTERM: finish the turn, hand over, leave."""

        def leave() -> None:
            self.control.is_stopping = self.keeper.is_stopping = True
            self.control.wake.set()
            self.keeper.wake.set()
            self.world.kernel.sleep(0.5)
            self.agent.stop()
            self.store.close()
            self._end(0)

        self.process.spawn(leave)
