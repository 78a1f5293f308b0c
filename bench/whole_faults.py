"""What dies while the whole is held, and how long until it is healed."""

import random
import statistics
import time
from collections.abc import Sequence
from typing import NamedTuple

from bench.cloud import SILENT, Word
from bench.whole_agents import Agents, until
from bench.whole_fill import until_running

BOUND = 180.0  # seconds


class Healed(NamedTuple):
    """Seconds from each death to when its replacement was up; `whole`: until all ran again."""

    each: list[float]
    whole: float

    def text(self) -> str:
        return f"{statistics.median(self.each):.1f} s (at most {max(self.each):.1f})"


def up(agents: Agents) -> list[Word]:
    """The servers that are up and whose guests are well."""
    last: dict[str, Word] = {}
    for word in agents.words():
        last[word.server_id] = word
    return [word for word in last.values() if word.state == "OK"]


def broken(agents: Agents, names: Sequence[str] | None, count: int, chance: random.Random) -> list[Word]:
    """The cloud reports as many servers broken, each of another domain (of these)."""
    ours = [word for word in up(agents) if names is None or word.key.name in names]
    by_domain = {word.key.name: word for word in chance.sample(ours, len(ours))}
    victims = list(by_domain.values())[:count]
    for victim in victims:
        agents.cloud.kill(victim.server_id)
    return victims


def healed(agents: Agents, victims: Sequence[Word], began: float, count: int) -> Healed:
    """Waits until each has a replacement that is up, and all run."""
    wanted = {victim.key.name for victim in victims}

    def replaced() -> dict[str, float] | None:
        at = {
            w.key.name: w.at
            for w in agents.words()
            if w.what == "active" and w.at > began and w.key.name in wanted
        }
        return at if len(at) == len(wanted) else None

    at: dict[str, float] = until(replaced, BOUND, "not all were replaced", pause=0.5)
    whole = until_running(agents, count, BOUND)
    return Healed([moment - began for moment in at.values()], whole - began)


def servers_broken(agents: Agents, count: int, victims: int) -> Healed:
    began = time.monotonic()
    return healed(agents, broken(agents, None, victims, random.Random(1)), began, count)


def agent_killed(agents: Agents, names: Sequence[str], count: int, victims: int) -> tuple[Healed, float]:
    """The leader, and servers of its domains with it; and the seconds until its partitions are others'."""
    leader = agents.leader()
    theirs = set(agents.domains_of(leader, names))
    serial, began = agents.assignment().serial, time.monotonic()
    agents.hosts[leader].end()
    dead = broken(agents, sorted(theirs), victims, random.Random(2))
    until(lambda: agents.assignment().serial > serial, BOUND, "nobody took over")
    moved = time.monotonic() - began
    result = healed(agents, dead, began, count)
    agents.start(leader)
    agents.until_whole()
    return result, moved


def died(agents: Agents, since: int) -> int:
    """How many servers have gone since that word, whoever wanted it."""
    return sum(1 for word in agents.words(since) if word.state == SILENT)
