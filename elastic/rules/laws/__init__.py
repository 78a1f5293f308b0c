"""The laws that the engine `policy` puts together: from signals to a size, each in a file of its own.

A law is a map in the config, and says `raw`: the size that it asks for, or raises NoData. A timetable is none: it
bounds what they ask for. What they are and where they come from: doc/policies.md.
"""

from typing import Protocol

from elastic.rules.laws.backlog import BacklogRatio
from elastic.rules.laws.bands import Step
from elastic.rules.laws.draintime import DrainTime
from elastic.rules.laws.perworker import QueuePerWorker
from elastic.rules.laws.timetable import Timetable
from elastic.rules.laws.told import External, Fixed
from elastic.rules.laws.utilisation import Utilisation
from elastic.rules.signals import Signals


class Law(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def metric(self) -> str | None:
        """Its own one, for the signal `value`."""

    def raw(self, signals: Signals, slots: int) -> int:
        """How many there should be. NoData if a signal that it needs is not known."""


AnyLaw = BacklogRatio | QueuePerWorker | DrainTime | Utilisation | Step | Fixed | External
AnyPolicy = AnyLaw | Timetable

__all__ = ["AnyLaw", "AnyPolicy", "Law", "Timetable"]
