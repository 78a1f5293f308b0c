"""What the original (EPU, 2013) got wrong, each told as a story that its behaviour would fail.

The numbers are those of the list of its defects (D) and of the scenarios reproduced from them (XD).
"""

from dataclasses import replace
from typing import ClassVar

import msgspec
import pytest

from elastic.adapters.bus.memory import Parcel
from elastic.adapters.cloud.weather import Happened, Weather
from elastic.engines.simplest import Simplest
from elastic.model.domain import DomainKey
from elastic.model.server import ServerStatus
from elastic.model.states import Health, InstanceState
from tests.scenario.world import ENGINES, IMPATIENT, PATIENT, WEB, World

DB = DomainKey("ann", "db")
NO_SWEEP = replace(PATIENT, sweep=1e9)
LONG_MEMORY = replace(PATIENT, record_max_age=7200.0)
UNHURRIED = {**IMPATIENT, "missing_timeout": 120, "really_missing_timeout": 15}
AWAY = 10.0  # seconds: five sessions


@pytest.fixture
def world():
    return World.settled()


@pytest.fixture
def served(world):
    """A domain of three, up and running, and quiet."""
    world.add(n=3)
    world.until(world.is_whole)
    world.run(3)
    return world


def beats_of(world, instance_id, copies):
    """From now on each heartbeat of that instance arrives as often, and as late, as `copies` says."""

    def meddle(parcel: Parcel):
        return copies if parcel.kind == "heartbeat" and parcel.sender == instance_id else (0,)

    world.broker.meddle = meddle


def failed_visits(world):
    return sum(cycle.failed_visits for r in world.replicas.values() for cycle in r.agent.staff.cycles)


# D1, D2, XD06: heartbeats


def test_d1_health_is_judged_by_heartbeats_that_were_heard(served):
    """The original's every look at a domain with one heartbeat died: nothing was ever found sick."""
    served.run(20)
    silent, *others = served.vms.values()
    silent.silent = True
    served.until(lambda: silent.instance_id not in served.running())
    served.until(served.is_whole)
    assert {vm.instance_id for vm in others} <= set(served.running())
    assert failed_visits(served) == 0


def test_d1_a_sick_word_is_written_with_its_reason_and_the_instance_replaced(served):
    sick = next(iter(served.vms.values()))
    sick.state, sick.errors = "PROCESS_ERROR", ("the worker broke",)
    served.until(lambda: sick.instance_id not in served.running())
    assert served.view().instance(sick.instance_id).errors == ("the worker broke",)
    served.until(served.is_whole)


def test_d2_xd06_doubled_and_overtaken_heartbeats_hold_up_nobody(served):
    """The original span for ever on a heartbeat that was not newer, and took each replica with it in turn."""
    vm = next(iter(served.vms.values()))
    beats_of(served, vm.instance_id, (0, 0, 7, 9))
    holder = served.holder()
    journal = len(served.cloud.journal)
    served.run(20)
    assert served.is_whole()
    assert served.happened(after=journal) == []
    assert holder.agent.reactor.dropped["stale"] > 0
    served.resize(5)
    served.until(lambda: served.is_whole(5))


def test_xd06_an_old_heartbeat_does_not_move_the_time_last_heard(served):
    vm = next(iter(served.vms.values()))
    heard = served.holder().agent.staff.lastheard
    beats_of(served, vm.instance_id, range(0, 200, 5))
    vm.beat()
    vm.silent = True
    served.step()
    before = heard.of(vm.instance_id)
    served.step(2.0)
    served.step(2.0)
    assert heard.of(vm.instance_id) == before
    served.until(lambda: vm.instance_id not in served.running(), within=40)


# D3: one bad domain


class Poison(Simplest, frozen=True, kw_only=True):
    """An engine that worked when its domain was added."""

    is_spoilt: ClassVar[bool] = False

    @classmethod
    def configured(cls, conf):
        if cls.is_spoilt:
            raise ImportError("its library is gone")
        return super().configured(conf)


