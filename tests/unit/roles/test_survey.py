"""One listing a site a turn, by the doctor's leader, told to all."""

import logging
from collections.abc import Sequence

import pytest

from elastic.adapters.bus.memory import MemoryPeers
from elastic.errors import BusUnavailable
from elastic.model.server import Server
from elastic.roles import survey
from elastic.roles.survey import UNABLE_AFTER, Surveyor
from tests.unit.roles.setting import Setting, server

INTERVAL = 10.0


class Member:
    """Its surveyor, with its own way to the cloud, and what it has learnt: (site, ids)."""

    def __init__(self, here: Setting, name: str, leads: bool = False) -> None:
        self.here, self.name, self.leads = here, name, leads
        self.learnt: list[tuple[str, list[str]]] = []
        self.ages: list[float] = []
        self.listed: list[str] = []
        self.is_cut_off = False
        self.takes = 0.0  # seconds, a listing
        self.homes: set[str] = set()
        self.peers = peers = MemoryPeers(here.broker, name)
        self.surveyor = Surveyor(
            self, here.workers, peers, name, here.clock, INTERVAL, 7.0, lambda: "uid", self.learn
        )
        peers.start(lambda *_: None, lambda topic, said: self.surveyor.hear(said))

    def learn(self, site: str, servers: Sequence[Server], begun: float) -> None:
        self.learnt.append((site, sorted(s.server_id for s in servers)))
        self.ages.append(self.here.clock.monotonic() - begun)

    # the cloud, as this member reaches it

    def servers(self, site: str, *rest: object) -> Sequence[Server]:
        self.listed.append(site)
        self.here.clock.advance(self.takes)
        return self.here.cloud.servers("nowhere" if self.is_cut_off else site, *rest)

    def __getattr__(self, name: str):
        return getattr(self.here.cloud, name)

    def turn(self) -> None:
        self.surveyor.turn(self.leads, lambda: self.homes, self.here.clock.monotonic())
        while self.here.workers.collect():
            pass

    def taken(self) -> list[str]:
        found, self.listed = self.listed, []
        return found


class Cluster:
    """A leads the doctors; b and c do not."""

    def __init__(self) -> None:
        self.here = here = Setting()
        here.cloud.outage("nowhere", on=True)
        self.a, self.b, self.c = Member(here, "a", leads=True), Member(here, "b"), Member(here, "c")
        self.members = (self.a, self.b, self.c)
        self.server_id = here.cloud.plant("north", server("i-001-1-1").mark)

    def turn(self, seconds: float = INTERVAL) -> None:
        self.here.clock.advance(seconds)
        for member in self.members:
            member.turn()
        self.here.broker.pump()

    def turns(self, count: int) -> None:
        for _ in range(count):
            self.turn()


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def test_the_leader_lists_each_interval_and_all_learn(cluster):
    cluster.turns(3)
    assert cluster.a.listed == ["north"] * 3
    assert cluster.b.listed == cluster.c.listed == []
    for member in cluster.members:
        assert member.learnt == [("north", [cluster.server_id])] * 3


def test_the_leader_lists_no_more_often_than_that(cluster):
    for _ in range(21):
        cluster.turn(INTERVAL / 5)
    assert len(cluster.a.listed) in (4, 5)


def test_sites_where_ones_instances_are_are_listed_though_the_cloud_names_them_no_more(cluster):
    cluster.a.homes = {"old-site"}
    cluster.turn()
    assert cluster.a.listed == ["north", "old-site"]


def test_a_listing_says_when_it_was_begun(cluster):
    """What came up while it was made, or while it was told, is not in it."""
    cluster.a.takes = 3.0
    cluster.here.clock.advance(INTERVAL)
    cluster.a.turn()
    assert cluster.a.ages == [3.0]
    cluster.here.broker.pump()
    assert cluster.b.ages == [3.0]


def test_one_from_a_member_that_does_not_say_its_age_is_new(cluster):
    cluster.b.surveyor.hear({"site": "north", "member": "x", "round": "x 1", "last": True, "servers": []})
    assert cluster.b.ages == [0.0]


def test_a_site_without_servers_is_told_too(cluster):
    cluster.here.cloud.vanish(cluster.server_id)
    cluster.turn()
    assert cluster.b.learnt == [("north", [])]


