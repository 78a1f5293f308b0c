"""One bad domain, engine, config or cloud harms only itself, and says what ails it."""

from threading import Event
from typing import ClassVar

import pytest
from msgspec.structs import replace

from elastic.adapters.cloud.weather import Happened
from elastic.adapters.workers import InlineWorkers, ThreadWorkers
from elastic.engines.simplest import Simplest
from elastic.errors import ElasticError, StoreUnavailable
from elastic.model.actions import Answer, Launch
from elastic.model.domain import DomainKey
from tests.scenario.fragile import Died
from tests.scenario.world import ENGINES, PATIENT, WEB, World

BAD = DomainKey("ann", "bad")
GOOD = tuple(DomainKey("ann", f"good{n}") for n in range(3))


class Moody(Simplest, frozen=True, kw_only=True):
    """An engine like `simplest`, until it has a `mood`: then that is what it does instead."""

    mood: ClassVar[list] = []
    calls: ClassVar[list] = []

    def decide(self, question):
        self.calls.append(question)
        return self.mood[-1](question) if self.mood else super().decide(question)


@pytest.fixture(autouse=True)
def good_mood():
    yield
    Moody.mood.clear()
    Moody.calls.clear()


def world_of(**made):
    """A domain whose engine may turn bad among others, all up and running."""
    world = World.settled(engines={**ENGINES, "moody": Moody}, **made)
    world.add(BAD, n=2, engine="moody")
    for key in GOOD:
        world.add(key, n=1)
    world.until(lambda: world.is_whole(2, BAD) and all(world.is_whole(1, key) for key in GOOD))
    return world


def told(world, key=BAD):
    return world.ask("describe_domain", key.owner, domain_id=key.name)


def condition(world, name, key=BAD):
    return next((c for c in told(world, key)["conditions"] if c["type"] == name and c["status"]), None)


def others_go_on(world, size):
    for key in GOOD:
        world.resize(size, key)
    world.until(lambda: all(world.is_whole(size, key) for key in GOOD), within=20)


def raise_(error):
    def mood(_question):
        raise error

    return mood


class Pretender(Answer, frozen=True, kw_only=True):
    """Looks like an answer."""


NONSENSE = {
    "nothing": None,
    "a dict": {"launches": 3},
    "launches that are none": Answer(launches=("web",), desired=2, status="STABLE"),
    "a launch without a site": Answer(launches=(Launch(None, None),), desired=2, status="STABLE"),
    "a size in words": Answer(desired="many", status="STABLE"),
    "no size": Answer(desired=None, status="STABLE"),
    "ids that are none": Answer(terminates=(7, None), desired=2, status="STABLE"),
    "a memo that cannot be kept": Answer(desired=2, status="STABLE", memo={"engine": object()}),
    "a memo that is none": Answer(desired=2, status="STABLE", memo=[1, 2]),
    "a reason that is none": Answer(desired=2, status="STABLE", reasons=("because",)),
}


def is_in_error(world, text):
    condition_ = condition(world, "EngineFailed")
    return condition_ is not None and text in condition_["text"] and told(world)["status"] == "ERROR"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ZeroDivisionError("by zero"), "ZeroDivisionError"),
        (ElasticError("of our own kind"), "ElasticError"),
        (RecursionError("too deep"), "RecursionError"),
        (MemoryError("too much"), "MemoryError"),
    ],
)
def test_an_engine_that_raises_is_told_of_and_nobody_else_waits(error, reason):
    world = world_of()
    journal = len(world.cloud.journal)
    Moody.mood.append(raise_(error))
    world.resize(4, BAD)
    world.until(lambda: is_in_error(world, str(error)), within=2)
    assert condition(world, "EngineFailed")["reason"] == reason
    others_go_on(world, 2)
    assert [e for e in world.happened(after=journal) if e.mark.key == BAD] == []
    assert world.is_whole(2, BAD)


@pytest.mark.parametrize("what", NONSENSE)
def test_an_engine_that_answers_nonsense_is_told_of_and_nobody_else_waits(what):
    world = world_of()
    journal = len(world.cloud.journal)
    Moody.mood.append(lambda _question: NONSENSE[what])
    world.resize(4, BAD)
    world.until(lambda: is_in_error(world, ""), within=2)
    assert condition(world, "EngineFailed")["text"]
    others_go_on(world, 2)
    assert [e for e in world.happened(after=journal) if e.mark.key == BAD] == []
    assert world.is_whole(2, BAD)
    Moody.mood.clear()
    world.resize(3, BAD)
    world.until(lambda: world.is_whole(3, BAD))
    assert condition(world, "EngineFailed") is None


def test_an_engine_that_goes_on_failing_is_asked_less_and_less_often():
    world = world_of()
    Moody.mood.append(raise_(ValueError("always")))
    Moody.calls.clear()
    world.resize(4, BAD)
    world.run(600)
    assert 4 <= len(Moody.calls) <= 12


