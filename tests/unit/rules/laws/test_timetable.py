"""`schedule`: a floor, a ceiling or an exact size for a while."""

import pytest

from elastic.errors import BadRequest
from tests.unit.rules.laws.telling import law

DAY = 86400
SEVEN = 7 * 3600
"""Of the first day that Unix knows of."""


def table(**conf):
    return law("schedule", **{"cron": "0 7 * * *", "duration": "11h", "floor": 4, **conf})


@pytest.mark.parametrize(
    ("now", "in_force"),
    [
        (SEVEN - 0.001, False),
        (SEVEN, True),
        (SEVEN + 11 * 3600 - 0.001, True),
        (SEVEN + 11 * 3600, False),
        (DAY + SEVEN - 1, False),
        (DAY + SEVEN, True),
    ],
)
def test_it_is_in_force_from_each_firing_until_its_time_is_over(now, in_force):
    assert table().is_in_force(now) is in_force


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [
        (90, 90),
        (90.5, 90.5),
        ("90s", 90),
        ("1.5m", 90),
        ("0.07h", 252),
        ("2h", 7200),
        ("1d", DAY),
        ("0s", 0),
        (0, 0),
    ],
)
def test_how_long_is_said_in_seconds_or_with_a_unit_and_kept_exactly(duration, seconds):
    asked = table(cron="0 7 1 1 *", duration=duration)
    assert asked.is_in_force(SEVEN + seconds - 0.1) is (seconds > 0)
    assert not asked.is_in_force(SEVEN + seconds)


def test_one_that_lasts_longer_than_its_firings_lie_apart_is_always_in_force():
    for now in (SEVEN - 1, SEVEN, SEVEN + DAY // 2):
        assert table(duration="1d").is_in_force(DAY + now)


def test_its_clock_is_its_zones():
    assert table(tz="Europe/Zurich").is_in_force(SEVEN - 3600)  # 7 o'clock, at UTC+1
    assert not table(tz="Europe/Zurich").is_in_force(SEVEN - 3601)


@pytest.mark.parametrize(
    ("bounds", "floor", "ceiling"),
    [({"floor": 3}, 3, None), ({"ceiling": 3}, None, 3), ({"exact": 3}, 3, 3), ({"floor": 0}, 0, None)],
)
def test_it_bounds_a_size_from_below_from_above_or_from_both(bounds, floor, ceiling):
    asked = table(**{"floor": None, **bounds})
    assert (asked.least, asked.most) == (floor, ceiling)


@pytest.mark.parametrize(
    ("conf", "named"),
    [
        ({"cron": None}, "cron"),
        ({"cron": "0 7 * *"}, "cron"),
        ({"cron": "0 25 * * *"}, "cron"),
        ({"cron": "9" * 5000 + " * * * *"}, "cron"),
        ({"tz": "Europe/Zurch"}, "tz"),
        ({"tz": "../zone"}, "tz"),
        ({"tz": "Europe"}, "tz"),
        ({"tz": "a\0b"}, "tz"),
        ({"duration": None}, "duration"),
        ({"duration": "11"}, "duration"),
        ({"duration": "11 h"}, "duration"),
        ({"duration": "-1h"}, "duration"),
        ({"duration": -1}, "duration"),
        ({"duration": True}, "duration"),
        ({"duration": [1]}, "duration"),
        ({"duration": "9" * 5000 + "d"}, "duration"),
        ({"duration": "9" * 400 + ".5d"}, "duration"),
        ({"floor": None}, "floor"),
        ({"ceiling": 5}, "floor and ceiling"),
        ({"floor": -1}, "floor"),
        ({"floor": 1.5}, "floor"),
    ],
)
def test_what_is_wrong_is_named(conf, named):
    with pytest.raises(BadRequest, match=named) as fault:
        table(**conf)
    assert "policies[0]" in str(fault.value)
