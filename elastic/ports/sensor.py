"""Where numbers come from that policies go by. A plug-in, one a file."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, Self

import msgspec

from elastic.errors import BadRequest
from elastic.model.actions import Sample
from elastic.model.domain import DomainKey
from elastic.model.instance import Instance


class Reading(msgspec.Struct, frozen=True):
    """A sample and where it came from, or why there is none."""

    sample: Sample | None = None
    source: str = ""
    why_none: str = ""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """`of_domain` are metrics of the domain as a whole, `of_instances` those of each of `instances`. `function`:
    how the samples of the last `period` seconds before wall time `now` become one (`Average`, `Sum`,
    `SampleCount`, `Maximum`, `Minimum`), where the source does not do that itself."""

    key: DomainKey
    of_domain: Sequence[str] = ()
    of_instances: Sequence[str] = ()
    instances: Sequence[Instance] = ()
    now: float
    period: float
    function: str


class Readings(msgspec.Struct, frozen=True, kw_only=True):
    """By metric; and by instance id, then by metric."""

    domain: Mapping[str, Reading] = {}
    instances: Mapping[str, Mapping[str, Reading]] = {}


class Gate(Protocol):
    """Which addresses the operator lets domains have asked."""

    def check(self, url: str, key: str) -> None:
        """Raise BadRequest that names `key`, unless it may be asked."""


class Closed:
    """A gate that lets nothing through."""

    def check(self, url: str, key: str) -> None:  # noqa: ARG002
        raise BadRequest(f"{key}: operators allow no sources here ([sensors] allow)")


class Sensor(Protocol):
    documentation: ClassVar[str]

    @classmethod
    def configured(cls, conf: Mapping[str, Any], gate: Gate) -> Self:
        """Read an `engine_conf`, as far as it is a sensor's. BadRequest names the key that is missing or wrong."""

    @property
    def lane(self) -> str:
        """What it asks, in a word: whoever is slow holds up those alone who ask the same."""

    def read(self, wanted: Wanted, timeout: float) -> Readings:
        """Ask, for at most `timeout` seconds in all. SensorFailed says why there is no answer at all: in the same
        words as long as it is the same, since each new text is a record in the store."""
