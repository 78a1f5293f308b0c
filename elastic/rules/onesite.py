"""Growing and shrinking at one site: how a size is reached that somebody else chose."""

from collections.abc import Iterable
from typing import Any, Self

import msgspec

from elastic.model.actions import Candidate, Launch, Place, Reason
from elastic.rules.answering import Moves, parted, shown
from elastic.rules.backoff import backoff_end
from elastic.rules.census import Census
from elastic.rules.exact import Number
from elastic.rules.settings import REQUIRED, Common, Settings
from elastic.rules.victims import in_order_of_going

KEYS = ("deployable_type", "iaas_site", "iaas_allocation", "retirable_nodes", "unique_key", "unique_values")
WORKER_KEYS = ("force_site", "epuworker_type", "epuworker_allocation")


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
    """What to launch, and where; and who goes first. `keys`: those that say site, type and allocation."""

    keys: tuple[str, str, str] = ("iaas_site", "deployable_type", "iaas_allocation")
    site: str
    deployable_type: str
    allocation: str | None
    unique: Unique | None = None
    retirable: tuple[str, ...] = ()
    oldest_first: bool = False

    @classmethod
    def read(cls, settings: Settings, common: Common, needed: bool) -> Self:
        """The keys in KEYS; type and site may only be missing when nothing will be launched."""
        absent = REQUIRED if needed else ""
        key, values = settings.text("unique_key", None, may_be_empty=True), settings.items("unique_values")
        return cls(
            site=settings.text("iaas_site", absent),
            deployable_type=settings.text("deployable_type", absent),
            allocation=settings.text("iaas_allocation", None),
            unique=Unique(key, values) if key and values else None,
            retirable=settings.names("retirable_nodes"),
            oldest_first=common.oldest_first,
        )

    @classmethod
    def read_worker(cls, settings: Settings, common: Common) -> Self:
        """The keys in WORKER_KEYS, all of which have a default."""
        site, kind, allocation = WORKER_KEYS
        return cls(
            keys=WORKER_KEYS,
            site=settings.text(site, "ec2-east"),
            deployable_type=settings.text(kind, "epu_work_consumer"),
            allocation=settings.text(allocation, "small"),
            oldest_first=common.oldest_first,
        )

    @property
    def places(self) -> tuple[Place, ...]:
        """What it may launch, for those who look whether it can be had."""
        site, kind, allocation = (f"engine_conf.{key}" for key in self.keys)
        return (Place(self.site, self.deployable_type, site, kind, allocation),)

    def reach(self, desired: int, census: Census, now: Number) -> Moves:
        """Instances at other sites count all the same, and are not moved."""
        if desired > census.size:
            return self._grow(desired - census.size, census, now)
        return self._shrink(census.size - desired, census)

    def _grow(self, missing: int, census: Census, now: Number) -> Moves:
        back = census.leaving[::-1][:missing]
        launches = self._launches(missing - len(back), census)
        reasons = []
        if len(launches) < missing - len(back):
            reasons.append(Reason("unique", "no value is left, so no more can be launched"))

        until = backoff_end(census.records, self.site, now) if launches else None
        if until is not None:
            reasons.append(Reason("backoff", f"{self.site}: launches failed there, none before {shown(until)}"))
            return Moves(back=back, waits=True, reasons=tuple(reasons))
        if launches:
            reasons.insert(0, Reason("launch", f"{len(launches)} at {self.site}"))
        return Moves(launches=launches, back=back, reasons=tuple(reasons))

    def _launches(self, missing: int, census: Census) -> tuple[Launch, ...]:
        launch = Launch(self.site, self.deployable_type, self.allocation)
        if self.unique is None:
            return (launch,) * missing
        key, values = self.unique.key, self.unique.free(census.valid)[:missing]
        return tuple(msgspec.structs.replace(launch, extravars={key: value}) for value in values)

    def _shrink(self, excess: int, census: Census) -> Moves:
        if not excess:
            return Moves()
        going = in_order_of_going(census.counted, self.retirable, self.oldest_first)[:excess]
        return parted(excess, tuple(going))


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
