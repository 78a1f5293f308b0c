"""What an instance says about itself, as it stands on the wire, and when we heard it."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from elastic.model.actions import Work

Boot = Annotated[str, msgspec.Meta(max_length=128)]
Seq = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
DRAINING, DRAINED = "draining", "drained"
DRAINS = frozenset({DRAINING, DRAINED})
"""What an instance says of its drain: its command is at work, or has ended well."""


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body that `elastic-node` signs and sends. `boot` names one life of the agent; `seq` rises within it.
    `work`: tasks in hand, {`active`, `reserved`, `scheduled`}; `drain`: empty while it serves."""

    node_id: str
    owner: str
    domain_id: str
    boot: Boot
    seq: Seq
    state: str = "OK"
    error: str | None = None
    failed_processes: list[Mapping[str, Any]] = []
    metrics: Mapping[str, Any] = {}
    work: Any = None
    drain: str | None = ""


class DrainOrder(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an instance is told, in answer to its heartbeat `seq` of `boot`: to finish its work and take no more,
    or (`drain` false) to serve again. `requeue`: to give back what it has not finished."""

    instance_id: str
    boot: str
    seq: int
    drain: bool
    requeue: bool = False


class Heard(msgspec.Struct, frozen=True, gc=False):
    """The last word of one instance. `at` is monotonic seconds of the process that heard it; `reply_to` is where
    it can be asked for another, null if it cannot."""

    at: float
    state: str
    errors: tuple[str, ...] = ()
    boot: str = ""
    seq: int = 0
    metrics: Mapping[str, Any] = {}
    reply_to: str | None = None
    work: Work | None = None
    drain: str = ""