def test_a_failed_engine_is_asked_again_at_once_when_its_config_changes():
    world = world_of()
    Moody.mood.append(raise_(ValueError("not now")))
    world.resize(4, BAD)
    world.run(120)
    Moody.mood.clear()
    world.resize(3, BAD)
    world.until(lambda: world.view(BAD).standing.desired == 3, within=1)
    world.until(lambda: world.is_whole(3, BAD))
    assert (told(world)["status"], condition(world, "EngineFailed")) == ("STABLE", None)


def test_a_failed_engine_recovers_by_itself():
    world = world_of()
    Moody.mood.append(raise_(ValueError("not now")))
    world.resize(4, BAD)
    world.run(30)
    Moody.mood.clear()
    world.until(lambda: world.is_whole(4, BAD))
    assert condition(world, "EngineFailed") is None


BAD_CONFIGS = {
    "a size in words": {"engine_conf": {"preserve_n": "three"}},
    "no size": {"engine_conf": {}},
    "an engine that there is not": {"general": {"engine": "of a plug-in that was removed"}},
}


@pytest.mark.parametrize("what", BAD_CONFIGS)
def test_a_bad_config_in_the_store_harms_only_its_domain(what):
    """The RPC would have refused it: an older version, or a hand, has written it."""
    world = world_of()
    journal = len(world.cloud.journal)
    world.store.change(BAD, lambda domain: replace(domain, **BAD_CONFIGS[what]))
    world.until(lambda: told(world)["status"] == "ERROR", within=2)
    assert condition(world, "EngineFailed")["reason"] == "BadConfig"
    others_go_on(world, 2)
    assert [e for e in world.happened(after=journal) if e.mark.key == BAD] == []
    repaired = {"general": {"engine": "simplest"}, "engine_conf": {"preserve_n": 3, "force_site": "site"}}
    world.ask("reconfigure_domain", domain_id=BAD.name, config=repaired)
    world.until(lambda: world.is_whole(3, BAD))
    assert (told(world)["status"], condition(world, "EngineFailed")) == ("STABLE", None)


def test_a_bad_health_policy_in_the_store_harms_only_its_domain():
    world = world_of()
    journal = len(world.cloud.journal)
    world.store.change(BAD, lambda domain: replace(domain, health={"missing_timeout": "soon"}))
    world.run(10)
    assert condition(world, "Degraded")["reason"].endswith("Failed")
    others_go_on(world, 2)
    assert [e for e in world.happened(after=journal) if e.mark.key == BAD] == []
    world.ask("reconfigure_domain", domain_id=BAD.name, config={"health": {"missing_timeout": 8}})
    world.resize(3, BAD)
    world.until(lambda: world.is_whole(3, BAD))
    assert condition(world, "Degraded") is None


class OnThreads(InlineWorkers):
    """Engines think on threads of their own; the rest is done at once."""

    def __init__(self):
        super().__init__()
        self._threads = ThreadWorkers()

    def run(self, work, budget):
        return self._threads.run(work, budget)


@pytest.mark.hazard("F19")
def test_an_engine_that_hangs_is_not_asked_again_before_it_has_returned():
    world = world_of(workers=OnThreads)
    journal, waiting = len(world.cloud.journal), Event()
    try:
        Moody.mood.append(lambda _question: waiting.wait(60) and None)
        Moody.calls.clear()
        world.resize(4, BAD)
        world.until(lambda: is_in_error(world, "budget"), within=20)
        assert condition(world, "EngineFailed")["reason"] == "Overrun"
        others_go_on(world, 2)
        world.run(60)
        assert len(Moody.calls) == 1
        assert [e for e in world.happened(after=journal) if e.mark.key == BAD] == []
    finally:
        waiting.set()
    Moody.mood.clear()
    world.until(lambda: world.is_whole(4, BAD), within=400)
    assert (told(world)["status"], condition(world, "EngineFailed")) == ("STABLE", None)


def test_an_engine_that_hangs_does_not_keep_its_domain_from_being_removed():
    world = world_of(workers=OnThreads)
    waiting = Event()
    try:
        Moody.mood.append(lambda _question: waiting.wait(60) and None)
        world.resize(4, BAD)
        world.until(lambda: is_in_error(world, "budget"), within=20)
        world.ask("remove_domain", domain_id=BAD.name)
        world.run(10)
    finally:
        waiting.set()
    world.until(lambda: BAD not in world.store.all_domains())
    assert world.live(BAD) == []


# A domain that kills


def deadly(world):
    """Whoever asks this engine dies of it, and has no time to tidy up."""

    def mood(question):
        replica = world.holder(BAD)
        replica.notes.leave = lambda: None
        raise Died("in a visit")

    return mood


