"""Every line of level WARNING or above in the logs: explained by the list below, or else a fault of the run."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LINE = re.compile(
    r"^\S+ \S+ \d+ (?P<level>[A-Z]+) (?P<logger>\S+) domain=\S+ member=\S+ term=\S+ (?P<text>.*)$", re.DOTALL
)
QUIET = ("DEBUG", "INFO")
SAID = ("ready",)  # on stdout
NUMBERS = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[\w.@-]+:d\d+\b|\b\w*\d[\w.-]*\b")


@dataclass(frozen=True, slots=True)
class Explained:
    """A line of `logger` that begins as `text` (a pattern) says is to be expected, as `why` tells."""

    logger: str
    text: str
    why: str

    def fits(self, logger: str, text: str) -> bool:
        return self.logger == logger and re.match(self.text, text) is not None


EXPLAINED: Sequence[Explained] = ()
AT_THE_END: Sequence[Explained] = (
    Explained(
        "elastic.roles.assignment",
        "more than half of the members seem gone",
        "the agents are stopped one after another: the last one may lead for a moment, and misses the others",
    ),
)
"""Besides, from the moment on at which they are asked to stop."""
CUT_OFF: Sequence[Explained] = (
    Explained(
        "elastic.adapters.bus.outage", "no bus for", "the broker was cut off from a member, as it says itself"
    ),
    Explained(
        "elastic.adapters.bus.outage", "the bus is back", "the broker was cut off from a member, as it says itself"
    ),
)
"""Besides, if the broker's own log tells of such a cut."""
CUTS = ("missed heartbeats from client", "client unexpectedly closed TCP connection")
"""How a broker says that it closed nothing: a host that was starved for ten seconds, or a line that broke."""
BROKER_LINE = re.compile(r"^\S+ \S+ \[\w+\] (?P<connection><[\d.]+>) (?P<text>.*)$")


@dataclass(frozen=True, slots=True)
class Reading:
    """`explained`: how often each reason was needed; `unexplained`: how often each kind of line came."""

    lines: int
    explained: Counter[str]
    unexplained: Counter[str]

    def __add__(self, later: "Reading") -> "Reading":
        return Reading(
            self.lines + later.lines, self.explained + later.explained, self.unexplained + later.unexplained
        )


def read(lines: Iterable[str], explained: Sequence[Explained] = EXPLAINED) -> Reading:
    count = 0
    reasons: Counter[str] = Counter()
    unexplained: Counter[str] = Counter()
    for line in lines:
        count += 1
        if line in SAID or not line.strip():
            continue
        found = LINE.match(line)
        if found is None:
            unexplained[line] += 1
        elif found["level"] not in QUIET:
            why = _reason(found["logger"], found["text"], explained)
            if why is None:
                unexplained[f"{found['level']} {found['logger']}: {_alike(found['text'])}"] += 1
            else:
                reasons[why] += 1
    return Reading(count, reasons, unexplained)


def cuts(broker_log: Iterable[str], user: str) -> Counter[str]:
    """How often the broker says that it was cut off from a client of that account, by its words."""
    of_user: set[str] = set()
    found: Counter[str] = Counter()
    for line in filter(None, map(BROKER_LINE.match, broker_log)):
        if f": user '{user}' authenticated" in line["text"]:
            of_user.add(line["connection"])
        elif line["connection"] in of_user:
            found.update(cut for cut in CUTS if line["text"].startswith(cut))
    return found


def _reason(logger: str, text: str, explained: Sequence[Explained]) -> str | None:
    return next((each.why for each in explained if each.fits(logger, text)), None)


def _alike(text: str) -> str:
    """Without what tells two lines of one kind apart."""
    return NUMBERS.sub("*", text)
