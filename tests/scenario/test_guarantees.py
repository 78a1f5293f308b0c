"""The guarantees, each put to a short directed trial; the verdict is the cloud's journal, not what we say."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from elastic.adapters.bus.memory import MemoryRpcClient
from elastic.adapters.cloud.weather import Happened, Weather
from elastic.errors import Unavailable
from elastic.model.domain import DomainKey
from elastic.model.server import Mark, ServerStatus
from elastic.model.states import Health, InstanceState
from elastic.ports.bus import Call
from elastic.replica.health import Health as ReplicaHealth
from elastic.rules.strays import instance_id
from tests.scenario.judge import most_servers_at_once
from tests.scenario.test_original_defects import Ponders
from tests.scenario.world import ENGINES, IMPATIENT, PATIENT, WEB, World, slot_of

DB = DomainKey("ann", "db")
KIND = {"boot": (1.0, 3.0)}
LONG = 60.0  # seconds: longer than the missing and boot timeouts together
SETTLE = PATIENT.settle


@pytest.fixture
def world():
    return World.settled()


def serving(n=3, **made):
    """A domain of n, up and running, and quiet."""
    world = World.settled(**made)
    world.add(n=n)
    world.until(lambda: world.is_whole(n))
    world.run(3)
    return world


@pytest.fixture
def served():
    return serving()


def is_untouched(world, journal=0):
    """Nothing was made or deleted since that entry of the journal."""
    return not world.happened(Happened.CREATED, Happened.DELETE_ASKED, after=journal)


def kinds_told(world):
    return {e.kind for e in world.store.events()}


def ailments(replica):
    living = SimpleNamespace(late=dict)
    return ReplicaHealth(replica.agent, living, 1.0, {}).ailments()


def condition(world, name, key=WEB):
    told = world.ask("describe_domain", key.owner, domain_id=key.name)["conditions"]
    return next((c for c in told if c["type"] == name and c["status"]), None)


# P1: no double


@pytest.mark.hazard("F4")
@pytest.mark.parametrize(
    "weather",
    [
        {"reply_lost": 1.0},
        {"create_late": 1.0, "late_by": (1.0, 1.0)},
        {"reply_lost": 1.0, "listing_lag": (1.5, 1.5)},
        {"reply_lost": 1.0, "listing_lag": (0.0, 1.9)},
        {"listing_lag": (LONG, LONG)},
    ],
    ids=["reply lost", "late", "lost and listed late", "lost and listed whenever", "hardly ever listed"],
)
def test_p1_a_create_whose_outcome_is_not_known_is_waited_out_and_adopted(weather):
    world = World.settled(weather=Weather(**KIND, **weather))
    world.add(n=3)
    world.until(world.is_whole)
    world.run(LONG + 20)
    assert world.is_whole()
    assert len(world.happened(Happened.CREATED)) == 3
    assert world.happened(Happened.DELETE_ASKED) == []


@pytest.mark.hazard("F2")
def test_p1_a_create_that_takes_effect_long_after_the_settle_is_doubled_for_a_while_only():
    world = World.settled(weather=Weather(**KIND, create_late=1.0, late_by=(SETTLE + 3, SETTLE + 3)))
    world.add(n=1)
    world.until(lambda: world.view().instances)
    world.run(1)
    world.cloud.weather = Weather(**KIND)
    world.run(LONG)
    assert world.is_whole(1)
    assert len(world.happened(Happened.CREATED)) == 2
    assert max(most_servers_at_once(world).values()) == 2


# P2: no orphan


def test_p2_a_server_with_our_mark_that_no_record_claims_is_swept(served):
    stray = served.cloud.plant("site", Mark("world", WEB, 1, instance_id(slot_of(WEB), 1, 1)))
    kept = served.view().instance(instance_id(slot_of(WEB), 1, 1)).server_id
    served.until(lambda: stray not in {s.server_id for s in served.live()})
    assert kept in {s.server_id for s in served.live()}
    assert served.is_whole()


# P3: nothing lost


def test_p3_what_was_answered_survives_the_end_of_all_replicas(world):
    world.add(n=2)
    for replica in tuple(world.replicas.values()):
        replica.kill()
    world.run(5)
    for replica in tuple(world.replicas.values()):
        replica.restart()
    world.until(lambda: world.is_whole(2))


# P5: we never kill a healthy VM because of ourselves


def test_p5_a_cloud_that_answers_nothing_but_errors_fails_no_instance_and_ends_none(served):
    before, journal = set(served.running()), len(served.cloud.journal)
    served.resize(5)
    served.cloud.weather = Weather(**KIND, create_unheard=1.0, read_unheard=1.0, delete_unheard=1.0)
    served.run(LONG)
    assert set(served.running()) == before
    assert not {i.state for i in served.view().instances} & {InstanceState.FAILED, InstanceState.REJECTED}
    served.cloud.weather = Weather(**KIND)
    served.until(lambda: served.is_whole(5))
    assert len(served.view().instances) == 5
    assert served.happened(Happened.DELETE_ASKED, after=journal) == []


@pytest.mark.hazard("F12")
def test_p5_a_long_outage_of_the_whole_bus_ends_nobody(served):
    """Neither those that run nor those that boot while nobody can be heard."""
    served.resize(5)
    served.broker.down = True
    served.run(LONG)
    assert len(served.live()) == 5
    assert {i.state for i in served.view().instances} == {InstanceState.RUNNING, InstanceState.STARTED}
    assert {i.health for i in served.view().instances} <= {Health.OK, Health.UNKNOWN, Health.OUT_OF_CONTACT}
    served.broker.down = False
    served.until(lambda: served.is_whole(5))
    served.run(LONG)
    assert served.happened(Happened.DELETE_ASKED) == []
    served.resize(6)
    served.until(lambda: served.is_whole(6))


@pytest.mark.hazard("F22")
def test_p5_while_the_bus_is_down_what_the_cloud_says_is_still_acted_on(served):
    served.broker.down = True
    served.run(5)
    victim = served.live()[0]
    served.cloud.kill(victim.server_id)
    served.until(lambda: victim.server_id not in {s.server_id for s in served.live()})
    served.until(lambda: len(served.live()) == 3)


def test_p5_one_replica_that_loses_the_store_is_replaced_and_nobody_suffers(served):
    journal, lost = len(served.cloud.journal), served.holder()
    lost.lose_store()
    served.until(lambda: served.holder() is not lost, within=10)
    served.run(LONG)
    assert is_untouched(served, journal)
    assert served.is_whole()
    assert "the store does not answer" in ailments(lost)
    lost.find_store()
    served.run(LONG)
    assert is_untouched(served, journal)
    assert ailments(lost) == []
    assert lost.name in served.store.assignment().holders


@pytest.mark.hazard("F22")
def test_p5_a_store_that_is_lost_for_all_ends_nobody_and_answers_honestly(served):
    journal = len(served.cloud.journal)
    for replica in served.replicas.values():
        replica.lose_store()
    with pytest.raises(Unavailable, match="store"):
        served.resize(4)
    silent = next(iter(served.vms.values()))
    silent.silent = True
    served.run(LONG)
    assert is_untouched(served, journal)
    for replica in served.replicas.values():
        replica.find_store()
    served.until(lambda: silent.instance_id not in served.running())
    served.until(served.is_whole)
    served.resize(4)
    served.until(lambda: served.is_whole(4))
    assert {e.instance_id for e in served.happened(Happened.DELETE_ASKED)} == {silent.instance_id}


@pytest.mark.hazard("F12")
def test_p5_nobody_is_given_up_while_the_cloud_does_not_answer(served):
    silent = next(iter(served.vms.values()))
    silent.silent = True
    served.cloud.outage("site", True)
    served.run(LONG)
    assert silent.instance_id in served.running()
    assert served.view().instance(silent.instance_id).health is Health.OUT_OF_CONTACT
    served.cloud.outage("site", False)
    served.until(lambda: silent.instance_id not in served.running())
    served.until(served.is_whole)


@pytest.mark.hazard("F10")
def test_p5_one_that_is_heard_from_while_its_end_is_being_decided_lives_on():
    """Its newest word is in memory only, and the decider goes by what is written."""
    world = World.settled(engines={**ENGINES, "ponders": Ponders})
    world.add(n=3, engine="ponders")
    world.until(world.is_whole)
    silent = next(iter(world.vms.values()))
    silent.silent = True
    asked = []

    def comes_back():
        asked.append(world.view().instance(silent.instance_id).health)
        if asked[-1] is not Health.MISSING:
            Ponders.meanwhile.append(comes_back)
            return
        silent.silent = False
        silent.beat()
        world.broker.pump()

    Ponders.meanwhile.append(comes_back)
    world.until(lambda: Health.MISSING in asked)
    world.run(20)
    assert silent.instance_id in world.running()
    assert world.happened(Happened.DELETE_ASKED) == []


HOUR = pytest.mark.parametrize("by", [3600, -3600], ids=["an hour on", "an hour back"])


@HOUR
def test_p5_a_clock_step_ends_none_that_runs(by):
    world = serving()
    journal = len(world.cloud.journal)
    world.clock.step(by)
    world.run(LONG)
    assert is_untouched(world, journal)
    assert world.is_whole()
    assert {i.health for i in world.view().instances} == {Health.OK}


@pytest.mark.hazard("F11")
@HOUR
def test_p5_a_clock_step_fails_none_that_boots(by):
    world = World.settled(weather=Weather(boot=(10.0, 15.0)))
    world.add(n=3)
    world.run(5)
    world.clock.step(by)
    world.until(world.is_whole)
    world.run(LONG)
    assert world.happened(Happened.DELETE_ASKED) == []
    assert len(world.view().instances) == 3


@HOUR
def test_p5_a_clock_step_neither_lifts_nor_prolongs_a_backoff_for_long(by):
    world = World.settled(quota=0)
    world.add(n=1)
    world.run(30)
    world.clock.step(by)
    before = creates(world)
    world.run(60)
    assert creates(world) - before <= 5
    world.cloud.quota = 1
    world.until(lambda: world.is_whole(1), within=310)


def creates(world):
    """Calls, not servers."""
    return sum(r.fuse.steps.count("create") for r in world.replicas.values())


@pytest.mark.hazard("F11")
@HOUR
def test_p5_a_clock_step_forgets_no_record_before_its_time(by):
    world = serving()
    world.resize(2)
    world.until(lambda: any(i.state is InstanceState.TERMINATED for i in world.view().instances))
    world.clock.step(by)
    for timeout in range(8, 14):
        config = {"health": {"missing_timeout": timeout}}  # so that it is looked at
        world.ask("reconfigure_domain", domain_id="web", config=config)
        world.run(PATIENT.record_max_age / 12)
        assert len(world.view().instances) == 3


def test_p5_a_restart_of_all_replicas_at_once_ends_nobody(served):
    journal = len(served.cloud.journal)
    for replica in tuple(served.replicas.values()):
        replica.kill()
    served.run(LONG)
    for replica in tuple(served.replicas.values()):
        replica.restart()
    served.run(LONG)
    assert is_untouched(served, journal)
    assert served.is_whole()
    assert {i.health for i in served.view().instances} == {Health.OK}


# The brake


def fall_silent(world, count, key=WEB):
    chosen = [vm for vm in world.vms.values() if vm.key == key][:count]
    for vm in chosen:
        vm.silent = True
    return {vm.instance_id for vm in chosen}


def ended(world, among):
    return {e.instance_id for e in world.happened(Happened.DELETE_ASKED)} & set(among)


def braked():
    """Ten, of which seven fell silent at once, and what the brake could not hold any more."""
    world = serving(10, tuning=replace(PATIENT, record_max_age=7200.0))
    silent = fall_silent(world, 7)
    world.until(lambda: condition(world, "BrakeOn"))
    world.run(5)
    return world, silent, len(ended(world, silent))


@pytest.mark.hazard("F13")
def test_many_that_fall_silent_together_are_held_and_replaced_at_a_trickle():
    """They are found silent one after another: those given up before the brake came on count all the same."""
    world, silent, at_first = braked()
    assert at_first <= 3
    world.run(PATIENT.brake.trickle - 15)
    assert len(ended(world, silent)) == at_first
    for more in (1, 2, 3):
        world.until(lambda: len(ended(world, silent)) > at_first + more - 1)  # noqa: B023
        world.run(PATIENT.brake.trickle - 15)
        assert len(ended(world, silent)) == at_first + more
        assert condition(world, "BrakeOn")
    world.until(lambda: world.is_whole(10))
    world.until(lambda: condition(world, "BrakeOn") is None)
    assert [e.text for e in world.store.events() if e.kind == "brake"][-1] == "the brake is off"
    assert ended(world, silent) == silent == {e.instance_id for e in world.happened(Happened.DELETE_ASKED)}


def test_an_operator_clears_the_brake():
    world, silent, _ = braked()
    world.ask("resume_domain", domain_id="web")
    world.until(lambda: world.is_whole(10), within=30)
    assert ended(world, silent) == silent
    assert condition(world, "BrakeOn") is None


def test_fresh_heartbeats_clear_the_brake():
    world, silent, at_first = braked()
    for vm in world.vms.values():
        vm.silent = False
    world.until(lambda: world.is_whole(10), within=20)
    assert condition(world, "BrakeOn") is None
    assert len(ended(world, silent)) == at_first


@pytest.mark.hazard("F13")
def test_what_the_cloud_itself_reports_is_replaced_though_the_brake_is_on():
    world, silent, at_first = braked()
    server = next(s for s in world.live() if s.mark.instance_id not in silent)
    held = next(s for s in world.live() if s.mark.instance_id in silent - ended(world, silent))
    world.cloud.kill(server.server_id)
    world.cloud.kill(held.server_id)
    world.run(5)
    names = {server.mark.instance_id, held.mark.instance_id}
    assert ended(world, names) == names
    assert len(ended(world, silent)) == at_first + 1
    assert condition(world, "BrakeOn")


def test_one_or_two_that_fall_silent_are_replaced_without_delay():
    world = serving(10)
    silent = fall_silent(world, 2)
    world.until(lambda: ended(world, silent) == silent, within=20)
    world.until(lambda: world.is_whole(10))
    assert "brake" not in kinds_told(world)


def test_an_old_burst_does_not_hold_up_a_single_one_that_falls_silent_later():
    world = serving(10)
    first = fall_silent(world, 3)
    world.until(lambda: ended(world, first) == first, within=20)
    world.until(lambda: world.is_whole(10))
    world.run(20)
    later = fall_silent(world, 2)
    world.until(lambda: ended(world, later) == later, within=20)


def test_a_site_that_falls_silent_brakes_domains_too_small_to_brake_alone():
    world = World.settled()
    keys = [DomainKey("ann", f"small{n}") for n in range(8)]
    for key in keys:
        world.add(key, n=4)
    world.until(lambda: all(world.is_whole(4, key) for key in keys))
    for key in keys[:-1]:
        fall_silent(world, 2, key)
    world.run(15)
    of_the_last = fall_silent(world, 2, keys[-1])
    world.until(lambda: condition(world, "BrakeOn", keys[-1]))
    world.run(IMPATIENT["missing_timeout"] - 3)
    assert len(ended(world, of_the_last)) == 1
    world.ask("resume_domain", domain_id=keys[-1].name)
    world.until(lambda: world.is_whole(4, keys[-1]))


# P6: never touch what is not ours; a store that was wiped or restored


def strangers(world):
    old = instance_id(slot_of(WEB), 1, 1)
    return {
        world.cloud.plant("site"),
        world.cloud.plant("site", Mark("another cluster", WEB, 1, old)),
        world.cloud.plant("site", Mark("the uid before the store was wiped", DB, 7, instance_id(0, 7, 70))),
    }


@pytest.mark.hazard("F9")
def test_p6_servers_without_our_clusters_mark_are_never_touched(served):
    foreign = strangers(served)
    served.run(LONG)
    served.ask("remove_domain", domain_id="web")
    served.until(lambda: WEB not in served.store.all_domains())
    served.run(LONG)
    assert {s.server_id for s in served.cloud.live_servers()} == foreign
    assert served.ask("list_servers") == []


@pytest.mark.hazard("F9")
@pytest.mark.parametrize("what", ["its number", "its incarnation"])
def test_p6_a_mark_above_the_stores_counters_stops_the_sweep_until_it_is_accepted(served, what):
    slot = slot_of(WEB)
    newer = {
        "its number": Mark("world", WEB, 1, instance_id(slot, 1, 99)),
        "its incarnation": Mark("world", WEB, 9, instance_id(slot, 9, 1)),
    }[what]
    of_tomorrow = served.cloud.plant("site", newer)
    stray = served.cloud.plant("site", Mark("world", DB, 0, instance_id(slot_of(DB), 0, 1)))
    served.run(LONG)
    both = {of_tomorrow, stray}
    assert both <= {s.server_id for s in served.cloud.live_servers()}
    assert any("store accept" in text for text in ailments(served.leader("reaper")))
    served.ask("store_accept")
    served.until(lambda: not both & {s.server_id for s in served.cloud.live_servers()})
    assert ailments(served.leader("reaper")) == []
    assert served.is_whole()


# P7: a removed domain ends empty, and nothing revives it


@pytest.mark.hazard("F6")
def test_p7_a_create_that_takes_effect_after_its_domain_is_forgotten_is_swept():
    world = World.settled(weather=Weather(create_late=1.0, late_by=(20.0, 20.0)))
    world.add(n=2)
    world.until(lambda: world.view().instances)
    world.ask("remove_domain", domain_id="web")
    world.until(lambda: WEB not in world.store.all_domains(), within=15)
    assert world.live() == []
    world.until(lambda: len(world.live()) == 2)
    world.until(lambda: not world.live())
    assert WEB not in world.store.all_domains()


@pytest.mark.hazard("F14")
def test_p7_a_redelivered_add_domain_does_not_revive_a_removed_one(world):
    world.add(DB, n=1)
    client = MemoryRpcClient(world.broker, "ann")
    args = {
        "domain_id": "web",
        "definition_id": "plain",
        "config": {"engine_conf": {"preserve_n": 2, "force_site": "site"}, "health": IMPATIENT},
    }
    deadline = world.clock.now() + 5
    client.call("add_domain", args, 5.0, idempotency_key="once")
    world.until(lambda: world.is_whole(2))
    world.ask("remove_domain", domain_id="web")
    world.until(lambda: WEB not in world.store.all_domains())

    world.run(5)
    client.call("add_domain", args, 5.0, idempotency_key="once")
    unknown = Call("add_domain", args, "ann", "lost in a restore", deadline, redelivered=True)
    keyless = Call("add_domain", args, "ann", None, world.clock.now() + 5, redelivered=True)
    for replica in world.replicas.values():
        assert replica.agent.reactor.handle(unknown)["error"]["type"] == "too_late"
        assert replica.agent.reactor.handle(keyless)["error"]["type"] == "too_late"
    world.run(5)
    assert world.store.all_domains() == [DB]
    assert world.live() == []


# P8: between the least and the most


def test_p8_while_it_scales_a_domain_stays_between_the_size_it_had_and_the_one_it_is_to_have():
    world = serving(3, weather=Weather(**KIND, delete=(1.0, 4.0)))
    before = 3
    for after in (6, 2, 5, 5, 1):
        world.resize(after)
        while not world.is_whole(after):
            world.step()
            assert min(before, after) <= len(world.running()) <= len(world.live()) <= max(before, after)
        before = after


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_protected_instance_is_not_shrunk_away(served, which):
    kept = served.running()[which]
    served.ask("protect_instance", instance_id=kept)
    served.resize(1)
    served.until(lambda: served.is_whole(1))
    assert served.running() == [kept]


def test_an_instance_that_its_owner_terminates_is_replaced(served):
    name = served.running()[0]
    served.ask("terminate_instance", instance_id=name)
    served.until(lambda: name not in served.running())
    served.until(served.is_whole)
    assert ended(served, [name]) == {name} == {e.instance_id for e in served.happened(Happened.DELETE_ASKED)}


def test_a_paused_domain_is_looked_at_and_left_alone_until_it_is_resumed(served):
    journal = len(served.cloud.journal)
    served.ask("pause_domain", domain_id="web")
    served.resize(5)
    silent, doomed, *_ = served.vms.values()
    silent.silent = True
    served.ask("terminate_instance", instance_id=doomed.instance_id)
    served.until(lambda: served.view().instance(silent.instance_id).health is Health.MISSING)
    served.run(LONG)
    assert is_untouched(served, journal)
    assert served.ask("describe_domain", domain_id="web")["status"] == "PAUSED"
    served.ask("resume_domain", domain_id="web")
    served.until(lambda: served.is_whole(5))
    gone = {silent.instance_id, doomed.instance_id}
    assert ended(served, gone) == gone == {e.instance_id for e in served.happened(Happened.DELETE_ASKED)}


def test_pausing_stops_what_is_wished_for_and_not_yet_made(served):
    served.cloud.outage("site", True)
    served.resize(6)
    served.until(lambda: len(served.view().instances) == 6)
    served.ask("pause_domain", domain_id="web")
    served.cloud.outage("site", False)
    journal = len(served.cloud.journal)
    served.run(20)
    assert is_untouched(served, journal)
    served.ask("resume_domain", domain_id="web")
    served.until(lambda: served.is_whole(6))


def test_pausing_stops_what_is_to_go_and_not_yet_gone(served):
    served.cloud.outage("site", True)
    served.resize(1)
    served.until(lambda: len(served.running()) == 1)
    served.ask("pause_domain", domain_id="web")
    served.cloud.outage("site", False)
    served.run(20)
    assert len(served.live()) == 3
    served.ask("resume_domain", domain_id="web")
    served.until(lambda: served.is_whole(1))


# P9: converged once the faults have stopped


def test_p9_all_is_well_a_minute_after_everything_went_wrong_at_once(served):
    served.cloud.outage("site", True)
    served.broker.down = True
    served.run(10)
    victims = served.live()[:2]
    served.cloud.kill(victims[0].server_id)
    served.cloud.vanish(victims[1].server_id)
    served.holder().kill(proved=False)
    served.run(20)
    served.cloud.outage("site", False)
    served.broker.down = False
    served.until(served.is_whole, within=60)
    assert {e.instance_id for e in served.happened(Happened.DELETE_ASKED)} <= {v.mark.instance_id for v in victims}


# P12: no silent stop


def test_p12_the_age_of_every_loop_is_told(served):
    for replica in served.replicas.values():
        ages = replica.agent.loop_ages()
        assert ages.keys() == {"control", "keeper", *(c.name for c in replica.agent.staff.cycles)}
        assert max(ages.values()) <= 1.0
        assert ailments(replica) == []


def test_p12_health_is_red_while_what_it_needs_does_not_answer(served):
    served.broker.down = True
    served.run(2)
    for replica in served.replicas.values():
        assert any("bus" in text for text in ailments(replica))
    served.broker.down = False
    for replica in served.replicas.values():
        replica.lose_store()
    served.run(2)
    for replica in served.replicas.values():
        assert any("store" in text for text in ailments(replica))
        assert replica.agent.loop_ages()["doctor"] >= 1.0
    assert {s.status for s in served.live()} == {ServerStatus.ACTIVE}
