"""What befalls a member at a step of its walk: before it goes out, or when it is done and nobody has heard so."""

from collections.abc import Callable

from tests.simulation.process import Fuse
from tests.simulation.replica import Replica
from tests.simulation.schedule import Trouble
from tests.simulation.world import World


def at_a_step(world: World, trouble: Trouble, what: str, act: Callable[[Replica, Trouble], None]) -> None:
    """`what` is to happen to it, in words."""
    if replica := world.living(trouble.who):
        when = "after" if trouble.flag else "before"
        world.say(f"{trouble.who} is to {what} {when} its step number {trouble.number} from now")
        replica.process.fuse = Fuse(trouble.number, trouble.flag, lambda: act(replica, trouble))
