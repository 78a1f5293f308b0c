"""How long a site is left alone after launches that failed there: known from the records alone."""

from collections.abc import Iterable
from fractions import Fraction
from math import inf

from elastic.model.actions import Candidate
from elastic.model.states import InstanceState
from elastic.rules.exact import Number, exact

FIRST_DELAY = 5
LONGEST_DELAY = 300  # seconds
FAILURES = (InstanceState.FAILED, InstanceState.REJECTED)


def delay_after(failures: int) -> int:
    """Seconds to wait after so many failures since the last success: the first is tried again at once."""
    if failures <= 1:
        return 0
    doublings = min(failures - 2, LONGEST_DELAY.bit_length())
    return min(FIRST_DELAY << doublings, LONGEST_DELAY)


def backoff_end(records: Iterable[Candidate], site: str, now: Number) -> Fraction | None:
    """When launches at `site` may go on; None if they may now."""
    here = [i for i in records if i.site == site]
    success = max((i.state_time for i in here if i.state is InstanceState.RUNNING), default=-inf)
    since = [i.state_time for i in here if i.state in FAILURES and i.state_time > success]
    if not since:
        return None
    end = exact(max(since)) + delay_after(len(since))
    return end if exact(now) < end else None
