"""What may become of an instance's record: forward only, and nothing that was learnt is lost."""

from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from elastic.model.domain import DomainKey
from elastic.model.instance import Attempt, Instance
from elastic.model.parts import Part, PartKind
from elastic.model.server import Mark, Server, ServerStatus
from elastic.model.states import Health, InstanceState
from elastic.rules.lifecycle import (
    addressed,
    adopted,
    advance,
    announced,
    attempted,
    cleared,
    disappeared,
    failed,
    pronounced,
    settled,
)
from tests.unit.asking import STATES

MARK = Mark("uid", DomainKey("ann", "web"), 1, "i-001-1-1")
OVER = [InstanceState.FAILED, InstanceState.REJECTED]


def record(state: int = 100, **rest: Any) -> Instance:
    return Instance(instance_id="i-001-1-1", site="north", deployable_type="t", state=STATES[str(state)], **rest)


def server(server_id: str = "s-1", **rest: Any) -> Server:
    return Server(server_id=server_id, site="north", mark=MARK, status=ServerStatus.BUILD, **rest)


@pytest.mark.parametrize("old", InstanceState)
@pytest.mark.parametrize("new", InstanceState)
def test_a_state_only_moves_forward_and_old_news_changes_nothing(old, new):
    before = replace(record(), state=old)
    after = advance(before, new, 5.0, "why")
    if new > old:
        assert (after.state, after.state_time, after.reason) == (new, 5.0, "why")
    else:
        assert after is before


def test_a_step_without_a_reason_keeps_the_last_one():
    assert advance(record(100, reason="wished for"), InstanceState.REQUESTED, 5.0).reason == "wished for"


def test_one_that_ends_is_neither_well_nor_ill_from_then_on():
    ended = advance(record(600, health=Health.MISSING, health_time=3.0), InstanceState.TERMINATING, 5.0)
    assert (ended.health, ended.health_time) == (Health.UNKNOWN, 5.0)


@pytest.mark.parametrize(
    ("health", "to", "given_up"),
    [
        (Health.MISSING, InstanceState.TERMINATING, 3.0),
        (Health.MISSING, InstanceState.TERMINATED, 0.0),  # by the cloud's own word
        (Health.PROCESS_ERROR, InstanceState.TERMINATING, 0.0),
        (Health.OK, InstanceState.TERMINATING, 0.0),
    ],
)
def test_one_terminated_for_its_silence_says_since_when_it_was_silent(health, to, given_up):
    ended = advance(record(600, health=health, health_time=3.0), to, 5.0)
    assert ended.given_up == given_up


def test_when_it_was_given_up_is_not_forgotten():
    gone = advance(record(700, given_up=3.0), InstanceState.TERMINATED, 9.0)
    assert gone.given_up == 3.0


def test_one_that_moves_on_keeps_its_health():
    moved = advance(record(500, health=Health.OK, health_time=3.0), InstanceState.RUNNING, 5.0)
    assert (moved.health, moved.health_time) == (Health.OK, 3.0)


def test_an_attempt_is_noted_open_and_the_record_is_requested():
    noted = attempted(record(100), 1, 5.0)
    assert (noted.state, noted.attempt) == (InstanceState.REQUESTED, Attempt(1, 5.0, open=True))


def test_a_second_attempt_is_noted_without_a_step_back():
    noted = attempted(record(300, attempt=Attempt(1, 2.0, open=False)), 2, 5.0)
    assert (noted.state, noted.attempt) == (InstanceState.ERROR_RETRYING, Attempt(2, 5.0, open=True))


def test_what_an_earlier_attempt_had_stays_on_record_unless_another_takes_its_place():
    first, second = Part(PartKind.PORT, "port-1"), Part(PartKind.PORT, "port-9")
    disk = Part(PartKind.VOLUME, "volume-2")
    before = attempted(record(100), 1, 5.0, (first, disk))
    assert attempted(before, 2, 6.0, (second,)).parts == (second, disk)
    assert attempted(before, 2, 6.0).parts == (first, disk)


@pytest.mark.parametrize("n", [1, 2])
def test_an_attempt_that_was_not_sent_is_closed_and_counts_for_nothing(n):
    """However often the cloud is too busy to be asked: nothing is given up for that."""
    closed = settled(record(200, attempt=Attempt(n, 2.0)), 5.0, "not sent")
    assert (closed.state, closed.attempt) == (InstanceState.ERROR_RETRYING, Attempt(n - 1, 2.0, open=False))
    assert closed.reason == "not sent"


def test_an_attempt_of_one_that_is_leaving_is_closed_where_it_stands():
    closed = settled(record(700, attempt=Attempt(1, 2.0)), 5.0, "not sent")
    assert (closed.state, closed.attempt) == (InstanceState.TERMINATING, Attempt(0, 2.0, open=False))


@pytest.mark.parametrize("attempt", [None, Attempt(1, 2.0, open=False)])
def test_what_was_never_open_is_not_settled_again(attempt):
    before = record(200, attempt=attempt)
    assert settled(before, 5.0, "not sent") is before


def test_a_server_is_adopted_with_its_addresses_and_closes_the_attempt():
    got = adopted(record(200, attempt=Attempt(1, 2.0)), server(public_ip="1.2.3.4", hostname="h"), 5.0)
    assert (got.state, got.server_id, got.attempt) == (InstanceState.PENDING, "s-1", Attempt(1, 2.0, open=False))
    assert (got.public_ip, got.private_ip, got.hostname) == ("1.2.3.4", None, "h")


