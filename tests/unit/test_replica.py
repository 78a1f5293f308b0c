"""What makes a process of an agent: loops, the watchdog over them, and what is loaded at start."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from elastic.conf import embedded
from elastic.conf.settings import Settings, load
from elastic.errors import BadRequest, Conflict, StoreUnavailable
from elastic.ports.bus import Call, Reply
from elastic.replica.initial import Initial
from elastic.replica.living import EXIT_CONFLICT, Living, keep_again
from elastic.replica.loops import Loop
from elastic.replica.watchdog import EXIT_HUNG, Patience, Standstills, Watchdog


def until(what: Callable[[], object], bound: float = 20.0) -> None:
    deadline = time.monotonic() + bound
    while not what():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.01)


class StandIn:
    """An agent that does as its flags say."""

    def __init__(self) -> None:
        self.turns = self.kept = 0
        self.in_group = self.is_in_ring = self.has_left = False
        self.held = threading.Event()
        self.held.set()
        self.given_up: list[str] = []
        self.wake: Callable[[], None] = lambda: None
        self.wake_keeper: Callable[[], None] = lambda: None
        self.progress: Callable[[], None] = lambda: None
        self.other: Conflict | None = None  # one that lives under our name
        self.won_at: float | None = None

    def join(self) -> None:
        self.in_group = True

    def turn(self) -> float:
        self.turns += 1
        self.held.wait()
        return 60.0

    def keep(self) -> None:
        self.kept += 1
        if self.other is not None:
            raise self.other

    def set_wake(self, wake: Callable[[], None]) -> None:
        self.wake = wake

    def set_keeper_wake(self, wake: Callable[[], None]) -> None:
        self.wake_keeper = wake

    def set_progress(self, tell: Callable[[], None]) -> None:
        self.progress = tell

    def in_ring(self) -> bool:
        if not self.is_in_ring:
            raise StoreUnavailable("the store does not answer")
        return True

    def leads(self) -> frozenset[str]:
        return frozenset({"decider"})

    def give_up(self, role: str) -> None:
        self.given_up.append(role)

    def stop(self) -> None:
        self.has_left = True


def living(agent: StandIn, said: list[str], session: float = 0.1) -> Living:
    return Living(
        agent, session, lambda: said.append("ready"), lambda _now: None, lambda code: said.append(str(code))
    )


def test_it_is_ready_once_when_it_is_in_the_ring_and_not_before() -> None:
    agent, said = StandIn(), list[str]()
    alive = living(agent, said)
    alive.start()
    until(lambda: agent.turns >= 1 and agent.kept >= 3 and agent.in_group)
    assert said == []
    agent.is_in_ring = True
    for turns in (agent.turns + 1, agent.turns + 2):
        agent.wake()
        until(lambda turns=turns: agent.turns >= turns)
    until(lambda: said == ["ready"])
    assert alive.stop(10)
    assert agent.has_left


@pytest.mark.parametrize(
    ("won_at", "pause"),
    [(None, 10.0), (999.0, 2.0), (971.0, 2.0), (970.0, 10.0)],
    ids=["it never led", "it has just won", "it won within a session", "it won a session ago"],
)
def test_who_has_just_come_to_lead_looks_around_more_often(won_at: float | None, pause: float) -> None:
    assert keep_again(won_at, session_timeout=30.0, now=1000.0) == pause


def test_a_role_that_may_be_free_is_not_left_until_the_next_third_of_a_session() -> None:
    agent = StandIn()
    alive = living(agent, [], session=3 * 60.0)
    alive.start()
    until(lambda: agent.kept == 1)
    agent.wake_keeper()
    until(lambda: agent.kept == 2)
    assert alive.stop(10)


def test_a_process_whose_name_another_has_taken_ends() -> None:
    agent, said = StandIn(), list[str]()
    agent.other = Conflict("a replica called m1 is running already")
    alive = living(agent, said)
    alive.start()
    until(lambda: said[:1] == [str(EXIT_CONFLICT)])
    assert alive.stop(10)


@pytest.mark.hazard("F18")
def test_a_turn_that_hangs_costs_the_roles_and_then_the_process() -> None:
    agent, said = StandIn(), list[str]()
    agent.held.clear()
    alive = living(agent, said)
    alive.start()
    until(lambda: alive.look() or agent.given_up == ["decider"])
    until(lambda: alive.look() or said[:1] == [str(EXIT_HUNG)])
    assert not alive.stop(0.1)
    assert not agent.has_left
    agent.held.set()


def test_a_long_turn_that_comes_from_one_visit_to_the_next_is_no_hung_one() -> None:
    agent, said = StandIn(), list[str]()
    agent.held.clear()
    alive = living(agent, said, session=0.2)
    alive.start()
    for _ in range(30):
        time.sleep(0.02)
        agent.progress()
        alive.look()
    assert (agent.given_up, said) == ([], [])
    agent.held.set()
    assert alive.stop(10)


def test_a_loop_survives_what_its_step_raises() -> None:
    turns = threading.Semaphore(0)

    def step() -> float:
        turns.release()
        raise ValueError("a fault of ours")

    loop = Loop("trying", step)
    loop.start()
    assert turns.acquire(timeout=20)
    assert turns.acquire(timeout=20)
    loop.stop()
    assert loop.join(20)


def test_the_watchdog_lets_a_loop_come_back_and_gives_up_anew() -> None:
    late, given_up, ended = [0.0], list[str](), list[int]()
    dog = Watchdog(
        Patience(2, 4), lambda _: [("control", late[0])], lambda: ["doctor"], given_up.append, ended.append
    )
    for now, late[0] in enumerate((0.0, 1.0, 1.9, 2.1, 3.0, 0.5, 1.5, 2.5)):
        dog.look(float(now))
    until(lambda: given_up == ["doctor", "doctor"])
    assert ended == []
    late[0] = 4.1
    dog.look(8.0)
    assert ended == [EXIT_HUNG]


STOPPED = {
    "never": ([(0.25 * n, 0.0) for n in range(10)], 0.0, 2.25),
    "for a minute, in time before": ([(9.0, 0.0), (9.75, 0.0), (70.0, 60.2)], 9.8, 0.95),
    "for a minute, late already by two seconds": ([(8.0, 0.0), (8.9, 0.9), (9.75, 1.75), (70.0, 62.0)], 8.0, 2.75),
    "for a minute, due only after it": ([(9.75, 0.0), (70.0, 0.1)], 69.9, 0.0),
    "twice": ([(0.0, 0.0), (60.0, 60.0), (120.0, 120.0)], 0.0, 2.0),
    "before the first look": ([(60.0, 60.0), (60.5, 60.5)], 0.0, 0.5),
    "before it began": ([(0.0, 0.0), (60.0, 60.0), (60.25, 0.0), (70.0, 5.0), (70.5, 5.5)], 65.0, 0.5),
    "for a moment, as on a busy machine": ([(0.9 * n, 0.9 * n) for n in range(10)], 0.0, 8.1),
}


@pytest.mark.parametrize(("looks", "due", "counted"), STOPPED.values(), ids=STOPPED)
def test_time_in_which_nobody_looked_is_nobodys_lateness(
    looks: list[tuple[float, float]], due: float, counted: float
) -> None:
    """`looks`: when, and how late the loop was by the clock. It is due since `due` as of the last one."""
    stood = Standstills()
    for now, late in looks:
        stood.look(now)
        stood.forget(before=now - late)
    assert looks[-1][0] - due - stood.since(due) == pytest.approx(counted)


@pytest.mark.hazard("F18")
def test_a_process_that_was_stopped_lives_on_and_ends_if_it_hangs_then() -> None:
    ended, due = list[int](), [0.0]
    dog = Watchdog(
        Patience(20, 40), lambda now: [("keeper", now - due[0])], lambda: [], lambda _: None, ended.append
    )
    for now in (0.0, 5.0, 5.25):
        due[0] = now
        dog.look(now)
    now = 3600.0
    while not ended:
        dog.look(now)
        now += 0.25
        assert now < 3700
    assert ended == [EXIT_HUNG]
    assert now - 3600 == pytest.approx(40, abs=2)


@pytest.mark.slow
@pytest.mark.parametrize("hangs", [False, True])
def test_a_real_one_that_was_stopped_for_longer_than_it_may_be_late(tmp_path: Path, hangs: bool) -> None:
    process = subprocess.Popen([sys.executable, "-c", STEPPED, f"{hangs}"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"turned\n"
        process.send_signal(signal.SIGSTOP)
        time.sleep(4)
        process.send_signal(signal.SIGCONT)
        if hangs:
            assert process.wait(30) == EXIT_HUNG
        else:
            assert [process.stdout.readline() for _ in range(20)] == [b"turned\n"] * 20
            assert process.poll() is None
    finally:
        process.kill()
        process.wait(30)
        process.stdout.close()


STEPPED = """
import sys, threading
from elastic.replica.living import Living

