"""What a replica does about three times a session: its roles, its place in the group, its card."""

import pytest

from elastic.errors import Conflict, StoreUnavailable
from elastic.model.assignment import ROLES
from elastic.roles.mirror import Mirror
from tests.scenario.world import World


def raising(fault):
    def call(*_asked):
        raise fault

    return call


def test_who_has_just_won_a_role_takes_its_turn_at_once():
    world = World.settled()
    leader = next(r for r in world.replicas.values() if r.agent.leads() == frozenset(ROLES))
    other = next(r for r in world.replicas.values() if r is not leader)
    woken = []
    other.agent.set_wake(lambda: woken.append(True))
    other.agent.keep()
    assert woken == []

    leader.agent.staff.leadership.resign_all()
    other.agent.keep()
    assert woken == [True]
    other.agent.keep()
    assert woken == [True]


def test_who_sees_one_come_or_go_takes_its_turn_at_once():
    world = World.settled()
    leader, *others = sorted(world.replicas.values(), key=lambda r: not r.agent.leads())
    woken = []
    leader.agent.set_wake(lambda: woken.append(True))
    leader.agent.keep()
    assert woken == []

    others[0].agent.stop()
    leader.agent.keep()
    assert woken == [True]
    leader.agent.keep()
    assert woken == [True]


def test_while_there_is_more_to_read_the_next_turn_follows_at_once(monkeypatch):
    replica = next(iter(World.settled().replicas.values()))
    assert replica.agent.turn() > 0
    monkeypatch.setattr(Mirror, "is_whole", False)
    assert replica.agent.turn() == 0


def test_a_group_that_fails_costs_nobody_its_roles(monkeypatch):
    world = World.settled()
    leader = next(r for r in world.replicas.values() if r.agent.leads())
    for what in ("beat", "present"):
        monkeypatch.setattr(leader.group, what, raising(StoreUnavailable("cut off")))
    world.run(60)
    assert leader.agent.leads() == frozenset(ROLES)


def test_an_election_that_fails_costs_nobody_its_place(monkeypatch):
    world = World.settled()
    name, replica = next(iter(world.replicas.items()))
    monkeypatch.setattr(replica.election, "contend", raising(StoreUnavailable("cut off")))
    world.run(60)
    assert replica.agent.leads() == frozenset()
    assert name in set(world.store.assignment().holders)


def test_what_fails_at_each_turn_is_in_the_log_once(monkeypatch, caplog):
    world = World.settled()
    replica = next(iter(world.replicas.values()))
    for outage in (1, 2):
        with monkeypatch.context() as patch:
            patch.setattr(replica.election, "contend", raising(StoreUnavailable("cut off")))
            patch.setattr(replica.group, "beat", raising(StoreUnavailable("cut off")))
            for _ in range(3):
                replica.agent.keep()
        for words in ("nobody knows who leads", "cannot keep our place in the group"):
            assert caplog.text.count(words) == outage
        replica.agent.keep()


def test_one_whose_name_another_has_does_not_go_on(monkeypatch):
    replica = next(iter(World.settled().replicas.values()))
    monkeypatch.setattr(replica.group, "beat", raising(Conflict("a replica called a is running already")))
    with pytest.raises(Conflict):
        replica.agent.keep()


def test_what_the_others_see_of_a_weight_follows_the_store(monkeypatch):
    world = World.settled()
    replica = world.replicas["b"]
    told = []
    monkeypatch.setattr(replica.group, "tell", told.append)
    replica.agent.keep()
    world.ask("drain_replica", member="b", weight=0)
    replica.agent.keep()
    assert [said["weight"] for said in told] == [1.0, 0.0]


@pytest.mark.parametrize("refused", range(4))
def test_on_the_way_out_a_store_that_does_not_answer_is_asked_no_more(monkeypatch, refused):
    replica, asked = World.settled().replicas["b"], []

    def step(number):
        def call(*_asked):
            asked.append(number)
            if number == refused:
                raise StoreUnavailable("it does not answer")

        return call

    monkeypatch.setattr(replica.election, "resign", step(0))
    monkeypatch.setattr(replica.group, "leave", step(1))
    replica.store.__dict__["forget_member"] = step(2)
    replica.agent.stop()
    assert list(dict.fromkeys(asked)) == [0, 1, 2][: refused + 1]
