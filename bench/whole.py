"""The whole: three agents on ZooKeeper and RabbitMQ, all on this host, as many domains as it goes.

    python -m bench.whole [--minutes 10] [--steps 1000 2500 5000 10000]

The first step is held for so many minutes, with a heartbeat of each instance each 10 s; the others, with one each
30 s, for one minute. It goes no further than the first step at which heartbeats are not taken in time, or the
domains do not all come up in time.
"""

import argparse
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from bench.cloud import SITE
from bench.rows import Row, head, hush, shown, tell
from bench.servers import Servers, lacking, started
from bench.whole_agents import Agents
from bench.whole_faults import agent_killed, servers_broken
from bench.whole_fill import add_domains, until_running
from bench.whole_hold import Held, held
from elastic.model.domain import DomainKey
from elastic.model.server import Mark, Order
from tests.servers.process import running
from tests.servers.rabbitmq import RabbitMQ
from tests.servers.zookeeper import ZooKeeper

SESSION = 10.0
INSTANCES = 10
STEPS = (1000, 2500, 5000, 10_000)
FIRST_INTERVAL, INTERVAL = 10.0, 30.0  # seconds between the heartbeats of one instance
ORIGINAL = 10.0  # heartbeats/s at which the original fell over, 1000x10
LEAST_RATE = 25.0  # launches a second: what comes up slower has not come up in time
SETTLE, EMPTY, SHORT = 15.0, 10.0, 60.0  # seconds
VICTIMS = 5


@dataclass(frozen=True, kw_only=True)
class Filled:
    """Seconds until so many domains were added, and until their instances ran."""

    domains: int
    added: float
    ran: float

    @property
    def launches(self) -> float:
        """A second."""
        return self.domains * INSTANCES / self.ran


def measure(servers: Servers, quick: bool) -> Iterator[Row]:
    return whole(servers, (50, 100), minutes=0.25, short=10.0) if quick else whole(servers, STEPS[:1], minutes=2.0)


def whole(servers: Servers, steps: Sequence[int], minutes: float, short: float = SHORT) -> Iterator[Row]:
    with cluster(servers) as agents:
        empty = held(agents, EMPTY, "no domains")
        creates = bare_creates(agents)
        names: list[str] = []
        for number, domains in enumerate(steps):
            what = f"{domains:,} domains x {INSTANCES}"
            interval = INTERVAL if number else FIRST_INTERVAL
            agents.cloud.set_interval(interval)
            try:
                filled = fill(agents, names, domains)
            except TimeoutError as trouble:
                yield not_up(what, str(trouble))
                return
            time.sleep(SETTLE)
            result = held(agents, short if number else minutes * 60, what)
            yield beats(what, interval, result)
            yield cost(what, result)
            yield loops(what, result)
            yield store(what, result, empty)
            yield launching(what, filled, creates)
            if not result.is_kept_up:
                return
            yield from faults(agents, names, what)


@contextmanager
def cluster(servers: Servers) -> Iterator[Agents]:
    """On servers of its own: what they use of the CPU is for this alone."""
    folder = servers.folder / "whole"
    tell("the whole: starting ZooKeeper, RabbitMQ, agents")
    with (
        running(ZooKeeper(folder / "zookeeper", heap=1024)) as zookeeper,
        running(RabbitMQ(folder / "rabbitmq", spins=False)) as rabbitmq,
    ):
        with zookeeper.superuser() as client:
            client.create("/whole")
        place = folder / "agents"
        with Agents(place, zookeeper, rabbitmq, session=SESSION, chroot="/whole", bus=rabbitmq.url()) as agents:
            yield agents


def fill(agents: Agents, names: list[str], domains: int) -> Filled:
    """As many domains as are to be there now, and all their instances. TimeoutError: it took too long."""
    before, began = len(names), time.monotonic()
    count = domains * INSTANCES

    def told(running: int) -> None:
        tell(f"{domains:,} domains: {running:,} of {count:,} run after {time.monotonic() - began:.0f} s")

    names += add_domains(agents, range(before, domains), INSTANCES)
    added = time.monotonic() - began
    bound = 60 + (count - before * INSTANCES) / LEAST_RATE
    ran = until_running(agents, count, bound, told) - began
    return Filled(domains=domains - before, added=added, ran=ran)


def bare_creates(agents: Agents, count: int = 500) -> float:
    """Creates a second that this cloud does for one who only asks for that."""
    mark = Mark("bare", DomainKey("bare", "bare"), 1, "bare")
    began = time.monotonic()
    made = [agents.cloud.create(Order(mark=mark, site=SITE, deployable_type="bare"), 20.0) for _ in range(count)]
    rate = count / (time.monotonic() - began)
    for server in made:
        agents.cloud.delete(SITE, server.server_id, 20.0)
    return rate


