"""What a domain's owner concludes of it: size, status, and conditions that keep their `since`."""

from typing import Any

import pytest
from msgspec.structs import replace

from elastic.model.actions import Answer, Launch, Reason
from elastic.model.view import Condition, Standing, View
from elastic.rules.caution import Brake
from elastic.rules.standing import Complaint, concluded, undecided
from elastic.rules.wishes import wishes
from tests.unit.rules.views import record, view

NOW = 5000.0
OFF = Brake()
ON = Brake(frozenset("bc"), "a", "3 instances fell silent together")
BAD = Complaint("EngineFailed", "BadConfig", "preserve_n is missing")
DIED = Complaint("Quarantined", "ReplicaDied", "m1 died in its visit")


def answer(desired: int = 2, *terminates: str, **rest: Any) -> Answer:
    return Answer(desired=desired, terminates=terminates, **{"status": "STABLE", **rest})


def conclude(shown: View, said: Answer, held: Brake = OFF, *complaints: Complaint, now: float = NOW) -> Standing:
    return concluded(shown, said, wishes(shown, said, 1, now), held, complaints, now)


def found(standing: Standing) -> dict[str, str]:
    return {c.type: c.reason for c in standing.conditions if c.status}


def test_a_conclusion_is_of_the_config_that_was_decided_on():
    before = Standing(revision=3, next_number=4, memo={"old": 1}, desired=1)
    said = answer(2, launches=(Launch("north", "t"),), memo={"new": 1}, status="PENDING")
    after = conclude(view(standing=before, revision=5), said)
    assert (after.revision, after.desired, after.status, after.memo) == (5, 2, "PENDING", {"new": 1})
    assert after.next_number == 5


@pytest.mark.parametrize(
    ("records", "desired", "is_ready", "text"),
    [
        ([record("a"), record("b")], 2, True, "2 of 2 run"),
        ([record("a"), record("b"), record("c")], 2, True, "3 of 2 run"),
        ([record("a"), record("b", 500)], 2, False, "1 of 2 run"),
        ([record("a"), record("b", 600, "MISSING")], 2, False, "1 of 2 run"),
        ([record("a"), record("b", 700)], 2, False, "1 of 2 run"),
        ([], 0, True, "0 of 0 run"),
    ],
)
def test_it_is_ready_when_as_many_run_as_are_wanted(records, desired, is_ready, text):
    ready = conclude(view(records), answer(desired)).condition("Ready")
    assert (ready.status, ready.text) == (is_ready, text)
    assert ready.reason == ("AllRunning" if is_ready else "TooFew")


def test_a_removed_domain_is_never_ready():
    assert not conclude(view(removed=True), answer(0)).condition("Ready").status


def test_it_scales_while_something_comes_or_goes():
    scaling = conclude(view([record("a")]), answer(1, "a", launches=(Launch("north", "t"),))).condition("Scaling")
    assert scaling.text == "1 to launch, 1 to terminate"
    assert conclude(view([record("a")]), answer(1)).condition("Scaling") is None


def test_it_is_degraded_while_some_are_unhealthy():
    ill = [record("a", 600, "MISSING"), record("b", 650), record("c"), record("d", 700)]
    assert conclude(view(ill), answer(4)).condition("Degraded").text == "2 instances are unhealthy"


def test_a_launch_that_has_to_wait_says_for_what():
    records = [
        record("a", 900, reason="no room", state_time=10.0),
        record("b", 950, reason="older", state_time=9.0),
    ]
    said = answer(1, reasons=(Reason("backoff", "north waits until 5010"), Reason("size", "1 is wanted")))
    stuck = conclude(view(records), said).condition("ProvisioningFailed")
    assert (stuck.reason, stuck.text) == ("Backoff", "north waits until 5010 (last: no room)")


def test_the_brake_is_told_while_it_is_on():
    assert found(conclude(view([record("a")]), answer(1), ON))["BrakeOn"] == "SilentTogether"
    assert "BrakeOn" not in found(conclude(view([record("a")]), answer(1), OFF))


