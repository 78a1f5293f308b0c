"""The verdict over a story: from the cloud's journal, from what clients were told, and, for P4 and P12, from the
store's log of writes and from looks at the replicas' health. Never from our own logs or records.

Each guarantee is a generator of sentences that say how it was broken, numbered as in doc/architecture.md.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from elastic.adapters.cloud.weather import Happened
from tests.simulation.evidence import ENDED, Evidence, is_ours, servers_lives
from tests.simulation.judge_parts import PARTS_RULES
from tests.simulation.judge_policies import POLICY_RULES
from tests.simulation.ledger import AFTER_MUTE, CARRIED_OUT
from tests.simulation.story import Story

MOST_DOUBLES = 2  # live servers of one instance, when the cloud does not keep to the settle delay
RED_WITHIN = 4.0  # seconds by which a loop may be overdue without health saying so: two turns, and two looks
UNDER_WAY = 40.0  # seconds that a change of size takes at most: settle, boot and delete, with outages between
BRAKE_WINDOW = 10.0  # seconds: `missing_timeout`, and what it takes to act on it
BEFORE_BRAKE = 3  # that many silent ones engage it: as many may have been replaced by then
BEHIND = 0.5  # seconds by which a list that a client is shown may be behind its question


def verdict(story: Story) -> list[str]:
    """What was broken, in sentences; none if all holds."""
    evidence = Evidence.of(story)
    return [sentence for rule in RULES for sentence in rule(evidence)]


def no_double(seen: Evidence) -> Iterator[str]:
    """P1: one server an instance; two at most when the cloud breaks its promise. What was planted is not counted,
    what is in ERROR or about to be deleted is."""
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
    """P2: in the end each server is another instance's, and none is left that is broken."""
    broken: set[str] = set()
    mine: dict[str, set[str]] = defaultdict(set)
    for entry in seen.journal:
        if is_ours(entry) and entry.what is Happened.CREATED:
            mine[entry.instance_id].add(entry.server_id)
        elif entry.what in ENDED:
            mine[entry.instance_id].discard(entry.server_id)
        elif entry.what in (Happened.ERROR, Happened.KILLED):
            broken.add(entry.server_id)
    for name, servers in mine.items():
        if len(servers) > 1:
            yield f"P2: in the end {name} has {len(servers)} servers"
        if left := sorted(servers & broken):
            yield f"P2: in the end {name} has a broken server: {', '.join(left)}"
        if servers and name in seen.ledger.dismissed:
            yield f"P3: {name} was answered to be terminated, and has a server in the end"


def converged(seen: Evidence) -> Iterator[str]:
    """P3, P8, P9: in the end each domain has a size that answered calls allow, and no one in it is ill."""
    for text in seen.unsettled:
        yield f"P9: after a minute of peace {text}"
    for name in seen.ill:
        yield f"P9: in the end {name} is ill, and there"
    for domain in sorted(seen.ledger.accounts):
        allowed = seen.ledger.allowed(domain)
        if seen.live[domain] not in allowed:
            wanted = " or ".join(str(size) for size in sorted(allowed))
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


def shown_is_so(seen: Evidence) -> Iterator[str]:
    """P2, P8: in the end clients are told of just those servers that there are, as many as a domain is to have."""
    there: dict[str, set[str]] = defaultdict(set)
    for entry in seen.journal:
        if is_ours(entry) and entry.what is Happened.CREATED:
            there[str(entry.mark.key)].add(entry.server_id)
        elif is_ours(entry) and entry.what in ENDED:
            there[str(entry.mark.key)].discard(entry.server_id)
    for domain in sorted(seen.ledger.listings[-1].domains if seen.ledger.listings else ()):
        shown = seen.ledger.shown.get(domain)
        if shown is None or shown.time < seen.ended_at - 10.0:
            yield f"P9: in the end no client is told of {domain}"
            continue
        if wrong := sorted(shown.running ^ there[domain]):
            yield f"P2: in the end {', '.join(wrong)} of {domain}: there and not told of, or told of and not there"
        if shown.size != seen.live[domain]:
            yield f"P8: in the end {domain} has {seen.live[domain]} servers, and is to have {shown.size}"


def answered_is_shown(seen: Evidence) -> Iterator[str]:
    """P3: a domain that is there by what clients were told is in each list that they are shown."""
    for listing in seen.ledger.listings:
        for domain, account in sorted(seen.ledger.accounts.items()):
            sure = account.is_surely_there(listing.begun - BEHIND, listing.ended)
            if sure and domain not in listing.domains:
                yield f"P3: {domain} was answered for, and not shown at {listing.ended:.1f}"


def one_hand(seen: Evidence) -> Iterator[str]:
    """P4: no write was taken by an older number than the store had."""
    for entry in seen.log:
        if entry.is_stale:
            told = f"of {entry.member} at {entry.time:.1f}, by {entry.fence} when it was {entry.newest}"
            yield f"P4: a stale write was taken: {entry.op} {told}"


