"""Election among the processes of one host: leases with epochs, in the store's own file.

A lease ends by CLOCK_MONOTONIC, which no clock step touches, and with the boot it was taken in; the free
file lock of its holder ends it at once. A process that hangs keeps nothing but an old epoch: the store checks
holder and epoch in the transaction of each write.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from elastic.adapters.membership.alive import is_dead
from elastic.adapters.store.sqlite import SqliteStore
from elastic.model.assignment import Seat
from elastic.ports.clock import Clock

LEASE = "SELECT holder, epoch, boot_id, until FROM leases WHERE role = ?"


class Lease(NamedTuple):
    """`holder` is "" when the role was given back; `until` is in monotonic seconds of the boot."""

    holder: str = ""
    epoch: int = 0
    boot_id: str = ""
    until: float = 0.0


class SqliteElection:
    """`contend` and `resign` raise StoreUnavailable. Used by one thread."""

    def __init__(
        self,
        store: SqliteStore,
        member: str,
        clock: Clock,
        ttl: float,
        run_dir: str | Path | None = None,
        boot_id: str | None = None,
    ) -> None:
        self._database = store.database
        self._member = member
        self._clock = clock
        self._ttl = ttl
        self._run_dir = run_dir
        self._boot_id = this_boot() if boot_id is None else boot_id
        self._epochs: dict[str, int] = {}  # of the leases that this process has taken

    def contend(self, role: str) -> Seat | None:
        """Only who holds the lease, or may take it, writes: the others' asking costs one look."""
        epoch = self._next_epoch(role, _lease(self._database.row(LEASE, role)))
        if epoch is not None:
            epoch = self._taken(role)
        if epoch is None:
            self._epochs.pop(role, None)
            return None
        self._epochs[role] = epoch
        return Seat(role, self._member, str(epoch))

    def resign(self, role: str) -> None:
        """Free for others at once; if it is not ours, nothing happens."""
        epoch = self._epochs.pop(role, None)
        if epoch is None:
            return
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE leases SET holder = '' WHERE role = ? AND holder = ? AND epoch = ?",
                (role, self._member, epoch),
            )

    def set_wake(self, wake: Callable[[], None]) -> None:
        """Nobody is told: a lease that ends does not say so."""

    def _taken(self, role: str) -> int | None:
        """Take or renew it, unless another was faster."""
        with self._database.writing() as connection:
            epoch = self._next_epoch(role, _lease(connection.execute(LEASE, (role,)).fetchone()))
            if epoch is not None:
                until = self._clock.monotonic() + self._ttl
                connection.execute(
                    "REPLACE INTO leases VALUES (?, ?, ?, ?, ?)", (role, self._member, epoch, self._boot_id, until)
                )
        return epoch

    def _next_epoch(self, role: str, lease: Lease) -> int | None:
        """The lease's own if we hold it, the one above if we may take it, else None."""
        is_running = lease.boot_id == self._boot_id and lease.until > self._clock.monotonic()
        is_mine = lease.holder == self._member
        if is_running and is_mine and lease.epoch == self._epochs.get(role):
            return lease.epoch
        if is_running and lease.holder and not is_mine and not self._is_dead(lease.holder):
            return None
        return lease.epoch + 1

    def _is_dead(self, member: str) -> bool:
        return self._run_dir is not None and is_dead(self._run_dir, member)


def this_boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _lease(row: tuple[str, int, str, float] | None) -> Lease:
    return Lease(*row) if row else Lease()