@pytest.mark.hazard("F19")
def test_a_domain_in_whose_visit_a_replica_died_is_quarantined_by_it_and_released():
    world = world_of(members="a")
    Moody.mood.append(deadly(world))
    Moody.calls.clear()
    world.resize(4, BAD)
    world.until(lambda: world.replicas["a"].dead)
    world.replicas["a"].restart()
    others_go_on(world, 2)
    assert len(Moody.calls) == 1
    assert not world.replicas["a"].dead
    assert condition(world, "Quarantined")
    (entry,) = world.ask("list_quarantine")
    assert (entry["owner"], entry["domain"], entry["strikes"], entry["member"]) == ("ann", "bad", 1, "a")

    Moody.mood.clear()
    world.ask("release_quarantine", domain_id=BAD.name)
    assert world.ask("list_quarantine") == []
    world.until(lambda: world.is_whole(4, BAD))
    assert condition(world, "Quarantined") is None


def test_a_domain_that_goes_on_killing_kills_less_and_less_often_and_the_others_live():
    world = world_of()
    Moody.mood.append(deadly(world))
    world.resize(4, BAD)
    deaths = 0
    for _ in range(600):
        world.step()
        for replica in tuple(world.replicas.values()):
            if replica.dead:
                deaths += 1
                replica.restart()
    assert 2 <= deaths <= 12
    others_go_on(world, 2)
    world.run(5)
    assert world.is_whole(2, BAD)
    assert {e.mark.key for e in world.happened(Happened.DELETE_ASKED)} == set()


# The cloud


class Broken:
    """A cloud whose adapter has a fault in the calls that are named."""

    def __init__(self, inner, *calls):
        self._inner, self._calls = inner, calls

    def __getattr__(self, name):
        return self._fault if name in self._calls else getattr(self._inner, name)

    def _fault(self, *args, **kwargs):
        raise KeyError("the answer had no such field")


def break_cloud(world, *calls):
    for replica in world.replicas.values():
        replica.cloud.__dict__["inner"] = Broken(world.cloud, *calls)


def repair_cloud(world):
    for replica in world.replicas.values():
        replica.cloud.__dict__["inner"] = world.cloud


@pytest.mark.parametrize("calls", [("servers",), ("create",), ("server", "servers"), ("delete",)])
def test_a_fault_in_the_cloud_adapter_stops_no_loop_and_is_over_when_it_is_mended(calls):
    world = world_of()
    journal = len(world.cloud.journal)
    break_cloud(world, *calls)
    world.resize(3, BAD)
    world.resize(0, GOOD[0])
    world.run(30)
    for replica in world.replicas.values():
        assert max(replica.agent.loop_ages().values()) <= 1.0
    assert {e.mark.key for e in world.happened(Happened.DELETE_ASKED, after=journal)} <= {GOOD[0]}
    repair_cloud(world)
    world.until(lambda: world.is_whole(3, BAD) and world.is_whole(0, GOOD[0]))


@pytest.mark.parametrize("calls", [("servers",), ("create",)])
def test_an_unforeseen_fault_of_the_cloud_adapter_is_told_as_degraded(calls):
    world = world_of()
    break_cloud(world, *calls)
    world.resize(4, BAD)
    world.until(lambda: condition(world, "Degraded"), within=5)
    assert condition(world, "Degraded")["reason"] == "ProvisionerFailed"
    assert "the answer had no such field" in condition(world, "Degraded")["text"]
    assert condition(world, "Degraded", GOOD[0]) is None
    repair_cloud(world)
    world.until(lambda: world.is_whole(4, BAD))
    world.run(2)
    assert condition(world, "Degraded") is None


def test_a_commit_that_failed_takes_no_place_among_the_creates_at_a_site():
    """Else a few failures would end all launches of that member for good."""
    world = world_of(members="a")
    store = world.replicas["a"].store
    for n in range(PATIENT.creates_at_once + 1):
        world.cloud.outage("site", True)
        world.resize(3 + n, BAD)
        world.run(2)
        fail_next(store, "commit")
        world.cloud.outage("site", False)
        world.run(10)
    world.until(lambda: world.is_whole(3 + PATIENT.creates_at_once, BAD))


def fail_next(store, name):
    """The next call of that name that notes an attempt is not answered."""

    def commit(view, tenure, commit):
        noted = [change(view.instance(i)) for i, change in ((i, c.apply) for i, c in commit.changes.items())]
        if any(i is not None and i.attempt is not None and i.server_id is None for i in noted):
            del store.__dict__[name]
            raise StoreUnavailable("lost")
        return store.inner.commit(view, tenure, commit)

    store.__dict__[name] = commit


def test_a_site_that_does_not_answer_is_told_of():
    """A domain that cannot go on says why."""
    world = world_of()
    world.cloud.outage("site", True)
    world.resize(4, BAD)
    world.run(15)
    assert condition(world, "ProvisioningFailed") or condition(world, "Degraded")
    world.cloud.outage("site", False)
    world.until(lambda: world.is_whole(4, BAD))
    world.run(5)
    assert condition(world, "ProvisioningFailed") is None
    assert condition(world, "Degraded") is None
    assert WEB not in world.store.all_domains()
