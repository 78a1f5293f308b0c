"""Short ways to ask a law: its signals by the letters of the books, and its config by its keys."""

from typing import Any, get_args

from elastic.rules.exact import exact
from elastic.rules.laws import AnyLaw, AnyPolicy, Timetable
from elastic.rules.schema import read
from elastic.rules.signals import NoData, Signals

LETTERS = {"R": "ready", "U": "unacked", "X": "running_acked", "I": "idle", "W": "in_service", "B": "booting"}
COUNTS = ("W", "B")


KINDS = {kind.__struct_config__.tag: kind for kind in get_args(AnyPolicy)}


def law(engine: str, **conf: Any) -> AnyLaw | Timetable:
    return read(KINDS[engine], {"name": "p", "engine": engine, **conf}, "policies[0]")


def told(**signals: Any) -> Signals:
    """R, U, X, I, W and B, and the others by their names; null or left out: not known."""
    return Signals(
        **{
            LETTERS.get(name, name): number if name in COUNTS else exact(number)
            for name, number in signals.items()
            if number is not None
        }
    )


def raw(engine: str, conf: dict[str, Any], signals: dict[str, Any], slots: int = 1) -> int | str:
    """What it asks for; or the name of the signal that it misses."""
    asked = law(engine, **conf)
    assert not isinstance(asked, Timetable)
    try:
        return asked.raw(told(**signals), slots)
    except NoData as lack:
        return str(lack)
