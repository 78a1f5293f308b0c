"""Subscribers are told at least once, with the hostname that the record has by then."""

import json

import pytest
from msgspec.structs import replace

from elastic.adapters.bus.memory import MemoryOutgoing
from elastic.model.states import InstanceState
from elastic.roles.herald import AGAIN, Herald
from tests.unit.roles.setting import WEB, Setting
from tests.unit.rules.views import record

RUNNING, FAILED = "600-RUNNING", "900-FAILED"


class Town:
    """A domain that one client has subscribed to, and its herald."""

    def __init__(self, *instances, subscribers=("bob",)) -> None:
        self.here = Setting()
        self.here.add("web", *instances, subscribers=subscribers)
        self.outgoing = MemoryOutgoing(self.here.broker, "me")
        self.be_reborn()

    def be_reborn(self) -> None:
        """Another process, that remembers nothing."""
        self.here.workers.collect()
        self.mirror = self.here.mirror()
        self.mirror.refresh()
        self.herald = Herald(self.mirror, self.outgoing, self.here.workers, self.here.touched.append)

    def visit(self, seconds: float = 0.0) -> float | None:
        self.here.clock.advance(seconds)
        return self.herald.visit(self.mirror.view(WEB), self.here.now)

    def change(self, name: str, **fields) -> None:
        self.here.alter(WEB, name, lambda instance: replace(instance, **fields))
        self.mirror.reload(WEB)

    def heard(self, subscriber: str = "bob") -> list[dict]:
        """After the pump, all that lies in the subscriber's queue."""
        self.here.broker.pump()
        return [json.loads(body) for body in self.here.broker.inbox("ann", subscriber)]

    def told(self) -> list[tuple[str, str]]:
        """A visit, the answers of the bus, and the visit that follows."""
        self.visit()
        self.here.workers.collect()
        self.visit()
        return [(word["node_id"], word["state"]) for word in self.heard()]


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (100, None),
        (200, None),
        (400, None),
        (500, None),
        (600, RUNNING),
        (650, FAILED),
        (700, FAILED),
        (800, FAILED),
        (900, FAILED),
        (950, FAILED),
    ],
)
def test_nothing_is_told_before_it_runs_then_that_and_its_end(state, word):
    town = Town(record("a", state, hostname="h"))
    assert town.told() == ([("a", word)] if word else [])


def test_what_was_told_is_not_told_again():
    town = Town(record("a", 600, hostname="h"))
    assert town.told() == [("a", RUNNING)]
    assert town.told() == []
    assert town.mirror.record("a").announced == "600-RUNNING h"


def test_the_body_is_epus():
    town = Town(record("a", 600, hostname="h", public_ip="1.2.3.4"))
    town.visit()
    (body,) = town.heard()
    assert body == {
        "node_id": "a",
        "state": RUNNING,
        "domain_id": "web",
        "properties": {"hostname": "h"},
        "seq": town.mirror.record("a").version,
    }


def test_one_without_a_name_is_told_by_its_address():
    town = Town(record("a", 600, public_ip="1.2.3.4"))
    town.visit()
    assert town.heard()[0]["properties"] == {"hostname": "1.2.3.4"}


def test_a_new_address_is_told_as_it_is_now():
    town = Town(record("a", 600, hostname="old"))
    town.told()
    town.change("a", hostname="new")
    town.visit()
    (body,) = town.heard()
    assert (body["state"], body["properties"]) == (RUNNING, {"hostname": "new"})


def test_its_end_is_told_once_whatever_follows():
    town = Town(record("a", 600))
    town.told()
    for state in (InstanceState.TERMINATING, InstanceState.TERMINATED):
        town.change("a", state=state)
        heard = town.told()
        assert heard == ([("a", FAILED)] if state is InstanceState.TERMINATING else [])


def test_numbers_rise_with_what_happens():
    town = Town(record("a", 600))
    town.visit()
    first = town.heard()[0]["seq"]
    town.here.workers.collect()
    town.visit()
    town.change("a", state=InstanceState.TERMINATING)
    town.visit()
    assert town.heard()[0]["seq"] > first


def test_every_subscriber_is_told():
    town = Town(record("a", 600), subscribers=("bob", "eve"))
    town.visit()
    assert len(town.heard("bob")) == 1
    assert len(town.heard("eve")) == 1


def test_without_subscribers_nobody_is_told_and_the_first_hears_what_is():
    town = Town(record("a", 600), subscribers=())
    assert town.told() == []
    town.here.store.change(WEB, lambda domain: replace(domain, subscribers=("bob",)))
    town.mirror.refresh()
    assert town.told() == [("a", RUNNING)]


def test_one_that_dies_between_telling_and_noting_tells_again():
    town = Town(record("a", 600))
    town.visit()
    assert len(town.heard()) == 1
    town.be_reborn()
    assert town.told() == [("a", RUNNING)]


def test_one_that_dies_before_telling_forgets_nobody():
    town = Town(record("a", 600))
    town.here.broker.down = True
    town.visit()
    town.here.broker.down = False
    town.be_reborn()
    assert town.told() == [("a", RUNNING)]


def test_what_is_being_told_is_not_told_twice_at_once():
    town = Town(record("a", 600))
    for _ in range(3):
        town.visit()
    assert len(town.heard()) == 1


def test_what_changed_while_it_was_told_is_told_too():
    town = Town(record("a", 600, hostname="old"))
    town.visit()
    town.change("a", hostname="new")
    town.here.workers.collect()
    town.visit()
    town.here.workers.collect()
    town.visit()
    assert [body["properties"]["hostname"] for body in town.heard()] == ["old", "new"]
    assert town.mirror.record("a").announced == "600-RUNNING new"


def test_a_bus_that_does_not_take_it_is_tried_again_later():
    town = Town(record("a", 600))
    town.here.broker.down = True
    town.visit()
    town.here.workers.collect()
    assert town.here.touched[-1] == WEB
    again = town.here.clock.monotonic() + AGAIN
    assert town.visit() == again
    town.here.broker.down = False
    assert town.visit(AGAIN - 0.1) == again
    assert town.heard() == []
    town.visit(0.1)
    assert len(town.heard()) == 1


def test_each_is_tried_again_when_its_own_time_has_come():
    town = Town(record("a", 600), record("b", 500))
    town.here.broker.down = True
    town.visit()
    town.here.workers.collect()
    first = town.here.clock.monotonic() + AGAIN
    town.here.clock.advance(2)
    town.change("b", state=InstanceState.RUNNING)
    town.visit()
    town.here.workers.collect()
    assert town.visit() == first


def test_while_the_bus_is_being_told_no_visit_is_due():
    """Else the loop would turn as fast as it can for as long as the bus takes its time."""
    town = Town(record("a", 600))
    assert town.visit() is None
    town.here.broker.down = True
    town.be_reborn()
    town.visit()
    town.here.workers.collect()
    town.visit()
    assert town.visit(AGAIN) is None
    assert town.visit() is None
