"""What a metric says now. No data is None, and never 0."""

from collections.abc import Iterable, Mapping
from fractions import Fraction

from elastic.model.actions import Candidate, Sample
from elastic.rules.exact import Number, exact, first_from, total


def measured(
    metric: str, domain: Mapping[str, Sample], counted: Iterable[Candidate], period: Number | Fraction, now: Number
) -> Fraction | None:
    """The domain's own sample, else the exact mean over the `counted` instances that have one.

    Samples older than `period` seconds are left out, and so are those without a value.
    """
    oldest = first_from(exact(now) - exact(period))
    own = _fresh(domain.get(metric), oldest)
    if own is not None:
        return exact(own)
    told = [_fresh(instance.sensors.get(metric), oldest) for instance in counted]
    values = [value for value in told if value is not None]
    return total(values) / len(values) if values else None


def _fresh(sample: Sample | None, oldest: float) -> Number | None:
    return None if sample is None or sample.at < oldest else sample.value
