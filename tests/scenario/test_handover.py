"""Who looks after what may change at any moment; those looked after must not notice."""

from collections import Counter

import pytest

from elastic.adapters.cloud.weather import Happened
from elastic.errors import ElasticError, NotFound, Superseded
from elastic.model.assignment import ROLES
from elastic.model.domain import DomainKey
from elastic.model.states import Health
from elastic.rules.ring import slot_of
from tests.scenario.judge import most_servers_at_once
from tests.scenario.test_interrupted import WALKS, at_its_end, prepared, steps_of
from tests.scenario.world import PATIENT, Replica, World, unanswered

SESSION = PATIENT.session_timeout
TURN = 0.5  # seconds, as the world steps
KEYS = tuple(DomainKey("ann", f"d{n}") for n in range(6))


def fleet(**made):
    """Six domains of two each, up and running, and quiet."""
    world = World.settled(**made)
    for key in KEYS:
        world.add(key, n=2)
    world.until(lambda: all_whole(world))
    world.run(3)
    return world


def all_whole(world, n=2):
    return all(world.is_whole(n, key) for key in KEYS)


def nothing_happened(world, journal):
    """Not one entry in the cloud's journal, and not one word on anybody's health."""
    told = {e.kind for e in world.store.events()}
    return world.happened(after=journal) == [] and not told & {"health", "failed", "replaced", "terminated"}


def loads(world):
    return Counter(world.store.assignment().holders)


def join(world, name):
    world.replicas[name] = Replica(world, name)


# On purpose: draining, restarting, joining


def test_a_drained_replica_hands_its_domains_over_and_gets_some_again_later():
    world = fleet()
    journal = len(world.cloud.journal)
    world.ask("drain_replica", member="b", weight=0)
    world.until(lambda: loads(world)["b"] == 0, within=5)
    world.run(30)
    assert set(loads(world)) == {"a", "c"}
    assert world.replicas["b"].agent.in_ring()
    world.ask("drain_replica", member="b", weight=1)
    world.until(lambda: loads(world)["b"] >= 5, within=5)
    world.run(30)
    assert nothing_happened(world, journal)
    for key in KEYS:
        world.resize(3, key)
    world.until(lambda: all_whole(world, 3))


def test_a_drained_leader_gives_up_its_roles_and_takes_them_only_when_nobody_else_can():
    world = fleet()
    journal = len(world.cloud.journal)
    leader = world.leader("decider")
    others = [replica for replica in world.replicas.values() if replica is not leader]
    world.ask("drain_replica", member=leader.name)
    world.until(lambda: not leader.agent.leads() and not loads(world)[leader.name], within=10)
    world.until(lambda: all_led_by(world, others), within=SESSION + 5)
    world.run(20 * SESSION)
    assert all_led_by(world, others)

    for other in others:
        other.kill()
    world.until(lambda: all_led_by(world, [leader]), within=10 * SESSION)
    world.until(lambda: set(loads(world)) == {leader.name}, within=SESSION + 5)
    world.run(5)
    assert nothing_happened(world, journal)
    for key in KEYS:
        world.resize(3, key)
    world.until(lambda: all_whole(world, 3))


def all_led_by(world, replicas):
    """Each role has a leader, and it is one of these."""
    led = {role for replica in replicas if not replica.dead for role in replica.agent.leads()}
    return led == set(ROLES) and all(r in replicas or not r.agent.leads() for r in alive(world))


def alive(world):
    return [replica for replica in world.replicas.values() if not replica.dead]


def test_a_rolling_restart_of_all_replicas_is_not_noticed():
    world = fleet()
    journal = len(world.cloud.journal)
    for name in "abc":
        world.replicas[name].agent.stop()
        world.replicas[name].kill(proved=False)
        world.until(lambda: name not in world.store.assignment().holders, within=SESSION + 3)  # noqa: B023
        world.run(3)
        world.replicas[name].restart()
        world.until(lambda: name in world.store.assignment().holders, within=5)  # noqa: B023
        world.run(10)
    world.run(30)
    assert nothing_happened(world, journal)
    assert all_whole(world)


def test_a_joiner_takes_its_share_and_nobody_is_judged_for_it():
    world = fleet(members="ab")
    journal, before = len(world.cloud.journal), world.store.assignment()
    join(world, "c")
    world.until(lambda: loads(world)["c"] >= 5, within=5)
    after = world.store.assignment()
    moved = [p for p, holder in enumerate(after.holders) if holder != before.holders[p]]
    assert {after.holders[p] for p in moved} == {"c"}
    world.run(60)
    assert nothing_happened(world, journal)
    for key in KEYS:
        assert {i.health for i in world.view(key).instances} == {Health.OK}
        world.resize(3, key)
    world.until(lambda: all_whole(world, 3))


