"""What is said of an instance by its own word, by its silence, and by how long we have listened."""

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from elastic.errors import BadRequest
from elastic.model.domain import HealthPolicy
from elastic.model.heartbeat import Heard
from elastic.model.states import Health, InstanceState
from elastic.rules.diagnosis import Verdict, diagnose, next_look, well_until
from tests.unit.asking import STATES

SHORT = HealthPolicy(boot_timeout=10, missing_timeout=5, really_missing_timeout=3, zombie_seconds=10)


def facts(state: int = 600, health: str = "OK", heard: float | None = None, **rest: Any) -> dict[str, Any]:
    said = rest.pop("said", "OK")
    return {
        "policy": rest.pop("policy", SHORT),
        "state": STATES[str(state)],
        "state_time": rest.pop("state_time", 0),
        "health": Health(health),
        "health_time": rest.pop("health_time", 0),
        "heard": None if heard is None else Heard(heard, said, tuple(rest.pop("errors", ()))),
        "asked_at": rest.pop("asked_at", None),
        "watching_since": rest.pop("watching_since", 0),
        **rest,
    }


def judged(**known: Any) -> tuple[str, bool]:
    verdict = diagnose(**facts(**known))
    return verdict.health.value, verdict.ask


RUNNING_ONES = [
    ({"heard": 95, "now": 100}, "OK", False),
    ({"heard": 94.5, "now": 100}, "OUT_OF_CONTACT", True),
    ({"heard": 130, "now": 100}, "OK", False),
    ({"heard": 5, "said": "MONITOR_ERROR", "now": 5}, "MONITOR_ERROR", False),
    ({"health": "UNKNOWN", "now": 10}, "UNKNOWN", False),
    ({"health": "UNKNOWN", "now": 10.5}, "OUT_OF_CONTACT", True),
    ({"health": "UNKNOWN", "heard": 2, "said": "PROCESS_ERROR", "now": 3}, "PROCESS_ERROR", False),
    ({"health": "UNKNOWN", "state_time": 50, "watching_since": 90, "now": 100}, "UNKNOWN", False),
    ({"health": "UNKNOWN", "state_time": 50, "watching_since": 90, "now": 101}, "OUT_OF_CONTACT", True),
    ({"watching_since": 100, "now": 105}, "OK", False),
    ({"watching_since": 100, "now": 106}, "OUT_OF_CONTACT", True),
    ({"watching_since": None, "now": 100}, "OUT_OF_CONTACT", True),
    ({"state_time": 96, "now": 100}, "OK", False),
    ({"state_time": 100, "heard": 90, "now": 105}, "OK", False),
    ({"heard": 90, "said": "PROCESS_ERROR", "health": "PROCESS_ERROR", "now": 100}, "OUT_OF_CONTACT", True),
    ({"heard": 90, "asked_at": 60, "now": 100}, "OUT_OF_CONTACT", True),
    ({"heard": 0.1, "now": 5.1}, "OK", False),  # 5.1 - 0.1 is 5, and no more
]

SILENT_ONES = [
    ({"heard": 80, "asked_at": 90, "now": 93}, "OUT_OF_CONTACT", False),
    ({"heard": 80, "asked_at": 90, "now": 93.5}, "MISSING", False),
    ({"heard": 80, "asked_at": 92, "now": 94}, "OUT_OF_CONTACT", False),
    ({"heard": 80, "now": 93}, "OUT_OF_CONTACT", True),
    ({"heard": 80, "now": 94}, "MISSING", False),
    ({"heard": 90, "asked_at": 90, "now": 94}, "OK", False),
    ({"heard": 91, "said": "PROCESS_ERROR", "asked_at": 90, "now": 94}, "PROCESS_ERROR", False),
    ({"heard": 89, "asked_at": 90, "now": 93}, "OUT_OF_CONTACT", False),
    ({"asked_at": 90, "watching_since": 95, "now": 100}, "OUT_OF_CONTACT", False),
    ({"asked_at": 90, "watching_since": 95, "now": 100.5}, "MISSING", False),
    ({"asked_at": 90, "watching_since": None, "now": 94}, "MISSING", False),
    ({"heard": 95, "asked_at": 90, "now": 120}, "OUT_OF_CONTACT", True),
    ({"health": "MISSING", "heard": 80, "now": 500}, "MISSING", False),
    ({"health": "MISSING", "watching_since": 499, "now": 500}, "MISSING", False),
    ({"health": "MISSING", "heard": 95, "now": 96}, "OK", False),
]

