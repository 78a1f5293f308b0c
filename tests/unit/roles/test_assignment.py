"""The leader's table: who gets partitions, and when the group's word is not believed."""

from typing import Any

import pytest

from elastic.adapters.membership.memory import MemoryElection
from elastic.adapters.store.memory import MemoryStore
from elastic.errors import Superseded
from elastic.model.assignment import Assignment, Member
from elastic.ports.membership import Presence
from elastic.roles.assignment import Assigner
from tests.scenario.world import Hand

SESSION, DEBOUNCE = 10.0, 1.0
PARTITIONS = 12


class Office:
    """Member a leads. `here`: since when each is there; `dead`: those whose end is proved."""

    def __init__(self, members: str = "abc") -> None:
        self.clock = Hand()
        self.store = MemoryStore(PARTITIONS, clock=self.clock)
        self.election = MemoryElection(self.store, "a", self.clock, ttl=1e9)
        seat = self.election.contend("decider")
        assert seat is not None
        self.seat, self.term = seat, self.store.raise_term(seat)
        self.assigner = Assigner(self.store, "a", self.clock, SESSION, DEBOUNCE)
        long_ago = self.clock.monotonic() - 100
        self.here = dict.fromkeys(members, long_ago)
        self.dead: set[str] = set()
        self.cards: dict[str, dict[str, Any]] = {name: {} for name in members}

    def turn(self, seconds: float = 0.0) -> bool:
        self.clock.advance(seconds)
        present = {name: Presence(name, at, name in self.dead) for name, at in self.here.items()}
        cards = {name: Member(name=name, **said) for name, said in self.cards.items()}
        return self.assigner.turn(self.seat, self.term, present, cards)

    def come(self, name: str) -> None:
        self.here[name] = self.clock.monotonic()
        self.cards[name] = {}

    def go(self, *names: str) -> None:
        for name in names:
            del self.here[name]

    @property
    def table(self) -> Assignment:
        return self.store.assignment()

    @property
    def holders(self) -> str:
        return "".join(sorted(set(self.table.holders)))


@pytest.fixture
def office() -> Office:
    made = Office()
    assert made.turn()
    return made


def test_the_first_table_gives_each_its_share(office):
    assert [office.table.holders.count(name) for name in "abc"] == [4, 4, 4]
    assert (office.table.serial, office.table.term) == (1, office.term.number)
    assert set(office.table.since) == {1}


def test_without_news_nothing_is_written(office):
    assert not office.turn(1.0)
    assert office.table.serial == 1


@pytest.mark.hazard("F21")
@pytest.mark.parametrize("word", ["", "b", "bc"])
def test_a_word_of_the_group_without_ourselves_is_not_believed(office, word):
    office.here = {name: at for name, at in office.here.items() if name in word}
    assert not office.turn()
    assert not office.turn(10 * SESSION)
    assert office.holders == "abc"


def test_one_that_has_not_said_what_it_is_holds_nothing():
    made = Office("ab")
    del made.cards["b"]
    made.turn()
    assert made.holders == "a"


def test_one_that_leaves_is_taken_over_from_at_once(office):
    office.go("c")
    assert office.turn()
    assert office.holders == "ab"


@pytest.mark.hazard("F21")
def test_more_than_half_gone_is_not_believed_before_a_session_has_passed(office):
    office.go("b", "c")
    assert not office.turn()
    assert not office.turn(SESSION - 0.1)
    assert office.holders == "abc"
    assert office.turn(0.1)
    assert office.holders == "a"


def test_a_hiccup_in_between_begins_the_wait_anew(office):
    was = dict(office.here)
    office.go("b", "c")
    office.turn()
    office.here = was
    office.turn(SESSION - 1)
    office.go("b", "c")
    assert not office.turn(2.0)
    assert office.holders == "abc"


def test_what_was_missed_before_we_stood_down_counts_for_nothing(office):
    office.go("b", "c")
    office.turn()
    office.assigner.stand_down()
    assert not office.turn(SESSION)
    assert office.turn(SESSION)


def test_proof_of_death_is_believed_at_once(office):
    office.dead = {"b", "c"}
    assert office.turn()
    assert office.holders == "a"


def test_proof_of_one_is_no_proof_of_the_other(office):
    office.dead = {"b"}
    office.go("c")
    assert not office.turn()
    assert office.turn(SESSION)
    assert office.holders == "a"


def test_exactly_half_is_not_more_than_half():
    made = Office("abcd")
    made.turn()
    made.go("c", "d")
    assert made.turn()
    assert made.holders == "ab"


def test_of_two_one_may_go_at_once():
    made = Office("ab")
    made.turn()
    made.go("b")
    assert made.turn()
    assert made.holders == "a"


