"""Domains whose policies remember each time that they were asked."""

import pytest

from elastic.engines import installed_engines
from elastic.model.actions import Answer
from tests.scenario.world import WEB, World

POLICY = {
    "deployable_type": "worker",
    "sites": ["site"],
    "capacity": {"min": 2, "max": 4},
    "policies": [{"name": "told", "engine": "external", "source": "nobody"}],
    "behaviour": {"interval": 10},
    "fallback": {"failure_threshold": 1000},
}


class Counting:
    """Somebody's engine that counts how often it was asked."""

    documentation = "for tests"

    @classmethod
    def configured(cls, conf):
        return cls()

    def decide(self, question):
        times = (question.memo or {}).get("times", 0)
        return Answer(desired=0, status="STABLE", memo={"times": times + 1})


class Crowd(Counting):
    """And wants more than any domain may have."""

    def decide(self, question):
        return Answer(desired=10**9, status="PENDING")


def started(engine, conf):
    world = World.settled(engines={**installed_engines(), "counting": Counting, "crowd": Crowd})
    world.ask("add_domain_definition", definition_id="d", definition={"general": {"engine": engine}})
    world.ask("add_domain", WEB.owner, domain_id=WEB.name, definition_id="d", config={"engine_conf": conf})
    return world


def test_what_is_not_known_is_asked_for_once_an_interval_and_not_as_often_as_it_is_written_down():
    world = started("policy", POLICY)
    world.until(lambda: world.is_whole(2))
    world.run(30)
    before, misses = world.view().counter, world.view().standing.memo["misses"]
    world.run(60)
    after = world.view()
    assert after.standing.memo["misses"] - misses == pytest.approx(6, abs=1)
    assert after.counter - before == pytest.approx(6, abs=1)


def test_an_engine_that_never_remembers_the_same_is_not_asked_for_ever():
    world = started("counting", {})
    world.until(lambda: world.view().standing.memo)
    world.run(10)
    times = world.view().standing.memo["times"]
    world.run(60)
    assert world.view().standing.memo["times"] - times <= 60 / world.tuning.resync + 1


def test_an_engine_that_wants_more_than_a_domain_may_have_is_at_fault():
    world = started("crowd", {})
    world.until(lambda: world.view().standing.condition("EngineFailed"))
    assert "wants 1000000000 instances: a domain has 100000 at most" in world.told()
    assert world.view().instances == ()
