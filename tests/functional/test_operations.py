"""What operators do to agents on real servers: stop, drain, reconfigure, move; in whatever state these are."""

import fcntl
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from elastic.client import connect
from elastic.errors import Denied, ElasticError
from tests.functional.cluster import AnyCluster, Cluster, until
from tests.functional.real import RealCluster
from tests.servers.process import opened_by, running
from tests.servers.rabbitmq import RabbitMQ
from tests.servers.zookeeper import ZooKeeper

pytestmark = [pytest.mark.functional, pytest.mark.slow]

STOP = 10.0  # seconds
SWEEP = 15.0  # seconds between two sweeps, as real clusters of tests have it


@pytest.fixture
def alone(
    tmp_path: Path, zookeeper: ZooKeeper, zookeeper_root: str, rabbitmq: RabbitMQ, vhost: str
) -> Iterator[RealCluster]:
    """One agent on real servers, not started yet."""
    with RealCluster(
        tmp_path / "data", [zookeeper], rabbitmq, chroot=zookeeper_root, vhost=vhost, members=("a",)
    ) as cluster:
        cluster.write()
        yield cluster


def said(cluster: RealCluster, words: str, bound: float = 60.0) -> None:
    until(lambda: any(words in line for line in cluster.hosts["a"].said()), bound, f"no word of {words!r}")


def launched(cluster: RealCluster) -> None:
    """Its process is there; it may not be ready for long."""
    cluster.hosts["a"].start()


# SIGTERM: in every state it ends within 10 s, with 0, and no VM with it


def nothing(cluster: RealCluster, stack: ExitStack) -> None:
    cluster.start_agent("a")


def no_zookeeper_at_start(cluster: RealCluster, stack: ExitStack) -> None:
    cluster.hosts["a"].to_zookeeper[0].cut()
    launched(cluster)
    said(cluster, "waiting: ")


def a_mute_zookeeper_at_start(cluster: RealCluster, stack: ExitStack) -> None:
    cluster.hosts["a"].to_zookeeper[0].stall()
    launched(cluster)
    said(cluster, "waiting: ")


def no_rabbitmq_at_start(cluster: RealCluster, stack: ExitStack) -> None:
    cluster.hosts["a"].to_rabbitmq.cut()
    launched(cluster)
    said(cluster, "waiting: [bus] url")


def zookeeper_cut_off(cluster: RealCluster, stack: ExitStack) -> None:
    cluster.start_agent("a")
    cluster.hosts["a"].to_zookeeper[0].cut()
    said(cluster, "the store does not answer")


def zookeeper_gone_mute_just_now(cluster: RealCluster, stack: ExitStack) -> None:
    cluster.start_agent("a")
    cluster.hosts["a"].to_zookeeper[0].stall()


def zookeeper_mute(cluster: RealCluster, stack: ExitStack) -> None:
    zookeeper_gone_mute_just_now(cluster, stack)
    said(cluster, "the store does not answer")


def rabbitmq_cut_off(cluster: RealCluster, stack: ExitStack) -> None:
    cluster.start_agent("a")
    cluster.hosts["a"].to_rabbitmq.cut()


def rabbitmq_mute(cluster: RealCluster, stack: ExitStack) -> None:
    cluster.start_agent("a")
    cluster.hosts["a"].to_rabbitmq.stall()


def all_mute(cluster: RealCluster, stack: ExitStack) -> None:
    cluster.start_agent("a")
    for wire in cluster.hosts["a"].wires:
        wire.stall()


def a_cloud_call_that_hangs(cluster: RealCluster, stack: ExitStack) -> None:
    """Whoever has a server's lock holds up all that is asked of the cloud about it: here that it be deleted. The
    one that replaces it is there already."""
    cluster.start_agent("a")
    cluster.add_domains({"web": 1})
    (lock,) = cluster.directory.glob("cloud/servers/*/lock")
    held = stack.enter_context(lock.open("r+"))
    fcntl.flock(held, fcntl.LOCK_EX)
    (row,) = cluster.client.instances("web")
    cluster.client.terminate_instance(row["instance_id"])

    def states() -> list[str]:
        return sorted(row["state"] for row in cluster.client.instances("web"))

    until(lambda: states() == ["600-RUNNING", "700-TERMINATING"], lack="it is not replaced")
    agent = cluster.hosts["a"].process.pid
    until(lambda: str(lock) in opened_by(agent), lack="it is not asked for")


def much_to_do(cluster: RealCluster, stack: ExitStack) -> None:
    cluster.start_agent("a")
    sizes = {f"d{n}": 1 for n in range(6)}
    cluster.add_domains(sizes)
    stack.enter_context(calls_upon(cluster, sorted(sizes)))