class Stepped:
    join = keep = stop = give_up = set_wake = set_keeper_wake = set_progress = lambda self, *_: None
    won_at = None
    leads, in_ring = (lambda self: frozenset()), (lambda self: True)

    def turn(self):
        print("turned", flush=True)
        if sys.argv[1] == "True":
            threading.Event().wait()
        return 0.1

living = Living(Stepped(), 0.5, lambda: None, lambda now: None)
living.start()
while True:
    living.look()
    threading.Event().wait(0.05)
"""


def settings_with(tmp_path: Path, lines: str) -> Settings:
    config = embedded.write(tmp_path / "data")
    config.write_text(config.read_text().replace("[DEFAULT]\n", f"[DEFAULT]\n{lines}\n"))
    return Settings.of(load([str(config)]))


def test_what_the_configuration_wants_is_asked_for_until_it_is_there(tmp_path: Path) -> None:
    said = settings_with(
        tmp_path,
        "initial_definitions = {web: {engine_conf: {preserve_n: 1}}, sink: {}}\n"
        "initial_domains = {shop: {definition: web, owner: ann, config: {engine_conf: {preserve_n: 2}}}}",
    )
    asked: list[Call] = []
    answers: list[Reply] = [
        {"error": {"type": "unavailable", "message": "not now"}},
        {"result": None},
        {"error": {"type": "conflict", "message": "sink is there"}},
        {"result": None},
    ]

    def handle(call: Call) -> Reply:
        asked.append(call)
        return answers[len(asked) - 1]

    Initial.of(said).load(handle)
    until(lambda: len(asked) == 4)
    assert [next(iter(call.args.values())) for call in asked] == ["web", "web", "sink", "shop"]
    assert asked[-1].caller == "ann"
    assert asked[-1].args["config"] == {"engine_conf": {"preserve_n": 2}}


def test_what_the_configuration_wants_has_to_make_sense(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="initial_domains: shop"):
        Initial.of(settings_with(tmp_path, "initial_domains = {shop: {owner: ann}}"))
