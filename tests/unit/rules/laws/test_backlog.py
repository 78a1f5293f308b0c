"""`backlog_ratio`: workers in proportion to what waits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elastic.errors import BadRequest
from tests.unit.rules.laws.telling import law, raw

LEGACY = {"legacy": True}
KEEPS_TWO = {"maintain_min_idle": True, "min_idle": 2}
AT_DEPTH_ZERO = {"release_when": "depth_zero"}


def size(conf, **signals):
    return raw("backlog_ratio", conf, signals)


@pytest.mark.parametrize(
    ("signals", "came"),
    [
        ({"R": 100}, 20),
        ({"R": 100, "B": 7}, 20),
        ({"R": 3, "W": 2, "I": 0}, 2),
        ({"R": 4}, 1),
        ({"R": 0, "W": 5, "I": 5}, 1),
        ({"R": 0, "W": 4, "I": 1}, 4),
        ({"R": 0, "U": 2, "W": 5, "I": 3}, 3),
        ({"R": 40, "W": 3, "I": 2, "B": 3}, 9),
        ({"R": 5, "W": 5, "I": 5}, 5),
        ({"R": 0, "B": 3}, 3),
    ],
)
def test_what_waits_asks_for_more_than_boots_or_idles_and_only_an_empty_queue_for_fewer(signals, came):
    assert size({}, **signals) == came


@pytest.mark.parametrize(
    ("conf", "signals", "came"),
    [
        ({"spawn_ratio": 0.1}, {"R": 250, "W": 10, "B": 12, "I": 0}, 35),
        ({"spawn_ratio": 0.1}, {"R": 30}, 3),
        ({"spawn_ratio": 0.29, "rounding": "down"}, {"R": 100}, 29),
        ({"rounding": "down"}, {"R": 9}, 1),
        ({"rounding": "up"}, {"R": 9}, 2),
        ({"backlog_threshold": 0}, {"R": 1}, 1),
        ({"backlog_threshold": 4}, {"R": 4, "W": 1, "I": 0}, 1),
        ({"backlog_threshold": 3.5}, {"R": 4, "W": 1, "I": 0}, 2),
        ({"min_idle": 0}, {"R": 0, "W": 5, "I": 5}, 0),
        ({"min_idle": 9}, {"R": 0, "W": 5, "I": 5}, 5),
    ],
)
def test_its_numbers_are_exact(conf, signals, came):
    assert size(conf, **signals) == came


@pytest.mark.parametrize(
    ("wake_count", "ready", "booting", "came"),
    [(1, 1, 0, 1), (3, 1, 0, 3), (0, 1, 0, 0), (3, 0, 0, 0), (3, 1, 1, 1)],
)
def test_from_nothing_a_single_task_wakes_some(wake_count, ready, booting, came):
    assert size({"wake_count": wake_count}, R=ready, B=booting) == came


@pytest.mark.parametrize(
    ("signals", "came"),
    [
        ({"R": 0, "W": 3, "I": 0}, 5),
        ({"R": 0, "W": 3, "B": 1, "I": 0}, 5),
        ({"R": 0, "W": 3, "B": 2, "I": 0}, 5),
        ({"R": 0, "W": 5, "I": 4}, 3),
        ({"R": 50, "W": 3, "I": 0}, 13),
        ({"R": 0}, 2),
    ],
)
def test_a_number_of_idle_ones_can_be_kept(signals, came):
    assert size(KEEPS_TWO, **signals) == came


@pytest.mark.parametrize(
    ("signals", "came"), [({"U": 2}, 5), ({"U": 0}, 1), ({"U": None}, "unacked"), ({"R": None, "U": 0}, "ready")]
)
def test_it_can_be_told_to_let_go_only_when_nothing_is_in_hand_either(signals, came):
    assert size(AT_DEPTH_ZERO, **{"R": 0, "W": 5, "I": 5, **signals}) == came


@pytest.mark.parametrize(
    ("signals", "came"),
    [
        ({"R": 100, "U": 0, "W": 2, "I": 0}, 22),
        ({"R": 100, "U": 0, "B": 7}, 20),
        ({"R": 0, "U": 0, "W": 5, "I": 5}, 1),
        ({"R": 90, "U": 10, "W": 5, "I": 5}, 25),
        ({"R": 9, "U": 0}, 1),
        ({"R": 4, "U": 0}, 0),
        ({"R": 0, "U": 1, "W": 5, "I": 4}, 5),
        ({"R": 9, "W": 1, "I": 0}, "unacked"),
    ],
)
def test_the_law_of_rubber_counts_all_messages_and_is_blind_to_the_idle(signals, came):
    assert size({**LEGACY, "wake_count": 3, "rounding": "up", "release_when": "ready_zero"}, **signals) == came


@pytest.mark.parametrize(
    ("signals", "lacking"),
    [
        ({"W": 1, "I": 1}, "ready"),
        ({"R": None, "W": 1, "I": 1}, "ready"),
        ({"R": 9, "W": 1}, "idle"),
        ({"R": 9}, 2),
        ({"R": 9, "B": 1}, 2),
    ],
)
def test_it_has_to_know_what_waits_and_who_idles_unless_nobody_is_in_service(signals, lacking):
    assert size({}, **signals) == lacking


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("spawn_ratio", 0),
        ("spawn_ratio", "0.2"),
        ("backlog_threshold", -1),
        ("min_idle", 1.5),
        ("wake_count", -1),
        ("rounding", "off"),
        ("release_when", "never"),
        ("maintain_min_idle", 1),
        ("legacy", "yes"),
        ("spawn_ration", 1),
    ],
)
def test_what_is_wrong_is_named(key, value):
    with pytest.raises(BadRequest, match=rf"policies\[0\].*{key}|{key}.*policies\[0\]"):
        law("backlog_ratio", **{key: value})


counts = st.integers(0, 50)


@given(counts, counts, counts, st.booleans(), st.sampled_from([{}, KEEPS_TWO, AT_DEPTH_ZERO, LEGACY]))
def test_it_never_asks_for_fewer_while_something_waits(ready, working, booting, idles, conf):
    there = working + booting
    signals = {"R": ready, "U": 0, "W": working, "B": booting, "I": working if idles else 0}
    assert size(conf, **signals) >= (there if ready else 0)
