"""Which instances go first when there are too many."""

from collections.abc import Iterable, Sequence
from fractions import Fraction

from elastic.model.actions import Candidate
from elastic.rules.exact import exact

RETIRABLE, COMING, IDLE, REST = range(4)


def in_order_of_going(
    candidates: Iterable[Candidate], retirable: Sequence[str] = (), oldest_first: bool = False
) -> list[Candidate]:
    """All that may go, first to last: none of the protected; those named, as named; then those not yet RUNNING,
    the idle, and the rest, each the newest first."""
    places = {name: place for place, name in reversed(list(enumerate(retirable)))}

    def turn(candidate: Candidate) -> tuple[int, Fraction | int, str]:
        name = candidate.instance_id
        if name in places:
            return RETIRABLE, places[name], name
        age = exact(candidate.state_time)
        return _class_of(candidate), age if oldest_first else -age, name

    return sorted((c for c in candidates if not c.protected), key=turn)


def _class_of(candidate: Candidate) -> int:
    if candidate.state.is_coming:
        return COMING
    return IDLE if candidate.is_idle else REST
