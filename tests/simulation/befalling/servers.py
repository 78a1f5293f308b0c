"""What befalls the store, the bus, the cloud and the engines, for all members at once. One method a kind."""

from functools import partial

from tests.simulation.befalling.ends import Ends
from tests.simulation.bus import Manners
from tests.simulation.plans import SITE
from tests.simulation.schedule import Trouble
from tests.simulation.world import World


class Servers:
    def __init__(self, world: World, ends: Ends) -> None:
        self.world, self._ends = world, ends

    def store_down(self, trouble: Trouble) -> None:
        world = self.world
        if world.server.is_down:
            return
        world.say(f"the store is down for {trouble.seconds} s")
        world.server.is_down = True
        for replica in world.replicas.values():
            replica.store.line.cut()

        def come_up() -> None:
            world.say("the store is up")
            world.server.is_down = False
            for replica in world.replicas.values():
                replica.store.line.heal(world.chance.uniform(0.05, 1.0))

        self._ends.in_a_while(trouble.seconds, come_up)

    def store_slow(self, trouble: Trouble) -> None:
        self.world.say(f"the store is slow for {trouble.seconds} s")
        self.world.server.slowness = 0.4
        self._ends.in_a_while(trouble.seconds, partial(setattr, self.world.server, "slowness", 0.0))

    def bus_down(self, trouble: Trouble) -> None:
        if not self.world.bus.is_down:
            self.world.say(f"the bus is down for {trouble.seconds} s")
            self.world.bus.go_down()
            self._ends.in_a_while(trouble.seconds, self.world.bus.come_up)

    def bus_rude(self, trouble: Trouble) -> None:
        self.world.say(f"the bus loses, doubles and delays for {trouble.seconds} s")
        self.world.bus.manners = Manners(loss=0.1, double=0.1, delay=(0.0, 1.5))
        self._ends.in_a_while(trouble.seconds, partial(setattr, self.world.bus, "manners", Manners()))

    def cloud_down(self, trouble: Trouble) -> None:
        self.world.say(f"the cloud does not answer for {trouble.seconds} s")
        self.world.cloud.outage(SITE, True)
        self._ends.in_a_while(trouble.seconds, partial(self.world.cloud.outage, SITE, False))

    def cloud_slow(self, trouble: Trouble) -> None:
        road, usual = self.world.road, (self.world.road.there, self.world.road.back)
        self.world.say(f"the cloud answers late for {trouble.seconds} s")
        road.there, road.back = (0.1, 1.2), (0.1, 1.5)

        def hurry() -> None:
            road.there, road.back = usual

        if usual[1] != road.back:
            self._ends.in_a_while(trouble.seconds, hurry)

    def quota(self, trouble: Trouble) -> None:
        self.world.say(f"the cloud has room for {trouble.number} servers, for {trouble.seconds} s")
        self.world.cloud.quota = trouble.number
        self._ends.in_a_while(trouble.seconds, partial(setattr, self.world.cloud, "quota", None))

    def engine_hangs(self, trouble: Trouble) -> None:
        mood = self.world.mood
        self.world.say(f"engines hang for {trouble.seconds} s")
        mood.lingers, mood.hangs_until = True, self.world.kernel.now + trouble.seconds
        self._ends.in_a_while(trouble.seconds, partial(setattr, mood, "lingers", False))

    def engine_raises(self, trouble: Trouble) -> None:
        self.world.say(f"engines raise for {trouble.seconds} s")
        self.world.mood.raises = True
        self._ends.in_a_while(trouble.seconds, partial(setattr, self.world.mood, "raises", False))
