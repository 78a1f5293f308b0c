"""How far a size may go at a time, and where it stays while nothing is known."""

import pytest

from elastic.errors import BadRequest
from elastic.rules.behaviour import Behaviour, Fallback, StepLimit
from elastic.rules.schema import read


def behaviour(**conf):
    return read(Behaviour, conf, "behaviour")


def fallback(**conf):
    return read(Fallback, conf, "fallback")


@pytest.mark.parametrize(
    ("said", "current", "step"),
    [
        (3, 10, 3),
        (3.0, 10, 3),
        (0, 10, 0),
        ("50%", 10, 5),
        ("33%", 10, 4),
        ("12.5%", 8, 1),
        ("0.1%", 1001, 2),
        ("50%", 0, 1),
        ("0%", 10, 1),
        ("300%", 10, 30),
        ("100%|4", 0, 4),
        ("100%|4", 3, 4),
        ("100%|4", 5, 5),
        ("4|100%", 5, 5),
        ("25%|0", 2, 1),
    ],
)
def test_a_step_is_a_number_a_part_or_the_larger_of_both(said, current, step):
    asked = behaviour(max_step_up=said, max_step_down=said)
    assert (asked.step_up.of(current), asked.step_down.of(current)) == (step, step)


def test_null_is_no_limit_and_not_the_default():
    asked = behaviour(max_step_up=None)
    assert (asked.step_up, asked.step_down) == (None, StepLimit(1, "25"))
    assert behaviour().step_up == StepLimit(4, "100")


@pytest.mark.parametrize(
    "said",
    [
        *("4", "%", "-5%", "5%|", "|5%", "|", "5%|5%", "4|4", "5%|4|4", "5 %", "5%|-4", "1e2%", ".5%", "a%"),
        *(-1, 1.5, True, [4], {}, "", "9" * 5000 + "%", "9" * 5000 + "|5%"),
    ],
)
@pytest.mark.parametrize("key", ["max_step_up", "max_step_down"])
def test_another_step_is_refused_by_name(key, said):
    with pytest.raises(BadRequest, match=rf"behaviour\.{key}"):
        behaviour(**{key: said})


def test_null_is_the_default_of_all_else():
    keys = ("interval", "window_up", "window_down", "cooldown_in", "cooldown_out")
    assert behaviour(**dict.fromkeys(keys)) == behaviour()
    asked = behaviour()
    assert [getattr(asked, key) for key in keys] == [30, 0, 600, 60, 0]


@pytest.mark.parametrize("key", ["interval", "window_up", "window_down", "cooldown_in", "cooldown_out"])
@pytest.mark.parametrize("value", [-1, "30", True])
def test_seconds_that_are_none_are_refused_by_name(key, value):
    with pytest.raises(BadRequest, match=rf"behaviour\.{key}"):
        behaviour(**{key: value})


def test_what_was_asked_for_is_remembered_for_the_larger_window():
    assert behaviour(window_up=60).memory == 600
    assert behaviour(window_up=700.5).memory * 2 == 1401


@pytest.mark.parametrize(
    ("mode", "current", "size"),
    [
        ("hold", 9, 9),
        ("static", 9, 6),
        ("static", 3, 6),
        ("current_if_higher", 9, 9),
        ("current_if_higher", 3, 6),
        ("current_if_lower", 9, 6),
        ("current_if_lower", 3, 3),
        (None, 9, 9),
    ],
)
def test_from_the_third_miss_on_the_mode_says_where_to_stay(mode, current, size):
    asked = fallback(mode=mode, size=6)
    assert [asked.of(current, misses) for misses in (1, 2, 3, 9)] == [current, current, size, size]


def test_the_number_of_misses_can_be_said():
    assert fallback(mode="static", size=0, failure_threshold=1).of(9, 1) == 0


@pytest.mark.parametrize(
    ("conf", "named"),
    [
        ({"mode": "static"}, "size"),
        ({"mode": "current_if_lower", "size": None}, "size"),
        ({"mode": "off"}, "mode"),
        ({"size": -1}, "size"),
        ({"failure_threshold": 0}, "failure_threshold"),
        ({"failure_threshold": 1.5}, "failure_threshold"),
    ],
)
def test_another_fallback_is_refused_by_name(conf, named):
    with pytest.raises(BadRequest, match=rf"fallback\.{named}"):
        fallback(**conf)
