"""A failing schedule cut down: as few troubles as still break the same guarantee.

After A. Zeller and R. Hildebrandt, "Simplifying and isolating failure-inducing input", 2002: delta debugging. What
is left out shifts all that chance decides later, so each cut is tried with other luck too before it is given up.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.simulation.schedule import Schedule

MOST_TRIES = 600
LUCKS = 4
FAR = 1_000_003  # from one seed to the next with other luck: none of them is tried by anybody else


def shrunk(schedule: Schedule, fails: Callable[[Schedule], bool], tries: int = MOST_TRIES) -> Schedule:
    """`fails` tells of a smaller schedule whether it still does."""
    small, parts = schedule, 2
    while len(small.troubles) > 1:
        for cut in _cuts(small, parts):
            if tries <= 0:
                return small
            tries -= 1
            if fails(cut):
                small, parts = cut, max(2, parts - 1)
                break
        else:
            if parts >= len(small.troubles):
                return small
            parts = min(len(small.troubles), 2 * parts)
    return small


def _cuts(schedule: Schedule, parts: int) -> Iterator[Schedule]:
    """Without each of so many parts."""
    troubles = schedule.troubles
    size = -(-len(troubles) // parts)
    for luck in range(LUCKS):
        for begin in range(0, len(troubles), size):
            rest = troubles[:begin] + troubles[begin + size :]
            yield replace(schedule, seed=schedule.seed + luck * FAR, troubles=rest)


def guarantee(sentence: str) -> str:
    """Which one a sentence of the verdict is about: P1 to P12."""
    return sentence.partition(":")[0]
