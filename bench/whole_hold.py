"""A cluster with its load, watched for a while: what came in, what it cost, how late it was."""

import statistics
import time
from dataclasses import dataclass, field

from bench.cloud import Load
from bench.rows import tell
from bench.whole_agents import Agents
from bench.whole_usage import Usage, usages

LOOK, SKEW = 5.0, 2.0  # seconds
VERDICTS = (b"-> MISSING", b"-> OUT_OF_CONTACT")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The cluster at one moment; totals since its start, but `late` and `loop_age`."""

    at: float
    usages: dict[str, Usage]
    load: Load
    heard: int
    dropped: int
    store_requests: int
    loop_age: float


@dataclass(kw_only=True)
class Held:
    """From `first` to `last`. `late` and `loop_age`: the worst seen; `turns`: seconds of the longest in each line
    of the traces."""

    first: Sample
    last: Sample
    turns: list[float] = field(default_factory=list)
    busy: float = 0.0  # share of their time that the control loops were in a turn
    late: float = 0.0
    loop_age: float = 0.0
    verdicts: int = 0

    @property
    def seconds(self) -> float:
        return self.last.at - self.first.at

    @property
    def sent(self) -> float:
        """Heartbeats a second."""
        return (self.last.load.sent - self.first.load.sent) / self.seconds

    @property
    def heard(self) -> float:
        return (self.last.heard - self.first.heard) / self.seconds

    @property
    def dropped(self) -> int:
        return self.last.dropped - self.first.dropped

    @property
    def store_requests(self) -> float:
        """A second."""
        return (self.last.store_requests - self.first.store_requests) / self.seconds

    @property
    def shares(self) -> dict[str, float]:
        """Of one core, in percent, by process."""
        before = self.first.usages
        return {
            name: 100 * (now.cpu - before[name].cpu) / self.seconds
            for name, now in self.last.usages.items()
            if name in before
        }

    @property
    def is_kept_up(self) -> bool:
        """All that was sent was taken, in time; nobody was given up for silence that was none. The two counts are
        read up to two seconds apart."""
        taken = self.heard >= self.sent * (0.98 - SKEW / self.seconds)
        return taken and self.late < 2.0 and not self.verdicts

    def by_kind(self) -> str:
        agents = [share for name, share in self.shares.items() if name.startswith("agent")]
        others = [f"{name} {share:.0f}" for name, share in self.shares.items() if not name.startswith("agent")]
        return ", ".join([f"agents {' + '.join(f'{share:.0f}' for share in agents)}", *others])

    def turn(self) -> tuple[float, float]:
        """The median of each second's longest turn, and the longest of all."""
        return (statistics.median(self.turns), max(self.turns)) if self.turns else (0.0, 0.0)


def sample(agents: Agents) -> Sample:
    metrics = [host.metrics() for host in agents.living()]
    beats = [{k: v for k, v in told.items() if k.startswith("heartbeats_total")} for told in metrics]
    heard = sum(told.get('heartbeats_total{result="heard"}', 0) for told in beats)
    ages = [v for told in metrics for k, v in told.items() if k.startswith("loop_age_seconds")]
    return Sample(
        at=time.monotonic(),
        usages=usages(agents.pids()),
        load=agents.cloud.load(),
        heard=int(heard),
        dropped=int(sum(sum(told.values()) for told in beats) - heard),
        store_requests=store_requests(agents),
        loop_age=max(ages),
    )


def store_requests(agents: Agents) -> int:
    """Packets that ZooKeeper got since its start, its clients' pings among them."""
    lines = (line.split("\t") for line in agents.zookeeper.says("mntr").splitlines())
    return int(next(words[1] for words in lines if words[0] == "zk_packets_received"))


def held(agents: Agents, seconds: float, what: str) -> Held:
    agents.cloud.load()
    first = last = sample(agents)
    logs = {host: host.log.stat().st_size for host in agents.living()}
    result = Held(first=first, last=last)
    while (left := first.at + seconds - time.monotonic()) > 0:
        tell(f"{what}: held for {time.monotonic() - first.at:.0f} of {seconds:.0f} s")
        time.sleep(min(LOOK, left))
        agents.check()
        last = sample(agents)
        result.late = max(result.late, last.load.late)
        result.loop_age = max(result.loop_age, last.loop_age)
    result.last = last
    lines = [line for host in agents.living() for line in host.turns() if first.at <= line.at <= last.at]
    result.turns = [line.longest for line in lines]
    result.busy = sum(line.busy for line in lines) / result.seconds / len(logs)
    result.verdicts = sum(_verdicts(host.log.read_bytes()[begun:]) for host, begun in logs.items())
    return result


def _verdicts(log: bytes) -> int:
    return sum(log.count(verdict) for verdict in VERDICTS)