def test_a_long_listing_is_told_in_parts_and_learnt_whole(cluster, monkeypatch):
    monkeypatch.setattr(survey, "PART", 2)
    for _ in range(4):
        cluster.here.cloud.plant("north", server("i-001-1-1").mark)
    words = []
    cluster.here.broker.meddle = lambda parcel: words.append(parcel) or (0,)
    cluster.turn()
    assert len([w for w in words if w.to == "b"]) == 3
    assert cluster.b.learnt == cluster.a.learnt
    assert len(cluster.b.learnt[0][1]) == 5


@pytest.mark.parametrize("lost", [b'"before":0', b'"before":1', b'"last":true'], ids=["first", "second", "last"])
def test_a_listing_of_which_a_part_was_lost_is_not_learnt(cluster, monkeypatch, lost):
    """What was in it would be asked for one by one, as if the cloud did not have it."""
    monkeypatch.setattr(survey, "PART", 1)
    for _ in range(2):
        cluster.here.cloud.plant("north", server("i-001-1-1").mark)
    cluster.here.broker.meddle = lambda parcel: () if lost in parcel.body else (0,)
    cluster.turn()
    assert cluster.b.learnt == []
    cluster.here.broker.meddle = lambda _: (0,)
    cluster.turn()
    assert cluster.b.learnt == cluster.a.learnt[1:]


def test_a_member_that_does_not_say_what_was_before_is_understood(cluster):
    said = {"member": "x", "site": "north", "round": "1", "servers": []}
    cluster.b.surveyor.hear({**said, "last": False})
    cluster.b.surveyor.hear({**said, "last": True})
    assert cluster.b.learnt == [("north", [])]


def test_while_a_listing_is_being_told_no_other_of_that_site_is(cluster):
    """A bus that hangs would have us keep them all; two at once would be mixed up on the way."""
    real = cluster.here.workers.submit
    waiting = []

    def submit(lane, work, then):
        waiting.append((lane, work, then)) if lane == "bus" else real(lane, work, then)

    cluster.here.workers.submit = submit
    cluster.turns(3)
    assert len(waiting) == 1
    cluster.here.workers.submit = real
    words = []
    cluster.here.broker.meddle = lambda parcel: words.append(parcel) or (0,)
    real(*waiting.pop())
    cluster.turns(2)
    assert len([w for w in words if w.to == "b"]) == 3


@pytest.mark.hazard("F20")
def test_when_the_leader_is_silent_for_two_turns_members_list_for_themselves(cluster):
    cluster.turn()
    cluster.here.broker.cut = {"a"}
    cluster.turn()
    assert cluster.b.listed == []
    cluster.turn()
    assert (cluster.b.listed, cluster.c.listed) == (["north"], ["north"])
    cluster.turn()
    assert len(cluster.b.listed) == 1
    cluster.turn()
    assert len(cluster.b.listed) == 2


def test_what_a_member_lists_for_itself_it_tells_nobody(cluster):
    cluster.here.broker.cut = {"a"}
    cluster.turns(3)
    assert cluster.b.listed
    assert len(cluster.c.learnt) == len(cluster.c.listed)


def test_the_loop_does_not_wait_until_the_bus_has_what_is_told(cluster, monkeypatch):
    """Each message waits for the broker: of many servers there are many."""
    lanes, workers = [], cluster.here.workers
    submit = workers.submit
    monkeypatch.setattr(workers, "submit", lambda lane, *rest: lanes.append(lane) or submit(lane, *rest))
    monkeypatch.setattr(cluster.a.surveyor, "_learn", lambda *_: lanes.append("learnt"))
    cluster.a.turn()
    assert lanes == ["north", "learnt", "bus"]


def test_a_bus_that_takes_nothing_is_one_line_in_the_log(cluster, monkeypatch, caplog):
    peers, told = cluster.a.peers, []

    def away(*_: object) -> None:
        raise BusUnavailable("refused")

    caplog.set_level(logging.INFO)
    for is_away in (True, True, False, True):
        with monkeypatch.context() as patch:
            if is_away:
                patch.setattr(peers, "tell", away)
            cluster.turn()
        told.append(caplog.text.count("could not be told"))
    assert told == [1, 1, 1, 2]


