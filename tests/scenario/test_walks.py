"""The main job, end to end: what a domain, and an instance in it, goes through."""

import pytest

from elastic.adapters.cloud.weather import Happened
from elastic.model.states import Health
from tests.scenario.world import WEB, World


@pytest.fixture
def world():
    world = World()
    world.until(lambda: world.store.assignment().serial)
    return world


@pytest.fixture
def served(world):
    """A domain of three, up and running."""
    world.add(n=3)
    world.until(world.is_whole)
    return world


def test_a_registered_domain_gets_running_instances(world):
    world.add(n=3)
    world.until(world.is_whole)
    assert [i.health for i in world.view().instances] == [Health.OK] * 3


def test_an_instance_that_falls_silent_is_asked_then_given_up_and_replaced(served):
    silent = next(iter(served.vms.values()))
    silent.silent = True
    served.until(lambda: silent.instance_id not in served.running())
    served.until(served.is_whole)
    assert silent.server_id not in {s.server_id for s in served.live()}


def test_a_server_that_died_in_the_cloud_is_replaced(served):
    victim = served.live()[0]
    served.cloud.kill(victim.server_id)
    served.until(lambda: victim.mark.instance_id not in served.running())
    served.until(served.is_whole)


def test_a_server_that_vanished_is_replaced(served):
    victim = served.live()[0]
    served.cloud.vanish(victim.server_id)
    served.until(lambda: victim.mark.instance_id not in served.running())
    served.until(served.is_whole)


def test_a_domain_grows_and_shrinks_as_it_is_told(served):
    served.resize(6)
    served.until(lambda: served.is_whole(6))
    served.resize(2)
    served.until(lambda: served.is_whole(2))


def test_a_removed_domain_ends_empty_and_is_forgotten(served):
    served.ask("remove_domain", domain_id="web")
    served.until(lambda: WEB not in served.store.all_domains())
    assert served.live() == []


def test_a_dead_replicas_domains_go_on_elsewhere(served):
    before = {s.server_id for s in served.live()}
    served.holder().kill()
    served.resize(4)
    served.until(lambda: served.is_whole(4))
    assert before <= {s.server_id for s in served.live()}


def test_a_quiet_cluster_makes_and_deletes_nothing(served):
    journal = len(served.cloud.journal)
    served.run(60)
    assert [e for e in served.cloud.journal[journal:] if e.what is not Happened.ACTIVE] == []
