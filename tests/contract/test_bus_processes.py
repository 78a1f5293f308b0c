"""What becomes of a message whose taker dies, or only seems to: with real processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from elastic.adapters.bus.sqlite_file import BusFile
from tests.contract.bus_worlds import CLUSTER, KombuWorld, RabbitWorld, Serving, make_world

pytestmark = pytest.mark.functional

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["sqlite", "rabbitmq"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KombuWorld]:
    if request.param == "rabbitmq":
        made: object = RabbitWorld(request.getfixturevalue("rabbitmq"), request.getfixturevalue("vhost"))
    else:
        made = make_world("sqlite", tmp_path)
    assert isinstance(made, KombuWorld)
    yield made
    made.close()


@pytest.fixture
def child(world: KombuWorld) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.contract.bus_child", world.url, CLUSTER],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "listening\n"
    yield process
    process.kill()
    process.communicate()


def taken(child: subprocess.Popen[str]) -> bool:
    assert child.stdout is not None
    return child.stdout.readline() == "taken\n"


def wait_for_two_wakes(world: KombuWorld, path: Path) -> None:
    """Until the dead were looked for twice more."""
    file = BusFile(path)

    def tended() -> float:
        return float(file.db.execute("SELECT value FROM facts WHERE name = 'tended'").fetchone()[0])

    try:
        for _ in range(2):
            before = tended()
            world.until(lambda before=before: tended() != before)  # type: ignore[misc]
    finally:
        file.close()


def test_the_call_of_a_server_killed_while_handling_comes_to_another(
    world: KombuWorld, child: subprocess.Popen[str]
) -> None:
    client, serving = world.rpc_client(), Serving(lambda _call: "other")
    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(client.call, "hang", {}, 20)  # without a key: the client does not send it again
        assert taken(child)
        world.started(world.rpc_server("m2"), serving)
        os.kill(child.pid, signal.SIGKILL)
        assert result.result() == "other"
    assert [call.redelivered for call in serving.calls] == [True]


def test_the_call_of_a_stopped_server_stays_its_own(
    world: KombuWorld, child: subprocess.Popen[str], tmp_path: Path
) -> None:
    client, serving = world.rpc_client(), Serving()
    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(client.call, "slow", {"seconds": 0.2}, 30)
        assert taken(child)
        os.kill(child.pid, signal.SIGSTOP)
        world.started(world.rpc_server("m2"), serving)
        if world.name == "sqlite":
            wait_for_two_wakes(world, tmp_path / "bus.db")
        os.kill(child.pid, signal.SIGCONT)
        assert result.result() == "child"
    assert serving.calls == []


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
def test_a_killed_process_leaves_no_queue_no_client_and_no_lock_behind(
    world: KombuWorld, child: subprocess.Popen[str], tmp_path: Path
) -> None:
    world.started(world.rpc_server("m2"), Serving())
    locks = tmp_path / "bus.db-clients"
    before = len(list(locks.iterdir()))
    os.kill(child.pid, signal.SIGKILL)
    world.until(lambda: len(list(locks.iterdir())) == before - 1)


def test_many_processes_that_come_at_once_all_get_in(tmp_path: Path) -> None:
    world = make_world("sqlite", tmp_path)
    assert isinstance(world, KombuWorld)
    announce = "KombuOutgoing(sys.argv[1], 'c').announce('o', 'd', ['s'], 'x', {})"
    code = f"import sys; from elastic.adapters.bus.kombu import *; {announce}"
    crowd = [subprocess.Popen([sys.executable, "-c", code, world.url], cwd=ROOT) for _ in range(6)]
    ended = [process.wait(timeout=60) for process in crowd]
    world.close()
    assert ended == [0] * 6
