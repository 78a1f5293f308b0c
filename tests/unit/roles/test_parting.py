"""Before a removed domain is forgotten its subscribers are let go, whatever the bus does meanwhile."""

import pytest

from elastic.adapters.bus.memory import MemoryOutgoing
from elastic.adapters.workers import Then
from elastic.errors import BusUnavailable
from elastic.model.domain import Domain, DomainKey
from elastic.model.view import View
from elastic.roles.moment import Moment
from elastic.roles.parting import AGAIN, Parting
from tests.scenario.world import WEB, World

NEWS = ("ann", "pager")


@pytest.fixture
def world() -> World:
    """A domain that `pager` has subscribed to."""
    world = World.settled()
    world.add(n=1)
    world.ask("subscribe_domain", domain_id="web", subscriber_name="pager")
    world.until(lambda: world.is_whole(1))
    return world


def is_gone(world: World) -> bool:
    return WEB not in world.store.all_domains()


def test_a_new_domain_of_the_name_is_not_told_to_the_old_one_s_subscribers(world: World) -> None:
    world.ask("remove_domain", domain_id="web")
    world.until(lambda: is_gone(world))
    assert world.broker.subscriptions == set()
    world.broker.inbox(*NEWS)
    world.add(n=1)
    world.until(lambda: world.is_whole(1))
    world.run(5)
    assert world.broker.inbox(*NEWS) == []


def test_those_of_other_domains_stay(world: World) -> None:
    world.add(DomainKey("ann", "db"), n=1)
    world.ask("subscribe_domain", domain_id="db", subscriber_name="pager")
    world.ask("remove_domain", domain_id="web")
    world.until(lambda: is_gone(world))
    assert world.broker.subscriptions == {("ann", "db", "pager")}


def test_the_last_word_is_told_before_they_are_let_go(world: World) -> None:
    world.ask("remove_domain", domain_id="web")
    world.until(lambda: is_gone(world))
    assert any(b"900-FAILED" in body for body in world.broker.inbox(*NEWS))


def test_while_the_bus_is_away_the_domain_waits_for_it(world: World) -> None:
    world.ask("remove_domain", domain_id="web")
    world.broker.down = True
    world.run(30)
    assert not is_gone(world)
    assert not world.view().instances, "its servers do not wait"
    world.broker.down = False
    world.until(lambda: is_gone(world), within=3 * AGAIN)
    assert world.broker.subscriptions == set()


def test_a_domain_without_subscribers_needs_no_bus() -> None:
    world = World.settled()
    world.add(n=1)
    world.until(lambda: world.is_whole(1))
    world.ask("remove_domain", domain_id="web")
    world.broker.down = True
    world.until(lambda: is_gone(world))


def test_what_is_on_its_way_to_them_does_not_bind_them_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An announcement binds, in case the broker lost its memory: they are let go after the last one."""
    order: list[str] = []
    for name in ("announce", "unsubscribe"):
        real = getattr(MemoryOutgoing, name)

        def noted(*args: object, real: object = real, name: str = name) -> None:
            order.append(name)
            real(*args)  # type: ignore[operator]

        monkeypatch.setattr(MemoryOutgoing, name, noted)
    world.ask("remove_domain", domain_id="web")
    world.until(lambda: is_gone(world))
    assert order.index("unsubscribe") == len(order) - 1
    assert order.count("unsubscribe") == 1


def test_a_domain_made_anew_while_the_old_one_is_remembered_is_let_go_too(world: World) -> None:
    for _ in range(2):
        world.ask("remove_domain", domain_id="web")
        world.until(lambda: is_gone(world))
        world.add(n=1)
        world.ask("subscribe_domain", domain_id="web", subscriber_name="pager")
        world.until(lambda: world.is_whole(1))
    world.ask("remove_domain", domain_id="web")
    world.until(lambda: is_gone(world))
    assert world.broker.subscriptions == set()


class Hung:
    """Workers whose bus is at it and does not end."""

    def __init__(self) -> None:
        self.under_way: list[Then] = []

    def submit(self, lane: str, work: object, then: Then) -> None:
        self.under_way.append(then)

    def end(self, error: Exception | None) -> None:
        self.under_way.pop()(None, error)


def test_nobody_looks_again_while_the_bus_is_at_it_for_the_second_time() -> None:
    """Else the control loop would turn without a pause until that ends."""
    workers, touched = Hung(), list[DomainKey]()
    parting = Parting(object(), workers, lambda _: False, touched.append)  # type: ignore[arg-type]
    view = View(domain=Domain(key=WEB, removed=True, subscribers=("pager",)))
    assert not parting.is_over(view, Moment(0.0, 0.0))
    workers.end(BusUnavailable("away"))
    assert (touched, parting.due(WEB)) == ([WEB], AGAIN)
    assert not parting.is_over(view, Moment(AGAIN, AGAIN))
    assert (len(workers.under_way), parting.due(WEB)) == (1, None)
    workers.end(None)
    assert parting.is_over(view, Moment(AGAIN, AGAIN))
