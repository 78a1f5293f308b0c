"""Growing and shrinking at one site: how a size is reached that somebody else chose."""

from collections.abc import Iterable
from typing import Annotated, Any

import msgspec

from elastic.model.actions import Candidate, Launch, Place, Reason
from elastic.model.kinds import Name, about
from elastic.rules.answering import Moves, clock, parted
from elastic.rules.backoff import backoff_end
from elastic.rules.census import Census
from elastic.rules.exact import Number
from elastic.rules.schema import key_of
from elastic.rules.victims import in_order_of_going


class Unique(msgspec.Struct, frozen=True):
    """Each instance carries a value of its own in `extravars[key]`."""

    key: str
    values: tuple[Any, ...]

    def free(self, valid: Iterable[Candidate]) -> list[Any]:
        """Values that no valid instance has, in list order; compared as text."""
        taken = {_as_text(i.extravars[self.key]) for i in valid if self.key in i.extravars}
        free: dict[str, Any] = {}
        for value in self.values:
            if _as_text(value) not in taken:
                free.setdefault(_as_text(value), value)
        return list(free.values())


class OneSite(msgspec.Struct, frozen=True, kw_only=True):
    """What to launch, and where, by the keys that EPU's workers have; and who goes first."""

    site: Annotated[Name, about("where to launch")] = msgspec.field(name="force_site", default="ec2-east")
    deployable_type: Annotated[Name, about("what to launch: a deployable type")] = msgspec.field(
        name="epuworker_type", default="epu_work_consumer"
    )
    allocation: Annotated[Name, about("its allocation")] = msgspec.field(
        name="epuworker_allocation", default="small"
    )

    @property
    def unique(self) -> Unique | None:
        return None

    @property
    def retirable(self) -> tuple[str, ...]:
        return ()

    @property
    def places(self) -> tuple[Place, ...]:
        """What it may launch, for those who look whether it can be had."""
        keys = (key_of(type(self), name) for name in ("site", "deployable_type", "allocation"))
        return (Place(self.site, self.deployable_type, *(f"engine_conf.{key}" for key in keys)),)

    def reach(self, desired: int, census: Census, now: Number, *, oldest_first: bool = False) -> Moves:
        """Instances at other sites count all the same, and are not moved."""
        if desired > census.size:
            return self._grow(desired - census.size, census, now)
        if desired == census.size:
            return Moves()
        going = in_order_of_going(census.counted, self.retirable, oldest_first)
        return parted(census.size - desired, tuple(going[: census.size - desired]))

    def _grow(self, missing: int, census: Census, now: Number) -> Moves:
        back = census.leaving[::-1][:missing]
        launches = self._launches(missing - len(back), census)
        reasons = []
        if len(launches) < missing - len(back):
            reasons.append(Reason("unique", "no value is left, so no more can be launched"))

        until = backoff_end(census.records, self.site, now) if launches else None
        if until is not None:
            reasons.append(Reason("backoff", f"{self.site}: launches failed there, none before {clock(until)}"))
            return Moves(back=back, waits=True, reasons=tuple(reasons))
        if launches:
            reasons.insert(0, Reason("launch", f"{len(launches)} at {self.site}"))
        return Moves(launches=launches, back=back, reasons=tuple(reasons))

    def _launches(self, missing: int, census: Census) -> tuple[Launch, ...]:
        launch = Launch(self.site, self.deployable_type, self.allocation or None)
        unique = self.unique
        if unique is None:
            return (launch,) * missing
        values = unique.free(census.valid)[:missing]
        return tuple(msgspec.structs.replace(launch, extravars={unique.key: value}) for value in values)


class NamedSite(OneSite, frozen=True, kw_only=True):
    """By other keys; it may also name who goes first, and give each instance a value of its own. Site and type may
    only be missing when nothing will be launched."""

    site: Annotated[Name, about("where to launch; required where anything is to be launched")] = msgspec.field(
        name="iaas_site", default=""
    )
    deployable_type: Annotated[Name, about("what to launch: a deployable type; required as the site is")] = (
        msgspec.field(name="deployable_type", default="")
    )
    allocation: Annotated[Name, about("its allocation")] = msgspec.field(name="iaas_allocation", default="")
    retirable_nodes: Annotated[
        tuple[str, ...],
        about("ids of instances that go first when there are too many; naming one removes nothing"),
    ] = ()
    unique_key: Annotated[str | None, about("the extravar in which each instance gets a value of its own")] = None
    unique_values: Annotated[
        tuple[Any, ...] | str,
        about("those values; when none is left, nothing more is launched", title="a list, or a text with commas"),
    ] = ()

    @property
    def unique(self) -> Unique | None:
        values = self.unique_values
        if isinstance(values, str):
            values = tuple(part for part in (piece.strip() for piece in values.split(",")) if part)
        return Unique(self.unique_key, values) if self.unique_key and values else None

    @property
    def retirable(self) -> tuple[str, ...]:
        return self.retirable_nodes

    def refuse_nowhere(self) -> None:
        """Raise ValueError unless it says what to launch, and where."""
        if not self.site:
            raise ValueError("iaas_site is missing")
        if not self.deployable_type:
            raise ValueError("deployable_type is missing")


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
