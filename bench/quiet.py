"""A turn of a replica in which nothing happens, and one in which one domain has changed, by size of the fleet.

What it costs has to follow what changed, and not what exists.
"""

import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.fleet import Fleet, opened, paths_of, requests
from bench.rows import Row, tell
from bench.servers import Servers
from bench.solo import Solo, StillCloud, Voices
from elastic.adapters.store.zookeeper import ZookeeperStore
from elastic.ports.bus import Call

SIZES = [Fleet(10, 10), Fleet(100, 10), Fleet(100, 100), Fleet(1000, 10)]
BUDGETED = Fleet(100, 100)
BUDGET = 15.0  # ms
LIFE, QUICK_LIFE = 240.0, 60.0  # seconds of the fleet's life
CHANGES = 20


@dataclass(frozen=True)
class Turns:
    """What some turns cost: wall ms and requests each; `life`: the seconds of the fleet's life that they cover."""

    ms: Sequence[float]
    asked: Sequence[int]
    life: float

    @property
    def median(self) -> float:
        return statistics.median(self.ms)

    @property
    def load(self) -> float:
        """ms for each second of the fleet's life."""
        return sum(self.ms) / self.life


def measure(servers: Servers, quick: bool) -> Iterator[Row]:
    for fleet in SIZES:
        store = opened(servers.store_url())
        try:
            yield from measured(store, fleet, quick)
        finally:
            store.close()


def measured(store: ZookeeperStore, fleet: Fleet, quick: bool) -> Iterator[Row]:
    tell(f"quiet turn: {fleet} are made")
    fleet.fill(store)
    listing = tuple(fleet.servers(store.layout().uid))
    solo = Solo(store, StillCloud(lambda: listing))
    try:
        solo.settle(fleet.size)
        naive = reread(store, fleet)
        life = QUICK_LIFE if quick else LIFE
        tell(f"quiet turn: {life:.0f} s in the life of {fleet}")
        yield quiet_row(fleet, lived(solo, fleet, life), naive)
        tell(f"quiet turn: one of {fleet} changes")
        yield changed_row(fleet, *changed(solo, fleet, CHANGES // 4 if quick else CHANGES))
    finally:
        solo.close()


def lived(solo: Solo, fleet: Fleet, life: float) -> Turns:
    """Its turns come when the replica wants them; heartbeats and its place in the group are not part of them."""
    voices = Voices(solo, fleet)
    voices.all()
    for _ in range(int(life)):  # until every role has looked at all of it, and the doctor's looks are spread
        voices.beat()
        solo.step()
    ms, asked = list[float](), list[int]()
    until, wait = solo.clock.monotonic() + life, 1.0
    while solo.clock.monotonic() < until:
        solo.hand.advance(max(wait, 0.001))
        voices.beat()
        solo.agent.keep()
        solo.broker.pump()
        before, began = requests(solo.store), time.perf_counter()
        wait = solo.agent.turn()
        ms.append(1000 * (time.perf_counter() - began))
        asked.append(requests(solo.store) - before)
    return Turns(ms, asked, life)


def changed(solo: Solo, fleet: Fleet, times: int) -> tuple[Turns, Turns]:
    """Turns in which a client's change of one domain arrives, and bare kazoo's work for such a domain."""
    ms, asked = list[float](), list[int]()
    keys, by_hand = [domain.key for domain in fleet], ByHand(solo.store, fleet)
    for number in range(times):
        key = keys[number * 7 % len(keys)]
        args = {"domain_id": key.name, "config": {"health": {"missing_timeout": 130 + number}}}
        reply = solo.agent.reactor.handle(Call("reconfigure_domain", args, key.owner))
        assert "error" not in reply, reply
        spent, sent = turn_with_news(solo)
        ms.append(spent)
        asked.append(sent)
        by_hand.again()
    return Turns(ms, asked, 1.0), Turns(by_hand.ms, [by_hand.requests] * times, 1.0)


def turn_with_news(solo: Solo) -> tuple[float, int]:
    """The first one that asks the store for something: the watch takes a moment to come."""
    deadline = time.monotonic() + 10.0
    while time.monotonic() < deadline:
        solo.hand.advance(0.01)
        before, began = requests(solo.store), time.perf_counter()
        solo.agent.turn()
        spent, sent = 1000 * (time.perf_counter() - began), requests(solo.store) - before
        if sent:
            return spent, sent
        time.sleep(0.002)
    raise TimeoutError("no news of a change")


class ByHand:
    """The least that a change asks for: the nodes of one domain are read, and one of them is written."""

    def __init__(self, store: ZookeeperStore, fleet: Fleet) -> None:
        self.requests = fleet.nodes // fleet.domains + 1
        self.ms: list[float] = []
        self._client, self._place = store.session.client, store.session.at("bench")
        self._paths = paths_of(store, fleet.buckets)[: self.requests - 1]
        self._client.create(self._place)

    def again(self) -> None:
        began = time.perf_counter()
        data = [flying.get()[0] for flying in [self._client.get_async(path) for path in self._paths]]
        self._client.set(self._place, data[1])
        self.ms.append(1000 * (time.perf_counter() - began))


def reread(store: ZookeeperStore, fleet: Fleet, times: int = 3) -> float:
    """ms in which bare kazoo gets all nodes of the fleet, all in flight at once."""
    client, paths = store.session.client, paths_of(store, fleet.buckets)
    assert len(paths) == fleet.nodes
    spent = []
    for _ in range(times):
        began = time.perf_counter()
        for flying in [client.get_async(path) for path in paths]:
            flying.get()
        spent.append(1000 * (time.perf_counter() - began))
    return statistics.median(spent)


def quiet_row(fleet: Fleet, turns: Turns, naive: float) -> Row:
    has_budget = fleet == BUDGETED
    return Row(
        what=f"quiet turn, {fleet}",
        figure=f"{turns.median:.2f} ms, {sum(turns.asked)} requests in {len(turns.ms)} turns",
        baseline=f"bare kazoo reads its nodes: {naive:.1f} ms, {fleet.nodes} requests",
        ratio=turns.median / naive,
        budget=f"0 requests, < {BUDGET:.0f} ms" if has_budget else "0 requests",
        met=not sum(turns.asked) and (not has_budget or turns.median < BUDGET),
        limit=f"{turns.load:.1f} ms a second in all; the longest turn took {max(turns.ms):.0f} ms",
    )


def changed_row(fleet: Fleet, ours: Turns, bare: Turns) -> Row:
    return Row(
        what=f"turn with one domain changed, {fleet}",
        figure=f"{ours.median:.1f} ms, {statistics.median(ours.asked):.0f} requests",
        baseline=f"bare kazoo, its nodes and one write: {bare.median:.1f} ms, {bare.asked[0]} requests",
        ratio=ours.median / bare.median,
        limit="waits for ZooKeeper, the last one for its disk",
    )
