"""The verdict over a story: from the cloud's journal, from what clients were told, and, for P4 and P12, from the
store's log of writes and from looks at the replicas' health. Never from our own logs or records.

Each guarantee is a generator of sentences that say how it was broken, numbered as in doc/architecture.md.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from elastic.adapters.cloud.weather import Entry, Happened
from tests.simulation.ledger import Ledger
from tests.simulation.server import REMEMBERED, Written
from tests.simulation.story import Story
from tests.simulation.world import Look

ENDED = (Happened.GONE, Happened.VANISHED)
MOST_DOUBLES = 2  # live servers of one instance, when the cloud does not keep to the settle delay
RED_WITHIN = 4.0  # seconds by which a loop may be overdue without health saying so: two turns, and two looks
UNDER_WAY = 45.0  # seconds that a change of size takes at most: settle, boot and delete, with outages between
BRAKE_WINDOW = 10.0  # seconds: `missing_timeout`, and what it takes to act on it
BEFORE_BRAKE = 3  # that many silent ones engage it: as many may have been replaced by then
AFTER_MUTE = 20.0  # seconds in which a verdict from the time of silence is still carried out


@dataclass(frozen=True)
class Evidence:
    journal: Sequence[Entry]
    ledger: Ledger
    log: Sequence[Written]
    looks: Sequence[Look]
    live: Counter[str]
    is_slow: bool
    peace_at: float
    ended_at: float
    faults: Sequence[str]
    ailments: Sequence[str]

    @classmethod
    def of(cls, story: Story) -> "Evidence":
        world = story.world
        replicas = world.replicas.values()
        return cls(
            journal=world.cloud.journal,
            ledger=story.ledger,
            log=world.server.log,
            looks=world.looks,
            live=Counter(str(server.mark.key) for server in world.ours()),
            is_slow=story.setting.is_slow,
            peace_at=story.peace_at,
            ended_at=world.kernel.now,
            faults=[f"{r.name}: {text}" for r in replicas for text in (*r.control.faults, *r.keeper.faults)],
            ailments=[f"{r.name}: {text}" for r in replicas for text in r.ailments()],
        )


def is_ours(entry: Entry) -> bool:
    return entry.mark is not None and entry.mark.cluster == "world"


def verdict(story: Story) -> list[str]:
    """What was broken, in sentences; none if all holds."""
    evidence = Evidence.of(story)
    return [sentence for rule in RULES for sentence in rule(evidence)]


def no_double(seen: Evidence) -> Iterator[str]:
    """P1: one live server an instance; two at most, and not for long, when the cloud breaks its promise. What was
    planted or is being deleted is not counted."""
    allowed = MOST_DOUBLES if seen.is_slow else 1
    live: dict[str, set[str]] = defaultdict(set)
    for entry in seen.journal:
        if not is_ours(entry) or entry.server_id in seen.ledger.planted:
            continue
        here = live[entry.instance_id]
        if entry.what is Happened.CREATED:
            here.add(entry.server_id)
        elif entry.what in ENDED:
            here.discard(entry.server_id)
        if len(here) > allowed:
            yield f"P1: {entry.instance_id} has {len(here)} servers at {entry.time:.1f}"


def no_orphan(seen: Evidence) -> Iterator[str]:
    """P2: in the end each server is another instance's, and none of a domain that is not there."""
    mine: dict[str, set[str]] = defaultdict(set)
    for entry in seen.journal:
        if is_ours(entry) and entry.what is Happened.CREATED:
            mine[entry.instance_id].add(entry.server_id)
        elif entry.what in ENDED:
            mine[entry.instance_id].discard(entry.server_id)
    for name, servers in mine.items():
        if len(servers) > 1:
            yield f"P2: in the end {name} has {len(servers)} servers"


def converged(seen: Evidence) -> Iterator[str]:
    """P3, P8, P9: in the end each domain has a size that answered calls allow."""
    for domain, account in sorted(seen.ledger.accounts.items()):
        if seen.live[domain] not in account.allowed:
            wanted = " or ".join(str(size) for size in sorted(account.allowed))
            yield f"P9: in the end {domain} has {seen.live[domain]} servers, and should have {wanted}"


