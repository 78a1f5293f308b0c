"""What a listing of a site means for one's own instances."""

import msgspec
import pytest
from msgspec.structs import replace

from elastic.errors import BadMessage
from elastic.model.domain import DomainKey
from elastic.model.server import Server
from elastic.model.states import InstanceState
from elastic.roles.dossiers import Dossiers
from elastic.roles.findings import Findings
from tests.unit.roles.setting import WEB, Setting, names_in, partition, server
from tests.unit.rules.views import record


class Study:
    """Domain web with three records: one up, one coming, one that has no server yet."""

    def __init__(self) -> None:
        self.here = here = Setting()
        here.add(
            "web",
            record("up", server_id="s-1"),
            record("coming", 400, "UNKNOWN", server_id="s-2"),
            record("wished", 200, "UNKNOWN"),
            record("going", 700, "UNKNOWN", server_id="s-4"),
            record("over", 800, "UNKNOWN", server_id="s-5"),
        )
        self.mirror, self.dossiers = here.mirror(), Dossiers()
        self.mirror.refresh()
        self.removed: list[str] = []
        self.reads: list[DomainKey] = []
        self.findings = Findings(
            self.mirror, self, self.dossiers, lambda s: self.removed.append(s.server_id), here.touched.append
        )
        self.learn(server("up", "s-1"), server("coming", "s-2", "BUILD"))

    def view(self, key: DomainKey):
        """In front of the store."""
        self.reads.append(key)
        return self.here.store.view(key)

    def learn(self, *servers: Server, site: str = "north", ago: float = 0) -> None:
        self.here.touched.clear()
        self.findings.learn(site, servers, self.here.clock.monotonic() - ago)

    def known(self, name: str):
        return self.dossiers.bare(name, self.mirror.tenure(WEB).since)

    @property
    def touched(self) -> bool:
        return self.here.touched != []


UP, COMING = server("up", "s-1"), server("coming", "s-2", "BUILD")


@pytest.fixture
def study() -> Study:
    return Study()


def test_what_it_shows_of_a_recorded_server_is_the_clouds_word(study):
    dead = server("up", "s-1", "ERROR", fault="process ended")
    study.here.clock.advance(5)
    study.learn(dead, COMING)
    assert study.known("up").told == dead
    assert study.touched


def test_what_is_kept_of_it_is_made_of_what_is_in_memory_already(study):
    """One is kept for each instance; a listing has strings of its own for each."""
    study.learn(msgspec.json.decode(msgspec.json.encode(server("up", "s-1", "SHUTOFF")), type=Server), COMING)
    told, kept = study.known("up").told, study.mirror.record("up")
    assert told == server("up", "s-1", "SHUTOFF")
    assert told.server_id is kept.server_id
    assert told.mark.instance_id is kept.instance_id
    assert told.mark.key is study.mirror.home_of("up")


def test_the_same_word_again_is_no_news(study):
    study.learn(UP, COMING)
    assert not study.touched


def test_but_nobody_is_given_up_on_a_listings_word(study):
    """It may be as old as our sleep: who is late in coming is asked for."""
    study.here.clock.advance(5)
    study.learn(UP, COMING)
    assert study.known("coming").told_at == 0.0


@pytest.mark.hazard("F4")
def test_what_it_does_not_show_is_asked_for_one_by_one(study):
    study.learn(COMING)
    assert (study.known("up").absent, study.known("up").gone) == (True, False)
    assert not study.known("coming").absent
    assert study.touched


def test_only_what_should_be_up_is_missed(study):
    study.learn()
    missed = [i.instance_id for i in study.mirror.view(WEB).instances if study.known(i.instance_id).absent]
    assert missed == ["up", "coming"]


def test_what_is_younger_than_the_listing_is_not_missed(study):
    """Nor is what came up since: the cloud has spoken of it after that."""
    study.here.clock.advance(5)
    study.learn(ago=5.1)
    assert not study.touched
    study.learn(ago=5)
    assert study.known("up").absent


def test_a_listing_of_one_site_says_nothing_of_another(study):
    study.learn(site="south")
    assert not study.known("up").absent
    assert not study.touched


def test_one_that_is_shown_as_deleted_is_as_good_as_not_shown(study):
    study.learn(server("up", "s-1", "DELETED"), COMING)
    assert study.known("up").absent
    assert study.known("up").told == UP


def test_one_that_is_shown_again_was_not_gone(study):
    tenure = study.mirror.tenure(WEB).since
    study.learn(COMING)
    study.dossiers.note("up", tenure, missed_at=5.0)
    study.learn(UP, COMING)
    assert (study.known("up").absent, study.known("up").missed_at) == (False, None)
    assert study.touched


def test_strangers_are_passed_over(study):
    study.learn(UP, COMING, server("nobody", "s-9"), server("up-elsewhere", "s-8", cluster="other"))
    assert (study.removed, study.reads) == ([], [])


def test_one_that_has_no_server_yet_is_the_provisioners(study):
    study.learn(UP, COMING, server("wished", "s-3"))
    assert study.known("wished") == study.known("nobody")
    assert study.removed == []


def test_a_double_is_removed_on_the_word_of_a_fresh_read(study):
    study.learn(UP, COMING, server("up", "s-7"))
    assert (study.removed, study.reads) == (["s-7"], [WEB])


@pytest.mark.hazard("F1")
def test_our_own_mirror_condemns_nobody(study):
    """The record names another server by now: what the mirror takes for a double is the recorded one."""
    study.here.alter(WEB, "up", lambda instance: replace(instance, server_id="s-7"))
    study.learn(UP, COMING, server("up", "s-7"))
    assert study.removed == []
    assert study.reads == [WEB]


def test_a_double_of_one_that_is_over_is_for_the_sweep(study):
    study.learn(UP, COMING, server("over", "s-7"))
    assert study.removed == []


def test_a_double_of_a_domain_that_is_no_more_is_for_the_sweep(study):
    study.here.alter(WEB, "over", lambda _: None)
    for name in ("up", "coming", "wished", "going"):
        study.here.alter(WEB, name, lambda _: None)
    study.here.store.change(WEB, lambda domain: replace(domain, removed=True))
    study.here.store.forget_domain(study.here.store.view(WEB), study.mirror.tenure(WEB))
    study.learn(UP, COMING, server("up", "s-7"))
    assert study.removed == []


def test_a_domain_that_cannot_be_understood_does_not_hold_up_what_others_are_to_be_told(study):
    def unreadable(_: DomainKey) -> None:
        raise BadMessage("format 2")

    study.view = unreadable
    study.learn(UP, COMING, server("up", "s-7"))
    assert study.removed == []


def test_without_suspects_nothing_is_read(study):
    study.learn(UP, COMING)
    assert study.reads == []


def test_what_is_no_longer_ours_does_not_hold_up_the_rest(study):
    """A write has shown us a newer table, and the mirror has yet to follow it."""
    other = names_in((partition(WEB) + 1) % 4)[0]
    study.here.add(other, record("mine", server_id="s-20"))
    study.mirror.refresh()
    study.here.deal_one(partition(WEB), "other")
    study.mirror.assignment = study.here.store.assignment()
    study.learn(replace(UP, hostname="new"))
    mine = study.dossiers.bare("mine", study.mirror.tenure(DomainKey("ann", other)).since)
    assert mine.absent
    assert InstanceState.RUNNING is study.mirror.record("mine").state