@contextmanager
def calls_upon(cluster: RealCluster, names: list[str]) -> Iterator[None]:
    """One after the other, from four clients at once."""
    over = threading.Event()

    def ask() -> None:
        with connect(config_file=cluster.directory / "client.conf", timeout=2) as client:
            while not over.is_set():
                for name in names:
                    with suppress(ElasticError):
                        client.reconfigure_domain(name, {"health": {"boot_timeout": 60 + time.monotonic() % 7}})

    asking = [threading.Thread(target=ask) for _ in range(4)]
    for thread in asking:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in asking:
            thread.join()


STATES: tuple[Callable[[RealCluster, ExitStack], None], ...] = (
    nothing,
    no_zookeeper_at_start,
    a_mute_zookeeper_at_start,
    no_rabbitmq_at_start,
    zookeeper_cut_off,
    zookeeper_gone_mute_just_now,
    zookeeper_mute,
    rabbitmq_cut_off,
    rabbitmq_mute,
    all_mute,
    a_cloud_call_that_hangs,
    much_to_do,
)


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_a_signal_to_stop_ends_an_agent_cleanly(
    alone: RealCluster, state: Callable[[RealCluster, ExitStack], None]
) -> None:
    with ExitStack() as stack:
        state(alone, stack)
        before = alone.vms()
        assert alone.stop_agent("a") == 0, alone.hosts["a"].said()[-20:]
        assert alone.vms() == before
        assert not any("Traceback" in line for line in alone.hosts["a"].said()), alone.hosts["a"].said()


@pytest.mark.parametrize("seconds", [0.1, 0.3, 0.6, 1.0, 1.5, 2.0])
def test_a_signal_to_stop_may_come_at_any_moment_of_the_start(alone: RealCluster, seconds: float) -> None:
    launched(alone)
    time.sleep(seconds)  # the moment itself, not a wait for anything
    code = alone.stop_agent("a")
    is_begun = bool(alone.hosts["a"].said())
    assert code in ((0,) if is_begun else (0, -signal.SIGTERM)), alone.hosts["a"].said()


def test_more_signals_to_stop_change_nothing(alone: RealCluster) -> None:
    alone.start_agent("a")
    alone.hosts["a"].to_zookeeper[0].stall()  # so that it takes a while
    process = alone.hosts["a"].process
    for _ in range(5):
        process.signal(signal.SIGTERM)
        process.signal(signal.SIGINT)
        time.sleep(0.1)  # so that they are told apart
        if not process.lives:
            break
    assert process.end(signal.SIGTERM, STOP) == 0


def test_one_that_stopped_is_listed_no_more_and_its_name_is_free_at_once(
    real_cluster: RealCluster,
) -> None:
    cluster = real_cluster
    cluster.start()
    cluster.until_whole()
    assert cluster.stop_agent("b") == 0
    assert {row["member"] for row in cluster.client.replicas()} == {"a", "c"}
    cluster.start_agent("b", bound=20)
    cluster.until_whole()


# drain


@pytest.fixture(params=["embedded", "real servers"])
def any_cluster(request: pytest.FixtureRequest) -> AnyCluster:
    """Three replicas, in the ring."""
    cluster: Cluster | RealCluster
    cluster = request.getfixturevalue("cluster" if request.param == "embedded" else "real_cluster")
    cluster.start()
    cluster.until_whole()
    return cluster


def test_a_drained_leader_hands_over_all_it_has_and_no_vm_notices(any_cluster: AnyCluster) -> None:
    cluster, sizes = any_cluster, {"one": 1, "two": 2, "three": 1}
    cluster.add_domains(sizes)
    before, name = cluster.vms(), cluster.leader("decider")["member"]
    newest = cluster.client.events()[-1]["seq"]

    def row() -> dict[str, object]:
        return next(row for row in cluster.client.replicas() if row["member"] == name)

    assert cluster.cli("replica", "drain", name).returncode == 0
    until(lambda: (row()["weight"], row()["partitions"], row()["leads"]) == (0, 0, []), 30, "it is not drained")
    until(lambda: cluster.leader("decider")["member"] != name, 30)
    cluster.client.reconfigure_domain("two", {"engine_conf": {"preserve_n": 3}})
    cluster.until_settled(sizes | {"two": 3})
    assert cluster.vms() >= before

    assert cluster.cli("replica", "undrain", name).returncode == 0
    until(lambda: row()["partitions"], 30, "it has no share again")
    cluster.until_settled(sizes | {"two": 3})
    assert cluster.vms() >= before
    told = [event["kind"] for event in cluster.client.events(after=newest)]
    assert not {"terminated", "failed", "replaced", "health"} & set(told), told


def test_a_drained_replica_stays_so_over_its_restart(real_cluster: RealCluster) -> None:
    cluster = real_cluster
    cluster.start()
    cluster.until_whole()
    cluster.client.drain_replica("b")
    assert cluster.stop_agent("b") == 0
    cluster.start_agent("b")
    (row,) = [row for row in cluster.client.replicas() if row["member"] == "b"]
    assert (row["weight"], row["partitions"], row["leads"]) == (0, 0, [])