def answered_stands(seen: Evidence) -> Iterator[str]:
    """P3, P7: in the end just those domains are there that were answered for."""
    if not seen.ledger.listings or seen.ledger.listings[-1].ended < seen.ended_at - 10.0:
        yield "P9: in the end no client is answered"
        return
    shown = seen.ledger.listings[-1].domains
    for domain, account in sorted(seen.ledger.accounts.items()):
        if None not in account.sizes and domain not in shown:
            yield f"P3: {domain} was answered for, and is not there"
        if account.sizes == {None} and domain in shown:
            yield f"P7: {domain} was removed, and is there in the end"


def one_hand(seen: Evidence) -> Iterator[str]:
    """P4: no write was taken by an older number than the store had."""
    for entry in seen.log:
        if entry.is_stale:
            told = f"of {entry.member} at {entry.time:.1f}, by {entry.fence} when it was {entry.newest}"
            yield f"P4: a stale write was taken: {entry.op} {told}"


def no_healthy_one_killed(seen: Evidence) -> Iterator[str]:
    """P5: of those we deleted, no more were well than clients gave up."""
    if seen.is_slow:
        return  # what shows up after the settle is nobody's any more, however well it is
    spared = seen.ledger.harmed | seen.ledger.muted
    ready: set[str] = set()
    asked: set[str] = set()
    alive: dict[str, set[str]] = defaultdict(set)
    killed: dict[str, list[str]] = defaultdict(list)
    for entry in seen.journal:
        name, server = entry.instance_id, entry.server_id
        match entry.what:
            case Happened.CREATED:
                alive[name].add(server)
            case Happened.ACTIVE:
                ready.add(server)
            case Happened.ERROR | Happened.KILLED:
                ready.discard(server)
            case Happened.GONE | Happened.VANISHED:
                alive[name].discard(server)
            case Happened.DELETE_ASKED if server not in asked and is_ours(entry):
                asked.add(server)
                if server in ready and name not in spared and alive[name] == {server}:
                    killed[str(entry.mark.key)].append(f"{name} at {entry.time:.1f}")
    for domain, names in killed.items():
        given_up = seen.ledger.gave_up(domain)
        if len(names) > given_up:
            yield f"P5: healthy servers of {domain} were deleted ({', '.join(names)}), {given_up} were given up"


def no_told_one_killed(seen: Evidence) -> Iterator[str]:
    """P5: a server that clients were told of as running is not deleted unless clients gave it up, however the
    cloud is. And an instance is told to have one server in all its life."""
    server_of = {server: name for name, servers in seen.ledger.told.items() for server in servers}
    spared = seen.ledger.harmed | seen.ledger.muted
    broken: set[str] = set()
    killed: dict[str, dict[str, str]] = defaultdict(dict)
    for entry in seen.journal:
        name = server_of.get(entry.server_id)
        if entry.what in (Happened.ERROR, Happened.KILLED, Happened.VANISHED):
            broken.add(entry.server_id)
        if name is None or entry.what is not Happened.DELETE_ASKED:
            continue
        was_told = seen.ledger.told[name][entry.server_id] < entry.time
        if was_told and entry.server_id not in broken and name not in spared:
            killed[str(entry.mark.key)][entry.server_id] = f"{entry.server_id} of {name} at {entry.time:.1f}"
    for domain, servers in killed.items():
        given_up = seen.ledger.gave_up(domain)
        if len(servers) > given_up:
            told = ", ".join(servers.values())
            yield f"P5: what ran in {domain} was deleted ({told}), {given_up} were given up"
    for name, servers in seen.ledger.told.items():
        if len(servers) > 1:
            yield f"P1: {name} was told to have one server, and then another: {', '.join(servers)}"


def braked(seen: Evidence) -> Iterator[str]:
    """P5: of VMs that all fall silent at once, a few at most are deleted within one `missing_timeout`."""
    for mute in seen.ledger.mutes:
        until = min(mute.ended, seen.ended_at) + AFTER_MUTE
        counted = mute.instances - seen.ledger.harmed
        asked = {
            entry.instance_id: entry.time
            for entry in seen.journal
            if entry.what is Happened.DELETE_ASKED
            and entry.instance_id in counted
            and mute.begun <= entry.time <= until
        }
        allowed = BEFORE_BRAKE + 1 + seen.ledger.gave_up(mute.domain, mute.begun - UNDER_WAY, until)
        at_once = (sum(at <= other <= at + BRAKE_WINDOW for other in asked.values()) for at in asked.values())
        most = max(at_once, default=0)
        if most > allowed:
            yield f"P5: {most} of {mute.domain} were deleted at once for a silence of all from {mute.begun:.1f} on"


