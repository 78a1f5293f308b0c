"""A domain: one group of instances under one policy, as its owner's requests have left it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

import msgspec

from elastic.model.kinds import NotNegative, Positive, Section, about
from elastic.model.names import checked_name

Json = Any
"""What JSON can say: null, bool, int, float, str, lists and maps of these."""

SECTIONS = ("general", "engine_conf", "health")
DEFAULT_ENGINE = "simplest"


class DomainKey(NamedTuple):
    owner: str
    name: str

    def __str__(self) -> str:
        return f"{self.owner}:{self.name}"

    @classmethod
    def checked(cls, owner: object, name: object) -> "DomainKey":
        return cls(checked_name(owner, "owner"), checked_name(name, "domain"))


class Disabled(StrEnum):
    """What an operator has put a stop to, in the order of how much."""

    NOT = ""
    LAUNCHES = "launches"
    EVERYTHING = "everything"  # and what is there is to end


class HealthPolicy(Section, frozen=True, kw_only=True):
    """How patient to be with an instance; all in seconds."""

    monitor_health: Annotated[bool, about("whether instances are waited for at all")] = True
    boot_timeout: Annotated[NotNegative, about("seconds until one is given up that was never heard")] = 300
    missing_timeout: Annotated[NotNegative, about("seconds of silence until one is asked to speak up")] = 120
    really_missing_timeout: Annotated[NotNegative, about("seconds more until it is given up")] = 15
    zombie_seconds: Annotated[NotNegative, about("seconds after its end that one may still be heard")] = 120
    heartbeat_interval: Annotated[
        Positive | None,
        about("seconds between heartbeats", default="30, or a quarter of missing_timeout if that is less"),
    ] = None
    delete_timeout: Annotated[NotNegative, about("seconds that the cloud may take to delete one")] = 300

    def __post_init__(self) -> None:
        most = self.missing_timeout / 2
        if self.heartbeat_interval is not None and self.heartbeat_interval > most:
            raise ValueError(f"heartbeat_interval must be at most half of missing_timeout, {most:g} s")

    @property
    def interval(self) -> float:
        """Seconds between the heartbeats that we ask an instance for."""
        if self.heartbeat_interval is not None:
            return self.heartbeat_interval
        return min(30.0, self.missing_timeout / 4)


class Domain(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What clients have asked of a domain. Only the reactor writes it.

    `incarnation` comes from its partition's counter: a domain removed and made anew is another one.
    `revision` rises with every change a client makes.
    """

    key: DomainKey
    incarnation: int = 0
    revision: int = 0
    definition: str = ""
    general: Mapping[str, Json] = {}
    engine_conf: Mapping[str, Json] = {}
    health: Mapping[str, Json] = {}
    created: float = 0.0
    paused: bool = False
    removed: bool = False
    disabled: Disabled = Disabled.NOT
    brake_cleared: float = 0.0  # when an operator last said "resume"
    protected: tuple[str, ...] = ()  # instance ids that must not be shrunk away
    doomed: tuple[str, ...] = ()  # instance ids a client wants terminated
    subscribers: tuple[str, ...] = ()

    @property
    def is_to_be_empty(self) -> bool:
        return self.removed or self.disabled is Disabled.EVERYTHING

    @property
    def engine(self) -> str:
        return str(self.general.get("engine") or DEFAULT_ENGINE)

    @property
    def config(self) -> dict[str, Mapping[str, Json]]:
        return {section: getattr(self, section) for section in SECTIONS}

    @property
    def health_policy(self) -> HealthPolicy:
        """Validated when it was stored, see `rules/config`; a null stands for the default."""
        said = {key: value for key, value in self.health.items() if value is not None}
        return msgspec.convert(said, HealthPolicy, strict=False)
