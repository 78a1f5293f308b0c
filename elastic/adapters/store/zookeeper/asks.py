"""What can be asked of ZooKeeper, and what comes back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from kazoo.protocol.serialization import Exists as AskExists
from kazoo.protocol.serialization import GetChildren2, GetData

Watch = Callable[[Any], None]
"""Called once, in kazoo's thread: when the node changes, or when the connection is lost. It may only take note."""


@dataclass(frozen=True, slots=True)
class Get:
    path: str
    watch: Watch | None = None


@dataclass(frozen=True, slots=True)
class Children:
    path: str
    watch: Watch | None = None


@dataclass(frozen=True, slots=True)
class Exists:
    """`watch` stands also where there is no node: until there is one."""

    path: str
    watch: Watch | None = None


class Found(NamedTuple):
    """A node. `data` is what Get brings, `children` (names, in no order) what Children brings.

    `made` and `touched` are the transactions that made it and last wrote it (czxid, mzxid).
    """

    version: int
    made: int
    touched: int
    data: bytes = b""
    children: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """The node is there and has that version."""

    path: str
    version: int


@dataclass(frozen=True, slots=True)
class Create:
    """With `sequence`, ten digits that rise are put behind the path."""

    path: str
    data: bytes = b""
    ephemeral: bool = False
    sequence: bool = False


@dataclass(frozen=True, slots=True)
class Set:
    """`version` -1: whatever it has."""

    path: str
    data: bytes
    version: int = -1


@dataclass(frozen=True, slots=True)
class Delete:
    path: str
    version: int = -1


Ask = Get | Children | Exists
Op = Check | Create | Set | Delete


def request_of(ask: Ask) -> Any:
    """As kazoo sends it."""
    match ask:
        case Get(path, watch):
            return GetData(path, watch)
        case Children(path, watch):
            return GetChildren2(path, watch)
        case Exists(path, watch):
            return AskExists(path, watch)


def found_by(ask: Ask, raw: Any) -> Found | None:
    """`raw`: kazoo's answer; None where there was no such node."""
    if raw is None:
        return None
    match ask:
        case Get():
            data, stat = raw
            return Found(stat.version, stat.czxid, stat.mzxid, data=data)
        case Children():
            names, stat = raw
            return Found(stat.version, stat.czxid, stat.mzxid, children=tuple(names))
        case Exists():
            return Found(raw.version, raw.czxid, raw.mzxid)
