"""One domain at one moment, immutable: what a role looks at, and what it may write back."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import msgspec

from elastic.model.domain import Domain, DomainKey
from elastic.model.instance import Instance


class Condition(msgspec.Struct, frozen=True):
    """Types: Ready, Scaling, Degraded, ProvisioningFailed, Paused, BrakeOn, EngineFailed, Quarantined."""

    type: str
    status: bool
    reason: str = ""
    text: str = ""
    since: float = 0.0


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What the owner of a domain last concluded about it; stored beside the instances.

    `revision` is the domain revision that the last decision was made on; `memo` is the engine's own,
    `next_number` the next instance's.
    """

    revision: int = -1
    desired: int | None = None
    status: str = "PENDING"
    conditions: tuple[Condition, ...] = ()
    memo: Mapping[str, Any] | None = None
    next_number: int = 1
    last_trickle: float = 0.0  # wall time of the last replacement of one that fell silent

    def condition(self, type_: str) -> Condition | None:
        return next((c for c in self.conditions if c.type == type_), None)


class View(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """`counter` is the decision counter: a decision is written only if it still stands."""

    domain: Domain
    instances: tuple[Instance, ...] = ()
    standing: Standing = Standing()
    counter: int = 0

    @property
    def key(self) -> DomainKey:
        return self.domain.key

    def instance(self, instance_id: str) -> Instance | None:
        return self._by_id.get(instance_id)

    @cached_property
    def _by_id(self) -> Mapping[str, Instance]:
        return {i.instance_id: i for i in self.instances}

    @property
    def unfinished(self) -> tuple[Instance, ...]:
        return tuple(i for i in self.instances if not i.state.is_final)