def nothing_foreign_touched(seen: Evidence) -> Iterator[str]:
    """P6."""
    for entry in seen.journal:
        if entry.server_id in seen.ledger.foreign and entry.what is Happened.DELETE_ASKED:
            yield f"P6: {entry.server_id}, which is not ours, was deleted at {entry.time:.1f}"


def removed_is_empty(seen: Evidence) -> Iterator[str]:
    """P7: when a client has been shown that a domain is gone, no server that it had then lives or comes."""
    if seen.is_slow:
        return
    lives = _lives(seen)
    for listing in seen.ledger.listings:
        sure = listing.begun - REMEMBERED
        last: dict[str, int] = defaultdict(int)  # the newest incarnation that had a server by then
        for life in lives:
            if life.begun < sure:
                last[life.domain] = max(last[life.domain], life.incarnation)
        for life in lives:
            if life.domain in listing.domains or life.incarnation > last[life.domain]:
                continue
            if life.begun < sure and life.ended > listing.ended:
                yield f"P7: {life.domain} was shown to be gone at {listing.ended:.1f}, and {life.server_id} lives"
            if life.begun > listing.ended:
                yield f"P7: {life.server_id} of {life.domain} was made at {life.begun:.1f}, after that was gone"


@dataclass(frozen=True)
class Life:
    """Of one server that was ordered."""

    server_id: str
    domain: str
    incarnation: int
    begun: float
    ended: float


def _lives(seen: Evidence) -> list[Life]:
    ended = {entry.server_id: entry.time for entry in seen.journal if entry.what in ENDED}
    return [
        Life(e.server_id, str(e.mark.key), e.mark.incarnation, e.time, ended.get(e.server_id, float("inf")))
        for e in seen.journal
        if is_ours(e) and e.what is Happened.CREATED and e.server_id not in seen.ledger.planted
    ]


def within_bounds(seen: Evidence) -> Iterator[str]:
    """P1, P8: the servers of a domain that are well are never more than it may have had lately."""
    if seen.is_slow:
        return
    ready: dict[str, set[str]] = defaultdict(set)
    for entry in seen.journal:
        if not is_ours(entry):
            continue
        domain = str(entry.mark.key)
        if entry.what is Happened.ACTIVE and entry.instance_id not in seen.ledger.harmed:
            ready[domain].add(entry.server_id)
            most = _most_lately(seen.ledger.sizes_over_time[domain], entry.time)
            if len(ready[domain]) > most:
                yield f"P8: {domain} has {len(ready[domain])} that are well at {entry.time:.1f}, of {most} at most"
        elif entry.what in (*ENDED, Happened.DELETE_ASKED, Happened.KILLED, Happened.ERROR):
            ready[domain].discard(entry.server_id)


def _most_lately(sizes: Sequence[tuple[float, int]], now: float) -> int:
    most = 0
    for number, (at, size) in enumerate(sizes):
        until = sizes[number + 1][0] if number + 1 < len(sizes) else float("inf")
        if at <= now and until >= now - UNDER_WAY:
            most = max(most, size)
    return most


def no_silent_stop(seen: Evidence) -> Iterator[str]:
    """P12: a loop that does not come round shows in the replica's health; in peace all is green."""
    for look in seen.looks:
        if look.overdue > RED_WITHIN and not look.ailments:
            late = f"{look.overdue:.1f} s overdue at {look.time:.1f}"
            yield f"P12: the loop of {look.member} is {late}, and health green"
    for text in seen.ailments:
        yield f"P12: in the end health is red: {text}"
    for text in seen.faults:
        yield f"P12: a loop failed: {text}"


RULES = (
    no_double,
    no_orphan,
    converged,
    answered_stands,
    one_hand,
    no_healthy_one_killed,
    no_told_one_killed,
    braked,
    nothing_foreign_touched,
    removed_is_empty,
    within_bounds,
    no_silent_stop,
)
