"""A story for people: what befell the world, what the replicas said of it, how it stood in the end."""

import logging

from greenlet import getcurrent

from tests.simulation.judge import verdict
from tests.simulation.schedule import Schedule
from tests.simulation.story import Story


class Listener(logging.Handler):
    """Puts what the replicas log among the story's lines."""

    def __init__(self, story: Story) -> None:
        super().__init__()
        self._story = story

    def emit(self, record: logging.LogRecord) -> None:
        process = getattr(getattr(getcurrent(), "host", None), "name", "-")
        fault = f" ({record.exc_info[1]!r})" if record.exc_info else ""
        self._story.world.say(f"    {process} {record.levelname.lower()}: {record.getMessage()}{fault}")


def read(schedule: Schedule, everything: bool = False) -> list[str]:
    """Its lines. `everything`: with all that the replicas log, not only what they warn of."""
    story = Story(schedule)
    log, listener = logging.getLogger("elastic"), Listener(story)
    before = log.level, log.propagate
    log.addHandler(listener)
    log.setLevel(logging.INFO if everything else logging.WARNING)
    log.propagate = False
    try:
        story.tell()
    finally:
        log.removeHandler(listener)
        log.setLevel(before[0])
        log.propagate = before[1]
    broken = verdict(story) or ["all guarantees hold"]
    return [
        f"seed {schedule.seed}: {schedule.setting}",
        *story.lines,
        "",
        "The store in the end:",
        *story.world.told(),
        "",
        *broken,
    ]


def as_test(schedule: Schedule) -> str:
    """As an entry of the table in tests/simulation/test_found.py."""
    troubles = "".join(f"\n            {trouble!r}," for trouble in schedule.troubles)
    return f"""    "what it is that went wrong": Schedule(
        seed={schedule.seed},
        setting={schedule.setting!r},
        troubles=({troubles}
        ),
    ),"""