@pytest.mark.hazard("F17")
def test_a_newcomer_waits_a_moment_before_it_is_given_anything(office):
    office.come("d")
    assert not office.turn()
    assert not office.turn(DEBOUNCE - 0.1)
    assert office.turn(0.1)
    assert [office.table.holders.count(name) for name in "abcd"] == [3, 3, 3, 3]


def test_a_holder_that_is_back_within_the_moment_need_not_wait(office):
    office.come("c")
    assert not office.turn()
    assert office.holders == "abc"


def test_the_first_of_all_waits_a_moment_too():
    made = Office("")
    made.come("a")
    assert not made.turn()
    assert made.turn(DEBOUNCE)


def test_weights_are_shares(office):
    office.cards["a"] = {"weight": 2.0}
    office.turn()
    assert [office.table.holders.count(name) for name in "abc"] == [6, 3, 3]


def test_a_weight_of_nought_is_to_hold_nothing(office):
    office.cards["c"] = {"weight": 0.0}
    assert office.turn()
    assert office.holders == "ab"


def test_when_nobody_is_to_hold_anything_the_table_stands(office):
    office.cards = {name: {"weight": 0.0} for name in "abc"}
    assert not office.turn()
    assert office.holders == "abc"


@pytest.mark.hazard("F20")
def test_one_that_is_not_able_for_a_session_is_left_out(office):
    office.cards["c"] = {"able": {"cloud": False, "bus": True}}
    assert not office.turn()
    assert not office.turn(SESSION - 0.1)
    assert office.turn(0.1)
    assert office.holders == "ab"


def test_a_short_inability_moves_nothing(office):
    for _ in range(4):
        office.cards["c"] = {"able": {"bus": False}}
        assert not office.turn(SESSION / 2)
        office.cards["c"] = {}
        assert not office.turn(SESSION / 2)


def test_one_that_is_able_again_is_back_at_once(office):
    office.cards["c"] = {"able": {"cloud": False}}
    office.turn()
    office.turn(SESSION)
    office.cards["c"] = {}
    assert office.turn()
    assert office.holders == "abc"


def test_a_newcomer_that_is_not_able_is_given_nothing_until_it_is(office):
    office.come("d")
    office.cards["d"] = {"able": {"bus": False}}
    assert not office.turn(DEBOUNCE)
    assert not office.turn(SESSION)
    assert office.holders == "abc"
    office.cards["d"] = {}
    assert office.turn()
    assert office.holders == "abcd"


def test_the_first_table_leaves_out_those_that_are_not_able_yet():
    made = Office("abc")
    made.cards["c"] = {"able": {"bus": False}}
    assert made.turn()
    assert made.holders == "ab"
    made.cards["c"] = {}
    assert made.turn()
    assert made.holders == "abc"


def test_a_newcomer_that_is_not_able_holds_too_when_nobody_is():
    made = Office("ab")
    made.cards = {name: {"able": {"cloud": False}} for name in "ab"}
    assert made.turn()
    assert made.holders == "ab"


def test_when_none_is_able_all_of_them_hold(office):
    office.cards = {name: {"able": {"cloud": False}} for name in "abc"}
    office.turn()
    office.turn(SESSION)
    assert office.holders == "abc"


def test_after_an_outage_of_all_the_first_that_is_able_again_does_not_take_everything(office):
    office.cards = {name: {"able": {"bus": False}} for name in "abc"}
    assert not office.turn()
    assert not office.turn(SESSION)
    office.cards["b"] = {}
    assert not office.turn()
    assert not office.turn(SESSION - 0.1)
    assert office.holders == "abc"
    assert office.turn(0.1)
    assert office.holders == "b"


@pytest.mark.hazard("F17")
def test_what_stays_with_its_holder_keeps_its_since(office):
    before = office.table
    office.go("c")
    office.turn()
    for partition in range(PARTITIONS):
        stays = before.holders[partition] == office.table.holders[partition]
        assert office.table.since[partition] == (1 if stays else 2)
    assert before.partitions_of("a") <= office.table.partitions_of("a")


def test_what_is_given_back_is_held_since_then(office):
    was = office.here["c"]
    office.go("c")
    office.turn()
    office.here["c"] = was
    office.turn()
    assert {office.table.since[p] for p in office.table.partitions_of("c")} == {3}


def test_the_next_leaders_table_is_of_its_term(office):
    office.election.resign("decider")
    office.seat = office.election.contend("decider")
    office.term = office.store.raise_term(office.seat)
    office.go("c")
    office.turn()
    assert (office.table.serial, office.table.term) == (2, 2)


def test_one_whose_seat_is_anothers_by_now_is_told(office):
    office.election.resign("decider")
    MemoryElection(office.store, "b", office.clock).contend("decider")
    office.go("c")
    with pytest.raises(Superseded):
        office.turn()
    assert office.holders == "abc"
