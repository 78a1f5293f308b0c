"""`schedule`: a floor, a ceiling or an exact size for a while from each time that a cron line names."""

import re
from fractions import Fraction
from typing import Any, ClassVar, Self

import msgspec

from elastic.errors import BadRequest
from elastic.rules.cron import Cron, zone_exists
from elastic.rules.exact import Number, exact, is_number
from elastic.rules.settings import Settings

BOUNDS = ("floor", "ceiling", "exact")
DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)([smhd])")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Timetable(msgspec.Struct, frozen=True, kw_only=True):
    """`floor` and `ceiling` are both null but for one, or the same."""

    KEYS: ClassVar[tuple[str, ...]] = ("cron", "duration", "tz", *BOUNDS)

    cron: Cron
    duration: Fraction
    floor: int | None
    ceiling: int | None

    @classmethod
    def read(cls, settings: Settings) -> Self:
        sizes = {bound: settings.integer(bound, None) for bound in BOUNDS}
        given = [bound for bound, size in sizes.items() if size is not None]
        if len(given) != 1:
            raise BadRequest(
                f"{settings.named('floor')}: one of {', '.join(BOUNDS)} is needed, and there is"
                f" {' and '.join(given) or 'none'}"
            )
        return cls(
            cron=_cron(settings),
            duration=_seconds(settings),
            floor=sizes["floor"] if sizes["exact"] is None else sizes["exact"],
            ceiling=sizes["ceiling"] if sizes["exact"] is None else sizes["exact"],
        )

    def is_in_force(self, now: Number) -> bool:
        """At Unix time `now`."""
        return self.cron.fired_before(now, self.duration)


def _cron(settings: Settings) -> Cron:
    zone, line = settings.text("tz", "UTC"), settings.text("cron")
    if not zone_exists(zone):
        raise BadRequest(f"{settings.named('tz')}: there is no time zone {zone!r}")
    try:
        return Cron.read(line, zone)
    except ValueError as fault:
        raise BadRequest(f"{settings.named('cron')}: {line!r} is none: {fault}") from None


def _seconds(settings: Settings) -> Fraction:
    """A number of seconds, or one with its unit."""
    said: Any = settings.anything("duration")
    found = DURATION.fullmatch(said) if isinstance(said, str) else None
    if found is not None:
        return Fraction(found[1]) * SECONDS[found[2]]
    if is_number(said) and said >= 0:
        return exact(said)
    raise BadRequest(
        f"{settings.named('duration')} has to be a number of seconds, or one with s, m, h or d, not {said!r}"
    )
