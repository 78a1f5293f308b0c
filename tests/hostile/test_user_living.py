"""A cluster that lives, and users who know no better: it goes on, and so do its domains."""

import fcntl
import io
import os
import pty
import signal
import struct
import subprocess
import termios
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from elastic.cli.main import ElasticApp
from tests.functional.cluster import ELASTIC, Cluster, until
from tests.hostile.user_words import assert_refused

pytestmark = [pytest.mark.functional, pytest.mark.slow]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two replicas, started by somebody who had closed all streams; and a domain."""
    directory = tmp_path_factory.mktemp("living") / "data"
    with Cluster(directory) as made:
        line = ["bash", "-c", 'exec "$@" <&- >&- 2>&-', "-", *ELASTIC]
        made.supervisor = subprocess.Popen([*line, "run", "--replicas", "2", "--data", str(directory)], text=True)
        until((directory / "elastic.conf").exists)
        made.until_whole(2)
        made.add_domains({"web": 1})
        yield made
        assert made.client.check_store()["problems"] == []
        assert made.stop() == 0
        assert made.agents() == {}
        assert made.vms() == set()


@pytest.fixture(autouse=True)
def nothing_is_broken(cluster: Cluster) -> Iterator[None]:
    """The domain is as before, its server the same process, and no replica has died."""
    before = sight_of(cluster)
    yield
    assert sight_of(cluster) == before


def sight_of(cluster: Cluster) -> Any:
    row = until(lambda: cluster.client.domain("web"))
    config = (row["config"], row["status"], row["revision"], [each["name"] for each in cluster.client.domains()])
    return config, cluster.vms(), cluster.agents()


def typed(cluster: Cluster, *words: str) -> "subprocess.CompletedProcess[str]":
    """In this process, but asking the living cluster."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = ElasticApp(stdout=out, stderr=err).run([*words, "--data", str(cluster.directory)])
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


REFUSED = {
    "domain show nope": "no domain 'nope'",
    "domain show web --as bob": "no domain 'web'",
    "domain remove web --as bob": "no domain 'web'",
    "domain add web --definition test": "already",
    "domain add w --definition nope": "no definition 'nope'",
    "domain add w --definition test --set engine_conf.preserve_n=-1": "preserve_n",
    "domain add w --definition test --set engine_conf.preserve_n=1000000000": "at most",
    "domain add a/b --definition test --set engine_conf.preserve_n=1": "'a/b'",
    f"domain add {'x' * 10_240} --definition test --set engine_conf.preserve_n=1": "xxx",
    "domain add \udcff --definition test --set engine_conf.preserve_n=1": "surrogates",
    "domain add \u202e --definition test --set engine_conf.preserve_n=1": "u202e",
    "domain reconfigure web --set general.engine=nope": "nope",
    "domain reconfigure web --unset engine_conf.nope": "nope",
    "domain unsubscribe web nobody": "nobody",
    "definition add test --file /dev/null": "already",
    "definition remove nope": "nope",
    "instance show i-000-1-1": "no instance",
    "instance terminate nonsense": "no instance",
    "replica drain r9": "r9",
    "replica drain nonsense --weight 101": "",
    "replica forget r1": "r1",
    "quarantine release nope": "nope",
    "explain nope": "nope",
    "domain list --owner a/b": "a/b",
    "domain list --as a/b": "a/b",
}


@pytest.mark.parametrize("line", REFUSED, ids=lambda line: line[:50].encode("unicode_escape").decode())
def test_what_makes_no_sense_is_refused_and_changes_nothing(cluster: Cluster, line: str) -> None:
    done = typed(cluster, *line.split())
    assert_refused(done, 2 if "101" in line else 1, REFUSED[line])


@pytest.mark.parametrize(
    ("kilobytes", "told"), [(200, ""), (900, "at most"), (1100, "larger than"), (5000, "larger")]
)
def test_a_definition_too_large_to_carry_is_refused_and_nothing_of_it_is_left(
    cluster: Cluster, kilobytes: int, told: str, tmp_path: Path
) -> None:
    file = tmp_path / "f"
    file.write_text(f"engine_conf: {{provisioner_vars: {{a: '{'x' * kilobytes * 1000}'}}}}")
    done = typed(cluster, "definition", "add", "large", "--file", str(file))
    if not told:
        assert (done.returncode, done.stderr) == (0, "")
        assert typed(cluster, "definition", "remove", "large").returncode == 0
    else:
        assert_refused(done, 1, told)
    assert_refused(typed(cluster, "definition", "show", "large"), 1, "large")


def test_an_interrupted_wait_ends_with_130_and_the_work_goes_on(cluster: Cluster) -> None:
    line = [
        *ELASTIC,
        "domain",
        "add",
        "other",
        "--definition",
        "test",
        "--set",
        "engine_conf.preserve_n=1",
        "--wait",
    ]
    with subprocess.Popen([*line, "--data", str(cluster.directory)], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=30)
    assert (process.returncode, "Traceback" in first + rest) == (130, False)
    until(lambda: cluster.client.domain("other")["status"] == "STABLE")
    cluster.client.remove_domain("other")
    until(lambda: [row["name"] for row in cluster.client.domains()] == ["web"])
    until(lambda: len(cluster.vms()) == 1)


def test_a_terminal_of_20_columns_is_wide_enough(cluster: Cluster) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 20, 0, 0))
    try:
        line = [*ELASTIC, "domain", "list", "--data", str(cluster.directory)]
        with subprocess.Popen(line, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, text=True) as process:
            os.close(theirs)
            told = b""
            while chunk := _read(ours):
                told += chunk
            _, err = process.communicate(timeout=30)
        assert (process.returncode, err) == (0, "")
        assert "w" in told.decode()
    finally:
        os.close(ours)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # how a terminal says that nobody writes any more
        return b""
