"""What befalls members: they die, stand still, are asked to stop, have their clocks set. One method a kind."""

from functools import partial

from tests.simulation.befalling.ends import Ends
from tests.simulation.process import Fuse
from tests.simulation.replica import Replica
from tests.simulation.schedule import Trouble
from tests.simulation.world import World


class Members:
    def __init__(self, world: World, ends: Ends) -> None:
        self.world, self._ends = world, ends

    def kill(self, trouble: Trouble) -> None:
        if replica := self.world.living(trouble.who):
            self.world.say(f"{trouble.who} is killed")
            replica.process.die()
            self._come_back(trouble)

    def _come_back(self, trouble: Trouble) -> None:
        self._ends.in_a_while(trouble.seconds, partial(self.world.restart, trouble.who))

    def die_at_a_step(self, trouble: Trouble) -> None:
        if replica := self.world.living(trouble.who):
            when = "after" if trouble.flag else "before"
            self.world.say(f"{trouble.who} is to die {when} its step number {trouble.number} from now")

            def die() -> None:
                self.world.say(f"{trouble.who} dies, {when} that step")
                replica.process.die()
                self._come_back(trouble)

            replica.process.fuse = Fuse(trouble.number, trouble.flag, die)

    def freeze(self, trouble: Trouble) -> None:
        if replica := self.world.living(trouble.who):
            self.world.say(f"{trouble.who} stands still for {trouble.seconds} s")
            replica.process.freeze()
            self._ends.in_a_while(trouble.seconds, partial(self._thaw, replica))

    def _thaw(self, replica: Replica) -> None:
        self.world.say(f"{replica.name} goes on")
        replica.process.thaw()

    def freeze_at_a_step(self, trouble: Trouble) -> None:
        if replica := self.world.living(trouble.who):
            when = "after" if trouble.flag else "before"
            self.world.say(f"{trouble.who} is to stand still {when} its step number {trouble.number} from now")

            def freeze() -> None:
                self.world.say(f"{trouble.who} stands still, {when} that step, for {trouble.seconds} s")
                replica.process.freeze()
                self._ends.in_a_while(trouble.seconds, partial(self._thaw, replica))

            replica.process.fuse = Fuse(trouble.number, trouble.flag, freeze)

    def retire(self, trouble: Trouble) -> None:
        if (replica := self.world.living(trouble.who)) and len(self.world.up()) > 1:
            self.world.say(f"{trouble.who} is asked to stop")
            replica.retire()

    def clock(self, trouble: Trouble) -> None:
        self.world.say(f"the clock of {trouble.who} jumps by {trouble.number} s")
        self.world.clocks_stepped = True
        self.world.clocks[trouble.who].ahead += trouble.number
