"""What befalls members' lines to the store, the bus and the cloud. One method a kind."""

from collections.abc import Callable
from functools import partial

from tests.simulation.befalling.ends import Ends
from tests.simulation.befalling.steps import at_a_step
from tests.simulation.replica import Replica
from tests.simulation.schedule import Trouble
from tests.simulation.world import World


class Lines:
    def __init__(self, world: World, ends: Ends) -> None:
        self.world, self._ends = world, ends

    def lose_store(self, trouble: Trouble) -> None:
        if replica := self.world.living(trouble.who):
            self._lose_store(replica, trouble)

    def _lose_store(self, replica: Replica, trouble: Trouble) -> None:
        self._lose(replica, "store", trouble, replica.store.line.cut, replica.store.line.heal)

    def lose_store_at_a_step(self, trouble: Trouble) -> None:
        """What it wrote is there, and nobody has heard so; or it never came there."""
        at_a_step(self.world, trouble, "lose the store", self._lose_store)

    def lose_bus_in_a_call(self, trouble: Trouble) -> None:
        """What a client wants is done, or half so, and then handed to another."""
        if replica := self.world.living(trouble.who):
            self.world.say(f"{trouble.who} is to lose the bus in its next call that changes something")
            line = replica.bus.line
            replica.bus.on_mutation = partial(self._lose, replica, "bus", trouble, line.cut, line.heal)

    def lose_bus(self, trouble: Trouble) -> None:
        if replica := self.world.living(trouble.who):
            self._lose(replica, "bus", trouble, replica.bus.line.cut, partial(self._heal_bus, replica))

    def _heal_bus(self, replica: Replica) -> None:
        if not self.world.bus.is_down:
            replica.bus.line.heal()

    def lose_cloud(self, trouble: Trouble) -> None:
        if replica := self.world.living(trouble.who):
            self._lose(replica, "cloud", trouble, replica.cloud.line.cut, replica.cloud.line.heal)

    def _lose(
        self,
        replica: Replica,
        what: str,
        trouble: Trouble,
        cut: Callable[[bool], None],
        heal: Callable[[], None],
    ) -> None:
        silently = " and does not know" if trouble.flag else ""
        self.world.say(f"{replica.name} loses the {what} for {trouble.seconds} s{silently}")
        cut(trouble.flag)
        self._ends.in_a_while(trouble.seconds, heal)

    def lag(self, trouble: Trouble) -> None:
        self.world.say(f"what {trouble.who} reads may be {trouble.seconds} s old")
        self.world.replicas[trouble.who].store.lag = trouble.seconds
