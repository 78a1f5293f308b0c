"""What the provisioner knows of instances beyond their records: in memory, bound to a tenure, harmless to lose."""

from collections.abc import Collection
from typing import Any

from msgspec.structs import replace

from elastic.model.assignment import Tenure
from elastic.model.domain import DomainKey
from elastic.model.instance import Instance
from elastic.roles.memory import drop_others
from elastic.roles.sightings import Sighting
from elastic.rules.dossier import Dossier


class Dossiers:
    """What was learnt while we did not hold the partition without a gap counts for nothing."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, Dossier]] = {}

    def of(self, instance: Instance, sighting: Sighting, tenure: Tenure) -> Dossier:
        """With the ages of the record, as this process has seen them."""
        dossier = self.bare(instance.instance_id, tenure.since)
        since = max(sighting.attempt_since, dossier.attempt_since)
        return replace(dossier, since=sighting.state_since, attempt_since=since)

    def bare(self, instance_id: str, tenure: int) -> Dossier:
        held, dossier = self._known.get(instance_id, (tenure, Dossier()))
        return dossier if held == tenure else Dossier()

    def note(self, instance_id: str, tenure: int, **learnt: Any) -> Dossier:
        """Add what was learnt under that tenure, unless a newer one has begun."""
        held, _ = self._known.get(instance_id, (tenure, None))
        if held > tenure:
            return Dossier()
        dossier = replace(self.bare(instance_id, tenure), **learnt)
        self._known[instance_id] = (tenure, dossier)
        return dossier

    def keep_only(self, instance_ids: Collection[str], keys: Collection[DomainKey]) -> None:  # noqa: ARG002
        drop_others(self._known, instance_ids)

    def forget(self, instance_id: str) -> None:
        self._known.pop(instance_id, None)
