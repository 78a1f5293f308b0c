"""`schedule`: a floor, a ceiling or an exact size for a while from each time that a cron line names."""

import re
from fractions import Fraction
from typing import Annotated

from msgspec import Meta

from elastic.model.kinds import Name, NotNegative, Whole, about
from elastic.rules.cron import Cron, zone_exists
from elastic.rules.exact import Number, exact
from elastic.rules.laws.law import Named
from elastic.rules.schema import check_one_of

DURATION = re.compile(r"\A([0-9]{1,9}(?:\.[0-9]{1,9})?)([smhd])\Z")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Timetable(Named, frozen=True, kw_only=True, tag="schedule"):
    """One of a floor, a ceiling and both in one."""

    cron: Annotated[Name, about("when it begins: minute, hour, day, month and weekday")]
    duration: Annotated[
        NotNegative | Annotated[str, Meta(pattern=DURATION.pattern)],
        about("how long it holds", title="a number of seconds, or one with s, m, h or d"),
    ]
    tz: Annotated[Name, about("the time zone whose clock cron is read on")] = "UTC"
    floor: Annotated[Whole | None, about("as many at least; one of these three is needed")] = None
    ceiling: Annotated[Whole | None, about("as many at most")] = None
    exact: Annotated[Whole | None, about("as many")] = None

    def __post_init__(self) -> None:
        check_one_of(self, ("floor", "ceiling", "exact"))
        if not zone_exists(self.tz):
            raise ValueError(f"tz: there is no time zone {self.tz!r}")
        try:
            Cron.read(self.cron, self.tz)
        except ValueError as fault:
            raise ValueError(f"cron: {self.cron!r} is none: {fault}") from None

    @property
    def least(self) -> int | None:
        return self.floor if self.exact is None else self.exact

    @property
    def most(self) -> int | None:
        return self.ceiling if self.exact is None else self.exact

    def is_in_force(self, now: Number) -> bool:
        """At Unix time `now`."""
        return Cron(self.cron, self.tz).fired_before(now, self._seconds)

    @property
    def _seconds(self) -> Fraction:
        if not isinstance(self.duration, str):
            return exact(self.duration)
        found = DURATION.match(self.duration)
        return Fraction(found[1]) * SECONDS[found[2]] if found else Fraction(0)
