"""The laws that the engine `policy` puts together: from signals to a size, each in a file of its own.

A law has KEYS and defaults, is read from its map in the config, and says `raw`: the size that it asks for, or
raises NoData. What they are and where they come from: doc/policies.md.
"""

from collections.abc import Mapping
from typing import ClassVar, Protocol, Self

from elastic.rules.laws.backlog import BacklogRatio
from elastic.rules.laws.bands import Step
from elastic.rules.laws.draintime import DrainTime
from elastic.rules.laws.perworker import QueuePerWorker
from elastic.rules.laws.timetable import Timetable
from elastic.rules.laws.told import External, Fixed
from elastic.rules.laws.utilisation import Utilisation
from elastic.rules.settings import Settings
from elastic.rules.signals import Signals


class Law(Protocol):
    KEYS: ClassVar[tuple[str, ...]]

    @classmethod
    def read(cls, settings: Settings) -> Self:
        """BadRequest names the key that is wrong."""

    @property
    def metric(self) -> str | None:
        """Its own one, for the signal `value`."""

    def raw(self, signals: Signals, slots: int) -> int:
        """How many there should be. NoData if a signal that it needs is not known."""


LAWS: Mapping[str, type[Law]] = {
    "backlog_ratio": BacklogRatio,
    "queue_per_worker": QueuePerWorker,
    "drain_time": DrainTime,
    "utilisation": Utilisation,
    "step": Step,
    "fixed": Fixed,
    "external": External,
}
SCHEDULE = "schedule"

__all__ = ["LAWS", "SCHEDULE", "Law", "Timetable"]
