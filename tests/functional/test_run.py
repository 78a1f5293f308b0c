"""`elastic run`: what it promises to whoever starts it."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from elastic.supervisor import leftover
from tests.functional.cluster import ELASTIC, Cluster, is_alive, until

pytestmark = [pytest.mark.functional, pytest.mark.slow]

EVENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00 [a-z]+ (-|[^ :]+:[^ :]+) .+")


def test_it_says_ready_first_and_then_a_line_an_event(cluster: Cluster) -> None:
    cluster.start()
    assert cluster.out.lines[0] == "ready"
    assert len(cluster.client.replicas()) == 3
    cluster.add_domains({"web": 2})
    owner = cluster.client.domain("web")["owner"]
    until(lambda: sum(f" running {owner}:web " in line for line in cluster.out.lines) == 2)
    assert cluster.out.lines.count("ready") == 1
    assert [line for line in cluster.out.lines[1:] if not EVENT.fullmatch(line)] == []


def test_a_second_run_on_the_directory_is_refused_and_names_the_first(cluster: Cluster) -> None:
    cluster.start(replicas=1)
    second = cluster.cli("run")
    assert second.returncode == 1
    assert second.stdout == ""
    assert len(second.stderr.splitlines()) == 1
    assert cluster.supervisor is not None
    assert f"pid {cluster.supervisor.pid}" in second.stderr
    assert len(cluster.client.replicas()) == 1


def test_a_clean_stop_leaves_no_process_and_no_server(cluster: Cluster) -> None:
    cluster.start()
    cluster.add_domains({"web": 3})
    assert len(cluster.vms()) == 3
    assert cluster.stop() == 0
    assert cluster.agents() == {}
    assert cluster.vms() == set()


def test_ctrl_c_stops_it_even_before_it_is_ready(cluster: Cluster) -> None:
    process = subprocess.Popen(
        [*ELASTIC, "run", "--data", str(cluster.directory)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    until(cluster.agents)
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0
    assert cluster.agents() == {}


@pytest.mark.hazard("F26")
def test_a_killed_supervisor_takes_its_replicas_with_it_and_the_next_run_adopts_the_servers(
    cluster: Cluster,
) -> None:
    cluster.start()
    cluster.add_domains({"web": 3})
    before = cluster.vms()
    assert cluster.supervisor is not None
    cluster.close_client()
    cluster.supervisor.kill()
    cluster.supervisor.wait()
    until(lambda: not cluster.agents(), 3, "replicas live on without a supervisor")
    assert cluster.vms() == before
    cluster.start()
    cluster.until_settled({"web": 3})
    assert cluster.vms() == before
    assert cluster.stop() == 0
    assert cluster.vms() == set()


def test_a_replica_that_dies_or_hangs_is_started_again(cluster: Cluster) -> None:
    cluster.start()
    for how in (signal.SIGKILL, signal.SIGSTOP):
        victim = cluster.agents()["r2"]
        os.kill(victim, how)
        until(lambda gone=victim: not is_alive(gone) and "r2" in cluster.agents())
        cluster.until_whole()


def test_a_replica_stopped_with_sigterm_leaves_the_ring_and_comes_back(cluster: Cluster) -> None:
    cluster.start()
    victim = cluster.agents()["r1"]
    os.kill(victim, signal.SIGTERM)
    until(lambda: cluster.agents().get("r1", victim) != victim)
    cluster.until_whole()


@pytest.mark.parametrize("name", ["with blank and ünïcode", "l" * 200])
def test_any_name_of_a_directory_will_do(tmp_path: Path, name: str) -> None:
    with Cluster(tmp_path / name) as cluster:
        cluster.start(replicas=1)
        cluster.add_domains({"web": 1})
        assert cluster.stop() == 0


def test_what_cannot_hold_a_cluster_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not ours")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "below", tmp_path / "full", Path("/proc/here")):
        done = subprocess.run([*ELASTIC, "run", "--data", str(place)], capture_output=True, text=True, timeout=30)
        assert (done.returncode, done.stdout) == (1, "")
        (line,) = done.stderr.splitlines()
        assert str(place) in line
    assert (tmp_path / "file").read_text() == "not ours"


def test_a_configuration_that_makes_no_sense_ends_the_run_with_its_reason(cluster: Cluster) -> None:
    cluster.start(replicas=1)
    assert cluster.stop() == 0
    config = cluster.directory / "elastic.conf"
    config.write_text(config.read_text().replace("session_timeout = 2", "session_timeout = soon"))
    done = cluster.cli("run")
    assert done.returncode == 1
    assert "session_timeout" in done.stderr


@pytest.mark.parametrize("what", ["", "store.db"])
def test_a_cluster_whose_directory_or_store_is_taken_away_ends_and_says_so(cluster: Cluster, what: str) -> None:
    cluster.start()
    cluster.add_domains({"web": 2})
    assert cluster.supervisor is not None
    (cluster.directory / what).rename(cluster.directory.parent / "elsewhere")
    try:
        assert cluster.supervisor.wait(10) == 1
        until(lambda: any("was taken away" in line for line in cluster.err.lines))
        assert cluster.agents() == {}
        assert len(cluster.vms()) == (2 if what else 0)
    finally:
        leftover.end_servers(str(cluster.directory / "cloud"))


def test_nobody_reads_what_it_says_and_it_goes_on(cluster: Cluster) -> None:
    """Both pipes full, one of them closed: replicas are looked after all the same."""
    process = subprocess.Popen(
        [*ELASTIC, "run", "--replicas", "2", "--data", str(cluster.directory)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    cluster.supervisor = process  # type: ignore[assignment]
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.stdout.close()
    cluster.add_domains({"web": 1})
    victim = cluster.agents()["r1"]
    os.kill(victim, signal.SIGKILL)
    until(lambda: cluster.agents().get("r1", victim) != victim)
    assert cluster.stop() == 0
