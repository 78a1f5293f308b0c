"""One that spoke once more while its doctor was away is given up all the same when it is silent again."""

from elastic.model.states import Health
from tests.scenario.world import World


def test_one_that_spoke_unseen_and_fell_silent_again_is_replaced():
    world = World.settled(members="a")
    world.add(n=1)
    world.until(lambda: world.is_whole(1))
    vm = next(iter(world.vms.values()))
    vm.silent = True
    world.until(lambda: world.view().instances[0].health is Health.OUT_OF_CONTACT, step=0.25)

    doctor = next(c for c in world.holder().agent.staff.cycles if c.name == "doctor")
    role, doctor.role = doctor.role, None  # it fails on whatever it looks at
    vm.silent = False
    vm.beat()
    world.step(0.25)
    vm.silent = True
    world.run(15)
    doctor.role = role

    world.until(lambda: vm.instance_id not in world.running() and world.is_whole(1), within=90)
