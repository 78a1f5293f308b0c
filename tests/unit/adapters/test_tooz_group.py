"""What the file driver of tooz does to us, and that we bear it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tooz import coordination

from elastic.adapters.clock import SYSTEM_CLOCK
from elastic.adapters.membership.tooz import ToozGroup
from elastic.errors import BadRequest, StoreUnavailable

SESSION = 1.0


def made(folder: Path, member: str) -> ToozGroup:
    return ToozGroup(f"file://{folder}", "members", member, {}, SYSTEM_CLOCK, SESSION)


@pytest.fixture
def m1(tmp_path: Path) -> Iterator[ToozGroup]:
    group = made(tmp_path, "m1")
    group.join()
    yield group
    group.leave()


def records(folder: Path) -> list[Path]:
    return list(folder.glob("groups/*/*.raw"))


def test_members_that_are_no_names_of_ours_are_phantoms(m1: ToozGroup, tmp_path: Path) -> None:
    for name in (b"leader", b"not/ours", b"\xff\xfe"):
        phantom = coordination.get_coordinator(f"file://{tmp_path}", name)
        phantom.start()
        phantom.join_group(b"members").get()

    assert set(m1.present()) == {"m1"}


def test_none_of_us_is_called_like_one(tmp_path: Path) -> None:
    for name in ("leader", "a/b", ""):
        with pytest.raises(BadRequest):
            made(tmp_path, name)


def test_a_step_of_the_wall_clock_is_healed_by_the_next_beat(m1: ToozGroup, tmp_path: Path) -> None:
    for hours in (-1, 1):
        then = SYSTEM_CLOCK.now() + hours * 3600
        for record in records(tmp_path):
            os.utime(record, (then, then))
        assert set(m1.present()) == set()

        m1.beat()
        assert set(m1.present()) == {"m1"}


def test_a_record_cut_short_by_a_crash_does_not_keep_its_member_out(tmp_path: Path) -> None:
    first = made(tmp_path, "m1")
    first.join()
    (record,) = records(tmp_path)
    record.write_bytes(b"")
    with pytest.raises(StoreUnavailable):
        first.present()

    long_ago = SYSTEM_CLOCK.now() - 60  # and after a session nobody minds it any more
    os.utime(record, (long_ago, long_ago))
    again = made(tmp_path, "m1")
    again.join()
    assert set(again.present()) == {"m1"}
    again.leave()


def test_a_restarted_member_puts_itself_in_though_its_former_life_still_seems_to_be_there(tmp_path: Path) -> None:
    """Else nobody would keep that record alive, and it would vanish for a while."""
    made(tmp_path, "m1").join()
    (record,) = records(tmp_path)
    left_behind = record.read_bytes()
    again = made(tmp_path, "m1")
    again.join()

    assert record.read_bytes() != left_behind
    again.leave()


def test_before_joining_nothing_can_be_read(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        made(tmp_path, "m1").present()


def test_a_group_that_was_wiped_is_made_again(m1: ToozGroup, tmp_path: Path) -> None:
    for path in tmp_path.glob("groups/*/*"):
        path.unlink()
    for path in tmp_path.glob("groups/*"):
        path.rmdir()

    m1.beat()
    assert set(m1.present()) == {"m1"}


def test_whoever_hangs_with_the_lock_holds_others_up_for_a_session_and_no_longer(
    m1: ToozGroup, tmp_path: Path
) -> None:
    hung = coordination.get_coordinator(f"file://{tmp_path}", b"m2")
    hung.start()
    driver_lock = hung._driver_lock
    driver_lock.acquire()
    try:
        with pytest.raises(StoreUnavailable):
            m1.beat()
        with pytest.raises(StoreUnavailable):  # and none is begun while that one hangs
            m1.present()
    finally:
        driver_lock.release()

    while True:  # bounded by the test's own timeout
        try:
            assert set(m1.present()) == {"m1"}
            return
        except StoreUnavailable:
            continue


def test_a_beat_in_time_renews_the_record_and_leaves_it_as_it_is(m1: ToozGroup, tmp_path: Path) -> None:
    (record,) = records(tmp_path)
    content, a_while_ago = record.read_bytes(), SYSTEM_CLOCK.now() - SESSION / 2
    os.utime(record, (a_while_ago, a_while_ago))
    m1.beat()

    assert record.read_bytes() == content
    assert record.stat().st_mtime > a_while_ago
