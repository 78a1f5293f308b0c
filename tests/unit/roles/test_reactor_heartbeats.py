"""Heartbeats: what is kept, and what is dropped and counted."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from elastic.model.actions import Work
from elastic.model.domain import DomainKey
from elastic.ports.bus import Pulse
from elastic.roles.reactor import Hearing
from elastic.rules.ring import slot_of
from tests.unit.roles.reactors import Bench, pulse

KEY = DomainKey("ann", "web")
NAME = "i-001-1-1"


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    bench.known[NAME] = KEY
    yield bench
    bench.close()


def body(**fields: Any) -> bytes:
    said = {"node_id": NAME, "owner": "ann", "domain_id": "web", "boot": "b", "seq": 1, "state": "OK"}
    return json.dumps({**said, **fields}).encode()


def beat(**fields: Any) -> Pulse:
    return pulse(body(**fields), KEY, NAME)


def test_a_heartbeat_is_kept_with_the_moment_it_was_heard(bench: Bench) -> None:
    bench.reactor.hear([beat(metrics={"load": 1.5})])
    heard = bench.lastheard["m1"].of(NAME)
    assert heard is not None
    assert (heard.at, heard.state, heard.seq, heard.metrics) == (bench.clock.monotonic(), "OK", 1, {"load": 1.5})
    assert not bench.reactor.dropped


def test_a_heartbeat_costs_no_store_operation(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_args: Any, **_kwargs: Any) -> None:
        raise AssertionError("the store was asked")

    for name in [n for n in dir(bench.store) if not n.startswith("_") and callable(getattr(bench.store, n))]:
        monkeypatch.setattr(bench.store, name, asked)
    bench.reactor.hear([beat()])
    assert bench.lastheard["m1"].of(NAME) is not None


def test_the_errors_of_a_heartbeat_are_kept_as_texts(bench: Bench) -> None:
    failed = [{"name": "worker", "state": "FATAL", "exitcode": 1, "stderr": "out of memory"}, {"name": "other"}]
    bench.reactor.hear([beat(state="PROCESS_ERROR", error="2 down", failed_processes=failed)])
    heard = bench.lastheard["m1"].of(NAME)
    assert heard is not None
    assert heard.errors == ("2 down", "worker: state FATAL, exitcode 1: out of memory", "other")


@pytest.mark.parametrize("second", [1, 0, -5])
def test_equal_or_decreasing_heartbeats_return_at_once_and_change_nothing(bench: Bench, second: int) -> None:
    bench.reactor.hear([beat(seq=1)])
    first = bench.lastheard["m1"].of(NAME)
    bench.clock.advance(10)
    bench.reactor.hear([beat(seq=second), beat(seq=second)])
    assert bench.lastheard["m1"].of(NAME) == first
    assert bench.reactor.dropped == {"stale": 2}


def test_a_new_life_of_the_agent_counts_anew(bench: Bench) -> None:
    bench.reactor.hear([beat(seq=9), beat(boot="next", seq=1)])
    heard = bench.lastheard["m1"].of(NAME)
    assert heard is not None
    assert (heard.boot, heard.seq) == ("next", 1)


DROPPED = {
    "another instance's key": ("unsigned", lambda: pulse(body(), KEY, "i-001-1-2")),
    "another cluster's secret": ("unsigned", lambda: pulse(body(), KEY, NAME, secret=b"t" * 32)),
    "no MAC": ("unsigned", lambda: Pulse(body(), "", slot_of(KEY))),
    "a MAC that is no ASCII": ("unsigned", lambda: Pulse(body(), "é\ud800", slot_of(KEY))),
    "changed on the way": ("unsigned", lambda: Pulse(body(seq=2), beat().mac, slot_of(KEY))),
    "sent to another slot": ("misplaced", lambda: pulse(body(), KEY, NAME, slot=(slot_of(KEY) + 1) % 4096)),
    "another owner's": ("misplaced", lambda: beat(owner="bob")),
    "another domain's": ("misplaced", lambda: beat(domain_id="db")),
    "an instance nobody knows": ("unknown", lambda: pulse(body(node_id="i-001-1-9"), KEY, "i-001-1-9")),
    "no JSON": ("malformed", lambda: pulse(b"{", KEY, NAME)),
    "no UTF-8": ("malformed", lambda: pulse(b'{"node_id": "\xff"}', KEY, NAME)),
    "nested without end": ("malformed", lambda: pulse(b"[" * 60_000, KEY, NAME)),
    "a list": ("malformed", lambda: pulse(b"[]", KEY, NAME)),
    "no seq": ("malformed", lambda: pulse(b'{"node_id": "i-001-1-1"}', KEY, NAME)),
    "seq a text": ("malformed", lambda: beat(seq="1")),
    "a health only the doctor may tell": ("malformed", lambda: beat(state="MISSING")),
    "a word nobody knows": ("malformed", lambda: beat(state="FINE")),
    "larger than 64 KiB": ("too_big", lambda: beat(error="x" * 70_000)),
}


@pytest.mark.parametrize("case", DROPPED)
def test_what_is_no_heartbeat_of_ours_is_dropped_and_counted(bench: Bench, case: str) -> None:
    kind, make = DROPPED[case]
    bench.reactor.hear([make(), beat(seq=7)])
    assert bench.reactor.dropped == {kind: 1}
    heard = bench.lastheard["m1"].of(NAME)
    assert heard is not None
    assert heard.seq == 7, "the next one in the batch is heard all the same"


@pytest.mark.parametrize("depth", range(900, 1000))
def test_no_depth_of_a_signed_heartbeat_costs_the_next_one(bench: Bench, depth: int) -> None:
    """Between what can be read and what cannot lies what can be read and not shown."""
    deep = body(failed_processes=[{"a": None}]).replace(b"null", b"[" * depth + b"]" * depth)
    bench.reactor.hear([pulse(deep, KEY, NAME), beat(seq=7)])
    heard = bench.lastheard["m1"].of(NAME)
    assert heard is not None
    assert heard.seq == 7


def test_what_nobody_thought_of_costs_no_other_heartbeat(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    def broken(_body: bytes) -> None:
        raise ZeroDivisionError

    hearing = Hearing(bench.clock, bench.lastheard["m1"], bench.known.get, lambda *_said: True, broken)
    hearing.hear([Pulse(b"hello", "probe", 3), Pulse(b"hello", "probe", 3), beat(seq=7)])
    assert hearing.dropped == {"unforeseen": 2}
    assert bench.lastheard["m1"].of(NAME) is not None
    assert len(caplog.records) == 1, "the log is not for senders to fill"


def test_a_probe_goes_to_who_sent_it_and_not_to_the_memory(bench: Bench) -> None:
    bench.reactor.hear([Pulse(b"hello", "probe", 3)])
    assert bench.probes == [b"hello"]
    assert not bench.reactor.dropped


def test_another_member_is_told_how_long_ago_each_was_heard(bench: Bench) -> None:
    bench.reactor.hear([beat()])
    bench.clock.advance(4)
    assert bench.reactor.answer_peer("last_heard", {"instance_ids": [NAME, "other"]}) == {NAME: 4.0, "other": None}


def test_what_most_heartbeats_say_is_in_memory_once(bench: Bench) -> None:
    bench.known["i-001-1-2"] = KEY
    bench.reactor.hear([beat(), pulse(body(node_id="i-001-1-2"), KEY, "i-001-1-2")])
    one, other = (bench.lastheard["m1"].of(name) for name in (NAME, "i-001-1-2"))
    assert one is not None
    assert other is not None
    assert one.state is other.state
    assert one.metrics is other.metrics


WORK = {
    "all three": ({"active": 2, "reserved": 1, "scheduled": 3}, Work(2, 1, 3)),
    "some": ({"active": 2}, Work(2)),
    "none in hand": ({"active": 0, "reserved": 0, "scheduled": 0}, Work()),
    "not a word": (None, None),
    "less than none": ({"active": -1}, None),
    "half a task": ({"active": 0.5}, None),
    "a text": ({"active": "2"}, None),
    "a truth value": ({"active": True}, None),
    "a number": (3, None),
    "a list": ([1, 2, 3], None),
    "more than anybody counts": ({"active": 10**40}, None),
}


@pytest.mark.parametrize("case", WORK)
def test_work_is_kept_and_what_is_no_count_is_as_if_it_had_not_been_told(bench: Bench, case: str) -> None:
    said, work = WORK[case]
    bench.reactor.hear([beat(work=said, metrics={"load": 1})])
    heard = bench.lastheard["m1"].of(NAME)
    assert heard is not None
    assert (heard.work, heard.metrics) == (work, {"load": 1})
    assert not bench.reactor.dropped


def test_work_that_is_not_told_is_not_known(bench: Bench) -> None:
    bench.reactor.hear([beat()])
    heard = bench.lastheard["m1"].of(NAME)
    assert heard is not None
    assert heard.work is None
    assert heard.drain == ""


@pytest.mark.parametrize(
    ("said", "kept"),
    [("draining", "draining"), ("drained", "drained"), ("", ""), ("DRAINED", ""), ("x" * 9999, ""), (None, "")],
)
def test_of_a_drain_only_the_two_words_are_kept(bench: Bench, said: str | None, kept: str) -> None:
    bench.reactor.hear([beat(drain=said)])
    heard = bench.lastheard["m1"].of(NAME)
    assert heard is not None
    assert heard.drain == kept
    assert not bench.reactor.dropped


METRICS = {"load": 1, "zero": 0, "less": -2.5, "text": "3", "flag": True, "nothing": None, "endless": 10**400}


def test_of_metrics_the_numbers_are_kept(bench: Bench) -> None:
    bench.reactor.hear([beat(metrics=METRICS)])
    heard = bench.lastheard["m1"].of(NAME)
    assert heard is not None
    assert heard.metrics == {"load": 1, "zero": 0, "less": -2.5}
