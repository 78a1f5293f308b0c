"""The agent's loop, with a bus and a clock set by hand."""

import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from elastic.adapters.bus.ordering import unheeded
from elastic.adapters.bus.signing import sign, verify
from elastic.errors import BusUnavailable
from elastic.model.actions import Work
from elastic.model.heartbeat import DrainOrder, Heartbeat
from elastic.model.inside import Commands
from elastic.model.states import Health
from elastic.node.agent import DRAIN_GAP, MOST_ORDERS, Agent, Mouth
from elastic.node.drain import Drain
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
        self.drain = Drain(Commands(), lambda: self.time)
        self.on_order: Callable[[bytes, str], None] = unheeded

    def start(self, on_ask: Callable[[], None], on_order: Callable[[bytes, str], None] = unheeded) -> None:
        self.on_order = on_order

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
            self.drain,
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


class Started(World):
    """One whose agent runs, turn by turn, and gets orders."""

    def __init__(self) -> None:
        super().__init__()
        self.running = self.agent()
        self.running.listen()

    def order(self, drain: bool = True, key: str = KEY, **fields: Any) -> None:
        said = {"instance_id": "i-007-1-1", "boot": "b1", "seq": len(self.sent), **fields}
        body = msgspec.json.encode(DrainOrder(drain=drain, **said))
        self.on_order(body, sign(key, body))

    def says(self) -> Heartbeat:
        """In its next heartbeat."""
        self.running.turn()
        return self.heartbeats()[-1]


def test_what_there_is_to_do_and_the_numbers_go_along() -> None:
    world = World()
    world.report = Report(metrics={"load": 0.5}, work=Work(2, 1))
    world.agent().turn()
    (said,) = world.heartbeats()
    assert (said.metrics, said.drain) == ({"load": 0.5}, "")
    assert said.work == {"active": 2, "reserved": 1, "scheduled": 0}


def test_told_to_drain_it_says_so_and_told_to_serve_again_it_does() -> None:
    world = Started()
    assert world.says().drain == ""
    world.order()
    assert world.says().drain == "draining"
    world.order(drain=False)
    assert world.says().drain == ""


REFUSED = {
    "signed by another": {"key": "5b" * 32},
    "for another instance": {"instance_id": "i-007-1-2"},
    "for an earlier life": {"boot": "b0"},
    "older than the last": {"seq": 1},
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_order_that_is_not_for_it_is_not_obeyed(case: str) -> None:
    world = Started()
    for _ in range(3):
        world.says()
    world.order(drain=False)  # the last that was heeded
    world.says()
    world.order(**REFUSED[case])
    assert world.says().drain == ""
    world.order()
    assert world.says().drain == "draining"


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff", b"[" * 4000, b'{"drain": true}'])
def test_an_order_that_makes_no_sense_costs_no_heartbeat(body: bytes) -> None:
    world = Started()
    world.on_order(body, sign(KEY, body))
    world.on_order(body, "\udcff")
    assert world.says().drain == ""


def test_a_heartbeat_of_its_own_is_no_order() -> None:
    world = Started()
    world.says()
    _, body, mac = world.sent[-1]
    world.on_order(body, mac)
    assert world.says().drain == ""


def test_orders_are_obeyed_in_their_order_and_the_last_holds() -> None:
    world = Started()
    for drain in (True, False, True, False):
        world.order(drain)
    assert world.says().drain == ""


def test_a_flood_of_orders_fills_nothing_and_its_end_is_heard() -> None:
    world = Started()
    for number in range(10 * MOST_ORDERS):
        world.order(drain=number % 2 == 1, seq=number)
    assert world.says().drain == "draining"


def test_while_it_drains_it_speaks_more_often() -> None:
    world = Started()
    for _ in range(YOUNG + 3):
        world.says()
    world.order()
    for _ in range(4):
        world.says()
    assert world.gaps()[-3:] == [DRAIN_GAP] * 3
    world.order(drain=False)
    for _ in range(2):
        world.says()
    assert world.gaps()[-1] >= 9
