import os
import signal
from pathlib import Path

import pytest

from elastic.adapters.membership.alive import AliveLock, is_dead
from elastic.errors import BadRequest, Conflict
from tests.contract.processes import ended, forked


def test_a_member_that_never_lived_here_is_not_proved_dead(tmp_path: Path) -> None:
    assert not is_dead(tmp_path, "m1")
    assert not is_dead(tmp_path / "nowhere", "m1")


def test_a_member_is_alive_from_acquire_to_release(tmp_path: Path) -> None:
    lock = AliveLock(tmp_path, "m1")
    for _ in range(2):
        lock.acquire()
        assert not is_dead(tmp_path, "m1")
        lock.release()
        assert is_dead(tmp_path, "m1")
    lock.release()


def test_a_second_process_of_the_same_name_is_refused_and_told_of_the_first(tmp_path: Path) -> None:
    first = AliveLock(tmp_path, "m1")
    first.acquire()

    with pytest.raises(Conflict, match=f"m1 is running already: process {os.getpid()}"):
        AliveLock(tmp_path, "m1").acquire()
    AliveLock(tmp_path, "m2").acquire()
    first.release()


@pytest.mark.functional
def test_a_killed_process_is_dead_and_a_stopped_one_is_not(tmp_path: Path) -> None:
    reading, writing = os.pipe()

    def live() -> None:
        AliveLock(tmp_path, "m1").acquire()
        os.write(writing, b".")
        signal.pause()

    with forked(live) as pid:
        os.read(reading, 1)
        os.kill(pid, signal.SIGSTOP)
        assert not is_dead(tmp_path, "m1")

        os.kill(pid, signal.SIGKILL)
        assert ended(pid) == -signal.SIGKILL
        assert is_dead(tmp_path, "m1")
    os.close(reading)
    os.close(writing)


def test_a_name_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    with pytest.raises(BadRequest):
        AliveLock(tmp_path, "../m1")
    with pytest.raises(BadRequest):
        is_dead(tmp_path, "a/b")
