"""What is made for a server beside it: ports, volumes, a floating IP, a server group. Each has an end of its
own."""

from enum import StrEnum

import msgspec


class PartKind(StrEnum):
    PORT = "port"
    VOLUME = "volume"
    FLOATING_IP = "floating_ip"
    GROUP = "group"


class Part(msgspec.Struct, frozen=True):
    """One of an instance's. `number`: which of its kind, from 0, in the order of its recipe."""

    kind: PartKind
    part_id: str
    number: int = 0


class FoundPart(msgspec.Struct, frozen=True, kw_only=True):
    """One that the cloud has, with what its name says: whose it is. `home` is an instance's id, or, of a group
    that all instances of a domain share, the domain's part of it (`i-SLOT-INCARNATION`)."""

    site: str
    cluster: str
    home: str
    part: Part
    created: float = 0.0
