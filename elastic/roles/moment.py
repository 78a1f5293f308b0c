"""One "now" a turn, on both clocks: taken once at the top and handed down."""

from typing import NamedTuple

from elastic.ports.clock import Clock


class Moment(NamedTuple):
    wall: float  # for stamps that people read
    mono: float  # for every deadline

    @classmethod
    def of(cls, clock: Clock) -> "Moment":
        return cls(clock.now(), clock.monotonic())
