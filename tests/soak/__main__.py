"""`python -m tests.soak --minutes 30`: 0 if all held, 1 if not, 130 when it was broken off."""

import argparse
import json
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

from tests.soak.course import soak
from tests.soak.report import faults, plain, table

BROKEN_OFF = 130


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--directory", type=Path, help="where all of it lies and stays")
    parser.add_argument("--json", type=Path, help="file for the figures, all looks among them")
    asked = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _break_off)
    with tempfile.TemporaryDirectory(prefix="elastic-soak-") as temporary:
        directory = asked.directory or Path(temporary)
        directory.mkdir(parents=True, exist_ok=True)
        try:
            outcome = soak(directory.absolute(), asked.minutes, asked.seed, _tell)
        except KeyboardInterrupt:
            _tell("broken off")
            return BROKEN_OFF
    if asked.json is not None:
        asked.json.write_text(json.dumps(plain(outcome), indent=1, default=str))
    _tell(table(outcome))
    return 1 if faults(outcome) else 0


def _break_off(_number: int, _frame: FrameType | None) -> None:
    """Once: what ends the servers is not to be broken off itself."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