NOT_RUNNING = [
    *(
        ({"state": state, "health": "UNKNOWN", "now": 10000}, "UNKNOWN", False)
        for state in (100, 200, 300, 400, 500)
    ),
    ({"state": 400, "health": "UNKNOWN", "heard": 9, "now": 10}, "OK", False),
    ({"state": 500, "heard": 9, "now": 1000}, "OK", False),
    ({"state": 650, "now": 1000}, "OK", False),
    ({"state": 650, "health": "OUT_OF_CONTACT", "now": 1000}, "OUT_OF_CONTACT", True),
    ({"state": 650, "health": "OUT_OF_CONTACT", "asked_at": 5, "now": 1000}, "OUT_OF_CONTACT", False),
]

OVER = [
    ({"health": "ZOMBIE", "now": 100}, "UNKNOWN", False),
    ({"health": "OUT_OF_CONTACT", "heard": 52, "now": 55}, "OUT_OF_CONTACT", False),
    ({"health": "OK", "heard": 60, "said": "PROCESS_ERROR", "now": 60}, "OK", False),
    ({"health": "UNKNOWN", "heard": 60.5, "now": 61}, "ZOMBIE", False),
    ({"health": "ZOMBIE", "heard": 61, "now": 71}, "ZOMBIE", False),
    ({"health": "ZOMBIE", "heard": 61, "now": 71.5}, "UNKNOWN", False),
    ({"health": "OK", "heard": 51, "now": 62}, "UNKNOWN", False),
]


@pytest.mark.parametrize(("known", "health", "ask"), RUNNING_ONES)
def test_one_that_runs_is_what_it_says_until_it_is_silent_too_long(known, health, ask):
    assert judged(**known) == (health, ask)


@pytest.mark.parametrize(("known", "health", "ask"), SILENT_ONES)
def test_a_silent_one_is_asked_once_and_given_up_later(known, health, ask):
    assert judged(**{"health": "OUT_OF_CONTACT", "health_time": 90, **known}) == (health, ask)


@pytest.mark.parametrize(("known", "health", "ask"), NOT_RUNNING)
def test_only_one_that_runs_is_judged_by_silence(known, health, ask):
    assert judged(**known) == (health, ask)


@pytest.mark.parametrize("state", [700, 800, 900, 950])
@pytest.mark.parametrize(("known", "health", "ask"), OVER)
def test_one_that_is_over_is_a_zombie_while_it_is_heard(state, known, health, ask):
    assert judged(state=state, state_time=50, **known) == (health, ask)


def test_one_heard_up_to_its_end_is_no_zombie_a_second_later():
    assert judged(policy=HealthPolicy(), state=700, state_time=1000, heard=1000, now=1001) == ("OK", False)


def test_without_a_time_of_its_own_health_is_as_old_as_the_state():
    known = {"health": "OUT_OF_CONTACT", "health_time": None, "state_time": 90, "watching_since": None}
    assert judged(heard=89, now=93, asked_at=89, **known) == ("OUT_OF_CONTACT", False)
    assert judged(heard=90, now=93, asked_at=89, **known) == ("OK", False)


def test_a_shorter_patience_holds_at_once():
    assert judged(heard=90, now=100, policy=HealthPolicy(missing_timeout=120)) == ("OK", False)
    assert judged(heard=90, now=100, policy=HealthPolicy(missing_timeout=7)) == ("OUT_OF_CONTACT", True)


def test_the_reason_carries_what_went_wrong():
    assert diagnose(**facts(heard=9, said="PROCESS_ERROR", errors=["disk full"], now=10)).reason == "disk full"


def test_a_word_that_no_agent_says_is_refused():
    with pytest.raises(BadRequest, match="FINE"):
        diagnose(**facts(heard=9, said="FINE", now=10))


def test_a_silence_is_judged_step_by_step_across_a_hand_over():
    story = [
        # now, heard, watching since, verdict
        (20, 15, 0, "OK"),
        (21, 15, 0, "OUT_OF_CONTACT"),
        (22, None, 22, "OUT_OF_CONTACT"),
        (27, None, 22, "OUT_OF_CONTACT"),
        (28, None, 22, "MISSING"),
    ]
    known = facts()
    for now, heard, watching, expected in story:
        known |= {"heard": heard and Heard(heard, "OK"), "watching_since": watching, "now": now}
        verdict = diagnose(**known)
        assert verdict.health == expected
        known = stored(known, verdict)


