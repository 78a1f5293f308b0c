"""What a metric says now. No data is None, and never 0."""

from collections.abc import Iterable, Mapping
from fractions import Fraction

from elastic.model.actions import Candidate, Sample
from elastic.rules.exact import Number, exact


def measured(
    metric: str, domain: Mapping[str, Sample], counted: Iterable[Candidate], period: Number, now: Number
) -> Fraction | None:
    """The domain's own sample, else the exact mean over the `counted` instances that have one.

    Samples older than `period` seconds are left out, and so are those without a value.
    """
    own = _fresh(domain.get(metric), period, now)
    if own is not None:
        return own
    told = [_fresh(instance.sensors.get(metric), period, now) for instance in counted]
    values = [value for value in told if value is not None]
    return sum(values, Fraction(0)) / len(values) if values else None


def _fresh(sample: Sample | None, period: Number, now: Number) -> Fraction | None:
    if sample is None or sample.value is None or exact(now) - exact(sample.at) > exact(period):
        return None
    return exact(sample.value)
