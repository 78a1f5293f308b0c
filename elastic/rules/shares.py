"""One whole number dealt out by weight: floors first, then one each by the largest fraction left over."""

from collections.abc import Sequence
from math import floor

from elastic.errors import BadRequest
from elastic.rules.exact import Number, exact


def shares(total: int, weights: Sequence[Number]) -> list[int]:
    """A share a weight, in the same order; together `total`. Ties go to the earlier."""
    if total < 0:
        raise BadRequest(f"total is negative: {total}")
    parts = [exact(weight) for weight in weights]
    if any(part < 0 for part in parts):
        raise BadRequest("weights: one is negative")
    if not parts and not total:
        return []
    whole = sum(parts)
    if not whole:
        raise BadRequest("weights: none is above 0, so nothing can be shared out")

    quotas = [total * part / whole for part in parts]
    dealt = [floor(quota) for quota in quotas]
    by_fraction = sorted(range(len(dealt)), key=lambda n: dealt[n] - quotas[n])
    for n in by_fraction[: total - sum(dealt)]:
        dealt[n] += 1
    return dealt
