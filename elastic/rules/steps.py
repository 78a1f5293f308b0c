"""What can be the next thing to do for an instance: `rules/provisioning` decides which."""

import msgspec

from elastic.model.parts import Part
from elastic.model.server import Server
from elastic.model.states import InstanceState
from elastic.rules.dossier import Prepared


class Wait(msgspec.Struct, frozen=True):
    """Nothing to do before `until`; null: until something is learnt."""

    until: float | None = None


class Prepare(msgspec.Struct, frozen=True):
    """Look up its type, and see to it that the parts are there that it asks for."""


class Release(msgspec.Struct, frozen=True):
    """Have a part deleted."""

    part: Part


class Listen(msgspec.Struct, frozen=True):
    """Ask for its console, for what it said when it came up wrong."""


class Keep(msgspec.Struct, frozen=True):
    """Write down what it said."""

    console: str


class LookUp(msgspec.Struct, frozen=True):
    """List the servers that carry its mark."""


class Create(msgspec.Struct, frozen=True):
    """Note attempt `n` against record `version`, then send it."""

    n: int
    version: int
    prepared: Prepared = Prepared()


class Adopt(msgspec.Struct, frozen=True):
    server: Server


class Delete(msgspec.Struct, frozen=True):
    server_id: str


class Check(msgspec.Struct, frozen=True):
    """Ask the cloud for the recorded server."""


class Move(msgspec.Struct, frozen=True):
    state: InstanceState
    reason: str


class Settle(msgspec.Struct, frozen=True):
    """The attempt on record was never sent."""


class Clear(msgspec.Struct, frozen=True):
    """Nothing is left over of a failed one."""


class Address(msgspec.Struct, frozen=True):
    server: Server


Step = (
    Wait
    | Prepare
    | Release
    | Listen
    | Keep
    | LookUp
    | Create
    | Adopt
    | Delete
    | Check
    | Move
    | Settle
    | Clear
    | Address
)
