"""What an operation is: a name, its arguments, who may ask for it, and what it does."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

import msgspec

from elastic.errors import BadRequest, Denied
from elastic.model.domain import DomainKey, Json
from elastic.model.names import checked_name
from elastic.ports.store import Request
from elastic.roles.reactor.desk import Desk


class Access(Enum):
    """Who may. Each operation says it, and `tests/hostile` tries each by what it says."""

    OWNER = "only ever touches, and tells of, what belongs to the owner asked for"
    AUTHOR = "for who added the thing, and for operators"
    OPERATOR = "for operators"
    ANYONE = "for every caller that the bus knows: concerns nothing that is somebody's"


class Arguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every operation's arguments."""


class Owned(Arguments, frozen=True, kw_only=True):
    """`owner` is an operator's to give; without it the caller's own things are meant."""

    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, for whose things, and by which request if something is to change.

    `everything`: an operator who named no owner; lists of the whole cluster show it all to them.
    """

    caller: str
    owner: str
    is_operator: bool
    everything: bool
    now: float
    request: Request | None = None

    def key(self, domain_id: str) -> DomainKey:
        return DomainKey.checked(self.owner, domain_id)

    def sees(self, owner: str) -> bool:
        return self.everything or owner == self.owner

    def shown(self, key: DomainKey) -> str:
        """A domain's name as this asker knows it: another owner's carries its owner."""
        return key.name if key.owner == self.owner else str(key)


A = TypeVar("A", bound=Arguments)
Run = Callable[[Desk, Asked, A], Json]


@dataclass(frozen=True, slots=True)
class Operation:
    name: str
    arguments: type[Arguments]
    access: Access
    mutates: bool
    run: Run[Any]

    def read(self, args: Mapping[str, Json]) -> Arguments:
        """Raises BadRequest, which names the argument that is unknown, missing or wrong."""
        try:
            return msgspec.convert(dict(args), self.arguments)
        except msgspec.ValidationError as error:
            raise BadRequest(f"{self.name}: {error}") from None


class Operations:
    """Operations by name, in the order they were declared."""

    def __init__(self, *parts: "Operations") -> None:
        self._known: dict[str, Operation] = {op.name: op for part in parts for op in part}

    def declare(self, arguments: type[A], access: Access, mutates: bool = False) -> Callable[[Run[A]], Run[A]]:
        """Decorate a function: it becomes the operation of its own name. TypeError if nobody could tell whose
        things it is to touch."""
        if access is Access.OWNER and not issubclass(arguments, Owned):
            raise TypeError(f"{arguments.__name__} has no owner")

        def declared(run: Run[A]) -> Run[A]:
            self._known[run.__name__] = Operation(run.__name__, arguments, access, mutates, run)
            return run

        return declared

    def get(self, name: str) -> Operation | None:
        return self._known.get(name)

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._known.values())


def owner_asked_for(args: Arguments, caller: str, is_operator: bool) -> str:
    """Whose things are meant. Denied if they are another's and the caller is no operator."""
    named = args.owner if isinstance(args, Owned) else None
    if named is None or named == caller:
        return caller
    if not is_operator:
        raise Denied("only operators may act for another owner")
    return checked_name(named, "owner")
