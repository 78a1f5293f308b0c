"""What can go wrong with servers that are processes: crashes half way, pids used again, strangers, zombies."""

import os
import signal
import stat
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from elastic.adapters.bus.kombu import sqlite_url
from elastic.adapters.cloud.folder import Folders, Record, ServerFolder
from elastic.adapters.cloud.local import SETTINGS, LocalCloud
from elastic.adapters.cloud.processes import child, process
from elastic.errors import BadOrder, CloudUnavailable, NoRoom, ServerGone
from elastic.model.domain import DomainKey
from elastic.model.server import Mark, Order, Server, ServerStatus

pytestmark = pytest.mark.functional

INSTANCE = "i-007-1-1"
MARK = Mark(cluster="5d7e", key=DomainKey("ann", "web"), incarnation=1, instance_id=INSTANCE)
NODE = ["-P", "-m", "elastic.node.main", "--instance", INSTANCE]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cloud"


@pytest.fixture
def cloud(folder: Path) -> Iterator[LocalCloud]:
    made = LocalCloud(folder)
    yield made
    made.stop_all()


@pytest.fixture
def order(tmp_path: Path) -> Order:
    user_data = {
        "bus": sqlite_url(tmp_path / "bus.db"),
        "cluster": "5d7e",
        "slot": 7,
        "instance_id": INSTANCE,
        "owner": "ann",
        "domain": "web",
        "key": "00" * 32,
    }
    return Order(mark=MARK, site="local", deployable_type="worker", user_data=user_data)


@pytest.fixture
def bystander() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that is none of ours."""
    process = subprocess.Popen(["sleep", "600"])
    yield process
    process.kill()
    process.wait()


def eventually(condition: Callable[[], object], patience: float = 20.0) -> bool:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.01)
    return False


def half_made(folder: Path) -> ServerFolder:
    """What is left of a create that was cut off after its first write."""
    made = Folders(folder / "servers").new("s-half")
    made.write(Record(server_id="s-half", site="local", mark=MARK, created=1.0))
    return made


def found(cloud: LocalCloud, server_id: str) -> Server:
    return cloud.server("local", server_id, 5)


def pid_of(server: Server) -> int:
    assert server.pid is not None
    return server.pid


def test_a_server_is_a_process_of_its_own_session_with_its_instance_in_its_arguments(
    cloud: LocalCloud, order: Order
) -> None:
    pid = pid_of(cloud.create(order, 5))
    assert os.getsid(pid) == pid
    argv = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    assert [b"--instance", INSTANCE.encode()] == argv[-3:-1]


def test_its_settings_lie_in_a_file_that_only_we_may_read(cloud: LocalCloud, order: Order, folder: Path) -> None:
    server = cloud.create(order, 5)
    settings = folder / "servers" / server.server_id / "node.json"
    assert msgspec.json.decode(settings.read_bytes()) == order.user_data
    assert stat.S_IMODE(settings.stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.parent.stat().st_mode) == 0o700


def test_a_killed_server_is_in_error_and_leaves_no_zombie(cloud: LocalCloud, order: Order) -> None:
    server = cloud.create(order, 5)
    os.kill(pid_of(server), signal.SIGKILL)
    assert eventually(lambda: found(cloud, server.server_id).fault == "process ended (signal 9)")
    assert found(cloud, server.server_id).status is ServerStatus.ERROR
    assert eventually(lambda: not Path(f"/proc/{server.pid}").exists())


def test_a_deleted_server_is_gone_with_its_process_and_its_files(
    cloud: LocalCloud, order: Order, folder: Path
) -> None:
    server = cloud.create(order, 5)
    cloud.delete("local", server.server_id, 5)
    assert process(pid_of(server)) is None
    assert list((folder / "servers").iterdir()) == []


def test_a_server_that_does_not_listen_is_ended_all_the_same(folder: Path, order: Order) -> None:
    cloud = LocalCloud(folder, grace=0.1)
    server = cloud.create(order, 5)
    os.kill(pid_of(server), signal.SIGSTOP)
    cloud.delete("local", server.server_id, 5)
    assert process(pid_of(server)) is None


def test_a_pid_that_is_used_again_is_neither_mistaken_nor_killed(
    cloud: LocalCloud, folder: Path, bystander: "subprocess.Popen[bytes]"
) -> None:
    now = process(bystander.pid)
    assert now is not None
    made = half_made(folder)
    earlier = msgspec.structs.replace(now, started=now.started - 1)
    made.write(msgspec.structs.replace(made.record(), process=earlier))
    assert found(cloud, "s-half").status is ServerStatus.ERROR
    cloud.delete("local", "s-half", 5)
    assert bystander.poll() is None


def test_a_process_that_is_not_a_server_of_ours_is_not_killed(
    cloud: LocalCloud, folder: Path, bystander: "subprocess.Popen[bytes]"
) -> None:
    made = half_made(folder)
    made.write(msgspec.structs.replace(made.record(), process=process(bystander.pid)))
    cloud.delete("local", "s-half", 5)
    assert bystander.poll() is None


def test_a_server_is_known_by_its_arguments_from_the_moment_it_was_started() -> None:
    """The kernel tells of a process before it shows its arguments; most often so where both share one core."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        for _ in range(100):
            with subprocess.Popen(["sleep", "600", "601"]) as started:
                is_known = child(started.pid).has_argument("601")
                started.kill()
            assert is_known
    finally:
        os.sched_setaffinity(0, cores)


