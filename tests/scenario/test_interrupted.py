"""Whatever a replica is doing when it dies, the next one brings it to the same end.

Each walk is run once to count its steps (writes to the store, deeds in the cloud); then, for each step, a world
is made anew in which the replica dies just before it, and one in which it dies just after.
"""

import pytest

from tests.scenario.judge import most_servers_at_once
from tests.scenario.world import WEB, World


def start(world):
    world.add(n=2)


def grow(world):
    world.resize(4)


def shrink(world):
    world.resize(1)


def replace_silent(world):
    victim = next(iter(world.vms.values()))
    victim.silent = True
    return victim.server_id


def replace_dead(world):
    victim = world.live()[0].server_id
    world.cloud.kill(victim)
    return victim


def remove(world):
    world.ask("remove_domain", domain_id="web")


WALKS = {
    "start": (None, start, 2),
    "grow": (start, grow, 4),
    "shrink": (start, shrink, 1),
    "replace_silent": (start, replace_silent, 2),
    "replace_dead": (start, replace_dead, 2),
    "remove": (start, remove, None),
}


def at_its_end(world, size, victim):
    if victim in {s.server_id for s in world.live()}:
        return False
    if size is None:
        return WEB not in world.store.all_domains() and not world.live()
    return world.is_whole(size)


def prepared(before):
    world = World(members="ab")
    world.until(lambda: world.store.assignment().serial)
    if before:
        before(world)
        world.until(lambda: world.is_whole(2))
    world.run(3)
    return world


def steps_of(walk):
    """How many steps the one that does the work makes, undisturbed."""
    before, deed, size = WALKS[walk]
    world = prepared(before)
    worker = world.holder()
    done = len(worker.fuse.steps)
    victim = deed(world)
    world.until(lambda: at_its_end(world, size, victim))
    world.run(3)
    return len(worker.fuse.steps) - done


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("walk", WALKS)
def test_a_walk_interrupted_at_any_step_comes_to_the_same_end(walk, after):
    count = steps_of(walk)
    assert count > 1
    for step in range(1, count + 1):
        interrupt(walk, step, after)


def interrupt(walk, step, after):
    before, deed, size = WALKS[walk]
    world = prepared(before)
    healthy = {s.server_id for s in world.live()}
    worker = world.holder()
    worker.fuse.light(step, after)
    victim = deed(world)
    world.until(lambda: worker.dead or at_its_end(world, size, victim))
    world.run(2)
    if worker.dead:
        worker.restart()
    world.until(lambda: at_its_end(world, size, victim))
    world.run(20)
    assert at_its_end(world, size, victim), f"step {step}: {world.told()}"
    assert max(most_servers_at_once(world).values()) == 1, f"step {step}: {world.told()}"
    if walk == "grow":
        assert healthy <= {s.server_id for s in world.live()}
