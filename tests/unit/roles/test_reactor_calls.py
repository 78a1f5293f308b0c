"""Who may ask what, what is asked twice, and what happens when something fails."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from elastic.errors import OutcomeUnknown, StoreUnavailable
from elastic.model.domain import DomainKey
from elastic.model.server import Mark, Order
from elastic.model.view import View
from elastic.roles.reactor import OPERATIONS
from elastic.roles.reactor.operations import Access, Operation
from tests.unit.roles.reactors import Bench

KEY = DomainKey("ann", "web")


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench(operators=["root"])
    yield bench
    bench.close()


def arguments(operation: Operation, instance: str) -> dict[str, Any]:
    """Such as would do it, were it the caller's own."""
    known: dict[str, Any] = {
        "domain_id": "web",
        "definition_id": "d",
        "subscriber_name": "s",
        "instance_id": instance,
        "member": "m2",
        "definition": {},
        "type_id": "t",
        "type": {"sites": {"north": {"flavor": "tiny", "image": "debian"}}},
        "record": {"node_id": instance, "state": "400-PENDING"},
    }
    required = [f for f in operation.arguments.__struct_fields__ if f in known]
    return {name: known[name] for name in required}


OWNED = [op for op in OPERATIONS if op.access is Access.OWNER]
ADDRESSED = [op for op in OWNED if {"domain_id", "instance_id"} & set(op.arguments.__struct_fields__)]
SILENT = {"add_domain", "list_events"}
"""These make a domain of the caller's own, or tell nothing of one that is not there."""


@pytest.mark.parametrize("operation", [op for op in ADDRESSED if op.name not in SILENT], ids=lambda op: op.name)
def test_another_s_domain_answers_as_if_it_were_not_there(bench: Bench, operation: Operation) -> None:
    bench.add_domain()
    instance = bench.add_instance(KEY)
    bench.client("ann").subscribe("web", "s")
    before = bench.view(KEY)
    assert bench.error(operation.name, arguments(operation, instance), caller="bob") == "not_found"
    assert bench.view(KEY) == before
    assert bench.error(operation.name, arguments(operation, instance), caller="root") == "not_found"
    asked = {**arguments(operation, instance), "owner": "ann"}
    assert bench.error(operation.name, asked, caller="root") == "", "an operator may, if the owner is named"


@pytest.mark.parametrize("operation", ADDRESSED, ids=lambda op: op.name)
def test_only_operators_may_name_another_owner(bench: Bench, operation: Operation) -> None:
    bench.add_domain()
    instance = bench.add_instance(KEY)
    before = bench.view(KEY)
    assert bench.error(operation.name, {**arguments(operation, instance), "owner": "ann"}, "bob") == "denied"
    assert bench.view(KEY) == before


def test_lists_show_the_caller_s_own_and_nothing_else(bench: Bench) -> None:
    bench.add_domain()
    mark = Mark("memory", KEY, 1, bench.add_instance(KEY))
    bench.cloud.create(Order(mark=mark, site="north", deployable_type="t"), timeout=20)
    bench.clock.advance(60)
    assert len(bench.call("list_servers", caller="ann")["result"]) == 1
    for op in ("list_domains", "list_instances", "list_events", "list_servers"):
        assert bench.call(op, caller="bob")["result"] == [], op
        assert bench.error(op, {"owner": "ann"}, caller="bob") == "denied"
    assert len(bench.call("list_domains", {"owner": "ann"}, caller="root")["result"]) == 1


def test_an_operator_sees_all_events_and_each_owner_its_own(bench: Bench) -> None:
    bench.add_domain("ann", "web")
    bench.add_domain("bob", "web")
    shown = {user: [e["domain"] for e in bench.client(user).events()] for user in ("ann", "bob", "root")}
    assert shown == {"ann": ["web"], "bob": ["web"], "root": ["ann:web", "bob:web"]}


@pytest.mark.parametrize(
    "operation", [op for op in OPERATIONS if op.access is Access.OPERATOR], ids=lambda o: o.name
)
def test_what_is_for_operators_is_denied_to_others(bench: Bench, operation: Operation) -> None:
    assert bench.error(operation.name, {}, caller="bob") == "denied"
    assert bench.error(operation.name, {}, caller="root") != "denied"


@pytest.mark.parametrize("operation", list(OPERATIONS), ids=lambda op: op.name)
def test_a_request_without_a_caller_is_refused(bench: Bench, operation: Operation) -> None:
    assert bench.error(operation.name, {}, caller="") == "denied"


def test_a_caller_whose_name_could_not_own_anything_is_refused(bench: Bench) -> None:
    assert bench.error("ping", caller="a/b") == "bad_request"


def test_in_an_embedded_cluster_everyone_is_an_operator() -> None:
    bench = Bench(operators=None)
    bench.add_domain()
    assert bench.error("store_check", caller="bob") == ""
    assert bench.error("describe_domain", {"domain_id": "web"}, caller="bob") == "not_found"
    assert bench.error("describe_domain", {"domain_id": "web", "owner": "ann"}, caller="bob") == ""
    bench.close()


# the same change twice


def add(bench: Bench, key: str | None = "k", seconds: float | None = 30, **rest: Any) -> str:
    deadline = None if seconds is None else bench.clock.now() + seconds
    args = {"domain_id": "web", "definition_id": "d"}
    return bench.error("add_domain", args, idempotency_key=key, deadline=deadline, **rest)


def test_a_change_with_the_same_key_is_made_once_and_answered_twice(bench: Bench) -> None:
    bench.add_domain(name="other")
    assert add(bench) == ""
    assert add(bench) == "", "a retry after a lost reply"
    assert add(bench, key="another") == "conflict"
    assert add(bench, key=None) == "conflict"


