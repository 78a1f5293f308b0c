"""Random questions to all engines, until one is answered as it must not be.

python -m tests.questions --count 1000000 --seed 1   tell how many failed; 1 if any did
python -m tests.questions --seed 1 --only 4711       that one alone, as a line for `elastic whatif decide`

Each question follows from the seed and its number. One that fails is told as such a line, below what is wrong.
"""

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from random import Random
from typing import NamedTuple

from elastic.engines import installed_engines
from tests.questions.drawn import Asked, asked
from tests.questions.judge import Engines, faults_of

TELL = 5.0  # seconds between two words of progress
MOST_TOLD = 10


class Failed(NamedTuple):
    number: int
    asked: Asked
    faults: list[str]


def main(arguments: list[str]) -> int:
    said = _said(arguments)
    if said.only is not None:
        print(asked(_chance(said.seed, said.only)).line(said.only))
        return 0
    failed = 0
    for failure in failures(said.seed, _told(said.count), installed_engines()):
        failed += 1
        if failed <= MOST_TOLD:
            print(f"question {failure.number}: {'; '.join(failure.faults)}")
            print(failure.asked.line(failure.number), flush=True)
    print(f"{said.count:,} questions, {failed:,} failed")
    return 1 if failed else 0


def failures(seed: int, numbers: Iterable[int], engines: Engines) -> Iterator[Failed]:
    for number in numbers:
        chance = _chance(seed, number)
        one = asked(chance)
        if faults := faults_of(one, engines, chance):
            yield Failed(number, one, faults)


def _chance(seed: int, number: int) -> Random:
    return Random(f"{seed}-{number}")


def _told(count: int) -> Iterator[int]:
    """The numbers, with a word of progress now and then."""
    begun = last = time.monotonic()
    for number in range(count):
        if (now := time.monotonic()) - last >= TELL:
            last = now
            print(f"  {number:,} of {count:,} questions, {now - begun:.0f} s", flush=True)
        yield number


def _said(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.questions",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, metavar="NUMBER")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
