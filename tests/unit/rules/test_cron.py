"""When a line fired last, on a clock that summer time sets forward and back."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from elastic.errors import BadRequest
from elastic.rules.cron import Cron, zone_exists

ZURICH, CASEY, VOSTOK = "Europe/Zurich", "Antarctica/Casey", "Antarctica/Vostok"


def at(text, zone="UTC", fold=0):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


def fires(line, text, zone="UTC", fold=0):
    """Whether it does so in that very minute."""
    moment, cron = at(text, zone, fold), Cron.read(line, zone)
    assert cron.fired_before(moment, 60) is cron.fired_before(moment + 59.9, 60)
    return cron.fired_before(moment, 60)


@pytest.mark.parametrize(
    ("line", "text", "does"),
    [
        ("* * * * *", "2026-07-08 12:34", True),
        ("30 * * * *", "2026-07-08 12:30", True),
        ("30 * * * *", "2026-07-08 12:31", False),
        ("*/20 * * * *", "2026-07-08 12:40", True),
        ("*/20 * * * *", "2026-07-08 12:50", False),
        ("5/20 * * * *", "2026-07-08 12:25", True),
        ("10-30/10 * * * *", "2026-07-08 12:20", True),
        ("10-30/10 * * * *", "2026-07-08 12:40", False),
        ("0 7,19 * * *", "2026-07-08 19:00", True),
        ("0 7-9,19 * * *", "2026-07-08 08:00", True),
        ("0 7-9,19 * * *", "2026-07-08 10:00", False),
        ("0 0 1 1 *", "2026-01-01 00:00", True),
        ("  0 0  1 1 * ", "2026-02-01 00:00", False),
    ],
)
def test_a_line_names_minutes(line, text, does):
    assert fires(line, text) is does


@pytest.mark.parametrize(
    ("now", "within", "fired"),
    [
        ("07:00", 3600, True),
        ("07:59:59.9", 3600, True),
        ("08:00", 3600, False),
        ("06:59:59.9", 3600, False),
        ("06:59", 86400, True),
        ("07:00", 0, False),
    ],
)
def test_from_the_firing_itself_to_just_before_the_end(now, within, fired):
    assert Cron.read("0 7 * * *", "UTC").fired_before(at(f"2026-07-08 {now}"), within) is fired


@pytest.mark.parametrize("sunday", ["0", "7", "0,7", "7-7", "*/7"])
def test_seven_is_sunday_as_nought_is(sunday):
    assert fires(f"0 0 * * {sunday}", "2026-07-12 00:00")
    assert not fires(f"0 0 * * {sunday}", "2026-07-11 00:00")


@pytest.mark.parametrize(
    ("line", "wednesday_8th", "wednesday_15th", "thursday_9th"),
    [
        ("0 0 8 * *", True, False, False),
        ("0 0 * * 3", True, True, False),
        ("0 0 9 * 3", True, True, True),
        ("0 0 * * *", True, True, True),
        ("0 0 1-10 * 3", True, True, True),
        ("0 0 */2 * 3", True, True, True),
        ("0 0 1,*/9 * */4", False, False, True),
    ],
)
def test_with_day_and_weekday_either_will_do_unless_one_is_a_star_alone(
    line, wednesday_8th, wednesday_15th, thursday_9th
):
    assert fires(line, "2026-07-08 00:00") is wednesday_8th
    assert fires(line, "2026-07-15 00:00") is wednesday_15th
    assert fires(line, "2026-07-09 00:00") is thursday_9th


def test_a_leap_day_comes_when_it_comes():
    assert fires("0 0 29 2 *", "2024-02-29 00:00")
    assert not fires("0 0 29 2 *", "2026-03-01 00:00")
    four_years = (365 * 4 + 1) * 86400
    cron = Cron.read("0 0 29 2 *", "UTC")
    assert cron.fired_before(at("2028-02-28 23:59"), four_years)
    assert not cron.fired_before(at("2028-02-28 23:59"), four_years - 60)


def test_no_month_has_a_day_that_it_has_not():
    assert not fires("0 0 31 * *", "2026-05-01 00:00")
    assert fires("0 0 31 * *", "2026-05-31 00:00")


@pytest.mark.parametrize(
    ("line", "text", "fold", "does"),
    [
        ("30 2 * * *", "2026-10-25 02:30", 0, True),
        ("30 2 * * *", "2026-10-25 02:30", 1, False),
        ("*/30 * * * *", "2026-10-25 02:00", 0, True),
        ("*/30 * * * *", "2026-10-25 02:00", 1, False),
        ("0 3 * * *", "2026-10-25 03:00", 0, True),
        ("30 2 * * *", "2026-03-29 01:30", 0, False),
        ("30 2 * * *", "2026-03-29 03:30", 0, False),
        ("30 2 * * *", "2026-03-30 02:30", 0, True),
        ("0 3 * * *", "2026-03-29 03:00", 0, True),
    ],
)
def test_what_occurs_twice_fires_once_at_the_first_and_what_does_not_occur_does_not_fire(line, text, fold, does):
    assert fires(line, text, ZURICH, fold) is does


def test_what_fired_before_the_clock_was_set_back_is_remembered_after():
    cron = Cron.read("45 2 25 10 *", ZURICH)
    fired = at("2026-10-25 02:45", ZURICH)
    assert cron.fired_before(at("2026-10-25 02:10", ZURICH, fold=1), 3600)  # 25 minutes later
    assert cron.fired_before(fired + 3599, 3600)
    assert not cron.fired_before(fired + 3600, 3600)


@pytest.mark.parametrize(
    ("zone", "line", "fired", "hours"),
    [(CASEY, "30 1 5 3 *", "2010-03-05 01:30", 3), (VOSTOK, "30 23 31 1 *", "1994-01-31 23:30", 7)],
)
def test_a_clock_may_be_set_back_by_hours(zone, line, fired, hours):
    moment, cron = at(fired, zone), Cron.read(line, zone)
    for minutes in (0, 40, hours * 60 - 1):
        assert cron.fired_before(moment + minutes * 60, hours * 3600)
    assert not cron.fired_before(moment + hours * 3600, hours * 3600)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * 32 * *",
        "* * * 13 *",
        "* * * * 8",
        "5-3 * * * *",
        "*/0 * * * *",
        "1/2/3 * * * *",
        "1-2-3 * * * *",
        "1, * * * *",
        "- * * * *",
        "-1 * * * *",
        "** * * * *",
        "1.5 * * * *",
        "٣ * * * *",
        "0 0 30 2 *",
        "0 0 L * *",
        "0 0 * * 1#2",
        "0 0 * * MON",
        "0 0 * JAN *",
        "@daily",
        "9" * 5000 + " * * * *",
    ],
)
def test_a_line_that_is_none_is_refused(line):
    with pytest.raises(ValueError):
        Cron.read(line, "UTC")


@given(st.text("0123456789*,-/ L#a\0", max_size=20))
def test_whatever_is_written_is_a_line_or_refused(line):
    try:
        cron = Cron.read(line, "UTC")
    except ValueError:
        return
    assert cron.fired_before(at("2026-07-08 12:00"), 60) in (True, False)


@pytest.mark.parametrize(
    ("name", "exists"),
    [
        ("UTC", True),
        (ZURICH, True),
        ("Mars", False),
        ("", False),
        ("../etc", False),
        ("Europe", False),
        ("a\0", False),
    ],
)
def test_a_zone_is_known_by_its_name(name, exists):
    assert zone_exists(name) is exists


def numbers(first, last):
    return st.lists(st.integers(first, last), min_size=1, max_size=3)


SET_BACK, SET_FORWARD = int(at("2026-10-25 02:00", ZURICH, fold=1)), int(at("2026-03-29 03:00", ZURICH))
AROUND = st.one_of(*(st.integers(change - 4 * 3600, change + 4 * 3600) for change in (SET_BACK, SET_FORWARD)))


@given(numbers(0, 59), numbers(0, 5), AROUND, st.integers(0, 6 * 3600))
@example([30], [2], SET_BACK + 600, 7200)
@example([0], [2], SET_FORWARD, 3600)
def test_it_agrees_with_looking_at_the_clock_each_minute(minutes, hours, now, within):
    def shown(moment):
        return datetime.fromtimestamp(moment, UTC).astimezone(ZoneInfo(ZURICH))

    def names(clock):
        return clock.minute in minutes and clock.hour in hours and clock.fold == 0

    looked_at = range(now - now % 60, now - within, -60)
    line = f"{','.join(map(str, minutes))} {','.join(map(str, hours))} * * *"
    assert Cron.read(line, ZURICH).fired_before(now, within) is any(names(shown(moment)) for moment in looked_at)


@pytest.mark.parametrize("now", [1e18, 1e12, -7e10, 10**30])
def test_a_time_that_no_calendar_has_is_told(now):
    with pytest.raises(BadRequest, match=r"^now: .* is no time"):
        Cron.read("0 7 * * *", "Europe/Zurich").fired_before(now, 60)
