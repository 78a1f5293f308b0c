"""What the laws of the engine `policy` are told of a domain: exact numbers, each of which may be unknown."""

from fractions import Fraction
from math import ceil

import msgspec

from elastic.errors import ElasticError


class NoData(ElasticError):
    """A signal that a law needs is not known."""


class Signals(msgspec.Struct, frozen=True, kw_only=True):
    """`ready`, `unacked` and `running_acked`: tasks that wait, that workers hold, and that run and were taken off
    the queue. `in_service` and `booting`: our own counts of instances that are not draining; `idle` of those in
    service, and `busy_slots` of theirs. `arrival_rate` in tasks a second, `service_time` in seconds a task.
    `value`: what the law's own metric says.
    """

    ready: Fraction | None = None
    unacked: Fraction | None = None
    running_acked: Fraction | None = None
    idle: Fraction | None = None
    busy_slots: Fraction | None = None
    arrival_rate: Fraction | None = None
    service_time: Fraction | None = None
    value: Fraction | None = None
    in_service: int = 0
    booting: int = 0

    @property
    def current(self) -> int:
        """The size that there is, or will be."""
        return self.in_service + self.booting

    def known(self, name: str) -> Fraction:
        """The signal of that name. Raise NoData if there is none."""
        if name == "idle" and not self.in_service:
            return Fraction(0)
        number: Fraction | None = getattr(self, name)
        if number is None:
            raise NoData(name)
        return number


def up(number: Fraction) -> int:
    """The next whole number, and none below 0."""
    return max(0, ceil(number))