@pytest.mark.parametrize("how", ["not installed any more", "cannot be imported"])
def test_d3_a_removed_domain_with_a_broken_engine_holds_up_no_other(how, monkeypatch):
    """The original launched nothing for anybody, on every turn, while one such domain was being removed."""
    world = World.settled(engines={**ENGINES, "poison": Poison})
    world.add(DB, n=2, engine="poison")
    world.until(lambda: world.is_whole(2, DB))
    monkeypatch.setattr(Poison, "is_spoilt", True)
    if how == "not installed any more":
        del world.engines["poison"]
    world.ask("remove_domain", domain_id="db")
    healthy = [DomainKey("ann", f"healthy{n}") for n in range(5)]
    for key in healthy:
        world.add(key, n=1)
    world.step()
    assert [len(world.view(key).instances) for key in healthy] == [1] * 5
    world.until(lambda: all(world.is_whole(1, key) for key in healthy))
    world.until(lambda: DB not in world.store.all_domains())
    assert world.live(DB) == []


# D4, XD04: two leaders, and what one still believes


class Ponders(Simplest, frozen=True, kw_only=True):
    """An engine in whose thoughts the world may go on."""

    meanwhile: ClassVar[list] = []

    def decide(self, question):
        if self.meanwhile:
            self.meanwhile.pop()()
        return super().decide(question)


def test_d4_a_decider_that_was_away_between_looking_and_writing_launches_nothing():
    """In the original both the old and the new one launched: four instances for two."""
    world = World.settled(engines={**ENGINES, "ponders": Ponders})
    world.add(n=0, engine="ponders")
    world.run(3)
    old = world.holder()
    seen = {}

    def stopped():
        old.sleep(AWAY)
        seen["view"], seen["holder"] = world.view(), world.holder()

    Ponders.meanwhile.append(stopped)
    world.resize(2)
    world.until(lambda: "view" in seen)
    assert seen["holder"] is not old
    assert [i.instance_id for i in world.view().instances] == [i.instance_id for i in seen["view"].instances]
    world.until(lambda: world.is_whole(2))
    world.run(10)
    assert len(world.happened(Happened.CREATED)) == 2
    assert old.name not in {d.member for d in world.store.decisions(WEB) if d.actions}


def test_d4_a_leader_that_was_paused_and_comes_back_writes_nothing_of_its_own(served):
    """Shown from the store: from its first step until it has learnt better, what it wrote is refused."""
    old = served.leader("decider")
    terms = {role: old.agent.staff.leadership.terms()[role] for role in old.agent.leads()}
    old.sleep(AWAY)
    written = everything_in(served.store)
    accepted = []
    for name in ("assign", "commit", "forget_domain", "note_strays"):
        spy_on(old.store, name, accepted)
    old.turn()
    assert (accepted, everything_in(served.store)) == ([], written)
    assert old.agent.staff.leadership.terms() == {}
    served.run(20)
    for role, term in terms.items():
        assert served.leader(role).agent.staff.leadership.terms()[role] > term
    assert served.is_whole()
    assert served.happened(Happened.DELETE_ASKED) == []


def spy_on(store, name, accepted):
    """Note each call that the store did not refuse."""
    inner = getattr(store, name)

    def call(*args, **kwargs):
        done = inner(*args, **kwargs)
        accepted.append(name)
        return done

    store.__dict__[name] = call


def everything_in(store):
    views = [store.view(key) for key in store.all_domains()]
    return store.assignment(), views, store.strays(), store.events()


def test_xd04_a_domain_made_anew_under_another_leader_is_launched_by_the_first_one(served):
    """The original's first leader held on to the old config, by its higher version: no launches."""
    first = served.holder()
    for n in (2, 1, 2, 1):
        served.resize(n)
        served.run(2)
    first.paused = True
    served.broker.cut.add(first.name)
    served.until(lambda: served.holder() is not first)
    served.ask("remove_domain", domain_id="web")
    served.until(lambda: WEB not in served.store.all_domains())

    first.paused = False
    served.broker.cut.discard(first.name)
    for other in [r for r in served.replicas.values() if r is not first]:
        other.kill()
    served.add(n=3)
    served.until(served.is_whole)
    assert served.holder() is first


# D5, D17, D18: what the cloud does not make


