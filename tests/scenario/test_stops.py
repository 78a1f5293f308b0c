"""Disable, terminate all, enable: nothing is launched behind an operator's back."""

import pytest

from elastic.adapters.cloud.weather import Happened
from tests.scenario.world import WEB, World


@pytest.fixture
def served():
    world = World.settled()
    world.add(n=3)
    world.until(world.is_whole)
    return world


def test_a_disabled_domain_keeps_what_it_has_and_launches_nothing(served):
    served.ask("disable", "root")
    served.resize(6)
    served.cloud.vanish(served.live()[0].server_id)
    before = len(served.happened(Happened.CREATED))
    served.run(60)
    assert len(served.happened(Happened.CREATED)) == before
    assert len(served.live()) == 2


def test_a_launch_that_was_wished_for_waits_until_it_is_enabled(served):
    served.resize(6)
    served.until(lambda: len(served.view().instances) == 6)
    served.ask("disable", "root")
    made = len(served.happened(Happened.CREATED))
    served.run(60)
    assert len(served.happened(Happened.CREATED)) <= made + 3
    served.ask("enable", "root")
    served.until(lambda: served.is_whole(6))


def test_all_of_it_is_terminated_the_domain_stays_and_comes_back(served):
    served.ask("disable", "root")
    served.ask("terminate_all", "root")
    served.until(lambda: not served.live())
    before = len(served.happened(Happened.CREATED))
    served.run(60)
    assert (served.live(), len(served.happened(Happened.CREATED))) == ([], before)
    served.ask("enable", "root")
    served.until(served.is_whole)


def test_a_create_that_was_under_way_is_found_and_deleted(served):
    """Two phases: what slipped out before the first was heard is gone after the second."""
    served.resize(9)
    served.step()
    served.ask("disable", "root")
    served.ask("terminate_all", "root")
    served.until(
        lambda: not served.live() and not any(not i.state.is_final for i in served.view(WEB).instances), 120
    )
    served.run(60)
    assert served.live() == []
