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

from elastic.rules.exact import Number, exact

FIELDS = 5
FIELD = re.compile(r"[0-9*,/-]+")
BEGINNING = datetime(2000, 1, 1)
FARTHEST = timedelta(hours=3)
"""No clock is ever set back by more: so far ahead of it a firing that was may stand."""


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

    def fired_before(self, now: Number, within: Number) -> bool:
        """Whether it fired at most `within` seconds before `now`; both ends count as the latest and as over."""
        zone = ZoneInfo(self.zone)
        moment = datetime.fromtimestamp(floor(exact(now)), UTC).astimezone(zone).replace(tzinfo=None)
        for plain in CronSim(self.line, moment + FARTHEST, reverse=True):
            fired = _first_occurrence(plain, zone)
            if fired is not None and fired <= exact(now):
                return exact(now) < fired + exact(within)
        return False


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
