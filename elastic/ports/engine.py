"""What a policy must be: a function of what is seen, and nothing else. A plug-in, one a file."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, Self

from elastic.model.actions import Answer, Place, Question


class Engine(Protocol):
    documentation: ClassVar[str]
    """What `elastic definition show` prints: the keys, their types and defaults."""

    @classmethod
    def configured(cls, conf: Mapping[str, Any]) -> Self:
        """Read an `engine_conf`. BadRequest names the key that is unknown, missing or wrong."""

    @property
    def places(self) -> Sequence[Place]:
        """All that it may launch, for those who look whether it can be had. An engine need not say."""

    @property
    def interval(self) -> float | None:
        """Seconds after which it wants to be asked again though nothing has changed: it goes by the clock, or by
        what sensors tell. Null, or no such attribute: no need."""

    def decide(self, question: Question) -> Answer:
        """Say what to launch and terminate so that the domain is as it should be.

        No I/O, no clock, no chance, no memory but the memo: the next call may be made by another replica.
        """