def test_d5_a_rejected_instance_is_replaced_and_does_not_count():
    """The original counted it as there: empty for two hours, while it said it was full."""
    world = World.settled(weather=Weather(boot=(1.0, 3.0), bad_order=1.0))
    world.add(n=2)
    world.until(lambda: any(i.state is InstanceState.REJECTED for i in world.view().instances))
    world.run(2)
    told = world.ask("describe_domain", domain_id="web")
    assert (told["running"], told["status"]) == (0, "PENDING")
    assert next(c for c in told["conditions"] if c["type"] == "Ready")["status"] is False
    world.cloud.weather = Weather(boot=(1.0, 3.0))
    world.until(lambda: world.is_whole(2))


def test_d17_a_full_cloud_is_asked_a_bounded_number_of_times():
    """The original asked each 5 s: 120 times in these ten minutes."""
    world = World.settled(quota=0, tuning=LONG_MEMORY)
    world.add(n=1)
    world.run(600)
    creates = sum(r.fuse.steps.count("create") for r in world.replicas.values())
    assert 3 <= creates <= 12
    assert len(world.view().instances) <= 12
    world.cloud.quota = 1
    world.until(lambda: world.is_whole(1), within=310)


def test_d17_the_backoff_survives_the_one_that_counted_it():
    world = World.settled(quota=0, tuning=LONG_MEMORY)
    world.add(n=1)
    world.run(200)
    before = len(world.view().instances)
    for name in "abc":
        world.replicas[name].kill()
        world.replicas[name].restart()
        world.run(10)
    assert len(world.view().instances) <= before + 1


def test_d18_a_server_that_never_comes_up_is_given_up_after_its_boot_timeout():
    """Nothing bounded it in the original."""
    world = World.settled(weather=Weather(boot=(1e6, 1e6)))
    world.add(n=1)
    world.until(lambda: world.view().instances and world.view().instances[0].server_id)
    stuck = world.view().instances[0]
    world.run(IMPATIENT["boot_timeout"] - 2)
    assert world.view().instance(stuck.instance_id).state is InstanceState.PENDING
    world.cloud.weather = Weather(boot=(1.0, 3.0))
    world.until(lambda: world.view().instance(stuck.instance_id).state is InstanceState.FAILED, within=5)
    world.until(lambda: world.is_whole(1))
    assert stuck.server_id not in {s.server_id for s in world.live()}


def test_d18_an_order_that_is_never_answered_is_given_up_after_two_attempts():
    world = World.settled(weather=Weather(create_unheard=1.0))
    world.add(n=1)
    first = world.until(lambda: world.view().instances) and world.view().instances[0].instance_id
    world.until(lambda: world.view().instance(first).state is InstanceState.FAILED, within=20)
    assert sum(r.fuse.steps.count("create") for r in world.replicas.values()) >= 2
    world.cloud.weather = Weather()
    world.until(lambda: world.is_whole(1))


def test_d18_a_server_that_is_up_and_never_heard_from_is_replaced(world):
    world.add(n=1)
    mute = world.until(lambda: world.view().instances) and world.view().instances[0].instance_id
    world.broker.cut.add(mute)
    world.until(lambda: world.view().instance(mute).state is InstanceState.STARTED)
    took = world.until(lambda: world.view().instance(mute).state > InstanceState.STARTED)
    assert took >= IMPATIENT["boot_timeout"]
    world.until(lambda: world.is_whole(1))
    assert mute not in world.running()


# D7: an end that comes before the beginning is over


@pytest.mark.hazard("F6")
@pytest.mark.parametrize("late_by", [0.5, 1.5])
@pytest.mark.parametrize("until", ["wished for", "attempted", "accepted", "started"])
def test_d7_terminating_one_that_is_being_made_leaves_no_server(until, late_by):
    """In the original the server that came after the end of its record stayed for ever. (No sweep here.)"""
    is_late = until == "attempted"
    weather = Weather(boot=(2.0, 2.0), create_late=float(is_late), late_by=(late_by, late_by))
    world = World.settled(weather=weather, tuning=NO_SWEEP)
    world.add(n=1)
    name = world.until(lambda: world.view().instances, step=0.1) and world.view().instances[0].instance_id
    reached = {
        "wished for": lambda i: True,
        "attempted": lambda i: i.attempt is not None and i.attempt.open,
        "accepted": lambda i: i.state is InstanceState.PENDING,
        "started": lambda i: i.state is InstanceState.STARTED or i.state is InstanceState.RUNNING,
    }[until]
    world.until(lambda: reached(world.view().instance(name)), step=0.1)
    world.resize(0)
    world.until(lambda: world.view().instance(name).state is InstanceState.TERMINATED, step=0.1)
    assert world.cloud.live_servers() == []
    assert len(world.happened(Happened.CREATED)) == len(world.happened(Happened.GONE))
    journal = len(world.cloud.journal)
    world.run(10)
    assert world.happened(after=journal) == []
    if is_late:
        assert len(world.happened(Happened.CREATED)) == 1