def test_what_other_roles_complain_of_is_told_too():
    complaint = Complaint("Degraded", "DoctorFailed", "KeyError: x")
    assert found(conclude(view([record("a")]), answer(1), OFF, complaint)) == {
        "Ready": "AllRunning",
        "Degraded": "DoctorFailed",
    }


def test_a_condition_keeps_its_since_while_it_says_the_same():
    ill = [record("a"), record("b", 600, "MISSING")]
    first = conclude(view(ill), answer(2))
    again = conclude(view([*ill, record("c", 650)], first), answer(2), now=NOW + 60)
    assert {c.type: c.since for c in again.conditions} == {"Ready": NOW, "Degraded": NOW}
    assert again.condition("Degraded").text == "2 instances are unhealthy"


def test_a_condition_that_says_something_else_is_new():
    first = conclude(view([record("a")]), answer(2))
    later = conclude(view([record("a"), record("b")], first), answer(2), now=NOW + 60)
    assert (first.condition("Ready").since, later.condition("Ready").since) == (NOW, NOW + 60)


def test_a_condition_that_came_back_is_new():
    ill, well = view([record("a", 600, "MISSING")]), view([record("a")])
    first = conclude(ill, answer(1))
    cured = conclude(replace(well, standing=first), answer(1), now=NOW + 60)
    again = conclude(replace(ill, standing=cured), answer(1), now=NOW + 120)
    assert again.condition("Degraded").since == NOW + 120


def test_the_same_domain_concluded_again_is_the_same_standing():
    shown = view([record("a"), record("b", 600, "MISSING")])
    first = conclude(shown, answer(2))
    assert conclude(replace(shown, standing=first), answer(2), now=NOW + 60) == first


@pytest.mark.parametrize(
    ("held", "terminates", "last_trickle"),
    [
        (ON, ("a",), NOW),
        (OFF, ("a",), NOW),  # the first of a wave, before there was a brake
        (ON, (), 100.0),
        (ON, ("d",), 100.0),
        (ON, ("e",), 100.0),
    ],
)
def test_each_replacement_of_a_silent_one_begins_a_period_of_the_trickle(held, terminates, last_trickle):
    silent = [record(name, 600, "MISSING", health_time=NOW - 5) for name in "abc"]
    others = [record("d"), record("e", 600, "PROCESS_ERROR")]
    after = conclude(view(silent + others, Standing(last_trickle=100.0)), answer(4, *terminates), held)
    assert after.last_trickle == last_trickle


# no decision was made

CONCLUDED = Standing(
    revision=3,
    desired=2,
    status="STABLE",
    conditions=(
        Condition("Ready", True, "AllRunning", "2 of 2 run", 100.0),
        Condition("Degraded", True, "x", "y", 1.0),
    ),
    memo={"size": 2},
    next_number=9,
    last_trickle=7.0,
)


def test_without_a_decision_all_else_stays_as_it_was_concluded():
    after = undecided(view(standing=CONCLUDED, revision=4), (DIED,), NOW)
    assert replace(after, conditions=()) == replace(CONCLUDED, conditions=())
    assert after.condition("Ready") == CONCLUDED.condition("Ready")
    assert after.condition("Quarantined").since == NOW


def test_a_config_at_fault_is_told_to_who_waits_for_it():
    assert undecided(view(standing=CONCLUDED, revision=4), (BAD,), NOW).revision == 4


@pytest.mark.parametrize("complaints", [(), (DIED,)])
def test_one_that_is_merely_shut_out_has_not_been_decided_on(complaints):
    assert undecided(view(standing=CONCLUDED, revision=4), complaints, NOW).revision == 3


def test_a_complaint_keeps_its_since_and_goes_when_it_is_over():
    first = undecided(view(standing=CONCLUDED), (BAD,), NOW)
    again = undecided(view(standing=first), (replace(BAD, text="other words"),), NOW + 60)
    assert again.condition("EngineFailed").since == NOW
    assert found(undecided(view(standing=again), (), NOW + 90)) == {"Ready": "AllRunning"}
