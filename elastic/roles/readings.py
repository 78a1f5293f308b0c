"""What a sensor told, made sure of: sensors are plug-ins, and engines reckon with what they tell."""

from collections.abc import Mapping

import msgspec

from elastic.errors import SensorFailed
from elastic.ports.sensor import Reading, Readings
from elastic.rules.exact import is_number

MOST_SAID = 300


def sound(told: object, now: float, ahead: float) -> Readings:
    """As it was told; but what cannot be reckoned with, or lies more than `ahead` seconds after wall time `now`,
    is no data. SensorFailed if it is of other types."""
    if not isinstance(told, Readings):
        raise SensorFailed(f"told {type(told).__name__}, no readings")
    try:
        readings = msgspec.convert(msgspec.to_builtins(told), Readings)
    except (TypeError, msgspec.ValidationError) as fault:
        raise SensorFailed(f"told nonsense: {fault}") from None

    def each(metrics: Mapping[str, Reading]) -> Mapping[str, Reading]:
        return {name: _sound(reading, now + ahead) for name, reading in metrics.items()}

    return Readings(
        domain=each(readings.domain),
        instances={name: each(metrics) for name, metrics in readings.instances.items()},
    )


def why_none(metric: str, reading: Reading | None, fault: str, oldest: float) -> str:
    """In words, why nothing is known of a metric that is asked for; empty if something is."""
    sample = None if reading is None else reading.sample
    if sample is not None and sample.value is not None and sample.at >= oldest:
        return ""
    if fault:
        return f"{metric}: {fault}"
    if reading is None:
        return f"{metric}: nothing has been told yet"
    return f"{metric}: {reading.why_none or 'what is known is too old'}"


def _sound(reading: Reading, latest: float) -> Reading:
    """A time that is yet to come would never be too old."""
    sample = reading.sample
    if sample is None or sample.value is None:
        return Reading(why_none=reading.why_none[:MOST_SAID] or "the source has no value")
    if not is_number(sample.value) or not is_number(sample.at):
        return Reading(why_none="its value or its time is no number that can be reckoned with")
    if sample.at > latest:
        return Reading(why_none="its time is ahead of our clock's: it has to be in Unix seconds")
    return reading
