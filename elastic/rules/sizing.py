"""From the size a policy asks for to the size that is wanted: limits, share and cooldown."""

import msgspec

from elastic.model.actions import Reason
from elastic.rules.census import LastChange
from elastic.rules.exact import Number, exact


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """`maximum` and `share` null: none. With `reclaim`, a share may shrink a domain."""

    minimum: int = 0
    maximum: int | None = None
    share: int | None = None
    reclaim: bool = False

    def hold(self, wanted: int, counted: int) -> int:
        """`wanted`, as far as the limits and then the share allow a domain of `counted` instances."""
        return self._shared(self._limited(wanted), counted)

    def reasons(self, wanted: int, counted: int) -> tuple[Reason, ...]:
        """What `hold` changed."""
        limited, held = self._limited(wanted), self.hold(wanted, counted)
        said = []
        if limited != wanted:
            said.append(Reason("limits", f"{wanted} is outside the limits: {limited}", limited))
        if held != limited:
            said.append(Reason("share", f"the share is {self.share}: {held} in place of {limited}", held))
        return tuple(said)

    def _limited(self, wanted: int) -> int:
        least = max(wanted, self.minimum)
        return least if self.maximum is None else min(least, self.maximum)

    def _shared(self, wanted: int, counted: int) -> int:
        if self.share is None:
            return wanted
        return min(wanted, self.share if self.reclaim else max(self.share, counted))


def check_limits(minimum: int, maximum: int | None) -> None:
    """Raise ValueError unless there is a size between them."""
    if maximum is not None and maximum < minimum:
        raise ValueError(f"maximum_vms is {maximum}, below minimum_vms, {minimum}")


def is_cooling(last_change: LastChange | None, period: Number, now: Number) -> bool:
    """The last change of size is younger than `period` seconds."""
    return last_change is not None and exact(now) - exact(last_change.at) < exact(period)


def stamped(last_change: LastChange | None, base: int, asked: int, now: Number) -> LastChange | None:
    """The change a policy made, if it made one: `base` and `asked` both after the limits and the share."""
    if asked == base:
        return last_change
    return LastChange(now, "out" if asked > base else "in")
