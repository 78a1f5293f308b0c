"""A replica on ZooKeeper that is told to stop: what hangs on its session goes at once, not a session later."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from elastic.conf import embedded
from tests.functional.cluster import AGENT, Heard, until
from tests.servers.proxy import Proxy
from tests.servers.zookeeper import ZooKeeper

pytestmark = [pytest.mark.functional, pytest.mark.slow]

STOP = 10.0  # seconds
SESSION = 30  # seconds: nothing below is so slow that it would end by itself


class Alone:
    """One replica, whose connections to ZooKeeper go through a wire; its bus is a file."""

    def __init__(self, folder: Path, wire: Proxy, root: str) -> None:
        url = f"zookeeper://elastic:secret@127.0.0.1:{wire.port}{root}"
        config = embedded.write(folder / "data")
        text = config.read_text().replace(f"sqlite:///{folder}/data/store.db", url)
        text = text.replace(f"file://{folder}/data/group", url)
        config.write_text(text.replace("session_timeout = 2", f"session_timeout = {SESSION}\npartitions = 8"))
        self.process = Heard([*AGENT, "--config-file", str(config), "--member", "a"])
        self.said, self.errors = self.process.out, self.process.err

    def until_ready(self) -> None:
        until(lambda: self.said.lines == ["ready"], lack="it is not ready")

    def stopped(self) -> float:
        """Seconds that it took."""
        begun = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(4 * STOP)
        return time.monotonic() - begun


@pytest.fixture
def wire(zookeeper: ZooKeeper) -> Iterator[Proxy]:
    with Proxy(zookeeper.port) as wire:
        yield wire


@pytest.fixture
def alone(tmp_path: Path, wire: Proxy, zookeeper_root: str) -> Iterator[Alone]:
    alone = Alone(tmp_path, wire, zookeeper_root)
    yield alone
    alone.process.kill()
    alone.process.wait(30)


def left(zookeeper: ZooKeeper, root: str) -> set[str]:
    """What is there for as long as a session is."""
    return {line.strip() for line in zookeeper.says("dump").splitlines() if line.strip().startswith(f"{root}/")}


def sessions(zookeeper: ZooKeeper) -> set[str]:
    return {line for line in zookeeper.says("dump").splitlines() if line.startswith("\t0x")}


def test_its_name_its_seats_and_its_place_are_free_at_once(
    alone: Alone, zookeeper: ZooKeeper, zookeeper_root: str
) -> None:
    alone.until_ready()
    folders = {path.split("/")[3] for path in left(zookeeper, zookeeper_root)}
    assert folders == {"names", "group", "elections"}
    assert alone.stopped() < STOP
    assert (alone.process.returncode, left(zookeeper, zookeeper_root)) == (0, set())


def test_one_that_waits_for_a_name_leaves_nothing_either(
    alone: Alone, tmp_path: Path, wire: Proxy, zookeeper: ZooKeeper, zookeeper_root: str
) -> None:
    alone.until_ready()
    there, before = left(zookeeper, zookeeper_root), sessions(zookeeper)
    another = Alone(tmp_path / "another", wire, zookeeper_root)
    try:
        until(
            lambda: any("is held by" in line for line in another.errors.lines), lack=lambda: another.errors.lines
        )
        assert another.stopped() < STOP
        assert another.process.returncode == 0
    finally:
        another.process.kill()
        another.process.wait(30)
    assert left(zookeeper, zookeeper_root) == there
    assert sessions(zookeeper) <= before  # those of tests before may end meanwhile


@pytest.mark.parametrize("way", ["cut", "stall"])
def test_where_zookeeper_does_not_answer_it_ends_in_time_all_the_same(alone: Alone, wire: Proxy, way: str) -> None:
    alone.until_ready()
    getattr(wire, way)()
    assert alone.stopped() < STOP
