"""Since when, on our own monotonic clock, each instance has been as it is.

A stored stamp is for people: clocks step and differ. A deadline has run out only if this process itself has
seen the state for as long; so a new owner grants every instance its full time again.
"""

from collections.abc import Iterable

from elastic.model.instance import Instance
from elastic.model.states import Health, InstanceState


class Sighting:
    """Monotonic seconds at which the record was first seen with its present state, health and attempt."""

    __slots__ = ("attempt", "attempt_since", "health", "health_since", "state", "state_since")

    def __init__(self, instance: Instance, now: float) -> None:
        self.state: InstanceState = instance.state
        self.health: Health = instance.health
        self.attempt: int = instance.attempt.n if instance.attempt else 0
        self.state_since = self.health_since = self.attempt_since = now

    def update(self, instance: Instance, now: float) -> None:
        if instance.state is not self.state:
            self.state, self.state_since = instance.state, now
        if instance.health is not self.health:
            self.health, self.health_since = instance.health, now
        attempt = instance.attempt.n if instance.attempt else 0
        if attempt != self.attempt:
            self.attempt, self.attempt_since = attempt, now


class Sightings:
    def __init__(self) -> None:
        self._known: dict[str, Sighting] = {}

    def note(self, instances: Iterable[Instance], now: float) -> None:
        for instance in instances:
            known = self._known.get(instance.instance_id)
            if known is None:
                self._known[instance.instance_id] = Sighting(instance, now)
            else:
                known.update(instance, now)

    def of(self, instance: Instance, now: float) -> Sighting:
        return self._known.get(instance.instance_id) or Sighting(instance, now)

    def forget(self, instance_id: str) -> None:
        self._known.pop(instance_id, None)