def test_a_redelivered_add_does_not_revive_a_removed_domain(bench: Bench) -> None:
    bench.add_domain(name="other")
    add(bench)
    bench.client("ann").remove_domain("web")
    bench.store.forget_domain(bench.view(KEY), bench.tenure(KEY))
    assert add(bench, redelivered=True) == "", "it has its answer"
    assert KEY not in bench.store.all_domains()


def test_a_call_that_another_member_does_at_the_same_time_is_answered_not_refused(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.add_domain(name="other")
    look, twin = bench.store.view, iter([True])

    def look_late(key: DomainKey) -> View:
        if next(twin, False):
            assert add(bench, redelivered=True) == "", "the other member is faster"
        return look(key)

    monkeypatch.setattr(bench.store, "view", look_late)
    assert add(bench) == ""
    assert next(twin, None) is None
    assert bench.view(KEY).domain.incarnation == 1


LATE: dict[str, tuple[dict[str, Any], str]] = {
    "in time": ({"seconds": 30}, ""),
    "redelivered in time": ({"seconds": 30, "redelivered": True}, ""),
    "late": ({"seconds": -1}, "too_late"),
    "redelivered late": ({"seconds": -1, "redelivered": True}, "too_late"),
    "redelivered without a key": ({"key": None, "redelivered": True}, "too_late"),
    "redelivered without a deadline": ({"seconds": None, "redelivered": True}, "too_late"),
    "a deadline in a week": ({"seconds": 7 * 86400}, "bad_request"),
    "an empty key": ({"key": ""}, "bad_request"),
    "a key without end": ({"key": "k" * 200}, "bad_request"),
    "no key, no deadline": ({"key": None, "seconds": None}, ""),
}


@pytest.mark.hazard("F14")
@pytest.mark.parametrize("case", LATE)
def test_nobody_acts_on_a_change_that_may_be_stale(bench: Bench, case: str) -> None:
    bench.add_domain(name="other")
    how, error = LATE[case]
    assert add(bench, **how) == error
    assert (KEY in bench.store.all_domains()) == (error == "")


@pytest.mark.hazard("F14")
def test_a_key_is_remembered_for_an_hour_after_its_deadline(bench: Bench) -> None:
    bench.add_domain(name="other")
    add(bench, seconds=30)
    bench.clock.advance(3500)
    bench.client("ann").pause_domain("other")  # a write makes the store forget what it may
    assert bench.store.answered("ann:k") == (True, None)


def test_keys_are_the_caller_s_own(bench: Bench) -> None:
    bench.add_domain(name="other")
    add(bench)
    args = {"domain_id": "web", "definition_id": "d"}
    assert bench.error("add_domain", args, caller="bob", idempotency_key="k") == ""
    assert DomainKey("bob", "web") in bench.store.all_domains()


def test_every_change_is_refused_when_it_is_late(bench: Bench) -> None:
    bench.add_domain()
    instance = bench.add_instance(KEY)
    before = bench.view(KEY)
    for operation in [op for op in OPERATIONS if op.mutates]:
        args, late = arguments(operation, instance), bench.clock.now() - 1
        caller = "root" if operation.access is Access.OPERATOR else "ann"
        assert bench.error(operation.name, args, caller, idempotency_key="x", deadline=late) == "too_late"
    assert bench.view(KEY) == before


# when something fails


def test_a_call_while_the_store_is_away_is_no_news_in_the_log(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_args: Any, **_kwargs: Any) -> None:
        raise StoreUnavailable("cut off")

    with caplog.at_level(logging.INFO):
        assert bench.error("describe_domain", {"domain_id": "none"}) == "not_found"
        assert "is refused" in caplog.text
        caplog.clear()
        monkeypatch.setattr(bench.store, "view", away)
        assert bench.error("describe_domain", {"domain_id": "none"}) == "unavailable"
    assert caplog.text == ""


FAILURES = {
    "the store is away": (StoreUnavailable("sqlite:///secret/place"), "try again"),
    "nobody knows whether it was written": (OutcomeUnknown("?"), "same key"),
    "a fault of ours": (ZeroDivisionError("division by zero in /secret/place"), "log"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_failure_is_answered_in_one_line_without_our_insides(
    bench: Bench, case: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    error, words = FAILURES[case]

    def fail(*_args: Any, **_kwargs: Any) -> None:
        raise error

    monkeypatch.setattr(bench.store, "view", fail)
    with caplog.at_level(logging.CRITICAL):
        reply = bench.call("describe_domain", {"domain_id": "web"})["error"]
    assert reply["type"] == "unavailable"
    assert words in reply["message"]
    assert "secret" not in reply["message"]
    assert "\n" not in reply["message"]


def test_a_subscription_is_not_noted_unless_its_queue_is_there(bench: Bench) -> None:
    bench.add_domain()
    bench.broker.cut.add("m1")
    assert bench.error("subscribe_domain", {"domain_id": "web", "subscriber_name": "s"}) == "unavailable"
    assert bench.view(KEY).domain.subscribers == ()


def test_members_answer_members_and_nothing_else(bench: Bench) -> None:
    assert bench.reactor.answer_peer("status", {})["loop_age"] == {"turn": 0.5}
    for op, args in (("add_domain", {}), ("last_heard", {}), ("last_heard", {"instance_ids": [1]})):
        with pytest.raises(Exception, match=r"members do not answer|list of ids"):
            bench.reactor.answer_peer(op, args)