# D9, XD14: what is long over


def test_d9_xd14_records_that_are_long_over_are_forgotten_though_they_had_heartbeats(served):
    """The original's pass ended, with an error, at the first such record."""
    served.add(DB, n=2)
    served.until(lambda: served.is_whole(2, DB))
    over = set(served.running()) | set(served.running(DB))
    served.resize(0)
    served.resize(0, DB)
    served.until(lambda: not served.live() and not served.live(DB))
    served.run(30)
    assert over == {i.instance_id for key in (WEB, DB) for i in served.view(key).instances}
    served.run(60)
    assert [i for key in (WEB, DB) for i in served.view(key).instances] == []
    assert failed_visits(served) == 0


# D10, XD15, XD16: subscribers


def subscribed(world, **asked):
    world.ask("subscribe_domain", domain_id="web", subscriber_name="sam", **asked)


def news(world):
    return [msgspec.json.decode(body) for body in world.broker.inbox("ann", "sam")]


def test_d10_xd16_who_has_unsubscribed_is_told_nothing_more(world):
    """The original never took a subscriber off its list."""
    world.add(n=1)
    subscribed(world)
    world.until(lambda: world.is_whole(1))
    world.run(2)
    assert [n["state"] for n in news(world)] == [InstanceState.RUNNING]
    world.ask("unsubscribe_domain", domain_id="web", subscriber_name="sam")
    world.resize(2)
    world.until(lambda: world.is_whole(2))
    world.run(2)
    assert news(world) == []
    assert world.ask("describe_domain", domain_id="web")["subscribers"] == []


class Named:
    """A cloud that calls its servers by the name it was told."""

    def __init__(self, inner):
        self._inner, self.hostname = inner, "1.1.1.1"

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def _named(self, server):
        return msgspec.structs.replace(server, hostname=self.hostname)

    def create(self, *args):
        return self._named(self._inner.create(*args))

    def server(self, *args):
        return self._named(self._inner.server(*args))

    def servers(self, *args):
        return [self._named(s) for s in self._inner.servers(*args)]


def test_xd15_subscribers_are_told_the_address_as_it_is_now(world):
    """The original told the one before: first none, then 1.1.1.1."""
    named = Named(world.cloud)
    for replica in world.replicas.values():
        replica.cloud.__dict__["inner"] = named
    world.add(n=1)
    subscribed(world)
    world.until(lambda: world.is_whole(1))
    world.run(2)
    named.hostname = "2.2.2.2"
    world.run(10)
    told = news(world)
    assert [n["properties"]["hostname"] for n in told] == ["1.1.1.1", "2.2.2.2"]
    assert told[0]["seq"] < told[1]["seq"]


# D12: what updates do not carry


def test_d12_addresses_and_errors_survive_what_comes_after(served):
    """The original put each message in place of the record: the address of the agent went with it."""
    sick = next(iter(served.vms.values()))
    before = served.view().instance(sick.instance_id)
    assert before.private_ip is not None
    assert before.hostname is not None
    sick.state, sick.errors = "PROCESS_ERROR", ("the worker broke",)
    served.until(lambda: served.view().instance(sick.instance_id).state is InstanceState.TERMINATED)
    after = served.view().instance(sick.instance_id)
    kept = ("private_ip", "hostname", "server_id", "site", "deployable_type", "allocation", "extravars")
    assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]
    assert after.errors == ("the worker broke",)


