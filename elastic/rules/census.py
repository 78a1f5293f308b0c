"""Which instances count, and from which size a policy starts."""

from collections.abc import Mapping
from typing import Any, Literal, Self, TypeVar

import msgspec

from elastic.errors import BadRequest
from elastic.model.actions import Candidate, Question
from elastic.rules.exact import whole

Kind = TypeVar("Kind", bound=msgspec.Struct)


class LastChange(msgspec.Struct, frozen=True):
    """When a policy last changed the size, and which way."""

    at: int | float
    direction: Literal["out", "in"]


def recalled(memo: Mapping[str, Any] | None, kind: type[Kind]) -> Kind:
    """What a memo says under the keys of `kind`. Other keys are another engine's, and passed over."""
    said = {key: whole(memo[key]) for key in kind.__struct_fields__ if memo.get(key) is not None} if memo else {}
    try:
        return msgspec.convert(said, kind)
    except msgspec.ValidationError as fault:
        raise BadRequest(f"memo: {fault}") from None


class Memo(msgspec.Struct, frozen=True, kw_only=True):
    """What every engine remembers."""

    last_change: LastChange | None = None
    size: int | None = None
    draining: tuple[str, ...] = ()

    @classmethod
    def read(cls, memo: Mapping[str, Any] | None) -> Self:
        return recalled(memo, cls)


class Census(msgspec.Struct, frozen=True, kw_only=True):
    """One domain's instances, told apart.

    `counted` are those that make up the size. `leaving` are draining and go when they are done; they are in the
    order in which they were named. `unhealthy` are to be replaced. `zombies` are over and still heard.
    `records` are all there are.
    """

    records: tuple[Candidate, ...]
    counted: tuple[Candidate, ...]
    leaving: tuple[Candidate, ...]
    unhealthy: tuple[Candidate, ...]
    zombies: tuple[Candidate, ...]
    memo: Memo

    @property
    def size(self) -> int:
        return len(self.counted)

    @property
    def base(self) -> int:
        """The size to start from: the last one wanted, so that what died since is missed."""
        return self.size + len(self.unhealthy) if self.memo.size is None else self.memo.size

    @property
    def valid(self) -> tuple[Candidate, ...]:
        return self.counted + self.leaving


def take_census(question: Question, first_site: str) -> Census:
    """Tell the instances apart; one that has no site is taken to be at `first_site`."""
    records = tuple(sorted((_sited(i, first_site) for i in question.instances), key=lambda i: i.instance_id))
    memo = Memo.read(question.memo)

    valid = tuple(i for i in records if i.is_valid)
    may_leave = {i.instance_id: i for i in valid if not i.protected} if memo.draining else {}
    leaving = {name: may_leave[name] for name in memo.draining if name in may_leave}
    return Census(
        records=records,
        counted=tuple(i for i in valid if i.instance_id not in leaving),
        leaving=tuple(leaving.values()),
        unhealthy=tuple(i for i in records if i.is_unhealthy),
        zombies=tuple(i for i in records if i.is_zombie),
        memo=memo,
    )


def _sited(instance: Candidate, first_site: str) -> Candidate:
    return instance if instance.site is not None else msgspec.structs.replace(instance, site=first_site)
