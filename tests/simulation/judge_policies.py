"""The verdict over domains whose size a policy chooses: from the cloud's journal, from when the store took who is
to go, from what VMs had in hand, and from the reasons that clients were told. Where there are none such there is
nothing to say.

What the size comes to in the end is in `judge.py:converged`: it is one that the metric asks for, or the one that
was to stay.
"""

from collections import defaultdict
from collections.abc import Iterator

from elastic.adapters.cloud.weather import Happened
from tests.simulation.evidence import ENDED, Evidence, is_ours
from tests.simulation.labour import SERVING, Labour
from tests.simulation.ledger import CARRIED_OUT
from tests.simulation.partings import SPAN, Parting

LATE = 20.0  # seconds by which a number may be old that somebody goes for: a sample's age, a write that is held up
BEFORE = 60.0  # seconds for which a size may lag behind
TOLD = 6.0  # seconds in which work is known of: two heartbeats, and one that is lost
REPLACED = 25.0  # seconds in calm, from a death to the successor
SLACK = 0.5
MOST_WRITES = 120  # in ten seconds, of one domain: what a busy one may take


def never_above_maximum(seen: Evidence) -> Iterator[str]:
    """P8: of those that are well, serve and are not about to go, there are never more than the maximum."""
    if seen.is_slow:
        return
    ready: dict[str, dict[str, str]] = defaultdict(dict)
    for entry in seen.journal:
        domain = str(entry.mark.key) if is_ours(entry) else ""
        if domain not in seen.ledger.plans or entry.server_id in seen.ledger.planted:
            continue
        if entry.what is Happened.ACTIVE:
            ready[domain][entry.server_id] = entry.instance_id
            staying = [name for name in ready[domain].values() if _stays(seen, name, entry.time)]
            most = seen.ledger.largest(domain, entry.time - LATE, entry.time)
            if len(staying) > most:
                yield f"P8: {domain} has {len(staying)} at {entry.time:.1f}, and its maximum is {most}"
        elif entry.what in (*ENDED, Happened.DELETE_ASKED, Happened.KILLED, Happened.ERROR):
            ready[domain].pop(entry.server_id, None)


def _stays(seen: Evidence, name: str, now: float) -> bool:
    parting = seen.partings.get(name)
    is_going = parting is not None and parting.time <= now
    drains = any(moment.drain for labour in seen.labours_of(name) for moment in labour.during(now, now))
    return not (is_going or drains or seen.ledger.is_spared(name, now))


def never_below_minimum(seen: Evidence) -> Iterator[str]:
    """P8: once all is calm there are as many as the minimum, but for those that have just died."""
    ready: dict[str, set[str]] = defaultdict(set)
    for entry in seen.journal:
        domain = str(entry.mark.key) if is_ours(entry) else ""
        plan = seen.ledger.plans.get(domain)
        if plan is None:
            continue
        if entry.what is Happened.ACTIVE:
            ready[domain].add(entry.server_id)
        elif entry.what in (*ENDED, Happened.DELETE_ASKED, Happened.KILLED, Happened.ERROR):
            ready[domain].discard(entry.server_id)
            lately = [at for of, at in seen.ledger.deaths if of == domain and 0.0 <= entry.time - at <= REPLACED]
            is_there = None not in seen.ledger.accounts[domain].sizes
            if entry.time > seen.calm_at and is_there and len(ready[domain]) + len(lately) < plan.least:
                yield f"P8: {domain} has {len(ready[domain])} at {entry.time:.1f}, and its minimum is {plan.least}"


def nobody_goes_for_nothing(seen: Evidence) -> Iterator[str]:
    """P5: who is well goes only where the metric, or a client, has lately asked for fewer."""
    for parting in _of_the_well(seen):
        times = [at for at in (parting.time, parting.drains_since) if at is not None]
        if not any(_asks_for_fewer(seen, parting.domain, at) for at in times):
            yield f"P5: {_told(parting)}, and nobody asked"


def _told(parting: Parting) -> str:
    return f"{parting.instance_id} of {parting.domain} was to go at {parting.time:.1f}"


def _asks_for_fewer(seen: Evidence, domain: str, at: float) -> bool:
    is_given_up = seen.ledger.gave_up(domain, at - CARRIED_OUT, at) > 0
    return is_given_up or seen.ledger.lets_go(domain, at - LATE, at, BEFORE)


def _of_the_well(seen: Evidence) -> list[Parting]:
    """Those that were to go for the size's sake, as far as can be seen from without: not for their health, nor
    because their owner wanted them or their domain gone."""
    return [
        parting
        for parting in seen.partings.values()
        if not seen.ledger.is_spared(parting.instance_id, parting.time)
        and seen.was_up(parting.instance_id, parting.time)
        and not seen.ledger.may_be_removed(parting.domain, parting.time)
    ]


def the_protected_stay(seen: Evidence) -> Iterator[str]:
    """P5: who was answered to be protected does not go for the size's sake."""
    for parting in _of_the_well(seen):
        times = seen.ledger.protected.get(parting.instance_id, [])
        if any(since < parting.time < until for since, until in times):
            yield f"P5: {_told(parting)}, and was protected"


def the_busy_finish_first(seen: Evidence) -> Iterator[str]:
    """P5: who runs, as clients were told, and has said for a while that it has work, goes only when it has said
    that it has drained, or when the time for that is over."""
    for parting in _of_the_well(seen):
        told = seen.ledger.told.get(parting.instance_id, {})
        ran = any(at < parting.time for at in told.values())
        if not ran or not any(_was_busy(labour, parting) for labour in seen.labours_of(parting.instance_id)):
            continue
        longest, since = seen.ledger.plans[parting.domain].longest_drain, parting.drains_since
        if since is None:
            yield f"P5: {_told(parting)}, had work, and did not drain"
        elif longest is None or parting.time - since < longest - SLACK:
            yield f"P5: {_told(parting)}, had work, and had {parting.time - since:.1f} s to drain"


def _was_busy(labour: Labour, parting: Parting) -> bool:
    since = parting.time - TOLD
    return labour.past[0].since <= since and all(m.tasks for m in labour.during(since, parting.time))


def all_serve(seen: Evidence) -> Iterator[str]:
    """P9: in the end nobody drains who is not to: who was taken back serves."""
    gone = {entry.server_id for entry in seen.journal if entry.what in ENDED}
    for server, labour in seen.labours.items():
        name = labour.instance_id
        if server not in gone and labour.now.drain != SERVING and name not in seen.draining:
            yield f"P9: in the end {name} of {labour.domain} is {labour.now.drain}, and was not to be"


def one_mind(seen: Evidence) -> Iterator[str]:
    """P8: no decision launches some and has others go because there are too many."""
    for (domain, member, _), decision in seen.ledger.reasons.items():
        stages = {stage["stage"] for stage in decision["stages"]}
        drained = any("drained, without work" in stage["text"] for stage in decision["stages"])
        if "launch" in stages and ("victims" in stages or drained):
            yield f"P8: {member} both launched and ended in {domain}: {decision['reason']}"


def few_writes(seen: Evidence) -> Iterator[str]:
    """P11: no domain is written without an end: what is written is looked at at once."""
    for (domain, since), count in sorted(seen.writes.items()):
        if count > MOST_WRITES:
            yield f"P11: {domain} was written {count} times in {SPAN} s from {since} on"


POLICY_RULES = (
    never_above_maximum,
    never_below_minimum,
    nobody_goes_for_nothing,
    the_protected_stay,
    the_busy_finish_first,
    all_serve,
    one_mind,
    few_writes,
)