def test_d12_one_whose_heartbeats_are_lost_is_asked_before_it_is_given_up(served):
    """With the address the original lost the one last check."""
    vm = next(iter(served.vms.values()))
    vm.turn = lambda: None  # it speaks when it is spoken to
    served.run(60)
    assert vm.instance_id in served.running()
    assert Health.MISSING not in {i.health for i in served.view().instances}
    assert served.happened(Happened.DELETE_ASKED) == []


# D13, XD08: zombies


def test_d13_xd08_one_that_ran_for_long_is_no_zombie_the_moment_it_is_terminated(served):
    """The original went by the time since it ran: over for no time at all, and a zombie."""
    served.run(30)
    served.cloud.weather = Weather(delete=(5.0, 5.0))
    served.resize(0)
    seen = set()

    def is_over():
        seen.update((i.state, i.health) for i in served.view().instances if i.state.is_over)
        return all(i.state.is_final for i in served.view().instances)

    served.until(is_over)
    served.run(20)
    assert {state for state, _ in seen} == {InstanceState.TERMINATING, InstanceState.TERMINATED}
    assert {health for _, health in seen} == {Health.UNKNOWN}


def test_d13_one_that_is_over_and_still_talks_is_found_out_and_deleted():
    """The cloud says that it is gone, and a server with its mark runs on."""
    world = World.settled(tuning=NO_SWEEP)
    world.add(n=1)
    world.until(lambda: world.is_whole(1))
    (server,) = world.live()
    world.resize(0)
    world.until(lambda: world.view().instances[0].state is InstanceState.TERMINATED)
    undead = world.cloud.plant("site", server.mark)
    world.until(lambda: undead in world.vms)
    world.until(lambda: world.view().instances[0].health is Health.ZOMBIE)
    world.until(lambda: undead not in {s.server_id for s in world.live()})


# XD17, XD18: the health section


def test_xd17_a_new_health_policy_counts_from_the_next_turn_on(world):
    """The original's monitors kept the one they were made with."""
    world.add(n=2, health=UNHURRIED)
    world.until(lambda: world.is_whole(2))
    silent = next(iter(world.vms.values()))
    silent.silent = True
    world.run(20)
    assert world.view().instance(silent.instance_id).health is Health.OK
    world.ask("reconfigure_domain", domain_id="web", config={"health": {"missing_timeout": 7}})
    world.step()
    assert world.view().instance(silent.instance_id).health is Health.OUT_OF_CONTACT


def test_xd17_monitoring_that_is_switched_off_gives_nobody_up(world):
    world.add(n=2, health=UNHURRIED)
    world.until(lambda: world.is_whole(2))
    for vm in world.vms.values():
        vm.silent = True
    world.run(20)
    config = {"health": {"monitor_health": False, "missing_timeout": 7}}
    world.ask("reconfigure_domain", domain_id="web", config=config)
    world.run(120)
    assert {i.health for i in world.view().instances} == {Health.OK}
    world.resize(3)
    world.until(lambda: world.is_whole(3))
    assert world.happened(Happened.DELETE_ASKED) == []


class Attentive(Simplest, frozen=True, kw_only=True):
    """An engine that notes with what it was asked."""

    asked: ClassVar[list] = []

    def decide(self, question):
        self.asked.append((dict(question.engine_conf), question.memo))
        return super().decide(question)


def test_xd18_a_change_of_health_alone_is_none_to_the_engine():
    """In the original any change reconfigured the engine, whatever section it was of."""
    world = World.settled(engines={**ENGINES, "attentive": Attentive})
    world.add(n=2, engine="attentive")
    world.until(lambda: world.is_whole(2))
    world.run(5)
    before, journal = world.view().standing, len(world.cloud.journal)
    Attentive.asked.clear()
    world.ask("reconfigure_domain", domain_id="web", config={"health": {"missing_timeout": 30}})
    world.run(5)
    assert {conf["preserve_n"] for conf, _ in Attentive.asked} == {2}
    assert [memo for _, memo in Attentive.asked if memo != before.memo] == []
    assert world.happened(after=journal) == []
    assert (world.view().standing.memo, world.view().standing.desired) == (before.memo, before.desired)
    assert {s.status for s in world.live()} == {ServerStatus.ACTIVE}
