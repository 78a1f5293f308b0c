"""Domains fall into slots, slots into partitions, and partitions to members, fairly and with few moves."""

from collections import Counter
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elastic.errors import BadRequest
from elastic.model.domain import DomainKey
from elastic.rules.exact import exact
from elastic.rules.ring import assign, moved, partition_of, slot_of

names = st.text("abcdefgh", min_size=1, max_size=3)
weights = st.one_of(st.integers(0, 5), st.sampled_from([0.1, 0.25, 0.3, 1.5]))
members = st.dictionaries(names, weights, min_size=1, max_size=12).filter(lambda m: any(m.values()))
equals = st.sets(names, min_size=2, max_size=12)
sizes = st.integers(1, 80)


def is_fair(assignment, weights, partitions):
    load, total = Counter(assignment.values()), sum(map(exact, weights.values()), Fraction(0))
    quotas = {m: partitions * exact(w) / total for m, w in weights.items()}
    return all(floor(quota) <= load[m] <= ceil(quota) for m, quota in quotas.items())


@pytest.mark.hazard("F23")
def test_a_slot_is_for_life():
    """Machines carry it: these numbers may never change."""
    assert slot_of(DomainKey("alice", "web")) == 1227
    assert slot_of(DomainKey("owner0", "domain0")) == 614


@pytest.mark.hazard("F23")
@pytest.mark.parametrize(
    ("slot", "partitions", "partition"), [(0, 256, 0), (15, 256, 0), (16, 256, 1), (4095, 256, 255), (4095, 1, 0)]
)
def test_a_partition_is_a_run_of_slots(slot, partitions, partition):
    assert partition_of(slot, partitions) == partition


def test_domains_spread_over_all_partitions():
    spread = Counter(partition_of(slot_of(DomainKey("o", f"d{n}")), 16) for n in range(4096))
    assert len(spread) == 16
    assert max(spread.values()) < 2 * 4096 / 16


@given(members, sizes)
def test_each_partition_has_one_member_and_each_member_its_fair_share(weights, partitions):
    assignment = assign(weights, partitions)
    assert sorted(assignment) == list(range(partitions))
    assert all(weights[member] > 0 for member in assignment.values())
    assert is_fair(assignment, weights, partitions)


@given(st.permutations(["a", "b", "c", "d", "e"]), sizes, st.randoms(use_true_random=False))
def test_the_order_of_what_is_said_does_not_matter(order, partitions, random):
    weights = {"a": 1, "b": 2, "c": 0.5, "d": 1, "e": 0}
    previous = {p: random.choice("abcxyz") for p in range(partitions) if p % 5}
    turned = dict(reversed(previous.items()))
    assert assign({m: weights[m] for m in order}, partitions, turned) == assign(weights, partitions, previous)


@given(members, members, sizes)
def test_no_assignment_within_the_fair_loads_moves_fewer(before, after, partitions):
    previous = assign(before, partitions)
    now = assign(after, partitions, previous)
    assert is_fair(now, after, partitions)
    assert len(moved(previous, now)) == fewest_moves(previous, after, partitions)


def fewest_moves(previous, weights, partitions):
    """A ceiling saves a move where more than the floor is held, and none elsewhere."""
    holding, total = Counter(previous.values()), sum(map(exact, weights.values()), Fraction(0))
    quotas = {m: partitions * exact(w) / total for m, w in weights.items()}
    left = partitions - sum(map(floor, quotas.values()))
    kept = sum(min(holding[m], floor(q)) for m, q in quotas.items())
    more = sum(holding[m] > floor(q) and q.denominator > 1 for m, q in quotas.items())
    return partitions - kept - min(more, left)


@given(equals, sizes)
def test_who_leaves_moves_its_own_only(group, partitions):
    group = sorted(group)
    previous = assign(dict.fromkeys(group, 1), partitions)
    now = assign(dict.fromkeys(group[1:], 1), partitions, previous)
    assert all(previous[p] == group[0] for p in moved(previous, now))


@given(equals, sizes)
def test_who_joins_is_the_only_one_to_gain(group, partitions):
    group = sorted(group)
    previous = assign(dict.fromkeys(group[1:], 1), partitions)
    now = assign(dict.fromkeys(group, 1), partitions, previous)
    assert {now[p] for p in moved(previous, now)} <= {group[0]}


@given(members, sizes)
def test_what_is_fair_stays(weights, partitions):
    previous = assign(weights, partitions)
    assert assign(weights, partitions, previous) == previous


@pytest.mark.parametrize(
    ("weights", "load"),
    [
        ({"a": 2, "b": 1, "c": 1}, {"a": 128, "b": 64, "c": 64}),
        ({"a": 0.5, "b": 0.25, "c": 0.25}, {"a": 128, "b": 64, "c": 64}),
        ({"a": 0.1, "b": 0.2, "c": 0.1}, {"a": 64, "b": 128, "c": 64}),
        ({"a": 1, "b": 0}, {"a": 256}),
    ],
)
def test_weights_are_exact(weights, load):
    assert Counter(assign(weights, 256).values()) == load


def test_what_is_unfair_moves_as_far_as_needed():
    previous = dict.fromkeys(range(7), "a") | {7: "b"}
    now = assign({"a": 1, "b": 1}, 8, previous)
    assert Counter(now.values()) == {"a": 4, "b": 4}
    assert len(moved(previous, now)) == 3


def test_a_hole_is_filled_and_has_not_moved():
    previous = {0: "a", 1: "a", 2: "b"}
    now = assign({"a": 1, "b": 1}, 4, previous)
    assert (now[3], moved(previous, now)) == ("b", [])


@pytest.mark.parametrize(
    ("weights", "partitions", "previous", "named"),
    [
        ({}, 4, None, "members"),
        ({"a": 0}, 4, None, "members"),
        ({"a": -1, "b": 1}, 4, None, "'a'"),
        ({"a": float("inf")}, 4, None, "'a'"),
        ({"a": 1}, 0, None, "partitions"),
        ({"a": 1}, 4, {4: "a"}, "partition 4"),
        ({"a": 1}, 4, {-1: "a"}, "partition -1"),
    ],
)
def test_what_cannot_be_is_refused(weights, partitions, previous, named):
    with pytest.raises(BadRequest, match=named):
        assign(weights, partitions, previous)


def test_a_joiner_gains_before_an_old_member_that_need_not():
    weights, previous = {"a": 2.05, "b": 1.95, "z": 0.2}, {0: "a", 1: "a", 2: "a", 3: "b"}
    assert Counter(assign(weights, 4, previous).values()) == {"a": 2, "b": 1, "z": 1}


def test_who_has_a_whole_quota_keeps_no_more():
    assert Counter(assign({"a": 2, "b": 1, "c": 1}, 2, {0: "a", 1: "a"}).values())["a"] == 1
