"""When a cron line fired last, on the clock of a time zone.

cronsim reads the line and walks the plain clock; what summer time does to it is ours: an hour that occurs twice
fires at the first, and a time that does not occur does not fire. (cronsim's own walk over zones keeps to Debian's
cron, which makes good at once what was skipped.)
"""

import re
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import floor
from typing import Self
from zoneinfo import ZoneInfo

import msgspec
from cronsim import CronSim, CronSimError

from elastic.errors import BadRequest
from elastic.rules.exact import Number, exact

FIELDS = 5
FIELD = re.compile(r"[0-9*,/-]+")
BEGINNING = datetime(2000, 1, 1)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


class Cron(msgspec.Struct, frozen=True):
    line: str
    zone: str

    @classmethod
    def read(cls, line: str, zone: str) -> Self:
        """ValueError if it is none: minute, hour, day, month, weekday, of numbers, `*`, `,`, `-` and `/`."""
        fields = line.split()
        if len(fields) != FIELDS or not all(map(FIELD.fullmatch, fields)):
            raise ValueError("it has to be five fields of numbers, *, ranges, lists and steps")
        try:
            CronSim(" ".join(fields), BEGINNING)
        except CronSimError as fault:
            raise ValueError(str(fault)) from None
        return cls(" ".join(fields), zone)

    def fired_before(self, now: Number, within: Number | Fraction) -> bool:
        """Whether it fired at most `within` seconds before `now`; both ends count as the latest and as over."""
        zone = ZoneInfo(self.zone)
        try:
            start = _latest_shown(floor(exact(now)), zone) + SECOND  # which is itself left out
        except (OverflowError, OSError, ValueError):
            raise BadRequest(f"now: {now!r} is no time in seconds that a calendar has") from None
        for plain in CronSim(_restricted(self.line), start, reverse=True):
            fired = _first_occurrence(plain, zone)
            if fired is not None and fired <= exact(now):
                return exact(now) < fired + exact(within)
        return False


def _restricted(line: str) -> str:
    """As cronsim is to read it: a day such as `*/2` is given, as one that is spelt out is. (It would take one that
    begins with `*` for one that is not, as Debian's cron does.)"""
    minute, hour, day, month, weekday = line.split()
    return " ".join((minute, hour, _spelt_out(day, "1-31"), month, _spelt_out(weekday, "0-6")))


def _spelt_out(field: str, whole: str) -> str:
    if field == "*":
        return field
    return ",".join(f"{whole}{part[1:]}" if part.startswith("*") else part for part in field.split(","))


def _latest_shown(now: int, zone: ZoneInfo) -> datetime:
    """On the zone's clock; if that was set back within a day, on the clock as it was."""
    moment = datetime.fromtimestamp(now, UTC)
    shown, before = moment.astimezone(zone), (moment - DAY).astimezone(zone)
    return max(shown.replace(tzinfo=None), before.replace(tzinfo=None) + DAY)


def _first_occurrence(plain: datetime, zone: ZoneInfo) -> Fraction | None:
    """In Unix time; null for what that day's clock leaves out."""
    moment = plain.replace(tzinfo=zone).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) != plain:
        return None
    return Fraction(int(moment.timestamp()))


def zone_exists(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # none of that name, or a name that is no name
        return False
    return True
