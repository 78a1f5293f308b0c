"""What clients asked for and what they were told: of the cluster's insides it knows nothing."""

from collections import defaultdict
from dataclasses import dataclass, field

NOBODY_KNOWS = float("inf")


@dataclass
class Account:
    """One domain. `sizes`: those it may have, by what was answered and what may yet come of what was not; null:
    it is not there."""

    sizes: set[int | None] = field(default_factory=lambda: {None})
    pending: list[tuple[int | None, float]] = field(
        default_factory=list
    )  # unanswered: size, until when it may act

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
    `harmed`: instances that something was done to; `muted`: those that nobody could hear for a while.
    `listings`: what clients were shown."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = defaultdict(Account)
        self.busy: set[str] = set()
        self.given_up: dict[str, list[tuple[float, int]]] = defaultdict(list)
        self.harmed: set[str] = set()
        self.muted: set[str] = set()
        self.mutes: list[Mute] = []
        self.listings: list[Listing] = []
        self.told: dict[str, dict[str, float]] = {}  # instance -> its server, as clients were told, and since when
        self.sizes_over_time: dict[str, list[tuple[float, int]]] = defaultdict(list)
        self.foreign: set[str] = set()  # servers that are not ours
        self.planted: set[str] = set()  # servers that are, and that nobody ordered

    def gave_up(self, domain: str, since: float = 0.0, until: float = NOBODY_KNOWS) -> int:
        return sum(count for at, count in self.given_up[domain] if since <= at <= until)

    def note_size(self, domain: str, now: float) -> None:
        self.sizes_over_time[domain].append((now, self.accounts[domain].most))


@dataclass
class Mute:
    """The words of these VMs, all well, reached nobody from `begun` to `ended`."""

    domain: str
    instances: frozenset[str]
    begun: float
    ended: float = NOBODY_KNOWS


@dataclass(frozen=True)
class Listing:
    """The domains that a client was shown, who asked at `begun` and was answered by `ended`."""

    begun: float
    ended: float
    domains: frozenset[str]
