"""What clients asked for and what they were told: of the cluster's insides it knows nothing."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.gauges import Gauge
from tests.simulation.plans import Plan

NOBODY_KNOWS = float("inf")
CARRIED_OUT = 60.0  # seconds in which what a client asked for is done: retries, a standstill, outages, a settle
AFTER_MUTE = 45.0  # seconds in which a verdict from the time of silence is still carried out, through an outage


@dataclass
class Account:
    """One domain. `sizes`: those it may have, by what was answered and what may yet come of what was not; null:
    it is not there."""

    sizes: set[int | None] = field(default_factory=lambda: {None})
    pending: list[tuple[int | None, float]] = field(
        default_factory=list
    )  # not answered: size, until when it may act
    history: list[tuple[float, frozenset[int | None]]] = field(default_factory=list)  # since when, `sizes`
    removals: list[float] = field(default_factory=list)  # when its end was asked for

    def asked(self, size: int | None, now: float) -> None:
        self.history.append((now, frozenset(self.sizes | {size})))
        if size is None:
            self.removals.append(now)

    def told(self, now: float) -> None:
        """An answer came, or none will."""
        self.history.append((now, frozenset(self.sizes)))

    def is_surely_there(self, since: float, until: float) -> bool:
        """By what was answered, all that time."""
        before = [sizes for at, sizes in self.history if at <= since][-1:]
        during = [sizes for at, sizes in self.history if since < at <= until]
        return bool(before) and not any(None in sizes for sizes in before + during)

    def answered(self, size: int | None, now: float) -> None:
        self.pending = [(late, until) for late, until in self.pending if until > now]
        self.sizes = {size} | {late for late, _ in self.pending}

    def unanswered(self, size: int | None, until: float) -> None:
        self.pending.append((size, until))
        self.sizes.add(size)

    @property
    def allowed(self) -> set[int]:
        """How many servers it may have in the end."""
        return {size or 0 for size in self.sizes}

    @property
    def most(self) -> int:
        return max(size or 0 for size in self.sizes)


class Ledger:
    """`given_up`: how many healthy servers clients' words allow to be deleted: (when, how many), a domain.
    `harmed`: instances that something was done to, and since when; `dismissed`: those that clients were told are
    terminated; `mutes`: when nobody could hear whom. `listings`: what clients were shown, and `shown`: last,
    of a domain. `plans` and `gauge`: what policies go by, where one chooses the size; `held`: sizes that are to
    stay, whatever the metric says; `protected`: from when to when, by what was answered; `reasons`: what clients
    were told of decisions."""

    def __init__(self, plans: Mapping[str, Plan] | None = None, gauge: Gauge | None = None) -> None:
        self.plans, self.gauge = plans or {}, gauge
        self.held: dict[str, int] = {}
        self.deaths: list[tuple[str, float]] = []  # by domain, of those that were lost on purpose
        self.protected: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self.reasons: dict[tuple[str, str, float], Mapping[str, Any]] = {}  # by domain, member and time
        self.accounts: dict[str, Account] = defaultdict(Account)
        self.busy: set[str] = set()
        self.given_up: dict[str, list[tuple[float, int]]] = defaultdict(list)
        self.harmed: dict[str, float] = {}
        self.dismissed: set[str] = set()
        self.mutes: list[Mute] = []
        self.listings: list[Listing] = []
        self.shown: dict[str, Shown] = {}
        self.told: dict[str, dict[str, float]] = {}  # instance -> its server, as clients were told, and since when
        self.sizes_over_time: dict[str, list[tuple[float, int]]] = defaultdict(list)
        self.foreign: set[str] = set()  # servers that are not ours
        self.planted: set[str] = set()  # servers that are, and that nobody ordered
        self.foreign_parts: set[str] = set()
        self.taken_parts: set[str] = set()  # those that a stranger deleted
        self.types_changed = False
        self.furnished: dict[str, Furnished] = {}  # instance -> what clients were told last that it has

    def allowed(self, domain: str) -> set[int]:
        """How many servers it may have once all is calm."""
        account, plan = self.accounts[domain], self.plans.get(domain)
        number = self.gauge.of(domain) if self.gauge is not None else None
        if plan is None or number is None:
            return account.allowed
        if domain in self.held:
            return {self.held[domain]}
        by_most = (plan.sizes(number, most) if most is not None else {0} for most in account.sizes)
        return {size for sizes in by_most for size in sizes}

    def largest(self, domain: str, since: float, now: float) -> int:
        """The largest size that it may have had in that time, by its clients' words."""
        sizes = self.sizes_over_time[domain]
        ends = [at for at, _ in sizes[1:]] + [NOBODY_KNOWS]
        return max(
            (size for (at, size), end in zip(sizes, ends, strict=True) if at <= now and end >= since), default=0
        )

    def may_be_removed(self, domain: str, now: float) -> bool:
        """A client has asked for its end a while ago; or earlier, and it may yet be acted on."""
        account = self.accounts[domain]
        longest = NOBODY_KNOWS if (None, NOBODY_KNOWS) in account.pending else CARRIED_OUT
        return any(0.0 <= now - at <= longest for at in account.removals)

    def lets_go(self, domain: str, since: float, until: float, before: float) -> bool:
        """Whether what a policy goes by, in that time and for `before` seconds ahead of it, has somebody go."""
        plan = self.plans.get(domain)
        if plan is None or self.gauge is None:
            return False
        numbers = self.gauge.within(domain, since, until)
        return bool(numbers) and plan.lets_go(numbers, self.gauge.within(domain, since - before, since))

    def gave_up(self, domain: str, since: float = 0.0, until: float = NOBODY_KNOWS) -> int:
        return sum(count for at, count in self.given_up[domain] if since <= at <= until)

    def beyond(self, domain: str, times: Iterable[float]) -> int:
        """How many deletions at those times no client's word explains: one explains as many as it gave up, and
        none that was before it or long after."""
        left, unexplained = list(self.given_up[domain]), 0
        for time in sorted(times):
            for number, (at, count) in enumerate(left):
                if count and at <= time <= at + CARRIED_OUT:
                    left[number] = (at, count - 1)
                    break
            else:
                unexplained += 1
        return unexplained

    def is_spared(self, instance_id: str, now: float) -> bool:
        """There is or was a reason to take it for lost."""
        return self.harmed.get(instance_id, NOBODY_KNOWS) <= now or any(
            instance_id in mute.instances and mute.begun <= now <= mute.ended + AFTER_MUTE for mute in self.mutes
        )

    def most_lately(self, domain: str, since: float, now: float) -> int:
        """The largest size that it may have had, and besides it those given up before it was asked for: their end
        may still be under way."""
        sizes = self.sizes_over_time[domain]
        ends = [at for at, _ in sizes[1:]] + [NOBODY_KNOWS]
        given_up = [(at, count) for at, count in self.given_up[domain] if at >= since]
        return max(
            (
                size + sum(count for when, count in given_up if when < at)
                for (at, size), end in zip(sizes, ends, strict=True)
                if at <= now and end >= since
            ),
            default=0,
        )

    def note_size(self, domain: str, now: float) -> None:
        self.sizes_over_time[domain].append((now, self.accounts[domain].most))


@dataclass(frozen=True)
class Furnished:
    """What clients were told of an instance that lives: its server, and ids of its parts."""

    server_id: str | None
    parts: frozenset[str]


@dataclass
class Mute:
    """The words of these VMs, all well, reached nobody from `begun` to `ended`."""

    domain: str
    instances: frozenset[str]
    begun: float
    ended: float = NOBODY_KNOWS


@dataclass(frozen=True)
class Shown:
    """Of one domain: the size that clients were told it is to have, and the servers that were said to run."""

    time: float
    size: int
    running: frozenset[str]


@dataclass(frozen=True)
class Listing:
    """The domains that a client was shown, who asked at `begun` and was answered by `ended`."""

    begun: float
    ended: float
    domains: frozenset[str]