def test_joiners_are_waited_for_a_moment_so_that_partitions_move_once():
    world = fleet(members="a")
    serial = world.store.assignment().serial
    join(world, "b")
    world.step(0.2)
    join(world, "c")
    world.until(lambda: set(loads(world)) == {"a", "b", "c"}, within=5)
    world.run(10)
    assert world.store.assignment().serial <= serial + 2


@pytest.mark.hazard("F12")
@pytest.mark.parametrize("how", ["a joiner", "a drain"])
def test_somebody_hears_each_partition_all_the_time(how):
    """The new one binds before the old one lets go."""
    world = fleet(members="ab")
    deaf = []

    def listen():
        for key in KEYS:
            if not any(slot_of(key) in bound for bound in world.broker.bindings.values()):
                deaf.append((world.clock.monotonic(), key))

    world.broker.after_pump.append(listen)
    if how == "a joiner":
        join(world, "c")
    else:
        world.ask("drain_replica", member="a", weight=0)
    heir = world.replicas["c" if how == "a joiner" else "b"]
    before, tune = loads(world)[heir.name], heir.heartbeats.tune
    heir.heartbeats.tune = lambda partitions: None  # the broker is slow to bind for it
    world.until(lambda: loads(world)[heir.name] > before)
    world.run(1)
    heir.heartbeats.tune = tune
    world.run(10)
    assert deaf == []


# By failure: deaths, pauses


def test_a_dead_leader_is_replaced_within_a_session_and_a_turn_and_nobody_waits_for_that():
    world = fleet()
    leader = world.leader("decider")
    others = [key for key in KEYS if world.holder(key) is not leader]
    assert others
    leader.kill(proved=False)
    for key in others:
        world.resize(3, key)
    world.step()
    assert {len(world.view(key).instances) for key in others} == {3}
    assert not [r for r in world.replicas.values() if not r.dead and "decider" in r.agent.leads()]
    world.until(
        lambda: any("decider" in r.agent.leads() for r in world.replicas.values() if not r.dead),
        within=SESSION + SESSION / 4 + TURN,
    )
    world.until(lambda: leader.name not in world.store.assignment().holders, within=SESSION + 2 * TURN)
    world.until(lambda: all(world.is_whole(3, key) for key in others))
    assert world.happened(Happened.DELETE_ASKED) == []


def test_one_that_is_proved_dead_is_replaced_without_waiting_for_its_session():
    world = fleet()
    leader = world.leader("decider")
    leader.kill(proved=True)
    world.until(lambda: leader.name not in world.store.assignment().holders, within=3 * TURN)


@pytest.mark.hazard("F5")
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("walk", WALKS)
def test_a_walk_paused_at_any_step_comes_to_the_same_end(walk, after):
    """Stopped for five sessions in the middle of a turn, while others take over, it then goes on where it was."""
    for step in range(1, steps_of(walk) + 1):
        pause_at(walk, step, after)


class Guarded:
    """A store that notes how each write to a domain ended."""

    def __init__(self, inner):
        self._inner, self.ends = inner, []

    def __getattr__(self, name):
        found = getattr(self._inner, name)
        if name not in ("commit", "forget_domain"):
            return found

        def write(*args):
            try:
                done = found(*args)
            except ElasticError as refusal:
                self.ends.append(type(refusal))
                raise
            self.ends.append(None)
            return done

        return write


def pause_at(walk, step, after):
    before, deed, size = WALKS[walk]
    world = prepared(before)
    worker, stopped_at = world.holder(), []
    guarded = worker.store.__dict__["inner"] = Guarded(world.store)

    def stop(where):
        worker.sleep(5 * SESSION)
        assert world.holder() is not worker
        guarded.ends.clear()
        stopped_at.append(where)

    worker.fuse.light(step, after, stop)
    victim = deed(world)
    world.until(lambda: stopped_at or at_its_end(world, size, victim))
    world.until(lambda: at_its_end(world, size, victim))
    world.run(20)
    assert at_its_end(world, size, victim), f"{stopped_at}: {world.told()}"
    if stopped_at in (["before commit"], ["before forget_domain"]):
        assert guarded.ends[0] in (Superseded, NotFound), f"{stopped_at}: {world.told()}"
    most = 2 if stopped_at == ["before create"] else 1
    assert max(most_servers_at_once(world).values()) <= most, f"{stopped_at}: {world.told()}"


# Those that cannot do their work


@pytest.mark.hazard("F20")
@pytest.mark.parametrize("leads", [True, False], ids=["the leader", "another"])
def test_a_member_whose_calls_to_the_cloud_fail_loses_its_partitions_while_others_are_able(leads):
    world = fleet()
    journal, leader = len(world.cloud.journal), world.leader("doctor")
    unable = leader if leads else next(r for r in world.replicas.values() if r is not leader)
    theirs = [key for key in KEYS if world.holder(key) is unable]
    unable.lose_cloud()
    for key in theirs:
        world.resize(3, key)
    world.until(lambda: loads(world)[unable.name] == 0, within=60)
    world.until(lambda: all(world.is_whole(3, key) for key in theirs))
    unable.find_cloud()
    world.until(lambda: loads(world)[unable.name] > 0, within=60)
    world.run(20)
    assert world.happened(Happened.DELETE_ASKED, after=journal) == []


