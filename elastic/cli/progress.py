"""What a waiting user sees, on stderr: a bar on a terminal, else a line a change."""

from collections.abc import Iterable
from typing import TextIO

from elastic.client import Progress

WIDTH = 24
CLEAR = "\r\x1b[K"


def show(steps: Iterable[Progress], stream: TextIO) -> None:
    """Go through `steps` to their end, showing each."""
    if not stream.isatty():
        for step in steps:
            print(step.text, file=stream, flush=True)
        return
    try:
        for step in steps:
            print(f"{CLEAR}{bar(step)}{step.text}", end="", file=stream, flush=True)
    finally:
        print(CLEAR, end="", file=stream, flush=True)


def bar(step: Progress) -> str:
    if not step.total:
        return ""
    full = min(WIDTH, WIDTH * step.done // step.total)
    return f"[{'#' * full}{'.' * (WIDTH - full)}] "