def stored(known: dict[str, Any], verdict: Verdict) -> dict[str, Any]:
    after = dict(known)
    if verdict.health is not known["health"]:
        after |= {"health": verdict.health, "health_time": known["now"]}
    if verdict.ask:
        after["asked_at"] = known["now"]
    return after


def test_one_whose_question_was_lost_is_given_its_time_from_now():
    known = facts(health="OUT_OF_CONTACT", health_time=90, heard=80, now=92)
    assert diagnose(**known).ask
    assert 95 < next_look(**known) < 95.001


times = st.one_of(st.integers(0, 60), st.floats(0, 60, allow_nan=False))
maybe = st.one_of(st.none(), times)
patience = st.sampled_from([0, 0.1, 3, 7.5])
any_facts = st.fixed_dictionaries(
    {
        "policy": st.builds(
            HealthPolicy,
            boot_timeout=patience,
            missing_timeout=patience,
            really_missing_timeout=patience,
            zombie_seconds=patience,
        ),
        "state": st.sampled_from([InstanceState.STARTED, InstanceState.RUNNING, InstanceState.TERMINATED]),
        "state_time": times,
        "health": st.sampled_from(Health),
        "health_time": maybe,
        "heard": st.one_of(st.none(), st.builds(Heard, times, st.sampled_from(["OK", "PROCESS_ERROR"]))),
        "asked_at": maybe,
        "watching_since": maybe,
        "now": times,
    }
)


@given(any_facts, st.floats(0, 1))
def test_before_the_next_look_nothing_changes(known, part):
    verdict, look = diagnose(**known), next_look(**known)
    until = look if look is not None else known["now"] + 1000.0
    assert until > known["now"]
    between = known["now"] + part * (until - known["now"])
    assume(between < until)
    assert diagnose(**stored(known, verdict) | {"now": between}).health is verdict.health


@given(any_facts)
def test_at_the_next_look_something_changes(known):
    verdict, look = diagnose(**known), next_look(**known)
    assume(look is not None)
    assert diagnose(**stored(known, verdict) | {"now": look}).health is not verdict.health


@given(any_facts)
def test_nobody_is_asked_twice(known):
    """From then on it is out of contact anew: so the doctor takes one that spoke and fell silent again."""
    verdict = diagnose(**known)
    after = stored(known, verdict) | {"health_time": known["now"]}
    assert not (verdict.ask and diagnose(**after).ask)


@given(any_facts)
def test_nobody_is_given_up_before_it_was_out_of_contact(known):
    verdict = diagnose(**known)
    gone = {Health.MISSING, Health.OUT_OF_CONTACT}
    assert verdict.health is not Health.MISSING or known["health"] in gone


@given(any_facts)
def test_the_quick_look_says_what_the_long_one_says(known):
    watching = known["watching_since"] if known["watching_since"] is not None else 0
    signs = {name: known[name] for name in ("policy", "state", "state_time", "health", "heard", "now")}
    until = well_until(**signs, watching_since=watching)
    if until is None:
        return
    for now in (known["now"], (known["now"] + until) / 2, until - 0.0005):
        verdict = diagnose(**{**known, "watching_since": watching, "now": now})
        assert (verdict.health, verdict.ask) == (Health.OK, False)
    later = {**known, "watching_since": watching, "now": until + 0.001}
    assert diagnose(**later).health is Health.OUT_OF_CONTACT


def test_the_quick_look_is_taken_at_those_that_are_well():
    known = facts(health="OK", heard=80, now=82)
    signs = {name: known[name] for name in ("policy", "state", "state_time", "health", "heard", "now")}
    assert well_until(**signs, watching_since=0) == 80 + known["policy"].missing_timeout
    assert well_until(**{**signs, "heard": Heard(80, "MONITOR_ERROR")}, watching_since=0) is None


def test_and_at_those_that_have_not_been_heard_here_yet_as_all_are_at_a_hand_over():
    known = facts(health="OK", state_time=50, now=82)
    signs = {name: known[name] for name in ("policy", "state", "state_time", "health", "heard", "now")}
    assert well_until(**signs, watching_since=80) == 80 + known["policy"].missing_timeout
    assert well_until(**{**signs, "health": Health.UNKNOWN}, watching_since=80) is None
