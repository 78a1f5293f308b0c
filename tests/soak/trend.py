"""Whether a curve is flat: the least-squares line through its second half may rise by so much and no more."""

from collections.abc import Sequence
from dataclasses import dataclass

Point = tuple[float, float]
"""(seconds since the start, value)"""

LEAST_POINTS = 4


@dataclass(frozen=True, slots=True)
class Allowance:
    """A rise of `share` of the mean, or of `least` if that is more."""

    share: float
    least: float

    def of(self, mean: float) -> float:
        return max(self.share * mean, self.least)


@dataclass(frozen=True, slots=True)
class Trend:
    """`rise` is that of the line from the first point of the second half to its last; falling is negative."""

    first: float
    mean: float
    most: float
    last: float
    rise: float
    seconds: float


def trend(points: Sequence[Point]) -> Trend | None:
    """Of the second half, by time. None: there are too few points to say."""
    if not points:
        return None
    middle = (points[0][0] + points[-1][0]) / 2
    half = [point for point in points if point[0] >= middle]
    if len(half) < LEAST_POINTS:
        return None
    values = [value for _, value in half]
    seconds = half[-1][0] - half[0][0]
    return Trend(
        first=points[0][1],
        mean=sum(values) / len(values),
        most=max(value for _, value in points),
        last=values[-1],
        rise=_slope(half) * seconds,
        seconds=seconds,
    )


def _slope(points: Sequence[Point]) -> float:
    """Of the least-squares line; 0 if all points are of one time."""
    count = len(points)
    mean_t = sum(t for t, _ in points) / count
    mean_v = sum(v for _, v in points) / count
    spread = sum((t - mean_t) ** 2 for t, _ in points)
    return sum((t - mean_t) * (v - mean_v) for t, v in points) / spread if spread else 0.0
