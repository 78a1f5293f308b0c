"""Seats are hints, terms are granted: one a seat, and none after the store has refused it."""

from collections.abc import Callable

import pytest

from elastic.adapters.membership.memory import MemoryElection
from elastic.adapters.store.memory import MemoryStore
from elastic.errors import StoreUnavailable, Superseded
from elastic.model.assignment import ROLES
from elastic.roles.leadership import SHY, Leadership
from elastic.roles.moment import Moment
from tests.scenario.world import Hand

SESSION = 10.0


class Contest:
    """Members a and b over one store."""

    def __init__(self) -> None:
        self.clock = Hand()
        self.store = MemoryStore(4, clock=self.clock)
        self.elections = {name: MemoryElection(self.store, name, self.clock, SESSION) for name in "ab"}
        self.a, self.b = (self._leadership(name) for name in "ab")

    def _leadership(self, name: str) -> Leadership:
        now: Callable[[], Moment] = lambda: Moment.of(self.clock)  # noqa: E731
        return Leadership(self.elections[name], self.store, name, SESSION, now)

    def leaders(self) -> list[str]:
        return [e.text for e in self.store.events() if e.kind == "leader"]


@pytest.fixture
def contest() -> Contest:
    made = Contest()
    made.a.contend()
    made.b.contend()
    return made


def test_who_comes_first_holds_every_seat(contest):
    assert contest.a.leads() == frozenset(ROLES)
    assert contest.b.leads() == frozenset()
    assert contest.b.seat("decider") is None
    assert contest.b.term("decider") is None


def test_a_term_is_raised_once_a_seat(contest):
    for _ in range(3):
        assert contest.a.term("decider").number == 1
        contest.a.contend()
    assert contest.store.terms() == {"decider": 1}
    assert contest.leaders() == ["a leads decider, term 1"]


def test_no_term_is_raised_before_it_is_asked_for(contest):
    assert contest.store.terms() == {}
    assert contest.a.terms() == {}


def test_each_role_has_its_own_term(contest):
    contest.a.term("decider")
    assert contest.a.terms() == {"decider": 1}
    contest.a.term("reaper")
    assert contest.a.terms() == {"decider": 1, "reaper": 1}


def test_a_new_seat_has_a_new_term(contest):
    contest.a.term("decider")
    contest.clock.advance(SESSION)
    contest.a.contend()  # it had expired: another holding, though nobody else took it
    assert contest.a.term("decider").number == 2
    assert contest.a.terms() == {"decider": 2}


def depose(contest: Contest) -> None:
    """B takes over while A is away, and A does not know."""
    contest.clock.advance(SESSION)
    contest.b.contend()


def test_one_that_was_deposed_while_it_was_away_is_granted_no_term(contest):
    depose(contest)
    assert contest.a.leads() == frozenset(ROLES)
    assert contest.a.term("decider") is None
    assert "decider" not in contest.a.leads()
    assert contest.a.seat("decider") is None
    assert contest.b.term("decider").number == 1


@pytest.mark.hazard("F7")
def test_whoever_stood_down_stays_down_until_it_has_another_seat(contest):
    contest.a.term("decider")
    seat = contest.a.seat("decider")
    contest.a.stand_down(seat, Superseded("a newer term exists"))
    assert contest.a.seat("decider") is None
    assert contest.a.term("decider") is None
    assert contest.a.terms() == {}
    assert contest.store.terms() == {"decider": 1}


def test_a_seat_that_only_the_election_believes_in_is_given_back(contest):
    """Else nobody would lead."""
    contest.a.term("decider")
    contest.a.stand_down(contest.a.seat("decider"), Superseded("somebody meddled with the term"))
    contest.a.contend()
    assert contest.a.seat("decider") is None
    contest.b.contend()
    assert contest.b.term("decider").number == 2
    contest.a.contend()
    assert contest.a.seat("decider") is None


def test_it_may_be_ours_again(contest):
    contest.a.term("decider")
    contest.a.stand_down(contest.a.seat("decider"), Superseded("somebody meddled with the term"))
    for _ in range(2):
        contest.a.contend()
    assert contest.a.term("decider").number == 2


def test_who_stands_down_from_one_role_keeps_the_others(contest):
    contest.a.stand_down(contest.a.seat("decider"), Superseded("why"))
    assert contest.a.leads() == frozenset(ROLES) - {"decider"}


def test_a_lost_seat_is_noticed_at_the_next_contention(contest):
    depose(contest)
    contest.a.contend()
    assert contest.a.leads() == frozenset()
    assert contest.b.leads() == frozenset(ROLES)


def test_one_that_gives_a_role_up_hands_it_over_and_is_shy_of_it(contest):
    contest.a.give_up("doctor")
    assert contest.a.leads() == frozenset(ROLES) - {"doctor"}
    contest.a.contend()
    assert "doctor" not in contest.a.leads()
    contest.b.contend()
    assert contest.b.leads() == {"doctor"}


def test_shyness_passes(contest):
    contest.a.give_up("doctor")
    contest.clock.advance(SHY * SESSION - 0.1)
    contest.a.contend()
    assert "doctor" not in contest.a.leads()
    contest.clock.advance(0.1)
    contest.a.contend()
    assert "doctor" in contest.a.leads()


def test_one_that_goes_leaves_every_seat_and_takes_none(contest):
    contest.a.resign_all()
    contest.clock.advance(1e6)
    contest.a.contend()
    assert contest.a.leads() == frozenset()
    contest.b.contend()
    assert contest.b.leads() == frozenset(ROLES)


def test_when_the_store_does_not_answer_nobody_knows_who_leads(contest):
    contest.a.term("decider")
    contest.a.forget_seats()
    assert contest.a.leads() == frozenset()
    assert contest.a.term("decider") is None
    contest.a.contend()
    assert contest.a.term("decider").number == 1


def test_a_role_that_could_not_be_given_back_is_given_back_when_that_is_possible(contest, monkeypatch):
    """Else its lock would stay where nobody uses it for as long as the session lives."""

    def fails(role: str) -> None:
        raise StoreUnavailable("cut off")

    with monkeypatch.context() as cut:
        cut.setattr(contest.elections["a"], "resign", fails)
        with pytest.raises(StoreUnavailable):
            contest.a.give_up("decider")
    contest.a.contend()
    contest.b.contend()
    assert contest.b.seat("decider") is not None
    assert contest.a.seat("decider") is None


def test_whoever_elects_can_wake_us(contest, monkeypatch):
    woken: list[str] = []
    monkeypatch.setattr(contest.elections["a"], "set_wake", lambda wake: wake())
    contest.a.set_wake(lambda: woken.append("a"))
    assert woken == ["a"]
