"""One bad domain harms only itself: failures back off, what hangs is not started again, killers are shut out.

A replica that finds a domain's key in its notebook when it starts died in that visit: the domain is
quarantined, for longer each time.
"""

from collections.abc import Callable, Collection
from typing import NamedTuple

from elastic.errors import BadRequest
from elastic.model.domain import DomainKey
from elastic.ports.store import Quarantine, Store
from elastic.roles.memory import drop_others
from elastic.roles.moment import Moment
from elastic.roles.thoughts import Notebook
from elastic.rules.standing import Complaint

FIRST_WAIT, LONGEST_WAIT = 5.0, 300.0
QUARANTINE_FIRST, QUARANTINE_LONGEST = 10.0, 3600.0  # seconds; doubled with each strike


class Block(NamedTuple):
    """Not to be decided upon before `until` (monotonic)."""

    until: float
    complaint: Complaint
    revision: int = -1
    failures: int = 1
    running: Callable[[], bool] | None = None


class Isolation:
    """A quarantine ends at the hour that its writer named, and in any case once we have seen it for as long as it
    is to last: the writer's clock may have been wrong."""

    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook
        self._blocks: dict[DomainKey, Block] = {}
        self._quarantined: dict[Quarantine, float] = {}  # and since when we know of it, monotonic

    def own_up(self, store: Store, member: str, now: Moment) -> None:
        """Say which domain we died in, if we did: before anything else is visited."""
        key = self._notebook.left_over()
        if key is None:
            return
        strikes = 1 + max((q.strikes for q in store.quarantines() if q.key == key), default=0)
        until = now.wall + _quarantine(strikes)
        store.quarantine(Quarantine(key=key, strikes=strikes, until=until, member=member))
        self._notebook.leave()

    def learn(self, store: Store, now: Moment) -> None:
        self._quarantined = {q: self._quarantined.get(q, now.mono) for q in store.quarantines()}

    def blocks(self, key: DomainKey, revision: int, now: Moment) -> Block | None:
        """Why this domain is not to be decided upon now; null: it may."""
        for shut, seen in self._quarantined.items():
            until = min(now.mono + shut.until - now.wall, seen + _quarantine(shut.strikes))
            if shut.key == key and now.mono < until:
                text = f"{shut.member} died in its visit ({shut.strikes} times); shut out for now"
                return Block(until, Complaint("Quarantined", "ReplicaDied", text))
        block = self._blocks.get(key)
        if block is None:
            return None
        if block.running is not None and block.running():
            return block._replace(until=max(block.until, now.mono + FIRST_WAIT))
        is_new_config = block.revision != revision
        return None if is_new_config or now.mono >= block.until else block

    def keep_only(self, instance_ids: Collection[str], keys: Collection[DomainKey]) -> None:  # noqa: ARG002
        """But for those whose engine has yet to return: it must not be started again if they come back."""
        running = {key for key, block in self._blocks.items() if block.running is not None and block.running()}
        drop_others(self._blocks, running.union(keys))

    def failed(
        self,
        key: DomainKey,
        revision: int,
        error: Exception,
        now: Moment,
        running: Callable[[], bool] | None,
    ) -> Block:
        """Count one more failure; the next try waits longer."""
        before = self._blocks.get(key)
        failures = 1 + (before.failures if before is not None and before.revision == revision else 0)
        wait = min(FIRST_WAIT * 2.0 ** min(failures - 1, 10), LONGEST_WAIT)
        reason = "BadConfig" if isinstance(error, BadRequest) else type(error).__name__
        text = f"{error}" if isinstance(error, BadRequest) else f"{type(error).__name__}: {error}"
        complaint = Complaint("EngineFailed", reason, text[:500])
        block = Block(now.mono + wait, complaint, revision, failures, running)
        self._blocks[key] = block
        return block

    def succeeded(self, key: DomainKey) -> None:
        self._blocks.pop(key, None)


def _quarantine(strikes: int) -> float:
    """How long it lasts, in seconds."""
    return min(QUARANTINE_FIRST * 2.0 ** min(strikes - 1, 12), QUARANTINE_LONGEST)
