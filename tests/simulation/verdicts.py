"""A schedule and what came of it, small enough to be handed from one process to another."""

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from tests.simulation.judge import verdict
from tests.simulation.met import met
from tests.simulation.schedule import Schedule, drawn
from tests.simulation.story import Story


@dataclass(frozen=True)
class Told:
    """`broken`: sentences; none if all guarantees hold. `journal`: a digest of all that happened in the cloud.
    `met`: what came about, and how often."""

    schedule: Schedule
    broken: tuple[str, ...]
    journal: str
    met: Mapping[str, int] = field(default_factory=dict)


def judged(schedule: Schedule) -> Told:
    """Tell it and judge it, without a word in the log."""
    logging.disable(logging.CRITICAL)
    story = Story(schedule)
    try:
        try:
            story.tell()
        except Exception as fault:  # nothing that befalls a replica may come out of it
            return Told(schedule, (f"P12: the story broke off: {fault!r}",), "")
        return Told(schedule, tuple(verdict(story)), digest(story), met(story))
    finally:
        story.world.kernel.close()
        logging.disable(logging.NOTSET)


def judged_seed(seed: int) -> Told:
    return judged(drawn(seed))


def digest(story: Story) -> str:
    """Of the cloud's journal, the store's log and the story's lines, byte for byte."""
    told = [
        *story.world.cloud.journal,
        *story.world.parts_journal(),
        *map(repr, story.world.server.log),
        *story.lines,
    ]
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()
