"""What leaders do for all: each under its own term, and one that cannot hands over."""

import pytest

from elastic.adapters.membership.memory import MemoryElection
from elastic.errors import StoreUnavailable, Superseded
from elastic.model.assignment import Member
from elastic.ports.membership import Presence
from elastic.roles.duties import GIVE_UP_AFTER, Duties
from elastic.roles.leadership import Leadership
from tests.unit.roles.setting import Setting

SESSION, LOOK_AGAIN = 10.0, 0.5


class Deed:
    """A duty: what it was asked to do. `is_due`: else there is nothing to do now."""

    def __init__(self) -> None:
        self.done: list = []
        self.is_due = True
        self.error: Exception | None = None
        self.failures = 0
        self.stood_down = 0

    def turn(self, *asked: object) -> bool:
        self.done.append(asked)
        if self.error is not None and self.is_due and asked != (None,):
            raise self.error
        return self.is_due

    def stand_down(self) -> None:
        self.stood_down += 1


class Office:
    """Member me, beside another that is there and able, unless said."""

    def __init__(self) -> None:
        self.here = here = Setting()
        self.election = MemoryElection(here.store, "me", here.clock, SESSION)
        here.store.leases._leases.clear()  # the setting's own leader has nothing to do here
        self.leadership = Leadership(self.election, here.store, "me", SESSION, lambda: here.now)
        self.assigner, self.surveyor, self.sweep = Deed(), Deed(), Deed()
        self.duties = Duties(
            self.leadership, here.store, "me", self.assigner, self.surveyor, self.sweep, LOOK_AGAIN
        )
        for name in ("me", "other"):
            here.store.describe_member(Member(name=name))
        self.duties.present = {name: Presence(name, 0.0) for name in ("me", "other")}
        self.leadership.contend()

    def turn(self, seconds: float = 1.0) -> None:
        self.here.clock.advance(seconds)
        self.duties.turn(lambda: frozenset(), self.here.now)

    @property
    def leads(self) -> set[str]:
        return set(self.leadership.leads())


@pytest.fixture
def office() -> Office:
    return Office()


def test_each_duty_is_done_under_its_own_term(office):
    office.turn()
    seat, term, present, cards = office.assigner.done[0]
    assert (seat.role, term.role) == ("decider", "decider")
    assert present is office.duties.present
    assert set(cards) == {"me", "other"}
    ((reaper,),) = office.sweep.done
    assert reaper.role == "reaper"
    ((leads, _, now),) = office.surveyor.done
    assert (leads, now) == (True, office.here.clock.monotonic())


def test_the_group_is_looked_at_now_and_then(office):
    for _ in range(10):
        office.turn(LOOK_AGAIN / 5)
    assert len(office.assigner.done) == 2
    assert len(office.sweep.done) == 10


def test_a_group_that_is_another_than_before_is_looked_at_at_once(office):
    office.turn()
    both = office.duties.present
    dead = {**both, "other": Presence("other", 0.0, proved_dead=True)}
    for present in (dead, {"me": both["me"]}):
        office.duties.present = present
        for _ in range(3):
            office.turn(LOOK_AGAIN / 10)
    assert [present for _, _, present, _ in office.assigner.done] == [both, dead, {"me": both["me"]}]


def test_one_that_does_not_lead_does_nothing_but_look_after_itself(office):
    office.leadership.resign_all()
    office.turn()
    assert office.assigner.done == []
    assert office.assigner.stood_down == 1
    assert office.sweep.done == [(None,)]
    ((leads, _, _),) = office.surveyor.done
    assert not leads


def test_whoever_is_told_that_it_is_another_by_now_stands_down_from_that_alone(office):
    office.assigner.error = Superseded("a newer term exists")
    office.turn()
    assert office.leads == {"doctor", "reaper"}
    assert len(office.sweep.done) == 1
    office.turn()
    assert len(office.assigner.done) == 1
    assert office.assigner.stood_down


def test_one_that_fails_does_not_hold_up_the_others(office):
    office.assigner.error = KeyError("x")
    office.turn()
    assert len(office.sweep.done) == len(office.surveyor.done) == 1
    assert "decider" in office.leads