def test_when_the_leader_is_back_members_rest(cluster):
    cluster.here.broker.cut = {"a"}
    cluster.turns(4)
    cluster.here.broker.cut = set()
    cluster.turn()
    cluster.b.taken()
    cluster.turns(4)
    assert cluster.b.listed == []


def test_a_newcomer_gives_the_leader_two_turns_to_be_heard(cluster):
    cluster.members = (cluster.b,)
    cluster.turns(2)
    assert cluster.b.listed == []
    cluster.turn()
    assert cluster.b.listed == ["north"]


def test_ones_own_word_is_not_learnt_twice(cluster):
    cluster.turn()
    assert len(cluster.a.learnt) == 1


# a cloud that does not answer


def test_turns_without_an_answer_are_counted_and_one_answer_ends_the_count(cluster):
    cluster.a.is_cut_off = True
    counts = []
    for _ in range(3):
        cluster.turn()
        counts.append(cluster.a.surveyor.failures)
    cluster.a.is_cut_off = False
    cluster.turn()
    assert [*counts, cluster.a.surveyor.failures] == [1, 2, 3, 0]
    assert cluster.a.learnt == [("north", [cluster.server_id])]


@pytest.mark.parametrize("up", ["a-site", "z-site", None])
def test_only_turns_in_which_no_site_answered_count_however_many_there_are(cluster, up):
    for n in range(5):
        cluster.here.cloud.plant(f"m-site{n}", None)
        cluster.here.cloud.outage(f"m-site{n}", on=True)
    cluster.here.cloud.outage("north", on=True)
    if up:
        cluster.here.cloud.plant(up, None)
    cluster.turns(2)
    assert cluster.a.surveyor.failures == (0 if up else 2)


def test_a_site_that_is_no_more_does_not_count(cluster):
    cluster.b.homes = {"old-site"}
    cluster.members = (cluster.b,)
    cluster.turns(6)
    cluster.b.homes = set()
    cluster.b.is_cut_off = True
    cluster.turns(8)
    assert cluster.b.surveyor.failures >= UNABLE_AFTER


def test_one_that_does_not_reach_a_cloud_that_others_do_is_not_able(cluster):
    cluster.turn()
    cluster.b.is_cut_off = True
    cluster.turns(10)
    assert cluster.b.surveyor.is_able  # it had nothing to ask
    cluster.b.surveyor.doubt()
    cluster.turns(UNABLE_AFTER + 1)
    assert not cluster.b.surveyor.is_able


def test_it_is_able_again_once_it_is_answered(cluster):
    cluster.b.is_cut_off = True
    cluster.b.surveyor.doubt()
    cluster.turns(UNABLE_AFTER + 2)
    assert not cluster.b.surveyor.is_able
    cluster.b.is_cut_off = False
    cluster.turns(2)
    assert cluster.b.surveyor.is_able
    cluster.b.taken()
    cluster.turns(4)
    assert cluster.b.listed == []


def test_a_cloud_that_answers_nobody_makes_nobody_unable(cluster):
    cluster.here.cloud.outage("north", on=True)
    cluster.turns(20)
    assert [m.surveyor.is_able for m in cluster.members] == [True] * 3


def test_after_an_outage_of_the_cloud_all_are_as_before(cluster):
    """Else whoever is told by the leader, and asks nothing itself, would be taken for unable for ever."""
    cluster.here.cloud.outage("north", on=True)
    cluster.turns(20)
    cluster.here.cloud.outage("north", on=False)
    cluster.turns(3)
    assert [m.surveyor.is_able for m in cluster.members] == [True] * 3
    assert [m.surveyor.failures for m in cluster.members] == [0] * 3


@pytest.mark.parametrize("said", [{}, {"member": "x"}, {"member": "x", "site": "north", "round": "1"}])
def test_a_malformed_word_is_refused(cluster, said):
    with pytest.raises((KeyError, TypeError, ValueError)):
        cluster.b.surveyor.hear(said)
    assert cluster.b.learnt == []


def test_a_word_with_servers_that_are_none_is_refused(cluster):
    said = {"member": "x", "site": "north", "round": "1", "last": True, "servers": [{"server_id": 3}]}
    with pytest.raises(ValueError, match="server_id"):
        cluster.b.surveyor.hear(said)
    assert cluster.b.learnt == []
