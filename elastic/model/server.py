"""A server: the VM in the cloud, and the mark by which we know that it is ours."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from elastic.model.domain import DomainKey
from elastic.model.parts import Part
from elastic.model.recipe import Recipe


class ServerStatus(StrEnum):
    """Nova's words, as far as we tell them apart."""

    BUILD = "BUILD"
    ACTIVE = "ACTIVE"
    SHUTOFF = "SHUTOFF"
    ERROR = "ERROR"
    DELETED = "DELETED"
    BUSY = "BUSY"  # somebody else is at work on it: hands off
    OTHER = "OTHER"


class Mark(msgspec.Struct, frozen=True, gc=False):
    """Name, tag and metadata carry it: whose server this is. `cluster` is the uid in the store's layout."""

    cluster: str
    key: DomainKey
    incarnation: int
    instance_id: str


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to boot. `user_data` are the settings of the agent inside (its key among them: never log it).

    `recipe`, `variables`: what the deployable type says for this site, where the cloud has to be told;
    `parts`: what was made for it beforehand.
    """

    mark: Mark
    site: str
    deployable_type: str
    allocation: str | None = None
    vars: Mapping[str, Any] = {}
    user_data: Mapping[str, Any] = {}
    recipe: Recipe | None = None
    variables: Mapping[str, Any] = {}
    parts: tuple[Part, ...] = ()


class Server(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    server_id: str
    site: str
    mark: Mark
    status: ServerStatus
    created: float = 0.0  # wall time, by the cloud's clock
    public_ip: str | None = None
    private_ip: str | None = None
    ipv6: str | None = None
    hostname: str | None = None
    fault: str = ""
    pid: int | None = None  # `local` cloud only
