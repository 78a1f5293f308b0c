"""Members in processes of their own, killed, stopped and cut off: who leads after that, and who is there."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from elastic.adapters.clock import SYSTEM_CLOCK
from elastic.adapters.membership.name import MemberName
from elastic.adapters.store.place import StorePlace
from elastic.adapters.store.zookeeper import ZookeeperStore
from tests.servers.process import running
from tests.servers.zookeeper import ZooKeeper

pytestmark = [pytest.mark.functional, pytest.mark.slow]

SESSION = 2.0
BOUND = 30.0
ALL = ["decider", "doctor", "reaper"]
ROOT = Path(__file__).parents[2]


class Process:
    """A member. `state` is what it has last told of itself."""

    def __init__(self, url: str, name: str, *more: str) -> None:
        argv = [sys.executable, "-m", "tests.functional.membership_child", url, name, str(SESSION), *more]
        self.name = name
        self.state: dict[str, Any] = {"leads": [], "present": None}
        self.wrote: str | None = None
        self._process = subprocess.Popen(
            argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            self.wrote = told.pop("wrote", self.wrote)
            self.state |= {key: value for key, value in told.items() if value is not None}

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def leads(self) -> list[str]:
        return list(self.state["leads"])

    @property
    def present(self) -> list[str]:
        return self.state["present"] or []

    def assign(self) -> str:
        """What comes of an assignment that it writes with the last seat it had."""
        self.wrote = None
        assert self._process.stdin is not None
        self._process.stdin.write("assign\n")
        self._process.stdin.flush()
        until(lambda: self.wrote is not None)
        return str(self.wrote)

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def ended(self) -> int:
        return self._process.wait(BOUND)

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with suppress(BrokenPipeError):
                stream.close()


def until(condition: Callable[[], bool], bound: float = BOUND) -> float:
    """The seconds until it came true."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < bound, "it did not come true in time"
        time.sleep(0.005)
    return time.monotonic() - began


@pytest.fixture
def server(zookeeper_installed: None, tmp_path: Path) -> Iterator[ZooKeeper]:
    with running(ZooKeeper(tmp_path / "server")) as started:
        yield started


@pytest.fixture
def url(server: ZooKeeper) -> str:
    return f"zookeeper://elastic:secret@{server.hosts}/there"


@pytest.fixture
def start(url: str) -> Iterator[Callable[..., Process]]:
    """Start a member, and wait until it is there."""
    made: list[Process] = []

    def begin(name: str, *more: str) -> Process:
        made.append(Process(url, name, *more))
        until(lambda: name in made[-1].present)
        return made[-1]

    yield begin
    for process in made:
        process.end()


@pytest.fixture
def three(start: Callable[..., Process]) -> list[Process]:
    """The first leads all roles."""
    made = [start("m1")]
    until(lambda: made[0].leads == ALL)
    made += [start("m2"), start("m3")]
    until(lambda: all(process.present == ["m1", "m2", "m3"] for process in made))
    return made


def test_a_leader_that_is_killed_is_replaced_when_its_session_ends(three: list[Process]) -> None:
    first, *others = three
    first.signal(signal.SIGKILL)
    bound = SESSION + 2
    assert until(lambda: sorted(role for other in others for role in other.leads) == ALL) < bound
    until(lambda: all(other.present == ["m2", "m3"] for other in others))


def test_a_leader_that_was_stopped_finds_its_seat_gone_and_its_writes_refused(
    three: list[Process], server: ZooKeeper
) -> None:
    first, *others = three
    assert first.assign() == "done"
    first.signal(signal.SIGSTOP)
    over = time.monotonic() + 3 * SESSION  # four, and it would end itself when it goes on
    try:
        until(lambda: sorted(role for other in others for role in other.leads) == ALL)
        heir = next(other for other in others if "decider" in other.leads)
        assert heir.assign() == "done"
        written = assignment_of(server)
        time.sleep(max(0.0, over - time.monotonic()))
    finally:
        first.signal(signal.SIGCONT)

    outcomes: list[str] = []
    until(lambda: outcomes.append(first.assign()) or outcomes[-1] != "StoreUnavailable")
    assert outcomes[-1] == "Superseded"
    until(lambda: first.leads == [])
    until(lambda: all("m1" in other.present for other in others))
    assert sorted(role for other in others for role in other.leads) == ALL
    assert assignment_of(server) == written
    assert f'"{heir.name}"' in written[0]


def assignment_of(server: ZooKeeper) -> tuple[str, int, int]:
    """As the server has it: its data, and the transaction and version it was last written with."""
    with server.superuser() as client:
        data, stat = client.get("/there/elastic/assignment")
        return data.decode(), stat.last_modified_transaction_id, stat.version


def test_when_zookeeper_was_away_all_are_back_soon(three: list[Process], server: ZooKeeper) -> None:
    server.kill()
    until(lambda: all(process.leads == [] for process in three))
    time.sleep(14)  # the outage that this is about
    server.start()
    assert until(lambda: sorted(role for process in three for role in process.leads) == ALL) < 15
    with server.superuser() as client:
        folder = "/there/elastic/group/members"
        assert until(lambda: sorted(client.get_children(folder)) == ["m1", "m2", "m3"]) < 15
    until(lambda: all(process.present == ["m1", "m2", "m3"] for process in three))


def test_a_member_whose_loop_hangs_is_not_kept_alive_by_its_heart(start: Callable[..., Process]) -> None:
    hung, other = start("m1", "hang"), start("m2")
    until(lambda: other.leads == ALL)
    assert hung.ended() == 70
    until(lambda: other.present == ["m2"])


def test_a_member_that_was_killed_comes_back_when_its_session_is_over(
    start: Callable[..., Process], url: str
) -> None:
    store = ZookeeperStore.at(StorePlace(url, 4, "elastic", SESSION))
    start("m1").signal(signal.SIGKILL)
    heir = MemberName(store.session, "m1", SYSTEM_CLOCK, SESSION)

    def is_taken() -> bool:
        try:
            heir.take()
        except Exception:
            return False
        return True

    assert until(is_taken) < SESSION + 5
    store.close()


def test_a_second_process_of_the_same_name_ends(start: Callable[..., Process], url: str) -> None:
    first = start("m1")
    second = Process(url, "m1")
    try:
        assert second.ended() == 1
    finally:
        second.end()
    assert first.present == ["m1"]