def test_even_one_that_is_leaving_adopts_its_server_so_that_it_can_be_deleted():
    got = adopted(record(700, attempt=Attempt(1, 2.0)), server(), 5.0)
    assert (got.state, got.server_id) == (InstanceState.TERMINATING, "s-1")


@pytest.mark.hazard("F1")
def test_a_server_on_record_is_never_overwritten():
    before = record(400, server_id="s-0")
    assert adopted(before, server("s-1"), 5.0) is before


def test_an_address_that_the_cloud_does_not_tell_is_kept():
    before = record(500, public_ip="1.1.1.1", private_ip="10.0.0.1", hostname="old")
    after = addressed(before, server(private_ip="10.0.0.2"))
    assert (after.public_ip, after.private_ip, after.hostname) == ("1.1.1.1", "10.0.0.2", "old")
    assert addressed(after, server(private_ip="10.0.0.2")) is after


@pytest.mark.parametrize("state", OVER)
def test_one_that_failed_without_a_server_leaves_nothing_over(state):
    over = failed(record(200, attempt=Attempt(1, 2.0)), state, 5.0, "no room")
    assert (over.state, over.leftover, over.attempt) == (state, False, Attempt(1, 2.0, open=False))


@pytest.mark.parametrize("state", OVER)
def test_one_that_failed_with_a_server_leaves_it_to_be_deleted(state):
    over = failed(record(400, server_id="s-1"), state, 5.0, "ERROR")
    assert (over.state, over.leftover, over.server_id) == (state, True, "s-1")


def test_one_that_is_gone_already_may_be_called_failed_but_a_failed_one_stays_failed():
    assert failed(record(800), InstanceState.FAILED, 5.0, "late word").state is InstanceState.FAILED
    before = record(900)
    assert failed(before, InstanceState.FAILED, 5.0, "again") is before
    assert advance(before, InstanceState.TERMINATED, 5.0) is before


def test_of_one_that_disappeared_its_parts_are_left_over_to_be_deleted():
    port = Part(PartKind.PORT, "port-1")
    over = disappeared(record(600, server_id="s-1", parts=(port,)), 5.0, "gone")
    assert (over.state, over.reason, over.leftover) == (InstanceState.TERMINATED, "gone", True)
    assert not disappeared(record(600, server_id="s-1"), 5.0, "gone").leftover
    assert disappeared(over, 6.0, "again") is over


def test_what_was_left_over_is_cleared_once():
    after = cleared(record(900, server_id="s-1", leftover=True))
    assert not after.leftover
    assert cleared(after) is after


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (Health.OUT_OF_CONTACT, ("disk full",)),
        (Health.MISSING, ("disk full",)),
        (Health.UNKNOWN, ("disk full",)),
        (Health.OK, ()),
        (Health.MONITOR_ERROR, ("new",)),
    ],
)
def test_errors_stay_when_it_goes_silent_and_go_when_it_is_well(said, kept):
    ill = record(600, health=Health.PROCESS_ERROR, errors=("disk full",))
    after = pronounced(ill, said, ("new",) if said is Health.MONITOR_ERROR else (), 5.0)
    assert (after.health, after.errors, after.health_time) == (said, kept, 5.0)


def test_the_same_health_again_changes_nothing():
    before = record(600, health=Health.PROCESS_ERROR, errors=("disk full",), health_time=1.0)
    assert pronounced(before, Health.PROCESS_ERROR, ("other",), 5.0) is before


def test_what_was_announced_is_noted_once():
    after = announced(record(600), "600-RUNNING h")
    assert after.announced == "600-RUNNING h"
    assert announced(after, "600-RUNNING h") is after


servers = st.builds(
    server,
    st.sampled_from(["s-1", "s-2", "s-3"]),
    public_ip=st.sampled_from([None, "1.1.1.1", "2.2.2.2"]),
    hostname=st.sampled_from([None, "a", "b"]),
)
times = st.floats(0, 100)
changes = st.one_of(
    st.builds(lambda state, now: partial(advance, state=state, now=now), st.sampled_from(InstanceState), times),
    st.builds(lambda n, now: partial(attempted, n=n, now=now), st.integers(1, 2), times),
    st.builds(lambda now: partial(settled, now=now, reason="not sent"), times),
    st.builds(lambda one, now: partial(adopted, server=one, now=now), servers, times),
    st.builds(lambda one: partial(addressed, server=one), servers),
    st.builds(
        lambda state, now: partial(failed, state=state, now=now, reason="why"), st.sampled_from(OVER), times
    ),
    st.just(cleared),
    st.builds(
        lambda health, now: partial(pronounced, health=health, errors=(), now=now), st.sampled_from(Health), times
    ),
    st.builds(lambda word: partial(announced, word=word), st.sampled_from(["", "600-RUNNING"])),
)


@given(st.lists(changes, max_size=25))
def test_whatever_happens_in_whatever_order_nothing_goes_backwards(story):
    now = record(100)
    for change in story:
        before, now = now, change(now)
        assert now.state >= before.state
        assert before.server_id in (None, now.server_id)
        assert now.attempt or not before.attempt
        for address in ("public_ip", "private_ip", "hostname"):
            assert getattr(now, address) or not getattr(before, address)
        assert not now.leftover or now.server_id


@given(st.lists(changes, max_size=10), changes)
def test_the_same_change_twice_is_the_change_once(story, change):
    now = record(100)
    for earlier in story:
        now = earlier(now)
    once = change(now)
    assert change(once) == once
