"""A failing schedule cut down: as few troubles as still break the same guarantee.

After A. Zeller and R. Hildebrandt, "Simplifying and isolating failure-inducing input", 2002: delta debugging.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from tests.simulation.schedule import Schedule, Trouble

MOST_TRIES = 150


def shrunk(schedule: Schedule, fails: Callable[[Schedule], bool], tries: int = MOST_TRIES) -> Schedule:
    """`fails` tells of a smaller schedule whether it still does."""
    troubles, parts = list(schedule.troubles), 2
    while len(troubles) > 1 and tries > 0:
        size = -(-len(troubles) // parts)
        for begin in range(0, len(troubles), size):
            rest = troubles[:begin] + troubles[begin + size :]
            tries -= 1
            if fails(_of(schedule, rest)):
                troubles, parts = rest, max(2, parts - 1)
                break
            if tries <= 0:
                break
        else:
            if size == 1:
                break
            parts = min(len(troubles), 2 * parts)
    return _of(schedule, troubles)


def _of(schedule: Schedule, troubles: Sequence[Trouble]) -> Schedule:
    return replace(schedule, troubles=tuple(troubles))


def guarantee(sentence: str) -> str:
    """Which one a sentence of the verdict is about: P1 to P12."""
    return sentence.partition(":")[0]
