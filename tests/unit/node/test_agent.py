"""The agent's loop, with a bus and a clock set by hand."""

import random
from collections.abc import Callable
from itertools import pairwise

import msgspec
import pytest

from elastic.adapters.bus.signing import verify
from elastic.errors import BusUnavailable
from elastic.model.heartbeat import Heartbeat
from elastic.model.states import Health
from elastic.node.agent import Agent, Mouth
from elastic.node.settings import Settings
from elastic.node.units import Failure, Report

KEY = "5a" * 32
SETTINGS = Settings(
    bus="memory://",
    cluster="5d7e",
    slot=7,
    instance_id="i-007-1-1",
    owner="ann",
    domain="web",
    key=KEY,
    interval=10,
)


YOUNG = 4  # gaps before the interval is reached


class World:
    """The agent's bus, bell and clock in one: time passes only while somebody waits."""

    def __init__(self) -> None:
        self.time = 100.0
        self.is_away = False
        self.asks: list[float] = []
        self.sent: list[tuple[float, bytes, str]] = []
        self.report = Report()

    def start(self, on_ask: Callable[[], None]) -> None: ...

    def say(self, body: bytes, mac: str) -> None:
        if self.is_away:
            raise BusUnavailable("connection refused")
        self.sent.append((self.time, body, mac))

    def stop(self) -> None: ...

    def set(self) -> None: ...

    def clear(self) -> None:
        self.asks = [at for at in self.asks if at > self.time]

    def wait(self, timeout: float) -> bool:
        ends = self.time + timeout
        self.time = max(self.time, min([*self.asks, ends]))
        return self.time < ends

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def agent(self) -> Agent:
        return Agent(
            Mouth(SETTINGS, boot="b1"),
            self,
            lambda: self.report,
            SETTINGS.interval,
            chance=random.Random(3),
            bell=self,
            monotonic=lambda: self.time,
            sleep=self.sleep,
        )

    def heartbeats(self) -> list[Heartbeat]:
        return [msgspec.json.decode(body, type=Heartbeat) for _, body, _ in self.sent]

    def gaps(self) -> list[float]:
        times = [at for at, _, _ in self.sent]
        return [later - earlier for earlier, later in pairwise(times)]


def test_a_heartbeat_goes_out_each_interval_with_a_little_jitter() -> None:
    world = World()
    agent = world.agent()
    for _ in range(20):
        agent.turn()
    steady = world.gaps()[YOUNG:]
    assert all(9 <= gap <= 11 for gap in steady)
    assert len(set(steady)) > 1


def test_a_young_one_speaks_more_often() -> None:
    world = World()
    agent = world.agent()
    for _ in range(YOUNG + 1):
        agent.turn()
    assert [round(gap) for gap in world.gaps()] == [1, 2, 4, 8]


def test_a_heartbeat_says_whose_it_is_and_is_signed() -> None:
    world = World()
    world.agent().turn()
    ((_, body, mac),) = world.sent
    assert verify(KEY, body, mac)
    assert world.heartbeats() == [
        Heartbeat(node_id="i-007-1-1", owner="ann", domain_id="web", boot="b1", seq=1, state="OK")
    ]


def test_who_asks_is_answered_at_once() -> None:
    world = World()
    agent = world.agent()
    for _ in range(YOUNG + 1):
        agent.turn()
    asked = world.time + 3.0
    world.asks = [asked]
    agent.turn()
    agent.turn()
    assert world.sent[-1][0] == asked


def test_who_asks_without_end_is_not_answered_without_end() -> None:
    world = World()
    world.asks = [100.0 + n / 100 for n in range(300)]
    agent = world.agent()
    while world.asks:
        agent.turn()
    assert len(world.sent) <= 3 / 0.2 + 1


def test_the_number_rises_with_every_heartbeat() -> None:
    world = World()
    agent = world.agent()
    for _ in range(3):
        agent.turn()
    assert [heartbeat.seq for heartbeat in world.heartbeats()] == [1, 2, 3]


def test_a_bus_that_is_away_is_tried_with_growing_pauses_and_found_again() -> None:
    world = World()
    world.is_away = True
    agent = world.agent()
    began = world.time
    for _ in range(100):
        agent.turn()
    assert world.time - began > 100 * 0.5 * 5  # pauses have grown to the interval, less at most a half
    world.is_away = False
    agent.turn()
    assert len(world.sent) == 1


def test_a_surprise_does_not_end_the_agent() -> None:
    world = World()
    agent = world.agent()
    world.report = None  # type: ignore[assignment]
    began = world.time
    agent.turn()
    assert (world.sent, world.time > began) == ([], True)
    world.report = Report()
    agent.turn()
    assert len(world.sent) == 1


def test_one_heartbeat_fails_aloud_without_a_bus() -> None:
    world = World()
    world.is_away = True
    with pytest.raises(BusUnavailable):
        world.agent().beat()


def test_what_failed_is_told_and_so_is_its_recovery() -> None:
    world = World()
    agent = world.agent()
    world.report = Report(Health.PROCESS_ERROR, "worker is FATAL", (Failure("worker", "FATAL", 1, ("boom",)),))
    agent.turn()
    world.report = Report()
    agent.turn()
    ill, well = world.heartbeats()
    assert (ill.state, ill.error) == ("PROCESS_ERROR", "worker is FATAL")
    assert ill.failed_processes == [{"name": "worker", "state": "FATAL", "exit": 1, "last_lines": ["boom"]}]
    assert (well.state, well.error, well.failed_processes) == ("OK", None, [])