def test_a_create_that_fell_before_it_started_anything_leaves_a_server_in_error(
    cloud: LocalCloud, folder: Path
) -> None:
    half_made(folder)
    server = found(cloud, "s-half")
    assert (server.status, server.pid) == (ServerStatus.ERROR, None)
    cloud.delete("local", "s-half", 5)
    assert cloud.servers("local", "5d7e", 5) == []


@pytest.fixture
def orphan(folder: Path, order: Order) -> Iterator["subprocess.Popen[bytes]"]:
    """A server's process whose maker fell before he wrote down its pid."""
    made = half_made(folder)
    made.write_settings(order.user_data)
    process = subprocess.Popen(
        [sys.executable, *NODE], env={**os.environ, SETTINGS: str(made.settings)}, stderr=subprocess.DEVNULL
    )
    yield process
    process.kill()
    process.wait()


def test_a_create_that_fell_before_it_noted_the_pid_leaves_a_server_that_is_found(
    cloud: LocalCloud, orphan: "subprocess.Popen[bytes]"
) -> None:
    server = found(cloud, "s-half")
    assert (server.status, server.pid) == (ServerStatus.ACTIVE, orphan.pid)


def test_a_server_whose_pid_was_never_noted_is_ended_when_it_is_deleted(
    cloud: LocalCloud, orphan: "subprocess.Popen[bytes]"
) -> None:
    cloud.delete("local", "s-half", 5)
    assert orphan.wait(5) is not None
    with pytest.raises(ServerGone):
        found(cloud, "s-half")


def test_a_server_whose_maker_is_at_work_is_building_and_left_alone(cloud: LocalCloud, folder: Path) -> None:
    with half_made(folder).locked(1):
        assert found(cloud, "s-half").status is ServerStatus.BUILD
        with pytest.raises(CloudUnavailable):
            cloud.delete("local", "s-half", 0.05)
    assert found(cloud, "s-half").status is ServerStatus.ERROR


def test_a_server_outlives_its_maker_and_is_everybodys(cloud: LocalCloud, folder: Path, order: Order) -> None:
    program = textwrap.dedent(
        """
        import os, signal, sys
        import msgspec
        from elastic.adapters.cloud.local import LocalCloud
        from elastic.model.server import Order
        LocalCloud(sys.argv[1]).create(msgspec.json.decode(sys.argv[2], type=Order), 5)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    told = msgspec.json.encode(order).decode()
    subprocess.run([sys.executable, "-c", program, str(folder), told], check=False, timeout=60)
    (server,) = cloud.servers("local", "5d7e", 5)
    assert server.status is ServerStatus.ACTIVE
    os.kill(pid_of(server), signal.SIGKILL)
    assert eventually(lambda: found(cloud, server.server_id).status is ServerStatus.ERROR)


def test_many_makers_at_once_make_as_many_servers(folder: Path, cloud: LocalCloud, order: Order) -> None:
    makers = [threading.Thread(target=LocalCloud(folder).create, args=(order, 5)) for _ in range(6)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert len({server.pid for server in cloud.servers("local", "5d7e", 5)}) == 6


def test_many_may_delete_one_server_at_once(cloud: LocalCloud, folder: Path, order: Order) -> None:
    server = cloud.create(order, 5)
    troubles: list[Exception] = []

    def delete() -> None:
        try:
            LocalCloud(folder).delete("local", server.server_id, 5)
        except ServerGone:
            return
        except Exception as error:
            troubles.append(error)

    threads = [threading.Thread(target=delete) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == []
    assert cloud.servers("local", "5d7e", 5) == []


def test_stopping_ends_every_server_whoever_made_it(cloud: LocalCloud, folder: Path, order: Order) -> None:
    made = [LocalCloud(folder).create(order, 5) for _ in range(3)]
    os.kill(pid_of(made[0]), signal.SIGKILL)
    half_made(folder)
    Folders(folder / "servers").new("left-over")
    assert cloud.stop_all() == 4
    assert [process(pid_of(server)) for server in made] == [None, None, None]
    assert list((folder / "servers").iterdir()) == []


def test_stopping_where_there_is_nothing_is_no_trouble(cloud: LocalCloud) -> None:
    assert cloud.stop_all() == 0
    assert list(cloud.sites()) == ["local"]


def test_settings_that_cannot_be_said_are_a_bad_order_and_leave_nothing(cloud: LocalCloud, order: Order) -> None:
    with pytest.raises(BadOrder):
        cloud.create(msgspec.structs.replace(order, user_data={"key": object()}), 5)
    assert cloud.servers("local", "5d7e", 5) == []


def test_a_host_that_starts_no_process_has_no_room_and_nothing_is_left(
    cloud: LocalCloud, order: Order, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(NoRoom):
        cloud.create(order, 5)
    assert list((folder / "servers").iterdir()) == []


def test_a_record_that_cannot_be_read_hides_itself_alone(cloud: LocalCloud, folder: Path) -> None:
    half_made(folder)
    (Folders(folder / "servers").new("s-torn").path / "record.json").write_text("{")
    assert [server.server_id for server in cloud.servers("local", "5d7e", 5)] == ["s-half"]


def test_a_directory_that_cannot_be_read_is_a_cloud_that_does_not_answer(tmp_path: Path, order: Order) -> None:
    (tmp_path / "file").write_text("")
    cloud = LocalCloud(tmp_path / "file")
    with pytest.raises(CloudUnavailable):
        cloud.servers("local", "5d7e", 5)
    with pytest.raises(CloudUnavailable):
        cloud.create(order, 5)
