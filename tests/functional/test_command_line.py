"""`elastic` as a process, against a reactor on the embedded bus."""

import json
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from elastic.adapters.bus.rpc import KombuRpcServer
from elastic.adapters.clock import SYSTEM_CLOCK
from elastic.conf import embedded
from elastic.conf.settings import Settings, load
from tests.unit.roles.reactors import Bench

pytestmark = pytest.mark.functional

ELASTIC = [sys.executable, "-m", "elastic.cli.main"]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    embedded.write(tmp_path / "cluster")
    return tmp_path / "cluster"


@pytest.fixture
def served(directory: Path) -> Iterator[Bench]:
    bench = Bench()
    bench.clock.step(SYSTEM_CLOCK.now() - bench.clock.now())
    said = Settings.of(load([str(directory / "elastic.conf")]))
    server = KombuRpcServer(said.bus.url, said.default.cluster)
    server.start(bench.reactor.handle)
    yield bench
    server.stop()
    bench.close()


def run(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    line = [*ELASTIC, *words, "--data", str(directory)]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.usefixtures("served")
def test_a_domain_is_added_by_the_login_name_and_shown(directory: Path, tmp_path: Path) -> None:
    definition = tmp_path / "d.yaml"
    definition.write_text("engine_conf: {preserve_n: 3}")
    for words in (
        ["definition", "add", "d", "--file", str(definition)],
        ["domain", "add", "web", "--definition", "d", "--set", "engine_conf.force_site=north"],
    ):
        done = run(directory, *words)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    rows = json.loads(run(directory, "domain", "list", "-f", "json").stdout)
    assert [(row["owner"], row["name"]) for row in rows] == [(pwd.getpwuid(os.geteuid()).pw_name, "web")]
    config = json.loads(run(directory, "domain", "show", "web", "-f", "json").stdout)["config"]
    assert config["engine_conf"] == {"preserve_n": 3, "force_site": "north"}


def test_a_cluster_that_does_not_run_is_told_of_in_one_line(directory: Path) -> None:
    done = run(directory, "domain", "list")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert f"elastic run --data {directory}" in done.stderr


def test_an_interrupt_while_following_ends_with_130_and_without_a_traceback(
    directory: Path, served: Bench
) -> None:
    served.add_domain()
    line = [*ELASTIC, "events", "--follow", "-f", "json", "--data", str(directory)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["kind"] == "added"
        process.send_signal(signal.SIGINT)
        _out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "")


def test_a_reader_that_goes_away_is_no_error(directory: Path, served: Bench) -> None:
    for number in range(3):
        served.add_domain(name=f"web{number}")
    line = [*ELASTIC, "events", "--follow", "-f", "json", "--data", str(directory)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        served.add_domain(name="another")
        assert process.stderr.read() == ""
        process.wait(timeout=30)
