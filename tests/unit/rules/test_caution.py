"""The brake: what falls silent together is not replaced together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elastic.model.instance import Instance
from elastic.model.view import Standing, View
from elastic.rules.caution import Brake, BrakePolicy, brake, most_together, silent_ones, silent_sites
from tests.unit.rules.views import record, view

POLICY = BrakePolicy()
NOW = 10_000.0
JUST_LET_ONE_GO = Standing(last_trickle=NOW - 1)


def silent(name: str, at: float = NOW - 10) -> Instance:
    return record(name, 600, "MISSING", health_time=at)


def domain(silent_count: int, size: int, **of_domain: object) -> View:
    gone = [silent(f"s{n}") for n in range(silent_count)]
    well = [record(f"w{n}") for n in range(size - silent_count)]
    return view(gone + well, **of_domain)


@pytest.mark.hazard("F13")
@pytest.mark.parametrize(
    ("missing", "size", "is_on"),
    [
        (0, 10, False),
        (1, 1, False),
        (2, 2, False),
        (1, 2, False),
        (2, 3, False),
        (3, 3, True),
        (2, 4, False),
        (3, 9, True),
        (3, 10, False),
        (4, 10, True),
        (30, 100, False),
        (31, 100, True),
    ],
)
def test_it_engages_at_three_and_more_than_thirty_percent(missing, size, is_on):
    assert brake(domain(missing, size), POLICY, NOW).is_on is is_on


@pytest.mark.hazard("F13")
@given(st.integers(1, 2), st.floats(0, 1), st.data())
def test_a_domain_of_one_or_two_is_never_braked_by_itself(size, share, data):
    missing = data.draw(st.integers(0, size))
    assert brake(domain(missing, size), BrakePolicy(share=share), NOW) == Brake()


def test_what_is_over_does_not_count_to_the_size():
    over = [record(f"o{n}", 800) for n in range(10)]
    assert brake(view([*over, *domain(3, 9).instances]), POLICY, NOW).is_on


@pytest.mark.hazard("F13")
@pytest.mark.parametrize(
    "other",
    [
        record("x", 650, "MISSING", health_time=NOW),
        record("x", 600, "PROCESS_ERROR", health_time=NOW),
        record("x", 600, "MONITOR_ERROR", health_time=NOW),
        record("x", 600, "OUT_OF_CONTACT", health_time=NOW),
        record("x", 700, "MISSING", health_time=NOW),
        record("x", 800, "UNKNOWN", health_time=NOW),
        record("x", 900, "UNKNOWN", health_time=NOW),
        record("x", 800, "ZOMBIE", health_time=NOW),
    ],
)
def test_only_silence_counts(other):
    others = [
        Instance(**{f: getattr(other, f) for f in other.__struct_fields__} | {"instance_id": f"x{n}"})
        for n in range(5)
    ]
    assert silent_ones(view(others)) == ()
    assert not brake(view([*others, silent("a"), silent("b")]), POLICY, NOW).is_on
    held = brake(view([*others, silent("a"), silent("b"), silent("c")]), BrakePolicy(share=0.1), NOW)
    assert held.held | {held.let_through} == {"a", "b", "c"}


def replaced(name: str, at: float = NOW - 10, **rest: object) -> Instance:
    """It fell silent at `at` and is on its way out for that."""
    return record(name, 700, "UNKNOWN", given_up=at, **rest)


def test_those_replaced_for_their_silence_count_with_those_silent_now():
    """One after another they fall silent, and each would be replaced before the next."""
    well = [record(f"w{n}") for n in range(5)]
    assert not brake(view([*well, replaced("a"), silent("c")]), POLICY, NOW).is_on
    held = brake(view([*well, replaced("a"), replaced("b"), silent("c")]), POLICY, NOW)
    assert held.is_on
    assert held.held | {held.let_through} == {"c"}


@pytest.mark.parametrize("at", [NOW - 500, NOW + 500])
def test_those_replaced_at_another_time_do_not_count(at):
    apart = view([replaced("a", at), replaced("b", at), silent("c")], health={"missing_timeout": 120})
    assert not brake(apart, POLICY, NOW).is_on


def test_when_none_is_silent_any_more_nothing_is_held():
    assert brake(view([replaced(f"r{n}") for n in range(5)]), POLICY, NOW) == Brake()


def test_an_operator_clears_it_of_those_replaced_before_too():
    cleared = [replaced("a", NOW - 30), replaced("b", NOW - 20), silent("c")]
    assert not brake(view(cleared, brake_cleared=NOW - 15), POLICY, NOW).is_on
    assert brake(view(cleared, brake_cleared=NOW - 40), POLICY, NOW).is_on


def test_a_site_counts_the_silent_and_those_replaced_of_late():
    shown = view(
        [
            silent("a"),
            record("b", 600, "MISSING", site="south", health_time=NOW - 5000),
            replaced("c", NOW - 100),
            replaced("d", NOW - 200, site="south"),
            record("e"),
        ]
    )
    assert sorted(silent_sites(shown, NOW - 120)) == ["north", "north", "south"]


def test_those_that_fell_silent_one_after_another_are_not_together():
    apart = view([silent("a", 100), silent("b", 250), silent("c", 400)], health={"missing_timeout": 120})
    assert not brake(apart, POLICY, NOW).is_on
    together = view([silent("a", 100), silent("b", 160), silent("c", 220)], health={"missing_timeout": 120})
    assert brake(together, POLICY, NOW).is_on


def test_the_first_to_fall_silent_is_let_through_and_the_others_are_held():
    held = brake(view([silent("c", 9000), silent("b", 8999), silent("a", 9000)]), POLICY, NOW)
    assert (held.let_through, held.held) == ("b", {"a", "c"})
    assert "3 instances fell silent together" in held.text


@pytest.mark.parametrize(
    ("ago", "let_through"),
    [(0, None), (299.9, None), (300.0, "s0"), (1000.0, "s0"), (-60.0, None), (-3600.0, "s0")],
    ids=["now", "just now", "a period ago", "long ago", "by a clock a minute ahead", "by one an hour ahead"],
)
def test_one_a_period_is_let_through(ago, let_through):
    shown = view(domain(4, 4).instances, Standing(last_trickle=NOW - ago))
    held = brake(shown, POLICY, NOW)
    assert held.is_on
    assert held.let_through == let_through
    assert held.held == {"s0", "s1", "s2", "s3"} - {let_through}


@given(st.integers(0, 12), st.integers(0, 12), st.floats(0, 20_000), st.booleans())
def test_never_is_more_than_one_let_through_and_none_is_forgotten(missing, well, last, site_braked):
    shown = view(domain(missing, missing + well).instances, Standing(last_trickle=last))
    held = brake(shown, POLICY, NOW, site_braked)
    assert held.let_through not in held.held
    if held.is_on:
        assert len(held.held) == missing - (held.let_through is not None)
        assert (held.let_through is None) == (abs(NOW - last) < POLICY.trickle)


def test_an_operator_clears_it_for_those_silent_until_then():
    assert not brake(domain(4, 4, brake_cleared=NOW - 10), POLICY, NOW).is_on
    assert brake(domain(4, 4, brake_cleared=NOW - 11), POLICY, NOW).is_on


def test_those_that_fall_silent_after_it_was_cleared_count_anew():
    shown = view([silent(f"s{n}", NOW - 500) for n in range(4)] + [silent("new")], brake_cleared=NOW - 400)
    assert [i.instance_id for i in silent_ones(shown)] == ["new"]


def test_fresh_heartbeats_clear_it():
    back = [record(f"s{n}", health_time=NOW) for n in range(3)]
    assert not brake(view([*back, silent("s3")]), POLICY, NOW).is_on


def test_a_braked_site_brakes_even_one_alone():
    assert brake(domain(1, 1), POLICY, NOW, site_braked=True).is_on
    held = brake(view(domain(1, 1).instances, JUST_LET_ONE_GO), POLICY, NOW, site_braked=True)
    assert held.held == {"s0"}


def test_a_braked_site_holds_nothing_where_nothing_is_silent():
    assert brake(domain(0, 5), POLICY, NOW, site_braked=True) == Brake()


@given(st.lists(st.integers(0, 100).map(float)).map(sorted), st.integers(0, 50).map(float))
def test_the_most_together_is_the_fullest_window(times, window):
    fullest = max((sum(first <= at <= first + window for at in times) for first in times), default=0)
    assert most_together(times, window) == fullest
