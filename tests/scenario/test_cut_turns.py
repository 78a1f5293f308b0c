"""A turn that cannot be done to its end is no silent stop, and no hot loop."""

from elastic.adapters.store.onebyone import OneByOne
from elastic.errors import BadMessage, ElasticError
from elastic.model.domain import DomainKey
from tests.scenario.world import WEB, World

BROKEN = DomainKey("ann", "broken")


class Unreadable(OneByOne):
    """A store in which one domain cannot be understood."""

    def __init__(self, inner, key):
        self.inner, self.key = inner, key

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def domains(self, partition):
        return self.inner.domains(partition)

    def view(self, key):
        if key == self.key:
            raise BadMessage("a value of format 9")
        return self.inner.view(key)


def test_a_record_that_cannot_be_read_harms_only_its_domain():
    world = World(members="a")
    world.until(lambda: world.store.assignment().serial)
    agent = world.replicas["a"].agent
    mirror = agent.staff.mirror
    mirror._store = Unreadable(mirror._store, BROKEN)
    world.add(BROKEN, n=1)
    world.add(WEB, n=2)
    world.until(lambda: world.is_whole(2))
    assert not world.live(BROKEN)
    assert agent.cut_turns == 0


def test_a_turn_that_is_cut_short_is_counted_and_waits_before_the_next(monkeypatch):
    world = World(members="a")
    agent = world.replicas["a"].agent

    def broken():
        raise ElasticError("of no known kind")

    monkeypatch.setattr(agent.staff.mirror, "refresh", broken)
    assert [agent.turn() for _ in range(3)] == [1.0, 1.0, 1.0]
    assert agent.cut_turns == 3
    monkeypatch.undo()
    agent.turn()
    assert agent.cut_turns == 0
