"""One line a step, to stderr, with the seconds since the command began."""

import sys
import time

_began = time.monotonic()


def say(text: str) -> None:
    print(f"mini-openstack: {time.monotonic() - _began:5.1f} s  {text}", file=sys.stderr, flush=True)
