"""What a run has shown: a table for people, JSON for programs, and the faults that make it fail."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tests.soak.course import SAMPLE, Outcome
from tests.soak.eyes import AgentSeen, BusSeen, Sample, StoreSeen
from tests.soak.loglines import Reading
from tests.soak.trend import Allowance, Point, Trend, trend

JUDGED_FROM = 5 * 60.0  # seconds: what is younger than that still warms up, and its curves are shown, not judged
LATE = 15.0  # seconds: no loop may be older, at any look
AILING = 0.02  # the share of looks at which an agent may ail: the host has other work as well
LEFT = 4  # threads or descriptors more than before
FIRST_NEEDED = {"connections": 3, "channels": 3}  # of the bus: one an agent, that is made when it is first needed
EVENTS = 1_100  # kept: a thousand pages, and those until the next look at them
CALM = Allowance(0.0, 2.0)  # threads, descriptors


@dataclass(frozen=True, slots=True)
class Row:
    """A curve, its unit, and how much its line may rise over the second half."""

    name: str
    unit: str
    trend: Trend
    allowed: float
    judged: bool

    @property
    def is_flat(self) -> bool:
        return not self.judged or self.trend.rise <= self.allowed


def rows(outcome: Outcome) -> list[Row]:
    found = []
    judged = outcome.minutes * 60 / 2 >= JUDGED_FROM
    for name, unit, allowance, points in _curves(outcome.samples):
        if (line := trend(points)) is not None:
            found.append(Row(name, unit, line, allowance.of(line.mean), judged))
    return found


def _curves(samples: Sequence[Sample]) -> Iterator[tuple[str, str, Allowance, list[Point]]]:
    def of_agent(member: str, what: Callable[[AgentSeen], float]) -> list[Point]:
        return [(sample.at, what(sample.agents[member])) for sample in samples]

    def of_store(what: Callable[[StoreSeen], float]) -> list[Point]:
        return [(sample.at, what(sample.store)) for sample in samples]

    def of_bus(what: Callable[[BusSeen], float]) -> list[Point]:
        return [(sample.at, what(sample.bus)) for sample in samples if sample.bus is not None]

    for member in sorted(samples[0].agents) if samples else ():
        yield f"agent {member}: memory", "MiB", Allowance(0.04, 1.0), of_agent(member, lambda seen: seen.rss)
        threads = of_agent(member, lambda seen: seen.threads - seen.children)
        yield f"agent {member}: threads but for VMs", "", CALM, threads
        yield f"agent {member}: descriptors", "", CALM, of_agent(member, lambda seen: seen.fds)
    # how many domains and VMs there are goes up and down by chance, and these with them
    by_chance = Allowance(0.15, 10.0)
    yield "store: nodes but keys and events", "", by_chance, of_store(lambda seen: seen.others)
    yield "store: watches", "", by_chance, of_store(lambda seen: seen.watches)
    yield "store: connections", "", CALM, of_store(lambda seen: seen.connections)
    yield "bus: queues", "", by_chance, of_bus(lambda seen: seen.queues)
    yield "bus: connections", "", by_chance, of_bus(lambda seen: seen.connections)
    yield "bus: bindings", "", by_chance, of_bus(lambda seen: seen.bindings)
    yield "bus: messages waiting", "", Allowance(0.0, 100.0), of_bus(lambda seen: seen.messages)


def faults(outcome: Outcome) -> list[str]:
    """Why the run failed; nothing, if it did not."""
    found = (_grown, _left, _kept, _ailing, _said)
    return [*outcome.faults, *(fault for find in found for fault in find(outcome))]


def _grown(outcome: Outcome) -> Iterator[str]:
    for row in rows(outcome):
        if not row.is_flat:
            yield f"{row.name} rises by {row.trend.rise:.1f} {row.unit}, {row.allowed:.1f} is allowed"


def _left(outcome: Outcome) -> Iterator[str]:
    """Of the emptied cluster, against itself when it was empty before."""
    before, after = outcome.empty_before, outcome.empty_after
    if before is None or after is None or before.bus is None or after.bus is None:
        yield "the cluster was never seen empty"
        return
    for name, agent in after.agents.items():
        for what in ("threads", "fds"):
            more = getattr(agent, what) - getattr(before.agents[name], what)
            if more > LEFT:
                yield f"agent {name} has {more} {what} more than when it was empty before"
    pairs = [
        *(("the bus", what, before.bus, after.bus) for what in ("queues", "connections", "channels", "bindings")),
        ("the store", "connections", before.store, after.store),
    ]
    for where, what, old, new in pairs:
        if getattr(new, what) > getattr(old, what) + (FIRST_NEEDED.get(what, 0) if where == "the bus" else 0):
            yield f"{where} has {getattr(new, what)} {what}, and had {getattr(old, what)} when it was empty before"


def _kept(outcome: Outcome) -> Iterator[str]:
    """What the store keeps for a while by design is no more than was done."""
    for sample in outcome.samples[-1:]:
        before = outcome.empty_before.store.keys if outcome.empty_before is not None else 0
        if sample.store.keys > before + outcome.changes + outcome.unanswered:
            yield f"{sample.store.keys} idempotency keys are kept, {before} of before {outcome.changes} changes"
        if sample.store.events > EVENTS:
            yield f"{sample.store.events} pages of events are kept"


def _ailing(outcome: Outcome) -> Iterator[str]:
    ails = ails_of(outcome)
    if sum(ails.values()) > AILING * 3 * len(outcome.samples):
        yield from (f"an agent ailed at {count} looks: {reason}" for reason, count in ails.most_common())
    for loop, age in oldest(outcome).items():
        if age > LATE:
            yield f"the {loop} loop was {age:.1f} s old"


def _said(outcome: Outcome) -> Iterator[str]:
    for name, reading in sorted(outcome.logs.items()):
        yield from (f"{name} logged {count} times: {line}" for line, count in reading.unexplained.most_common())


def ails_of(outcome: Outcome) -> Counter[str]:
    """By kind: the numbers in a reason are no part of it."""
    reasons = (ail for sample in outcome.samples for agent in sample.agents.values() for ail in agent.ails)
    return Counter("".join("*" if letter.isdigit() else letter for letter in reason) for reason in reasons)


def oldest(outcome: Outcome) -> dict[str, float]:
    """The greatest age of each loop, in seconds."""
    ages: dict[str, float] = {}
    for sample in outcome.samples:
        for agent in sample.agents.values():
            for loop, age in agent.ages.items():
                ages[loop] = max(age, ages.get(loop, 0.0))
    return ages


def table(outcome: Outcome) -> str:
    lines = [
        f"{outcome.minutes:g} minutes, seed {outcome.seed}: {outcome.changes} changes answered, "
        f"{outcome.unanswered} asked again, {outcome.killed} VMs killed, {outcome.silenced} silenced; "
        f"{outcome.seen} instances lived, {outcome.made + outcome.killed + outcome.silenced} had a reason to",
        "settled "
        + ("never" if outcome.settled is None else f"{outcome.settled:.1f} s after the last change and death")
        + f"; {len(outcome.samples)} looks, one each {SAMPLE:g} s",
        "",
        f"{'':34} {'first':>8} {'mean':>8} {'most':>8} {'last':>8} {'rises by':>9} {'allowed':>8}",
        *(_shown(row) for row in rows(outcome)),
        "",
        "oldest loops, in s: " + ", ".join(f"{loop} {age:.1f}" for loop, age in sorted(oldest(outcome).items())),
        *(f"ailed {count} times: {reason}" for reason, count in ails_of(outcome).most_common()),
        *(f"{where}: {told}" for where, told in sorted(_told(outcome.logs))),
        *(f"the broker says {count} times: {text}" for text, count in outcome.cuts.most_common()),
        "",
        *([f"FAULT {fault}" for fault in faults(outcome)] or ["no fault"]),
    ]
    return "\n".join(lines)


def _shown(row: Row) -> str:
    line = row.trend
    name = f"{row.name}{f' ({row.unit})' if row.unit else ''}"
    verdict = ("" if row.is_flat else "  GROWS") if row.judged else "  not judged"
    numbers = f"{line.first:8.1f} {line.mean:8.1f} {line.most:8.1f} {line.last:8.1f} {line.rise:9.2f}"
    return f"{name:34} {numbers} {row.allowed:8.1f}{verdict}"


def _told(logs: dict[str, Reading]) -> Iterator[tuple[str, str]]:
    for name, reading in logs.items():
        reasons = ", ".join(f"{count} x {why}" for why, count in reading.explained.most_common()) or "no warning"
        yield f"log of {name}, {reading.lines} lines", reasons


def plain(outcome: Outcome) -> dict[str, Any]:
    return asdict(outcome) | {
        "rows": [asdict(row) | {"flat": row.is_flat} for row in rows(outcome)],
        "failed": faults(outcome),
    }
