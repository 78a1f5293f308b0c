"""The drainer tells those that are to drain or to serve again, until they do."""

import msgspec
import pytest

from elastic.adapters.bus.signing import instance_key, sign, verify
from elastic.adapters.lastheard import MemoryLastHeard
from elastic.errors import BusUnavailable
from elastic.model.actions import Work
from elastic.model.heartbeat import DrainOrder, Heard
from elastic.model.observed import Observed
from elastic.model.view import Standing
from elastic.roles.drainer import AGAIN, Drainer
from elastic.rules.drains import GRACE
from tests.unit.roles.setting import WEB, Setting
from tests.unit.rules.views import record

SECRET = b"s" * 32
BUSY = Work(active=1)


def signed(instance_id: str, body: bytes) -> str:
    return sign(instance_key(SECRET, instance_id), body)


class Draining:
    """Ann's web with one instance, its drainer, and what was told."""

    def __init__(self, state: int = 600, drains: bool = True, **scale_in) -> None:
        self.here = Setting()
        self.here.add("web", record("a", state), engine_conf={"scale_in": scale_in})
        self.heard, self.is_cut = MemoryLastHeard(), False
        self.told: list[tuple[str, DrainOrder]] = []
        self.drainer = self.new_drainer()
        self.seq = 0
        self.wish(drains)

    def new_drainer(self) -> Drainer:
        return Drainer(self.heard, self, self.here.workers, signed)

    def ask(self, address: str, order: bytes, mac: str) -> None:
        if self.is_cut:
            raise BusUnavailable("cut off")
        told = msgspec.json.decode(order, type=DrainOrder)
        assert verify(instance_key(SECRET, told.instance_id), order, mac)
        self.told.append((address, told))

    def wish(self, drains: bool) -> None:
        self.here.write(WEB, standing=Standing(memo={"draining": ["a"] if drains else []}))

    def says(self, drain: str = "", boot: str = "b", address: str | None = "there") -> None:
        self.seq += 1
        mono = self.here.now.mono
        self.heard.note("a", Heard(mono, "OK", boot=boot, seq=self.seq, reply_to=address, drain=drain))

    @property
    def view(self):
        return self.here.store.view(WEB)

    def visit(self, seconds: float = 0.0) -> float | None:
        """Seconds until it wants to look again."""
        self.here.clock.advance(seconds)
        now = self.here.now
        due = self.drainer.visit(self.view, now)
        self.here.workers.collect()
        return None if due is None else due - now.mono

    def orders(self) -> list[tuple[bool, bool]]:
        """(drain, requeue) of each since the last time."""
        told, self.told = self.told, []
        return [(order.drain, order.requeue) for _, order in told]

    def work(self) -> Work | None:
        return self.drainer.judged(self.view, Observed(work={"a": BUSY}), self.here.now).work.get("a")


def test_one_that_is_to_drain_is_told_where_it_can_be_asked_and_in_answer_to_its_last_word():
    world = Draining()
    world.says()
    world.says()
    assert world.visit() == AGAIN
    assert world.told == [("there", DrainOrder(instance_id="a", boot="b", seq=2, drain=True))]


def test_it_is_told_again_until_it_does_so_and_not_too_often():
    world = Draining()
    world.says()
    for _ in range(10):
        world.visit(AGAIN / 5)
    assert world.orders() == [(True, False)] * 2
    world.says("draining")
    assert world.visit(AGAIN) == AGAIN, "it may take too long"
    assert world.orders() == []


def test_it_is_told_to_serve_again_until_it_does_so():
    world = Draining(drains=False)
    world.says("drained")
    world.visit()
    assert world.visit(AGAIN) == AGAIN
    assert world.orders() == [(False, False)] * 2
    world.says("")
    assert world.visit(AGAIN) is None
    assert world.orders() == []


def test_one_whose_agent_was_started_anew_is_told_anew():
    world = Draining()
    world.says("draining")
    world.visit()
    assert world.orders() == []
    world.seq = 0
    world.says("", boot="next")
    world.visit(AGAIN)
    assert world.told == [("there", DrainOrder(instance_id="a", boot="next", seq=1, drain=True))]


def test_what_the_bus_did_not_take_is_told_at_the_next_visit():
    world = Draining()
    world.says()
    world.is_cut = True
    world.visit()
    world.is_cut = False
    world.visit(0.1)
    assert world.orders() == [(True, False)]


@pytest.mark.parametrize("address", [None, "there"])
def test_one_that_was_never_heard_or_has_no_address_is_told_nothing(address):
    world = Draining()
    if address is None:
        world.says(address=None)
    assert world.visit() == AGAIN
    assert world.orders() == []


@pytest.mark.parametrize("state", [100, 400, 500, 650, 700, 800, 900])
def test_one_that_does_not_run_is_told_nothing(state):
    world = Draining(state)
    world.says()
    assert world.visit() is None
    assert world.orders() == []


@pytest.mark.parametrize(
    ("then", "after", "told", "work"),
    [
        ("wait", 100 * AGAIN, (True, False), BUSY),
        ("requeue", 20, (True, False), BUSY),
        ("requeue", 21, (True, True), BUSY),
        ("requeue", 21 + GRACE, (True, True), Work()),
        ("kill", 20, (True, False), BUSY),
        ("kill", 21, (True, False), Work()),
    ],
)
def test_what_is_told_and_judged_of_one_that_takes_long(then, after, told, work):
    world = Draining(drain_timeout=20, on_timeout=then)
    world.says()
    world.visit()
    world.visit(after)
    assert world.orders()[-1] == told
    assert world.work() == work


def test_one_that_drains_already_is_told_to_give_back_when_it_takes_too_long():
    world = Draining(drain_timeout=20, on_timeout="requeue")
    world.says("draining")
    world.visit()
    world.visit(21)
    assert world.orders() == [(True, True)]
    world.says("drained")
    world.visit(AGAIN)
    assert world.orders() == []


def test_its_time_counts_anew_when_it_was_taken_back_meanwhile():
    world = Draining(drain_timeout=20, on_timeout="kill")
    world.visit()
    world.wish(drains=False)
    world.visit(15)
    world.wish(drains=True)
    world.visit(0)
    world.visit(15)
    assert world.work() == BUSY
    world.visit(6)
    assert world.work() == Work()


def test_another_member_counts_from_when_it_began_to_look():
    world = Draining(drain_timeout=20, on_timeout="kill")
    world.visit()
    world.visit(21)
    world.drainer = world.new_drainer()
    assert world.work() == BUSY, "before its first visit too"
    world.visit()
    world.visit(21)
    assert world.work() == Work()


def test_of_those_that_do_not_drain_nothing_is_judged():
    world = Draining(drains=False, drain_timeout=0, on_timeout="kill")
    world.visit()
    world.visit(1000)
    assert world.work() == BUSY


def test_what_an_instance_says_of_its_drain_tells_nobody_else_anything():
    world = Draining(drains=False)
    world.here.write(WEB, added=[record("i2")])
    world.says("draining")
    world.heard.note("i2", Heard(world.here.now.mono, "OK", boot="x", seq=1, reply_to="elsewhere"))
    world.visit()
    assert [(address, order.instance_id) for address, order in world.told] == [("there", "a")]


def test_those_that_are_no_more_are_forgotten():
    world = Draining(drain_timeout=20, on_timeout="kill")
    world.says()
    world.visit()
    world.visit(21)
    world.drainer.keep_only(["a"], [WEB])
    assert world.work() == Work()
    world.drainer.keep_only([], [])
    assert world.work() == BUSY
    world.visit()
    assert world.orders() == [(True, False)] * 3
