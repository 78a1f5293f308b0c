"""A domain whose engine fails, hangs or kills harms only itself."""

import pytest

from elastic.errors import BadRequest
from elastic.model.domain import DomainKey
from elastic.ports.store import Quarantine
from elastic.ports.workers import Overrun
from elastic.roles.isolation import FIRST_WAIT, LONGEST_WAIT, QUARANTINE_FIRST, Isolation
from elastic.roles.moment import Moment
from tests.scenario.world import Notes
from tests.unit.roles.setting import WEB, Setting

OTHER = DomainKey("ann", "other")


@pytest.fixture
def here() -> Setting:
    return Setting()


@pytest.fixture
def isolation() -> Isolation:
    return Isolation(Notes())


def failed(isolation: Isolation, now: Moment, error: Exception | None = None, revision: int = 1, running=None):
    return isolation.failed(WEB, revision, error or KeyError("x"), now, running)


def later(now: Moment, seconds: float) -> Moment:
    return Moment(now.wall + seconds, now.mono + seconds)


def test_a_domain_that_never_failed_may_be_decided_upon(here, isolation):
    assert isolation.blocks(WEB, 1, here.now) is None


def test_one_that_failed_is_left_alone_for_a_while(here, isolation):
    block = failed(isolation, here.now)
    assert block.until == here.now.mono + FIRST_WAIT
    assert isolation.blocks(WEB, 1, later(here.now, FIRST_WAIT - 0.1)) == block
    assert isolation.blocks(WEB, 1, later(here.now, FIRST_WAIT)) is None


def test_nobody_else_waits(here, isolation):
    failed(isolation, here.now)
    assert isolation.blocks(OTHER, 1, here.now) is None


def test_each_failure_in_a_row_makes_the_wait_longer(here, isolation):
    waits = [failed(isolation, here.now).until - here.now.mono for _ in range(9)]
    assert waits == [5, 10, 20, 40, 80, 160, LONGEST_WAIT, LONGEST_WAIT, LONGEST_WAIT]


def test_a_success_is_a_new_beginning(here, isolation):
    failed(isolation, here.now)
    failed(isolation, here.now)
    isolation.succeeded(WEB)
    assert isolation.blocks(WEB, 1, here.now) is None
    assert failed(isolation, here.now).failures == 1


def test_a_new_config_is_tried_at_once_and_counts_from_one(here, isolation):
    for _ in range(5):
        failed(isolation, here.now)
    assert isolation.blocks(WEB, 2, here.now) is None
    assert failed(isolation, here.now, revision=2).failures == 1


@pytest.mark.parametrize(
    ("error", "reason", "text"),
    [
        (BadRequest("preserve_n is missing"), "BadConfig", "preserve_n is missing"),
        (KeyError("x"), "KeyError", "KeyError: 'x'"),
        (Overrun(lambda: True, lambda: None), "Overrun", "Overrun: took longer than its time budget"),
    ],
)
def test_the_complaint_says_what_was_wrong(here, isolation, error, reason, text):
    complaint = failed(isolation, here.now, error).complaint
    assert (complaint.type, complaint.reason, complaint.text) == ("EngineFailed", reason, text)


def test_an_endless_complaint_is_cut(here, isolation):
    assert len(failed(isolation, here.now, BadRequest("x" * 10_000)).complaint.text) == 500


@pytest.mark.hazard("F19")
def test_a_hung_engine_is_not_started_again_until_it_returned(here, isolation):
    hangs = [True]
    failed(isolation, here.now, running=lambda: hangs[0])
    much_later = later(here.now, 10_000)
    assert isolation.blocks(WEB, 1, much_later).until == much_later.mono + FIRST_WAIT
    hangs[0] = False
    assert isolation.blocks(WEB, 1, much_later) is None


def test_not_even_with_a_new_config(here, isolation):
    failed(isolation, here.now, running=lambda: True)
    assert isolation.blocks(WEB, 2, here.now)


def test_one_that_hung_and_returned_waits_out_its_time(here, isolation):
    failed(isolation, here.now, running=lambda: False)
    assert isolation.blocks(WEB, 1, here.now)
    assert isolation.blocks(WEB, 2, here.now) is None


# quarantine


def died_in(key: DomainKey) -> Notes:
    notes = Notes()
    notes.enter(key)
    return notes.reopened()


def test_a_replica_that_died_in_a_visit_says_in_whose(here):
    reborn = Isolation(died_in(WEB))
    reborn.own_up(here.store, "me", here.now)
    (entry,) = here.store.quarantines()
    assert entry == Quarantine(key=WEB, strikes=1, until=here.now.wall + QUARANTINE_FIRST, member="me")


def test_one_that_did_not_die_in_a_visit_accuses_nobody(here):
    Isolation(Notes().reopened()).own_up(here.store, "me", here.now)
    assert here.store.quarantines() == ()


def test_each_strike_doubles_the_time(here):
    waits = []
    for _ in range(10):
        Isolation(died_in(WEB)).own_up(here.store, "me", here.now)
        (entry,) = here.store.quarantines()
        waits.append(entry.until - here.now.wall)
    assert waits == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600]


def test_strikes_are_counted_a_domain(here):
    Isolation(died_in(WEB)).own_up(here.store, "me", here.now)
    Isolation(died_in(OTHER)).own_up(here.store, "me", here.now)
    assert {q.key: q.strikes for q in here.store.quarantines()} == {WEB: 1, OTHER: 1}


def test_a_quarantined_domain_is_shut_out_of_every_member_until_its_time_is_over(here, isolation):
    Isolation(died_in(WEB)).own_up(here.store, "other", here.now)
    isolation.learn(here.store, here.now)
    block = isolation.blocks(WEB, 1, here.now)
    assert block.until == here.now.mono + QUARANTINE_FIRST
    assert (block.complaint.type, block.complaint.reason) == ("Quarantined", "ReplicaDied")
    assert "other died in its visit (1 times)" in block.complaint.text
    assert isolation.blocks(WEB, 2, here.now)
    assert isolation.blocks(OTHER, 1, here.now) is None
    assert isolation.blocks(WEB, 1, later(here.now, QUARANTINE_FIRST)) is None


def test_one_that_an_operator_released_is_in_again(here, isolation):
    Isolation(died_in(WEB)).own_up(here.store, "me", here.now)
    isolation.learn(here.store, here.now)
    here.store.release(WEB)
    isolation.learn(here.store, here.now)
    assert isolation.blocks(WEB, 1, here.now) is None


@pytest.mark.hazard("F11")
def test_a_clock_that_is_wrong_shuts_a_domain_out_no_longer(here, isolation):
    ahead = Moment(here.now.wall + 3600, here.now.mono)
    Isolation(died_in(WEB)).own_up(here.store, "other", ahead)
    isolation.learn(here.store, here.now)
    soon = later(here.now, QUARANTINE_FIRST - 1)
    isolation.learn(here.store, soon)
    assert isolation.blocks(WEB, 1, soon).until == here.now.mono + QUARANTINE_FIRST
    assert isolation.blocks(WEB, 1, later(here.now, QUARANTINE_FIRST)) is None
