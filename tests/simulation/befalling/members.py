"""What befalls members: they die, stand still, are asked to stop, have their clocks set. One method a kind."""

from functools import partial

from tests.simulation.befalling.ends import Ends
from tests.simulation.befalling.steps import at_a_step
from tests.simulation.replica import Replica
from tests.simulation.schedule import Trouble
from tests.simulation.world import World


class Members:
    def __init__(self, world: World, ends: Ends) -> None:
        self.world, self._ends = world, ends

    def kill(self, trouble: Trouble) -> None:
        if replica := self.world.living(trouble.who):
            self._kill(replica, trouble)

    def _kill(self, replica: Replica, trouble: Trouble) -> None:
        self.world.say(f"{replica.name} is killed")
        replica.process.die()
        self._ends.in_a_while(trouble.seconds, partial(self.world.restart, replica.name))

    def die_at_a_step(self, trouble: Trouble) -> None:
        at_a_step(self.world, trouble, "die", self._kill)

    def freeze(self, trouble: Trouble) -> None:
        if replica := self.world.living(trouble.who):
            self._freeze(replica, trouble)

    def _freeze(self, replica: Replica, trouble: Trouble) -> None:
        self.world.say(f"{replica.name} stands still for {trouble.seconds} s")
        replica.process.freeze()
        self._ends.in_a_while(trouble.seconds, partial(self._thaw, replica))

    def _thaw(self, replica: Replica) -> None:
        self.world.say(f"{replica.name} goes on")
        replica.process.thaw()

    def freeze_at_a_step(self, trouble: Trouble) -> None:
        at_a_step(self.world, trouble, "stand still", self._freeze)

    def retire(self, trouble: Trouble) -> None:
        if (replica := self.world.living(trouble.who)) and len(self.world.up()) > 1:
            self.world.say(f"{trouble.who} is asked to stop")
            replica.retire()

    def clock(self, trouble: Trouble) -> None:
        self.world.say(f"the clock of {trouble.who} jumps by {trouble.number} s")
        self.world.clocks_stepped = True
        self.world.clocks[trouble.who].ahead += trouble.number
