"""Directories that cannot hold a cluster, or no longer can: said in one line, and nothing left half-made."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from elastic.conf import embedded
from elastic.errors import BadRequest, Unavailable
from elastic.supervisor import household
from tests.functional.cluster import Cluster, until
from tests.hostile.user_process import by_shell, tmpfs, typed
from tests.hostile.user_words import assert_refused, is_plain

pytestmark = pytest.mark.functional

NAMES = ["50%", "what?", "a#b", "$HOME", "a;b", "a\nb", "a\rb", "a\tb", "\x1b[2J", "\udcff", "blank at the end "]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_name_that_no_configuration_can_say_is_refused_before_anything_is_made(
    tmp_path: Path, name: str
) -> None:
    """Also where a link leads to it."""
    with pytest.raises(BadRequest, match="the path of a cluster's directory may not"):
        household.run(tmp_path / name, 1, None)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "link").symlink_to(tmp_path / name)
    with pytest.raises(BadRequest, match="the path of a cluster's directory may not"):
        household.run(tmp_path / "link", 1, None)
    assert [entry.name for entry in tmp_path.iterdir()] == ["link"]


@pytest.mark.parametrize(
    "name", ["ünïcode", "домен", "with blank", "a'b", 'a"b', "a\\b", "a&b=c", "[x]", "-x", "~", ","]
)
def test_any_other_name_is_read_back_as_it_was(tmp_path: Path, name: str) -> None:
    file = embedded.write(tmp_path / name)
    assert embedded.write(tmp_path / name) == file


def test_a_device_or_a_pipe_is_no_directory(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", Path("/dev/null")):
        assert_refused(typed("run", "--data", str(place)), 1, "is not a directory")


def test_a_limit_on_the_size_of_files_is_found_out_at_once(tmp_path: Path) -> None:
    assert_refused(
        by_shell("ulimit -f 100; $elastic run --data d", tmp_path), 1, "cannot hold a cluster: File too large"
    )
    assert not list((tmp_path / "d").iterdir())


def test_no_room_and_no_leave_to_write_are_found_out_at_once(tmp_path: Path) -> None:
    with tmpfs(tmp_path / "small", "size=1m") as small:
        assert_refused(typed("run", "--data", str(small / "d")), 1, "cannot hold a cluster: No space left")
        assert not list((small / "d").iterdir())
        subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
        assert_refused(typed("run", "--data", str(small / "d")), 1, "Read-only file system")
        assert_refused(typed("run", "--data", str(small / "e")), 1, "Read-only file system")


@pytest.fixture
def on_a_small_disk(tmp_path: Path) -> Iterator[Cluster]:
    with tmpfs(tmp_path / "small", "size=48m") as small, Cluster(small / "data") as cluster:
        yield cluster


@pytest.mark.slow
def test_a_disk_that_fills_up_is_told_of_and_no_harm_is_left_when_there_is_room_again(
    on_a_small_disk: Cluster, tmp_path: Path
) -> None:
    cluster = on_a_small_disk
    cluster.start(replicas=1)
    cluster.add_domains({"web": 1})
    before = cluster.vms()
    ballast = cluster.directory.parent / "ballast"
    fill(ballast)
    (tmp_path / "f").write_text(f"engine_conf: {{provisioner_vars: {{a: '{'x' * 200_000}'}}}}")
    done = typed("definition", "add", "large", "--file", str(tmp_path / "f"), "--data", str(cluster.directory))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert is_plain(done.stderr.strip())
    assert cluster.vms() == before
    ballast.unlink()
    until(lambda: added(cluster))
    cluster.until_settled({"web": 1})
    assert cluster.vms() == before, "a server died of a full disk"
    assert cluster.client.check_store()["problems"] == []
    assert cluster.stop() == 0


def added(cluster: Cluster) -> bool:
    try:
        return "after" in [row["name"] for row in cluster.client.definitions()] or (
            cluster.client.add_definition("after", {"engine_conf": {"preserve_n": 1}}) is None
        )
    except Unavailable:
        return False


def fill(file: Path) -> None:
    """Until there is no room left."""
    with file.open("wb", buffering=0) as ballast:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    ballast.write(bytes(size))
            except OSError:
                continue