def no_healthy_one_killed(seen: Evidence) -> Iterator[str]:
    """P5: of those we deleted, none were well that clients had not given up lately."""
    if seen.is_slow:
        return  # what shows up after the settle is nobody's any more, however well it is
    ready: set[str] = set()
    asked: set[str] = set()
    alive: dict[str, set[str]] = defaultdict(set)
    killed: dict[str, dict[str, float]] = defaultdict(dict)
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
                is_well = server in ready and not seen.ledger.is_spared(name, entry.time)
                is_told = seen.is_parted(name, entry.time)  # whether it was well told is the policies' to say
                if is_well and alive[name] == {server} and server not in seen.ledger.planted and not is_told:
                    killed[str(entry.mark.key)][name] = entry.time
    for domain, times in killed.items():
        if beyond := seen.ledger.beyond(domain, times.values()):
            yield f"P5: healthy servers of {domain} were deleted ({_when(times)}), {beyond} were not given up"


def no_told_one_killed(seen: Evidence) -> Iterator[str]:
    """P5: a server that clients were told of as running is not deleted unless clients gave it up, however the
    cloud is. And an instance is told to have one server in all its life."""
    server_of = {server: name for name, servers in seen.ledger.told.items() for server in servers}
    broken: set[str] = set()
    killed: dict[str, dict[str, float]] = defaultdict(dict)
    for entry in seen.journal:
        name = server_of.get(entry.server_id)
        if entry.what in (Happened.ERROR, Happened.KILLED, Happened.VANISHED):
            broken.add(entry.server_id)
        if name is None or entry.what is not Happened.DELETE_ASKED:
            continue
        was_told = seen.ledger.told[name][entry.server_id] < entry.time and not seen.is_parted(name, entry.time)
        if was_told and entry.server_id not in broken and not seen.ledger.is_spared(name, entry.time):
            killed[str(entry.mark.key)].setdefault(f"{entry.server_id} of {name}", entry.time)
    for domain, times in killed.items():
        if beyond := seen.ledger.beyond(domain, times.values()):
            yield f"P5: what ran in {domain} was deleted ({_when(times)}), {beyond} were not given up"
    for name, servers in seen.ledger.told.items():
        if len(servers) > 1:
            yield f"P1: {name} was told to have one server, and then another: {', '.join(servers)}"


def _when(times: Mapping[str, float]) -> str:
    return ", ".join(f"{name} at {time:.1f}" for name, time in times.items())


def braked(seen: Evidence) -> Iterator[str]:
    """P5: of VMs that all fall silent at once, a few at most are deleted within one `missing_timeout`. Those count
    that clients were told of as running: who was never heard may be given up when its time to boot is over."""
    for mute in seen.ledger.mutes:
        until = min(mute.ended, seen.ended_at) + AFTER_MUTE
        if seen.ledger.lets_go(mute.domain, mute.begun - CARRIED_OUT, until, CARRIED_OUT):
            continue  # a policy has some go meanwhile
        counted = (mute.instances & seen.ledger.told.keys()) - seen.ledger.harmed.keys()
        asked = {
            entry.instance_id: entry.time
            for entry in seen.journal
            if entry.what is Happened.DELETE_ASKED
            and entry.instance_id in counted
            and mute.begun <= entry.time <= until
        }
        trickled = 2 if seen.clocks_stepped else 1  # when the last one was let through is told by a clock
        allowed = BEFORE_BRAKE + trickled + seen.ledger.gave_up(mute.domain, mute.begun - CARRIED_OUT, until)
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
    lives = servers_lives(seen)
    for listing in seen.ledger.listings:
        sure = listing.begun - BEHIND
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


def within_bounds(seen: Evidence) -> Iterator[str]:
    """P1, P8: the servers of a domain that are well are never more than it may have had lately. Of one that was
    taken for lost the end may take longer than its successor's beginning."""
    if seen.is_slow:
        return
    ready: dict[str, dict[str, str]] = defaultdict(dict)
    for entry in seen.journal:
        if not is_ours(entry) or entry.server_id in seen.ledger.planted:
            continue
        domain = str(entry.mark.key)
        if domain in seen.ledger.plans:
            continue
        if entry.what is Happened.ACTIVE:
            ready[domain][entry.server_id] = entry.instance_id
            most = seen.ledger.most_lately(domain, entry.time - UNDER_WAY, entry.time)
            well = sum(not seen.ledger.is_spared(name, entry.time) for name in ready[domain].values())
            if well > most:
                yield f"P8: {domain} has {well} that are well at {entry.time:.1f}, of {most} at most"
        elif entry.what in (*ENDED, Happened.DELETE_ASKED, Happened.KILLED, Happened.ERROR):
            ready[domain].pop(entry.server_id, None)


def no_silent_stop(seen: Evidence) -> Iterator[str]:
    """P12: a loop that does not come round shows in the replica's health; in peace all are there, and green."""
    for look in seen.looks:
        if look.overdue > RED_WITHIN and not look.ailments:
            late = f"{look.overdue:.1f} s overdue at {look.time:.1f}"
            yield f"P12: the loop of {look.member} is {late}, and health green"
    for text in seen.ailments:
        yield f"P12: in the end health is red: {text}"
    for member in seen.absent:
        yield f"P12: in the end {member} is not there"
    for text in seen.faults:
        yield f"P12: a loop failed: {text}"


RULES = (
    no_double,
    no_orphan,
    converged,
    answered_stands,
    shown_is_so,
    answered_is_shown,
    one_hand,
    no_healthy_one_killed,
    no_told_one_killed,
    braked,
    nothing_foreign_touched,
    removed_is_empty,
    within_bounds,
    no_silent_stop,
    *PARTS_RULES,
    *POLICY_RULES,
)
