"""What `elastic explain` and `elastic events` show: why something was done, and that it was."""

from collections.abc import Mapping
from typing import Any

import msgspec


class Action(msgspec.Struct, frozen=True):
    """`do` is launch, terminate or drain."""

    do: str
    instance_id: str
    site: str = ""


class Stage(msgspec.Struct, frozen=True):
    stage: str
    value: int | None = None
    text: str = ""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """One visit that changed something, or refused to for a new reason."""

    time: float
    member: str
    term: int
    inputs: Mapping[str, Any] = {}
    stages: tuple[Stage, ...] = ()
    actions: tuple[Action, ...] = ()
    reason: str = ""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """`kind`: launched, running, failed, terminated, replaced, health, scaled, added, removed,
    reconfigured, leader, brake. `seq` is given by the store and rises."""

    time: float
    kind: str
    domain: str = ""  # owner:name
    instance_id: str = ""
    text: str = ""
    seq: int = 0
