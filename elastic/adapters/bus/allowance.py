"""How much each account may have of us: a flood of one's is not to cost all others."""

import time
from collections.abc import Callable

MOST_KNOWN = 1_000
"""Accounts that are remembered; those that have asked for nothing lately are forgotten first."""


class Allowance:
    """`burst` at once, and `a_second` more each second. For one thread."""

    def __init__(self, a_second: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._a_second, self._burst, self._clock = a_second, burst, clock
        self._left: dict[str, tuple[float, float]] = {}  # by account: what was left, and when

    def takes(self, who: str) -> bool:
        """Whether `who` may have one more, which is then taken off."""
        now = self._clock()
        left, at = self._left.pop(who, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._a_second)
        is_enough = left >= 1.0
        self._left[who] = (left - 1.0 if is_enough else left, now)
        if len(self._left) > MOST_KNOWN:
            del self._left[next(iter(self._left))]
        return is_enough
