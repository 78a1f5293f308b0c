"""Who holds which role: leases with epochs, on one monotonic clock."""

from collections.abc import Callable
from dataclasses import dataclass

from elastic.model.assignment import Seat


@dataclass(slots=True)
class Lease:
    """`until`: monotonic seconds. `holder` is "" when the role was given back."""

    holder: str = ""
    epoch: int = 0
    until: float = 0.0


class Leases:
    """Used under the lock of the store that they are part of."""

    def __init__(self) -> None:
        self._leases: dict[str, Lease] = {}

    def holds(self, seat: Seat) -> bool:
        """An expired lease that nobody took is still held: time alone supersedes nobody."""
        lease = self._leases.get(seat.role, Lease())
        return lease.holder == seat.member and str(lease.epoch) == seat.token

    def contend(self, seat: Seat, now: float, ttl: float, is_dead: Callable[[str], bool]) -> Seat | None:
        """Renew the lease that `seat` names, or take a free one: the seat as it is now held, or None."""
        lease = self._leases.setdefault(seat.role, Lease())
        is_expired = lease.until <= now
        if not self.holds(seat) or is_expired:
            if not (is_expired or lease.holder in ("", seat.member) or is_dead(lease.holder)):
                return None
            lease.holder, lease.epoch = seat.member, lease.epoch + 1
        lease.until = now + ttl
        return Seat(seat.role, seat.member, str(lease.epoch))

    def resign(self, seat: Seat) -> None:
        if self.holds(seat):
            self._leases[seat.role].holder = ""
