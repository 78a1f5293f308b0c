"""The time."""

from typing import Protocol


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since the epoch, for people and records. May step."""

    def monotonic(self) -> float:
        """Seconds that only ever pass, of this process. Every deadline rests on these."""
