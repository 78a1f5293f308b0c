"""What an engine is shown of a domain; and from its answer to the records that say so."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elastic.model.actions import Answer, Candidate, Launch, Sample, Work
from elastic.model.observed import Observed
from elastic.model.states import Health, InstanceState
from elastic.model.view import Standing
from elastic.rules.caution import Brake
from elastic.rules.wishes import question, wishes
from tests.unit.rules.views import record, view

NOW = 5000.0
OFF = Brake()
LAUNCH = Launch("north", "worker", "small", {"k": "v"})


def answer(*terminates: str, launches: int = 0, **rest: Any) -> Answer:
    said = {"desired": 1, "status": "PENDING", **rest}
    return Answer(launches=(LAUNCH,) * launches, terminates=terminates, **said)


def shown(*records: Any, brake: Brake = OFF, seen: float = 0.0, **of_domain: Any) -> dict[str, Candidate]:
    asked = question(view(records, **of_domain), brake, NOW, lambda _: seen)
    return {i.instance_id: i for i in asked.instances}


# the question


def test_a_stamp_that_our_watching_does_not_allow_is_shown_by_it_in_the_same_words_each_time():
    ahead = record("a", state_time=NOW + 3600)
    shows = {shown(ahead, seen=30 + n / 1e6)["a"].state_time for n in range(-5, 6)}
    assert shows == {NOW - 30}


def test_the_engine_is_shown_the_domain_as_it_is():
    memo, load = {"size": 2}, {"load": Sample(1.0, 2.0)}
    of_domain = view([], Standing(memo=memo), engine_conf={"preserve_n": 2}, general={"engine": "sensor"})
    asked = question(of_domain, OFF, NOW, lambda _: 0.0, Observed(domain=load))
    assert (asked.engine, asked.engine_conf, asked.memo) == ("sensor", {"preserve_n": 2}, memo)
    assert (asked.removed, asked.now, asked.sensors) == (False, NOW, load)


def test_an_instance_is_shown_with_what_it_was_wished_as():
    given = record("a", 500, "OK", allocation="small", extravars={"k": "v"}, state_time=4000.0)
    assert shown(given, protected=("a",))["a"] == Candidate(
        instance_id="a",
        state=InstanceState.STARTED,
        health=Health.OK,
        state_time=4000.0,
        site="north",
        deployable_type="t",
        allocation="small",
        extravars={"k": "v"},
        protected=True,
    )


def test_an_instance_is_shown_with_what_is_measured_of_it():
    load, busy = {"load": Sample(1.0, 2.0)}, Work(active=1)
    observed = Observed(instances={"a": load, "gone": load}, work={"a": busy})
    found = question(view([record("a"), record("b")]), OFF, NOW, lambda _: 0.0, observed).instances
    assert [(i.instance_id, i.sensors, i.work) for i in found] == [("a", load, busy), ("b", {}, None)]


def test_those_held_by_the_brake_are_shown_as_late_only():
    silent = [record(name, 600, "MISSING") for name in "abc"]
    found = shown(*silent, brake=Brake(frozenset("bc"), "a", "together"))
    assert [found[name].health for name in "abc"] == [Health.MISSING, *[Health.OUT_OF_CONTACT] * 2]
    assert [found[name].is_unhealthy for name in "abc"] == [True, False, False]


def test_one_that_a_client_wants_gone_is_shown_as_going():
    found = shown(record("a", 600, "MISSING"), record("b"), doomed=("a",))
    assert (found["a"].state, found["a"].health) == (InstanceState.TERMINATING, Health.UNKNOWN)
    assert found["b"].state is InstanceState.RUNNING


def test_a_clients_word_counts_more_than_the_brake():
    found = shown(record("a", 600, "MISSING"), brake=Brake(frozenset("a"), None, "together"), doomed=("a",))
    assert found["a"].state is InstanceState.TERMINATING


@pytest.mark.parametrize("state", [700, 800, 900])
def test_one_that_is_over_is_shown_as_it_ended_whatever_clients_want(state):
    found = shown(record("a", state, "ZOMBIE"), doomed=("a",))
    assert (found["a"].state.value[:3], found["a"].health) == (str(state), Health.ZOMBIE)


@pytest.mark.parametrize(
    ("stamp", "seen_for", "told"),
    [
        (4000.0, 10.0, 4000.0),  # older than our watching: it was there before us
        (4990.0, 10.0, 4990.0),
        (9000.0, 10.0, 4990.0),  # from the future: the clock was set back
        (9000.0, 0.0, NOW),
    ],
)
def test_a_stamp_is_never_later_than_our_watching_allows(stamp, seen_for, told):
    assert shown(record("a", 900, state_time=stamp), seen=seen_for)["a"].state_time == told


@given(st.floats(0, 1e9), st.floats(0, 1e6))
def test_no_stamp_lies_in_the_future(stamp, seen_for):
    assert shown(record("a", 900, state_time=stamp), seen=seen_for)["a"].state_time <= NOW


# the wishes


def test_a_launch_becomes_a_record_that_says_all_of_it():
    made = wishes(view(standing=Standing(next_number=7), incarnation=12), answer(launches=1), 0x3FA, NOW)
    (new,) = made.added
    assert new.instance_id == "i-3fa-12-7"
    assert (new.site, new.deployable_type, new.allocation, new.extravars) == (
        "north",
        "worker",
        "small",
        {"k": "v"},
    )
    assert (new.state, new.state_time, new.health) == (InstanceState.REQUESTING, NOW, Health.UNKNOWN)
    assert (new.attempt, new.server_id) == (None, None)


@given(st.integers(1, 1000), st.lists(st.integers(0, 5), max_size=8))
def test_numbers_only_rise_and_none_is_given_twice(first, rounds):
    number, names = first, []
    for count in rounds:
        made = wishes(view(standing=Standing(next_number=number)), answer(launches=count), 1, NOW)
        names += [i.instance_id for i in made.added]
        assert made.next_number == number + count
        number = made.next_number
    assert names == [f"i-001-1-{n}" for n in range(first, number)]


def test_those_that_clients_named_go_first():
    made = wishes(view([record(n) for n in "abcd"], doomed=("c",)), answer("a", "b"), 1, NOW)
    assert list(made.going) == ["c", "a", "b"]
    assert [(a.do, a.instance_id) for a in made.actions] == [("terminate", n) for n in "cab"]


def test_one_named_by_both_goes_once():
    assert list(wishes(view([record("a")], doomed=("a",)), answer("a"), 1, NOW).going) == ["a"]


@pytest.mark.parametrize("state", [700, 800, 900, 950])
def test_one_that_is_over_is_not_ended_again(state):
    over = view([record("a", state, "ZOMBIE")], doomed=("a",))
    assert wishes(over, answer("a"), 1, NOW).going == {}


def test_a_name_that_nobody_has_is_passed_over():
    made = wishes(view([record("a")], doomed=("old",)), answer("foreign"), 1, NOW)
    assert (made.going, made.actions) == ({}, ())


VERSIONS = [
    ("well", record("a", version=9), None),
    ("late", record("a", 600, "OUT_OF_CONTACT", version=9), None),
    ("silent", record("a", 600, "MISSING", version=9), 9),
    ("ill by its own word", record("a", 600, "PROCESS_ERROR", version=9), 9),
    ("came up wrong", record("a", 650, "OK", version=9), 9),
    ("coming", record("a", 400, "UNKNOWN", version=9), None),
]


@pytest.mark.hazard("F10")
@pytest.mark.parametrize(("going", "version"), [pytest.param(*row[1:], id=row[0]) for row in VERSIONS])
def test_only_what_ends_for_its_health_has_to_be_as_it_was_seen(going, version):
    assert wishes(view([going]), answer("a"), 1, NOW).going["a"][1] == version


def test_a_farewell_is_a_step_forward_of_whatever_the_record_is_by_then():
    leave, _ = wishes(view([record("a", 400)]), answer("a"), 1, NOW).going["a"]
    left = leave(record("a", 600, server_id="s-1"))
    assert (left.state, left.state_time, left.server_id) == (InstanceState.TERMINATING, NOW, "s-1")
    over = record("a", 800)
    assert leave(over) is over


REASONS = [
    ("it is too many", record("a"), {}, "more than wanted"),
    ("its domain goes", record("a", 650), {"removed": True, "doomed": ("a",)}, "its domain is removed"),
    ("a client says so", record("a", 600, "MISSING"), {"doomed": ("a",)}, "a client asked for its end"),
    ("it came up wrong", record("a", 650, reason="SHUTOFF"), {}, "it came up wrong: SHUTOFF"),
    ("it is silent", record("a", 600, "MISSING"), {}, "its health is MISSING"),
    (
        "it says so itself",
        record("a", 600, "PROCESS_ERROR", errors=("disk full", "no net")),
        {},
        "its health is PROCESS_ERROR: disk full; no net",
    ),
]


@pytest.mark.parametrize(("going", "of_domain", "reason"), [pytest.param(*row[1:], id=row[0]) for row in REASONS])
def test_the_record_says_why_it_goes(going, of_domain, reason):
    leave, _ = wishes(view([going], **of_domain), answer("a"), 1, NOW).going["a"]
    assert leave(going).reason == reason


def test_drains_are_actions_and_no_farewell():
    made = wishes(view([record("a")]), answer(drains=("a",)), 1, NOW)
    assert made.going == {}
    assert [(a.do, a.instance_id) for a in made.actions] == [("drain", "a")]


def test_one_that_drains_already_is_no_deed_of_this_decision():
    draining = Standing(memo={"draining": ["a"]})
    made = wishes(view([record("a"), record("b")], draining), answer(drains=("a", "b")), 1, NOW)
    assert [a.instance_id for a in made.actions] == ["b"]
    assert wishes(view([record("a")], draining), answer(drains=("a",)), 1, NOW).actions == ()


def test_a_change_of_size_is_told_once():
    story = [(Standing(), 3, "desired new -> 3"), (Standing(desired=3), 5, "desired 3 -> 5")]
    for before, desired, text in story:
        (event,) = wishes(view(standing=before), answer(desired=desired), 1, NOW).events
        assert (event.kind, event.text, event.domain) == ("scaled", text, "ann:web")
    assert wishes(view(standing=Standing(desired=3)), answer(desired=3), 1, NOW).events == ()


def test_each_ill_one_is_told_with_the_one_that_takes_its_place():
    ill = [record("a", 600, "MISSING"), record("b", 650, reason="SHUTOFF"), record("c")]
    made = wishes(view(ill, Standing(desired=1)), answer("a", "b", "c", launches=2), 1, NOW)
    assert [(e.kind, e.instance_id, e.text) for e in made.events] == [
        ("replaced", "a", "by i-001-1-1: its health is MISSING"),
        ("replaced", "b", "by i-001-1-2: it came up wrong: SHUTOFF"),
    ]


def test_of_a_removed_domain_nothing_is_told_but_its_end():
    made = wishes(view([record("a", 600, "MISSING")], removed=True), answer("a", desired=0), 1, NOW)
    assert made.events == ()
    assert list(made.going) == ["a"]