def test_when_nobody_is_able_all_keep_what_they_have():
    world = fleet()
    serial = world.store.assignment().serial
    world.cloud.outage("site", True)
    world.run(60)
    assert world.store.assignment().serial == serial
    assert set(loads(world)) == {"a", "b", "c"}


@pytest.mark.hazard("F20")
def test_a_leader_that_fails_its_duty_three_times_hands_over_to_one_that_is_able():
    world = fleet()
    leader = world.leader("decider")
    leader.store.assign = fail
    drained = next(name for name in "abc" if name != leader.name)
    world.ask("drain_replica", member=drained, weight=0)
    world.until(lambda: loads(world)[drained] == 0, within=15)
    assert world.leader("decider") is not leader


def fail(*_args):
    raise RuntimeError("a fault in its store adapter")


def test_a_leading_doctor_that_the_cloud_does_not_answer_hands_over():
    world = fleet()
    leader = world.leader("doctor")
    leader.lose_cloud()
    world.until(lambda: "doctor" not in leader.agent.leads(), within=20)
    world.until(lambda: world.leader("doctor") is not leader, within=5)
    victim = world.live(KEYS[0])[0]
    world.cloud.kill(victim.server_id)
    world.until(lambda: victim.server_id not in {s.server_id for s in world.live(KEYS[0])})


def test_alone_a_leader_goes_on_trying():
    world = fleet(members="a")
    world.cloud.outage("site", True)
    world.run(60)
    assert world.replicas["a"].agent.leads() == {"decider", "doctor", "reaper"}
    world.cloud.outage("site", False)
    world.resize(3, KEYS[0])
    world.until(lambda: world.is_whole(3, KEYS[0]))


# The group's word is a hint


def nobody_there(world):
    for name in "abc":
        world.room.cut_off(name)


def only_the_leader_there(world):
    for name in {"a", "b", "c"} - {world.leader("decider").name}:
        world.room.cut_off(name)


def all_but_the_leader_there(world):
    world.room.cut_off(world.leader("decider").name)


def unreadable(world):
    world.room.unreadable = True


def mend(world):
    world.room.unreadable = False
    for name in "abc":
        world.room.rejoin(name)


@pytest.mark.hazard("F21")
@pytest.mark.parametrize("hiccup", [nobody_there, only_the_leader_there, unreadable])
def test_a_wrong_word_of_the_group_moves_no_partition(hiccup):
    world = fleet()
    journal, before = len(world.cloud.journal), world.store.assignment()
    hiccup(world)
    world.run(SESSION - TURN)
    mend(world)
    world.run(20)
    assert world.store.assignment().holders == before.holders
    assert nothing_happened(world, journal)


@pytest.mark.parametrize("hiccup", [nobody_there, all_but_the_leader_there, unreadable])
def test_while_nobody_can_tell_who_is_there_everyone_goes_on_with_its_own(hiccup):
    world = fleet()
    before = world.store.assignment()
    hiccup(world)
    world.run(30)
    for key in KEYS:
        world.resize(3, key)
    world.until(lambda: all_whole(world, 3))
    assert world.store.assignment().holders == before.holders
    assert world.happened(Happened.DELETE_ASKED) == []
    mend(world)
    world.run(5)
    leader = world.leader("decider")
    leader.kill()
    world.until(lambda: leader.name not in world.store.assignment().holders, within=3 * SESSION)


def test_most_members_gone_for_longer_than_a_session_are_taken_to_be_gone():
    world = fleet()
    leader = world.leader("decider")
    for replica in [r for r in world.replicas.values() if r is not leader]:
        replica.kill(proved=False)
    world.until(lambda: set(loads(world)) == {leader.name}, within=2 * SESSION + 2 * TURN)
    for key in KEYS:
        world.resize(3, key)
    world.until(lambda: all_whole(world, 3))


def test_one_that_stops_cleanly_is_listed_no_more():
    world = World()
    world.until(lambda: world.store.assignment().serial)
    world.replicas["b"].agent.stop()
    assert set(world.store.members()) == {"a", "c"}


def test_a_role_given_up_while_the_store_is_away_is_given_up_once_it_is_back():
    world = World.settled()
    leader = world.leader("doctor")
    leader.election.resign = unanswered
    leader.agent.give_up("doctor")
    assert world.store.leases.holds(leader.election.contend("doctor")), "it is still on record as the leader"
    del leader.election.resign
    world.until(lambda: any("doctor" in r.agent.leads() for r in world.replicas.values() if r is not leader))
