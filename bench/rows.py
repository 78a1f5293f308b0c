"""The rows of the table, and how they are shown: each as soon as it is there, and in between what is under way."""

import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.servers import Servers


@dataclass(frozen=True)
class Row:
    """`limit`: what keeps the figure from being better. `ratio`: figure by baseline, both of this run; null where
    there is nothing to compare with. `met`: null where there is no budget."""

    what: str
    figure: str
    limit: str
    baseline: str = ""
    ratio: float | None = None
    budget: str = ""
    met: bool | None = None


Measure = Callable[["Servers", bool], Iterable[Row]]
"""One module's work: on these servers, and quick or not. It may yield its rows one by one."""

COLUMNS = {"what": 34, "figure": 26, "baseline": 28, "ratio": 6, "budget": 17, "met": 6, "limit": 36}
VERDICTS = {True: "met", False: "MISSED", None: ""}


def head() -> str:
    return "\n".join(_lines(list(COLUMNS))) + "\n" + "  ".join("-" * width for width in COLUMNS.values())


def shown(row: Row) -> str:
    """On as many lines as its longest cell needs."""
    return "\n".join(_lines(_cells(row)))


def markdown(rows: Iterable[Row]) -> str:
    """The whole table, as a page has it."""
    titles = list(COLUMNS)
    lines = [titles, ["---"] * len(titles), *map(_cells, rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _cells(row: Row) -> list[str]:
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    return [row.what, row.figure, row.baseline, ratio, row.budget, VERDICTS[row.met], row.limit]


def _lines(cells: list[str]) -> Iterator[str]:
    wrapped = [textwrap.wrap(cell, width) or [""] for cell, width in zip(cells, COLUMNS.values(), strict=True)]
    for number in range(max(map(len, wrapped))):
        texts = (lines[number] if number < len(lines) else "" for lines in wrapped)
        line = "  ".join(f"{text:{width}}" for text, width in zip(texts, COLUMNS.values(), strict=True))
        yield line.rstrip()


def tell(text: str) -> None:
    """What is under way, on the error output: the table may go to a file. On a terminal, in the last line."""
    if sys.stderr.isatty():
        print(f"\r\033[K... {text}", end="", file=sys.stderr, flush=True)
    else:
        print(f"... {text}", file=sys.stderr, flush=True)


def hush() -> None:
    """Clears the last line of a terminal, for what is there to stay."""
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
