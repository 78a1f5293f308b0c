"""Seeds, one after another, until one of them breaks a guarantee.

python -m tests.simulation 1-500            tell them and judge them; the first that fails is cut down and told
python -m tests.simulation 1-20000 --all    go on after a failure, and list all
python -m tests.simulation 7 --story        tell seed 7, as it happened (--everything: with all that was logged)
"""

import argparse
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing import get_context

from tests.simulation.reading import as_test, read
from tests.simulation.schedule import Schedule, drawn
from tests.simulation.shrink import guarantee, shrunk
from tests.simulation.verdicts import Told, judged, judged_seed

TELL = 10.0  # seconds between two words of progress


def main(arguments: list[str]) -> int:
    asked = _asked(arguments)
    if asked.story:
        print("\n".join(read(drawn(asked.seeds[0]), asked.everything)))
        return 0
    failed, met, begun = [], Counter[str](), time.monotonic()
    for told in _judged(asked.seeds, asked.processes, begun):
        met.update(told.met)
        if told.broken:
            failed.append(told)
            print(f"seed {told.schedule.seed}: {told.broken[0]}", flush=True)
            if not asked.all:
                break
    if failed and not asked.all:
        _explain(failed[0])
    print("\n".join(f"{count:9,} x {name}" for name, count in sorted(met.items(), key=lambda item: -item[1])))
    print(f"{len(asked.seeds)} seeds in {time.monotonic() - begun:.0f} s: {len(failed)} failed")
    return 1 if failed else 0


def _asked(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("seeds", type=_seeds, help="one, or a range: 1-500")
    parser.add_argument("--story", action="store_true")
    parser.add_argument("--everything", action="store_true")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    return parser.parse_args(arguments)


def _seeds(text: str) -> range:
    first, _, last = text.partition("-")
    if not first.isdecimal() or (last and not last.isdecimal()) or int(last or first) < int(first):
        raise argparse.ArgumentTypeError(f"{text!r} is no seed and no range of seeds, such as 1-500")
    return range(int(first), int(last or first) + 1)


def _judged(seeds: range, processes: int, begun: float) -> Iterator[Told]:
    """In their order, with a word of progress now and then."""
    last = begun
    with get_context("spawn").Pool(max(1, min(processes, len(seeds)))) as pool:
        for done, told in enumerate(pool.imap(judged_seed, seeds, chunksize=5), 1):
            yield told
            if time.monotonic() - last >= TELL:
                last = time.monotonic()
                print(f"  {done} of {len(seeds)} seeds, {last - begun:.0f} s", flush=True)


def _explain(told: Told) -> None:
    broken = guarantee(told.broken[0])

    def fails(schedule: Schedule) -> bool:
        return any(guarantee(sentence) == broken for sentence in judged(schedule).broken)

    print(f"cutting {len(told.schedule.troubles)} troubles down ...", flush=True)
    small = shrunk(told.schedule, fails)
    logging.disable(logging.NOTSET)
    print("\n".join(read(small)))
    print(
        "\nIt becomes a test in tests/simulation/test_found.py by this entry, under a name that says what it is:\n"
    )
    print(as_test(small))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