# SIGHUP


def test_what_may_change_changes_when_the_files_are_read_again(alone: RealCluster) -> None:
    alone.start_agent("a")
    host, text = alone.hosts["a"], alone.hosts["a"].config.read_text()

    def is_operator() -> bool:
        try:
            return bool(alone.client.check_store())
        except Denied:
            return False

    def reread(new: str, word: str) -> None:
        host.config.write_text(new)
        begun = len(host.said())
        host.process.signal(signal.SIGHUP)
        until(lambda: any(word in line for line in host.said()[begun:]), lack=f"no word of {word!r}")

    assert is_operator()
    reread(text.replace("operators = elastic", "operators = somebody-else"), "was read again")
    assert not is_operator()
    reread(text.replace("operators = elastic", "operators = a/b"), "stays as it was")
    assert not is_operator()
    reread(text.replace("[DEFAULT]", "[DEFAULT]\ndebug = true"), "was read again")
    assert is_operator()
    host.to_rabbitmq.drop()
    until(lambda: any(" DEBUG elastic" in line for line in host.said()), lack="it does not say more")
    assert host.lives


# moving from one host to servers


def test_an_embedded_cluster_is_moved_to_real_servers(alone: RealCluster, tmp_path: Path) -> None:
    with Cluster(tmp_path / "embedded") as embedded:
        embedded.start(replicas=1)
        embedded.add_domains({"web": 1})
        embedded.client.of("bob").add_domain("work", "test", {"engine_conf": {"preserve_n": 5}}, paused=True)
        servers = embedded.vms()
        done = embedded.cli("domain", "export", "--all-owners")
        assert (done.returncode, done.stderr) == (0, "")
        book = tmp_path / "all.yaml"
        book.write_text(done.stdout)

        alone.start_agent("a")
        me = embedded.client.domains()[0]["owner"]
        things = ("definition test", "domain bob:work", f"domain {me}:web")
        done = alone.cli("domain", "import", "--file", str(book))
        outcomes = ("added", "added, and paused", "added")
        assert done.stderr.splitlines() == [f"{what} {how}" for what, how in zip(things, outcomes, strict=True)]
        again = alone.cli("domain", "import", "--file", str(book))
        assert again.stderr.splitlines() == [f"{what} is there already, and left as it is" for what in things]
        assert (done.returncode, again.returncode) == (0, 0)

        for owner, name in ((me, "web"), ("bob", "work")):
            old, new = embedded.client.of(owner).domain(name), alone.client.of(owner).domain(name)
            assert {key: new[key] for key in ("config", "paused", "definition")} == {
                key: old[key] for key in ("config", "paused", "definition")
            }
        theirs = alone.client.of(me)
        until(lambda: theirs.domain("web")["status"] == "STABLE", 60, "the new one is not stable")
        assert len(alone.vms()) == 1
        assert alone.client.of("bob").domain("work")["instances"] == []
        assert embedded.vms() == servers


# restoring the store


@pytest.mark.hazard("F9")
@pytest.mark.usefixtures("zookeeper_installed")
def test_a_store_restored_from_a_backup_costs_no_vm_until_an_operator_has_looked(
    tmp_path: Path, rabbitmq: RabbitMQ, vhost: str
) -> None:
    server = ZooKeeper(tmp_path / "zookeeper")
    server.folder.mkdir()
    with (
        running(server),
        RealCluster(tmp_path / "data", [server], rabbitmq, vhost=vhost, members=("a",)) as cluster,
    ):
        cluster.start()
        cluster.add_domains({"old": 1})
        old = cluster.vms()
        shutil.copytree(server.folder / "data", tmp_path / "backup")  # while it runs, as the page says

        cluster.client.add_domain("new", "test", {"engine_conf": {"preserve_n": 1}})
        cluster.until_settled({"old": 1, "new": 1})
        (new,) = cluster.vms() - old
        assert cluster.stop_agent("a") == 0
        server.stop()
        shutil.rmtree(server.folder / "data")
        shutil.copytree(tmp_path / "backup", server.folder / "data")
        server.start()
        cluster.start_agent("a")
        assert [row["name"] for row in cluster.client.domains()] == ["old"]
        said(cluster, "numbered above the store's counters", 90)
        assert [row["instance_id"] for row in cluster.client.servers(strays=True)] == [new.instance_id]
        time.sleep(2 * SWEEP)  # in which nothing is to happen
        assert cluster.vms() == old | {new}

        assert cluster.cli("store", "accept").returncode == 0
        until(lambda: cluster.vms() == old, 90, "the stray is not swept")
        cluster.until_settled({"old": 1})
        assert cluster.vms() == old