def test_a_store_that_does_not_answer_ends_the_turn(office):
    office.assigner.error = StoreUnavailable("cut off")
    for _ in range(GIVE_UP_AFTER + 1):
        with pytest.raises(StoreUnavailable):
            office.turn()
    assert "decider" in office.leads


def test_one_that_fails_three_turns_hands_over(office):
    office.sweep.error = KeyError("x")
    for _ in range(GIVE_UP_AFTER - 1):
        office.turn()
    assert "reaper" in office.leads
    office.turn()
    assert office.leads == {"decider", "doctor"}
    office.leadership.contend()
    assert "reaper" not in office.leads


def test_a_success_in_between_begins_the_count_anew(office):
    for _ in range(GIVE_UP_AFTER):
        office.sweep.error = KeyError("x")
        for _ in range(GIVE_UP_AFTER - 1):
            office.turn()
        office.sweep.error = None
        office.turn()
    assert "reaper" in office.leads


def test_a_turn_in_which_nothing_was_due_is_no_success(office):
    office.assigner.error = office.sweep.error = KeyError("x")
    for _ in range(GIVE_UP_AFTER):
        office.sweep.is_due = True
        office.turn()
        office.sweep.is_due = False
        for _ in range(5):
            office.turn(LOOK_AGAIN / 10)
    assert office.leads == {"doctor"}


@pytest.mark.parametrize("why", ["alone", "not there", "not able"])
def test_while_no_other_could_do_better_it_goes_on_trying(office, why):
    if why == "alone":
        office.here.store.forget_member("other")
    if why == "not there":
        office.duties.present = {"me": Presence("me", 0.0)}
    if why == "not able":
        office.here.store.describe_member(Member(name="other", able={"cloud": False}))
    office.sweep.error = KeyError("x")
    for _ in range(2 * GIVE_UP_AFTER):
        office.turn()
    assert "reaper" in office.leads
    assert len(office.sweep.done) == 2 * GIVE_UP_AFTER


def test_a_doctor_that_no_site_answers_hands_over(office):
    office.surveyor.failures = GIVE_UP_AFTER - 1
    office.turn()
    assert "doctor" in office.leads
    office.surveyor.failures = GIVE_UP_AFTER
    office.turn()
    assert office.leads == {"decider", "reaper"}


def test_one_that_is_no_doctor_hands_nothing_over(office):
    office.leadership.give_up("doctor")
    office.surveyor.failures = GIVE_UP_AFTER
    office.turn()
    assert office.leads == {"decider", "reaper"}


def test_a_role_is_another_one_after_a_hand_over(office):
    """The failures of its last time are not held against the next."""
    office.sweep.error = KeyError("x")
    for _ in range(GIVE_UP_AFTER):
        office.turn()
    office.here.clock.advance(1000)
    office.leadership.contend()
    assert "reaper" in office.leads
    office.turn()
    assert "reaper" in office.leads


def drain(office, name, weight=0):
    office.here.store.set_weight(name, weight)
    office.duties.lead_nothing_if_drained()


def test_a_drained_leader_gives_its_roles_up(office):
    drain(office, "me")
    assert office.leads == set()
    office.leadership.contend()
    assert office.leads == set()


def test_one_that_is_not_drained_keeps_them(office):
    drain(office, "me", weight=0.5)
    drain(office, "other")
    assert office.leads == {"decider", "doctor", "reaper"}


@pytest.mark.parametrize("why", ["alone", "not there", "not able", "drained as well"])
def test_a_drained_leader_goes_on_while_no_other_could(office, why):
    if why == "alone":
        office.here.store.forget_member("other")
    if why == "not there":
        office.duties.present = {"me": Presence("me", 0.0)}
    if why == "not able":
        office.here.store.describe_member(Member(name="other", able={"cloud": False}))
    if why == "drained as well":
        office.here.store.set_weight("other", 0)
    drain(office, "me")
    assert office.leads == {"decider", "doctor", "reaper"}


def test_a_leader_that_fails_does_not_hand_over_to_one_that_is_drained(office):
    office.here.store.set_weight("other", 0)
    office.sweep.error = KeyError("x")
    for _ in range(2 * GIVE_UP_AFTER):
        office.turn()
    assert "reaper" in office.leads
