"""Many wishes at one site: each domain gets its turn."""

from dataclasses import replace

from elastic.adapters.cloud.weather import Happened
from elastic.model.domain import DomainKey
from tests.scenario.world import PATIENT, World

BIG, SMALL = DomainKey("ann", "big"), DomainKey("ann", "small")


def test_a_small_domain_does_not_wait_for_all_of_a_big_one():
    world = World(members="a", tuning=replace(PATIENT, creates_at_once=1))
    world.until(lambda: world.store.assignment().serial)
    world.add(BIG, n=40)
    world.until(lambda: world.live(BIG), step=0.05)
    world.add(SMALL, n=1)
    world.until(lambda: world.is_whole(40, BIG) and world.is_whole(1, SMALL))
    made = [e.mark.key for e in world.cloud.journal if e.what is Happened.CREATED]
    assert made.index(SMALL) < 30
