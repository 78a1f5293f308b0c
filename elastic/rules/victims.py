"""Which instances go first when there are too many."""

from collections.abc import Iterable, Sequence

from elastic.model.actions import Candidate
from elastic.rules.exact import Number

RETIRABLE, COMING, IDLE, REST = range(4)


def in_order_of_going(
    candidates: Iterable[Candidate],
    retirable: Sequence[str] = (),
    oldest_first: bool = False,
    sites: Sequence[str] = (),
) -> list[Candidate]:
    """All that may go, first to last: none of the protected; those named, as named; then those not yet RUNNING,
    the idle, and the rest, each in the order of their `sites` and the newest first."""
    places = {name: place for place, name in reversed(list(enumerate(retirable)))}
    ranks = {site: rank for rank, site in enumerate(sites)}

    def turn(candidate: Candidate) -> tuple[int, int, Number, str]:
        name, at = candidate.instance_id, candidate.state_time
        if name in places:
            return RETIRABLE, places[name], 0, name
        rank = ranks.get(str(candidate.site), 0)
        return _class_of(candidate), rank, at if oldest_first else -at, name

    return sorted((c for c in candidates if not c.protected), key=turn)


def _class_of(candidate: Candidate) -> int:
    if candidate.state.is_coming:
        return COMING
    return IDLE if candidate.is_idle else REST
