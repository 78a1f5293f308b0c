"""What befalls ports, volumes, floating IPs and groups. One method a kind."""

from collections.abc import Sequence
from typing import TypeVar

from elastic.adapters.cloud.weather import Happened
from elastic.model.parts import PartKind
from elastic.rules.strays import home_in
from tests.simulation.ledger import Ledger
from tests.simulation.plans import SITE
from tests.simulation.schedule import Trouble
from tests.simulation.world import World

KINDS = tuple(PartKind)
T = TypeVar("T")


def _picked(trouble: Trouble, some: Sequence[T]) -> T:
    return some[int(trouble.pick * len(some)) % len(some)]


class Parts:
    def __init__(self, world: World, ledger: Ledger) -> None:
        self.world, self.ledger = world, ledger

    def plant_foreign_part(self, trouble: Trouble) -> None:
        """Another cluster's, of an instance that may have the name of one of ours."""
        planted = self._plant(trouble, "i-c8b-1-1", "another world")
        self.world.say(f"a part appears that is not ours: {planted}")
        self.ledger.foreign_parts.add(planted)

    def plant_stray_part(self, trouble: Trouble) -> None:
        """Another of the same name, for an instance that has a server."""
        ours = sorted(server.mark.instance_id for server in self.world.ours())
        if ours:
            name = _picked(trouble, ours)
            self.world.say(f"{name} has another part now: {self._plant(trouble, name)}")

    def plant_left_part(self, trouble: Trouble) -> None:
        """Of an instance whose servers are all gone, by our own doing."""
        there = {server.mark.instance_id for server in self.world.cloud.all_servers() if server.mark}
        gone = [entry.instance_id for entry in self.world.cloud.journal if entry.what is Happened.GONE]
        over = [name for name in gone if name and name not in there]
        if over:
            name = _picked(trouble, over)
            self.world.say(f"{name} has a part again: {self._plant(trouble, name)}")

    def _plant(self, trouble: Trouble, instance_id: str, cluster: str = "world") -> str:
        kind = KINDS[trouble.number % len(KINDS)]
        return self.world.cloud.plant_part(SITE, cluster, home_in(instance_id, kind), kind)

    def lose_part(self, trouble: Trouble) -> None:
        """A stranger deletes one that no server has yet, or any more."""
        free = [h.found.part.part_id for h in self.world.held() if not h.holders and h.found.cluster == "world"]
        if free:
            lost = _picked(trouble, free)
            self.world.say(f"a stranger deletes {lost}")
            self.world.cloud.lose_part(lost)
            self.ledger.taken_parts.add(lost)