def beats(what: str, interval: float, result: Held) -> Row:
    return Row(
        what=f"{what}, a heartbeat each {interval:g} s, held for {result.seconds / 60:.1f} min",
        figure=f"{result.heard:,.0f}/s taken of {result.sent:,.0f}/s; {result.dropped} dropped, "
        f"{result.verdicts} falsely silent",
        baseline=f"the original fell over at {ORIGINAL:g}/s (1000x10)",
        ratio=result.heard / ORIGINAL,
        budget="all, in time",
        met=result.is_kept_up,
        limit=f"the two cores: {sum(result.shares.values()):.0f} of 200 % used",
    )


def cost(what: str, result: Held) -> Row:
    rss = {name: usage.rss / 2**20 for name, usage in result.last.usages.items()}
    agents = " + ".join(f"{size:.0f}" for name, size in rss.items() if name.startswith("agent"))
    return Row(
        what=f"{what}: CPU, % of a core",
        figure=result.by_kind(),
        baseline=f"memory: agents {agents} MiB, ZooKeeper {rss['ZooKeeper']:.0f}, RabbitMQ {rss['RabbitMQ']:.0f}",
        limit="`cloud` and `guests` are the bench's own",
    )


def loops(what: str, result: Held) -> Row:
    median, longest = result.turn()
    return Row(
        what=f"{what}: turns of the control loops",
        figure=f"a second's longest: {median * 1000:.0f} ms, ever: {longest * 1000:,.0f} ms; "
        f"busy {100 * result.busy:.0f} %",
        baseline=f"oldest loop {result.loop_age:.1f} s",
        limit="the doctors' listing of the whole site, each 10 s",
    )


def store(what: str, result: Held, empty: Held) -> Row:
    return Row(
        what=f"{what}: requests to ZooKeeper while quiet",
        figure=f"{result.store_requests:.1f}/s",
        baseline=f"{empty.store_requests:.1f}/s without any domain",
        ratio=result.store_requests / empty.store_requests,
        budget="session upkeep and resync alone",
        limit="pings, members' signs of life; resync of each domain in 10 minutes, the sweep each 5",
    )


def launching(what: str, filled: Filled, creates: float) -> Row:
    return Row(
        what=f"{what}: the last {filled.domains:,} coming up",
        figure=f"{filled.launches:,.0f} launches/s; added in {filled.added:.0f} s, "
        f"all ran after {filled.ran:.0f} s",
        baseline=f"{creates:,.0f}/s: bare creates at this cloud",
        ratio=filled.launches / creates,
        limit="one to two transactions a launch, each waited for; the loops' and kazoo's CPU",
    )


def faults(agents: Agents, names: Sequence[str], what: str) -> Iterator[Row]:
    count = len(names) * INSTANCES
    tell(f"{what}: servers break")
    healed = servers_broken(agents, count, VICTIMS)
    yield Row(
        what=f"{what}: {VICTIMS} servers break",
        figure=f"replaced and up after {healed.text()}",
        budget="60 s",
        met=max(healed.each) <= 60,
        limit="[doctor] interval, 10 s: the next listing shows it; the boot takes 0.5 to 1.5 s",
    )
    tell(f"{what}: the leader dies")
    healed, moved = agent_killed(agents, names, count, VICTIMS)
    yield Row(
        what=f"{what}: kill -9 of the leader, and {VICTIMS} of its servers",
        figure=f"partitions moved after {moved:.1f} s, servers replaced after {healed.text()}",
        baseline=f"a session: {SESSION:g} s",
        ratio=moved / SESSION,
        budget="60 s",
        met=max(healed.each) <= 60,
        limit="the session, and two [doctor] intervals without the leader's listing",
    )


def not_up(what: str, trouble: str) -> Row:
    return Row(
        what=f"{what}: coming up",
        figure=trouble,
        budget=f">= {LEAST_RATE:g} launches/s",
        met=False,
        limit="the doctors' survey, which fills the turns of its leader",
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.whole", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--steps", type=int, nargs="+", default=STEPS, metavar="DOMAINS")
    asked = parser.parse_args()
    if missing := lacking():
        print(f"not installed: {missing} (as root: tests/servers/install.sh)", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    print(head(), flush=True)
    try:
        with started() as servers:
            for row in whole(servers, asked.steps, asked.minutes):
                hush()
                print(shown(row), flush=True)
    except KeyboardInterrupt:
        hush()
        return 128 + signal.SIGINT
    return 0


if __name__ == "__main__":
    sys.exit(main())
