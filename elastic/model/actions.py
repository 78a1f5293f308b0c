"""What passes between the decider and an engine: a question, and an answer. Both are plain values."""

from collections.abc import Mapping
from typing import Any

import msgspec

from elastic.model.states import Health, InstanceState


class Sample(msgspec.Struct, frozen=True):
    at: float
    value: float | None


class Work(msgspec.Struct, frozen=True):
    """Tasks an instance has in hand, by Celery's three words."""

    active: int = 0
    reserved: int = 0
    scheduled: int = 0

    @property
    def is_busy(self) -> bool:
        return bool(self.active or self.reserved or self.scheduled)


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """An instance as an engine sees it."""

    instance_id: str
    state: InstanceState
    health: Health
    state_time: float
    site: str | None = None
    deployable_type: str | None = None
    allocation: str | None = None
    extravars: Mapping[str, Any] = {}
    protected: bool = False
    sensors: Mapping[str, Sample] = {}
    work: Work | None = None

    @property
    def is_unhealthy(self) -> bool:
        """Not over, and to be replaced."""
        return not self.state.is_over and (self.state is InstanceState.RUNNING_FAILED or self.health.is_ill)

    @property
    def is_valid(self) -> bool:
        """Serves, or soon will."""
        return not self.state.is_over and not self.is_unhealthy

    @property
    def is_zombie(self) -> bool:
        """Over, and still heard."""
        return self.state.is_over and self.health is Health.ZOMBIE

    @property
    def is_busy(self) -> bool:
        """It has work. Neither busy nor idle: nobody knows, or it is not RUNNING yet."""
        return self._known_work is not None and self._known_work.is_busy

    @property
    def is_idle(self) -> bool:
        return self._known_work is not None and not self._known_work.is_busy

    @property
    def _known_work(self) -> Work | None:
        return None if self.state.is_coming else self.work


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One domain at `now`, as far as its policy may look. `share` is an upper bound, null for none."""

    engine: str | None = None
    engine_conf: Mapping[str, Any] = {}
    removed: bool = False
    share: int | None = None
    instances: tuple[Candidate, ...] = ()
    sensors: Mapping[str, Sample] = {}
    now: float
    memo: Mapping[str, Any] | None = None


class Launch(msgspec.Struct, frozen=True):
    site: str
    deployable_type: str
    allocation: str | None = None
    extravars: Mapping[str, Any] = {}


class Place(msgspec.Struct, frozen=True):
    """Where an engine may launch what, with the names of the keys that say so."""

    site: str
    deployable_type: str
    site_key: str
    type_key: str
    allocation_key: str


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """`value`: the size after that stage, where it is about the size."""

    stage: str
    text: str
    value: int | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What should be: `terminates` and `drains` are instance ids in the order chosen."""

    launches: tuple[Launch, ...] = ()
    terminates: tuple[str, ...] = ()
    drains: tuple[str, ...] = ()
    desired: int
    status: str
    reasons: tuple[Reason, ...] = ()
    memo: Mapping[str, Any] | None = None
