"""What a member needs in memory for the instances that it owns: mirror, sightings, last heard, dossiers, timers.

Measured in processes of their own: what they hold before the first instance is read does not count. The budget is
for what is held, by Python's own count; the kernel's (resident) has in it what was needed for a moment as well.
"""

import gc
import multiprocessing
import os
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from bench.fleet import Fleet, instance, opened
from bench.rows import Row, tell
from bench.servers import Servers
from bench.solo import ADDRESS, Solo, StillCloud, Voices
from elastic.adapters.workers import InlineWorkers
from elastic.model.heartbeat import Heartbeat

FLEET, QUICK_FLEET = Fleet(100, 100), Fleet(20, 100)
PER = 10_000  # instances
SURVEYS = 3
BUDGET = 20.0  # MiB
MIB = 2**20
PAGE = os.sysconf("SC_PAGE_SIZE")
BOUND = 400.0  # seconds
MADE_IN = {
    "codec.py": "records",
    "fleet.py": "servers as listed",
    "survey.py": "servers as listed",
    "findings.py": "servers as listed",
    "hearing.py": "last heard",
    "solo.py": "last heard",
    "signing.py": "keys of signatures",
    "assembly.py": "keys of signatures",
    "strays.py": "ids",
    "sightings.py": "since when",
    "mirror.py": "the mirror's indexes",
    "dossiers.py": "dossiers",
}


class Held(NamedTuple):
    """MiB for `PER` instances: by the kernel, by Python, and of that for what."""

    resident: float
    allocated: float
    parts: dict[str, float]


def measure(servers: Servers, quick: bool) -> Iterator[Row]:
    fleet, url = QUICK_FLEET if quick else FLEET, servers.store_url()
    store = opened(url)
    fleet.fill(store)
    store.close()
    tell(f"memory: {fleet} in a member")
    ours, traced = apart(in_member, url, fleet, False), apart(in_member, url, fleet, True)
    tell(f"memory: {fleet} in dicts")
    plain = apart(in_dicts, url, fleet, True)
    greatest = sorted(traced.parts.items(), key=lambda part: part[1], reverse=True)[:3]
    yield Row(
        what=f"memory for {PER:,} instances that a member owns ({fleet})",
        figure=f"{traced.allocated:.1f} MiB; the process grew by {ours.resident:.0f}",
        baseline=f"records, heartbeats and servers as dicts: {plain.allocated:.1f} MiB",
        ratio=traced.allocated / plain.allocated,
        budget=f"<= {BUDGET:.0f} MiB",
        met=traced.allocated <= BUDGET,
        limit=", ".join(f"{name} {mib:.1f}" for name, mib in greatest) + " MiB",
    )


def apart(work: Callable[[str, Fleet, bool], Held], url: str, fleet: Fleet, traced: bool) -> Held:
    """In a fresh process."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=answered, args=(theirs, work, url, fleet, traced), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(BOUND):
            raise TimeoutError("it does not come to an end")
        held: Held = ours.recv()
        return held
    finally:
        process.terminate()
        process.join()


def answered(pipe: Connection, work: Callable[[str, Fleet, bool], Held], *args: Any) -> None:
    pipe.send(work(*args))


class Scale:
    """Weighs what has come to this process since it was made."""

    def __init__(self, traced: bool) -> None:
        gc.collect()
        self._resident = resident()
        if traced:
            tracemalloc.start()

    def weigh(self, size: int) -> Held:
        gc.collect()
        grown, share = resident() - self._resident, PER / size / MIB
        parts: Counter[str] = Counter()
        if tracemalloc.is_tracing():
            for line in tracemalloc.take_snapshot().statistics("filename"):
                name = Path(line.traceback[0].filename).name
                if name != "tracemalloc.py":
                    parts[MADE_IN.get(name, name)] += line.size
        named = {name: count * share for name, count in parts.items()}
        return Held(grown * share, sum(named.values()), named)


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def in_member(url: str, fleet: Fleet, traced: bool) -> Held:
    store = opened(url)
    cloud = StillCloud(lambda: tuple(fleet.servers(store.layout().uid)))
    solo = Solo(store, cloud, workers=InlineWorkers())  # a listing is learnt in the turn that asks for it
    scale = Scale(traced)
    solo.settle(fleet.size)
    live(solo, fleet)
    held = scale.weigh(fleet.size)
    solo.close()
    store.close()
    return held


def live(solo: Solo, fleet: Fleet) -> None:
    """Each has said that it is well; each role has looked at each domain, and at what the cloud lists."""
    voices = Voices(solo, fleet)
    voices.all()
    for _ in range(SURVEYS):
        voices.beat()
        solo.step(solo.agent.staff.surveyor.interval)
    solo.step()  # what was told of the last one has come back


def in_dicts(_url: str, fleet: Fleet, traced: bool) -> Held:
    """The same facts as JSON gives them."""
    scale, kept = Scale(traced), list[Any]()
    for server in fleet.servers("8d0e5c3a8d0e5c3a"):
        name, key = server.mark.instance_id, server.mark.key
        beat = Heartbeat(node_id=name, owner=key.owner, domain_id=key.name, boot=f"boot-{name}", seq=7)
        said = msgspec.to_builtins(beat) | {
            "state": "OK",
            "at": 1000.0,
            "reply_to": f"{ADDRESS[:-8]}{name[-6:]}==",
        }
        kept += [as_dict(record) for record in (instance(name), server, said)]
    held = scale.weigh(fleet.size)
    del kept
    return held


def as_dict(record: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(record))
