"""`elastic demo`: done only if all of it was seen, and nothing left however it ends."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.cluster import ELASTIC, agents_of, until, vms_of

pytestmark = [pytest.mark.functional, pytest.mark.slow]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """Where the demo's temporary directory is made; empty afterwards, and nobody works there."""
    yield tmp_path
    assert list(tmp_path.iterdir()) == []


def begun(place: Path, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*ELASTIC, "demo", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(place)},
    )


def test_it_shows_all_and_says_how_long_each_took(place: Path) -> None:
    demo = begun(place)  # stdout is no terminal: plain without being told
    out, err = demo.communicate(timeout=150)
    assert (demo.returncode, err) == (0, "")
    assert "\x1b" not in out
    assert "All of it was seen" in out
    assert [line[:2] for line in out.splitlines() if line[2:9].strip().endswith("s") or " s  " in line[:12]] != []


def test_what_was_not_seen_in_time_is_a_failure(place: Path) -> None:
    demo = begun(place, "--plain", "--seconds", "1.5")
    out, err = demo.communicate(timeout=60)
    assert demo.returncode == 1
    assert "not seen in time: 3 replicas start and form a ring" in err
    assert "All of it was seen" not in out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_clears_away_too(place: Path, number: signal.Signals) -> None:
    demo = begun(place, "--plain")
    data = until(lambda: next((d for d in place.glob("*/data") if len(vms_of(d)) == 3), None))
    demo.send_signal(number)
    demo.communicate(timeout=30)
    assert demo.returncode == 130
    assert agents_of(data) == {}
    assert vms_of(data) == set()


def test_killed_it_takes_its_cluster_with_it(tmp_path: Path) -> None:
    demo = begun(tmp_path, "--plain")
    data = until(lambda: next((d for d in tmp_path.glob("*/data") if len(vms_of(d)) == 3), None))
    demo.kill()
    demo.communicate()
    until(lambda: not agents_of(data) and not vms_of(data))
