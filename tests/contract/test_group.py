"""Who is there: a hint, that heals by itself."""

import pytest

from elastic.errors import StoreUnavailable
from tests.contract.worlds import GroupWorld


def test_those_who_joined_are_there_for_all(group_world: GroupWorld) -> None:
    groups = [group_world.group(name) for name in ("m1", "m2", "m3")]
    for group in groups:
        group.join()

    for group in groups:
        present = group.present()
        assert set(present) == {"m1", "m2", "m3"}
        assert all(presence.name == name and not presence.proved_dead for name, presence in present.items())


def test_one_who_left_is_not_there_and_stays_away(group_world: GroupWorld) -> None:
    first, second = group_world.group("m1"), group_world.group("m2")
    first.join()
    second.join()
    first.leave()
    assert set(second.present()) == {"m2"}

    first.beat()
    assert set(second.present()) == {"m2"}


def test_one_who_says_nothing_for_a_session_is_not_there_until_it_speaks(group_world: GroupWorld) -> None:
    first, second = group_world.group("m1"), group_world.group("m2")
    first.join()
    second.join()
    group_world.silence("m1")
    assert set(second.present()) == {"m2"}

    first.beat()
    assert set(second.present()) == {"m1", "m2"}


def test_lost_membership_heals_with_the_next_beat(group_world: GroupWorld) -> None:
    first, second = group_world.group("m1"), group_world.group("m2")
    first.join()
    second.join()
    group_world.expel("m1")
    assert set(second.present()) == {"m2"}

    for _ in range(2):
        first.beat()
        assert set(second.present()) == {"m1", "m2"}


def test_a_killed_member_is_proved_dead_before_its_session_is_over(group_world: GroupWorld) -> None:
    first, second = group_world.group("m1"), group_world.group("m2")
    first.join()
    second.join()
    group_world.kill("m1")

    present = second.present()
    assert present["m1"].proved_dead
    assert not present["m2"].proved_dead


def test_a_member_that_was_killed_comes_back_under_its_name(group_world: GroupWorld) -> None:
    first, second = group_world.group("m1"), group_world.group("m2")
    first.join()
    second.join()
    group_world.kill("m1")
    second.present()

    again = group_world.group("m1")
    again.join()
    group_world.silence("m1")
    again.beat()  # only one that tooz itself put in is kept alive by it
    assert set(second.present()) == {"m1", "m2"}
    assert not second.present()["m1"].proved_dead


def test_since_is_kept_while_there_is_no_gap(group_world: GroupWorld) -> None:
    first, second = group_world.group("m1"), group_world.group("m2")
    first.join()
    second.join()
    before = group_world.clock.monotonic()
    since = second.present()["m1"].since
    assert before <= since <= group_world.clock.monotonic()

    first.beat()
    assert second.present()["m1"].since == since

    group_world.silence("m1")
    second.present()
    gap = group_world.clock.monotonic()
    first.beat()
    assert second.present()["m1"].since >= gap


def test_a_group_that_cannot_be_read_says_so(group_world: GroupWorld) -> None:
    group = group_world.group("m1")
    group.join()
    group_world.obstruct()

    with pytest.raises(StoreUnavailable):
        group.present()
