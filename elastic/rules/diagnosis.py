"""How well an instance is, from what it said, how long it has been silent, and how long we have listened.

At any moment there is one health that stands, at most one deadline, and one health that stands after it (if
nothing more is heard). `diagnose` says which of the two it is now; `next_look` says when the deadline has passed.
All times are seconds on one clock, whichever it is.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import inf, nextafter
from typing import NamedTuple, Protocol

import msgspec

from elastic.errors import BadRequest
from elastic.model.domain import HealthPolicy
from elastic.model.states import Health, InstanceState
from elastic.rules.exact import Number, exact

OWN_WORDS = (Health.OK, Health.MONITOR_ERROR, Health.PROCESS_ERROR)
OUT_OF_CONTACT, MISSING = Health.OUT_OF_CONTACT, Health.MISSING
NEAR = 0.001  # seconds within which floats are not trusted
QUIET = "over, and not heard any more"


class Word(Protocol):
    """The last heartbeat: when it was heard, and what it said."""

    @property
    def at(self) -> float: ...
    @property
    def state(self) -> str: ...
    @property
    def errors(self) -> Sequence[str]: ...


class Verdict(msgspec.Struct, frozen=True):
    """`ask`: the VM should be asked for a sign of life now."""

    health: Health
    reason: str
    ask: bool = False


class _Outlook(NamedTuple):
    """`health` up to and including `until`, then `after`. No `until`: as long as nothing is heard."""

    health: Health
    reason: str
    until: Fraction | None = None
    after: Health = Health.UNKNOWN
    after_reason: str = ""

    def is_past(self, now: Number) -> bool:
        return self.until is not None and exact(now) > self.until


class _Signs(NamedTuple):
    """All that is known of one instance."""

    policy: HealthPolicy
    state: InstanceState
    state_time: Number
    health: Health
    health_time: Number | None
    heard: Word | None
    asked_at: Number | None
    watching_since: Number | None

    @property
    def last(self) -> Number | None:
        return None if self.heard is None else self.heard.at

    @property
    def judged(self) -> Fraction:
        """When its health last changed."""
        return exact(self.state_time if self.health_time is None else self.health_time)


def diagnose(
    policy: HealthPolicy,
    state: InstanceState,
    state_time: Number,
    health: Health,
    health_time: Number | None,
    heard: Word | None,
    asked_at: Number | None,
    watching_since: Number | None,
    now: Number,
) -> Verdict:
    """Judge one instance. A null time is older than any, but `health_time`'s, which is `state_time`.

    The caller stores the health, with `now` when it changes, and `now` as `asked_at` when it has asked.
    Raise BadRequest if the heartbeat's state is no word of its own.
    """
    return _verdict(_Signs(policy, state, state_time, health, health_time, heard, asked_at, watching_since), now)


def next_look(
    policy: HealthPolicy,
    state: InstanceState,
    state_time: Number,
    health: Health,
    health_time: Number | None,
    heard: Word | None,
    asked_at: Number | None,
    watching_since: Number | None,
    now: Number,
) -> float | None:
    """When to diagnose again, if nothing is heard before: the first moment at which the verdict is not the one
    that `diagnose` gives for the same facts, once the caller has stored that. None: it stays."""
    signs = _Signs(policy, state, state_time, health, health_time, heard, asked_at, watching_since)
    outlook = _outlook(_stored(signs, _verdict(signs, now), now))
    if outlook.until is None or outlook.is_past(now) or outlook.after is outlook.health:
        return None
    return _first_after(outlook.until)


def well_until(
    policy: HealthPolicy,
    state: InstanceState,
    state_time: float,
    health: Health,
    heard: Word | None,
    watching_since: float,
    now: float,
) -> float | None:
    """The quick look at one that runs, is OK and says so, or has not been heard here yet, as nearly all are: until
    when `diagnose` will say OK if nothing more is heard. None: it is not as simple as that, or too near to the
    moment to tell in floats."""
    says_else = heard is not None and heard.state != Health.OK
    if state is not InstanceState.RUNNING or health is not Health.OK or says_else:
        return None
    last = state_time if heard is None else heard.at
    until = max(state_time, last, watching_since) + policy.missing_timeout
    return until if until - now > NEAR else None


def _verdict(signs: _Signs, now: Number) -> Verdict:
    outlook = _outlook(signs)
    health, reason = outlook.health, outlook.reason
    if outlook.is_past(now):
        health, reason = outlook.after, outlook.after_reason

    enters = outlook.health is not OUT_OF_CONTACT or signs.asked_at is None
    return Verdict(health, reason, ask=health is OUT_OF_CONTACT and enters and not signs.state.is_over)


def _stored(signs: _Signs, verdict: Verdict, now: Number) -> _Signs:
    if verdict.ask:
        signs = signs._replace(asked_at=now)
    if verdict.health is signs.health:
        return signs
    return signs._replace(health=verdict.health, health_time=now)


def _outlook(signs: _Signs) -> _Outlook:
    if signs.state.is_over:
        return _when_over(signs)
    said = _own_word(signs)
    if signs.state is not InstanceState.RUNNING or said.health is MISSING:
        return said
    return _given_up(signs, said) if said.health is OUT_OF_CONTACT else _late(signs, said)


def _when_over(signs: _Signs) -> _Outlook:
    if signs.heard is None:
        return _Outlook(Health.UNKNOWN, "over, and never heard")
    _checked(signs.heard)
    patience, ended, last = exact(signs.policy.zombie_seconds), exact(signs.state_time), exact(signs.heard.at)
    quiet = max(ended, last) + patience
    if last > ended + patience:
        return _Outlook(Health.ZOMBIE, "over, and still heard", quiet, Health.UNKNOWN, QUIET)
    return _Outlook(signs.health, "over", quiet, Health.UNKNOWN, QUIET)


def _own_word(signs: _Signs) -> _Outlook:
    """What it says of itself; a word from before it was given up does not count."""
    if signs.heard is None:
        return _Outlook(signs.health, "not heard yet")
    word = _checked(signs.heard)
    if signs.health in (OUT_OF_CONTACT, MISSING) and exact(signs.heard.at) < signs.judged:
        return _Outlook(signs.health, "not heard since")
    return _Outlook(word, "; ".join(signs.heard.errors) or f"it says {word}")


def _given_up(signs: _Signs, said: _Outlook) -> _Outlook:
    """It may still answer; and who has just begun to listen listens a whole patience long first."""
    until = _latest(signs.judged, signs.last, signs.asked_at) + exact(signs.policy.really_missing_timeout)
    if signs.watching_since is not None:
        until = max(until, exact(signs.watching_since) + exact(signs.policy.missing_timeout))
    return said._replace(until=until, after=MISSING, after_reason="silent, and no answer when asked")


def _late(signs: _Signs, said: _Outlook) -> _Outlook:
    booting = signs.heard is None and said.health is Health.UNKNOWN
    limit = signs.policy.boot_timeout if booting else signs.policy.missing_timeout
    until = _latest(exact(signs.state_time), signs.last, signs.watching_since) + exact(limit)
    return said._replace(until=until, after=OUT_OF_CONTACT, after_reason=f"silent for more than {limit:g} s")


def _checked(heard: Word) -> Health:
    if heard.state not in OWN_WORDS:
        raise BadRequest(f"a heartbeat's state is one of {', '.join(OWN_WORDS)}, not {heard.state!r}")
    return Health(heard.state)


def _latest(known: Fraction, *others: Number | None) -> Fraction:
    return max([known, *(exact(time) for time in others if time is not None)])


def _first_after(moment: Fraction) -> float:
    time = float(moment)
    while exact(time) <= moment:
        time = nextafter(time, inf)
    return time
