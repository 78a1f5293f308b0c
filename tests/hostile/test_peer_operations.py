"""Ten thousand malformed calls of each operation: all are answered, none does harm, the next good one is done."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elastic.roles.reactor import OPERATIONS
from elastic.roles.reactor.operations import Operation
from tests.hostile.peer_corpus import HEADERS, NAMES, RAW, TEXTS, Corpus, nested
from tests.hostile.peer_place import Errors, Place, caller_of, good_arguments, is_refusal

CALLS = 10_000
LOOKS = 20
"""Calls between two looks at the state."""

EVERY = pytest.mark.parametrize("operation", list(OPERATIONS), ids=lambda op: op.name)


@pytest.fixture
def errors() -> Iterator[Errors]:
    with Errors() as seen:
        yield seen


class Attack:
    """Calls, one after the other, on a place that is made anew when one of them was good after all."""

    def __init__(self) -> None:
        self.refused = self.done = 0
        self._since: list[bytes] = []
        self._begin()

    def _begin(self) -> None:
        self.place = Place()
        self._before = self.place.state()
        self._since.clear()

    def send(self, body: bytes, operation: Operation, **said: Any) -> None:
        answer = self.place.send(body, **said)
        try:
            refused = is_refusal(answer)
        except AssertionError as fault:
            raise AssertionError(f"{body[:500]!r} is answered with {answer[:500]!r}") from fault
        self.refused += refused
        self.done += not refused
        self._since.append(body)
        if not refused and operation.mutates:
            self.end()
        elif len(self._since) >= LOOKS:
            self.look()

    def look(self) -> None:
        """Nothing that was refused, or only asked, has changed anything."""
        assert self.place.state() == self._before, [body[:300] for body in self._since]
        self._since.clear()

    def end(self) -> None:
        """The last one may have changed something; a good call is done all the same."""
        assert "result" in self.place.call("describe_domain", {"domain_id": "web"})
        self.place.close()
        self._begin()


def test_every_operation_is_attacked() -> None:
    assert set(good_arguments("i")) == {op.name for op in OPERATIONS}


@EVERY
def test_what_is_right_is_done(operation: Operation) -> None:
    """Else all that follows would prove nothing."""
    place = Place()
    body = json.dumps({"op": operation.name, "args": place.good(operation.name)}).encode()
    if operation.name == "release_quarantine":
        assert is_refusal(place.send(body, "root")), "ann's, and root has to say so"
    else:
        owner = {"owner": "ann"} if "owner" in operation.arguments.__struct_fields__ else {}
        args = {**place.good(operation.name), **owner}
        assert not is_refusal(place.send(json.dumps({"op": operation.name, "args": args}).encode(), "root"))
    place.close()


@pytest.mark.slow
@EVERY
def test_ten_thousand_malformed_calls_break_nothing(operation: Operation, errors: Errors) -> None:
    attack, corpus, caller = Attack(), Corpus(operation.name), caller_of(operation)
    good = attack.place.good(operation.name)
    for _ in range(CALLS):
        attack.send(corpus.body(operation.name, good), operation, caller=caller, headers=corpus.headers())
    attack.look()
    attack.end()
    attack.place.close()
    assert attack.refused > CALLS / 3
    assert not errors.said


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(TEXTS) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=600)
@given(data=st.data())
def test_whatever_stands_in_the_arguments_is_answered(data: st.DataObject) -> None:
    operation = data.draw(st.sampled_from(list(OPERATIONS)))
    place = Place()
    good = place.good(operation.name)
    args = {**good, **data.draw(st.dictionaries(st.sampled_from([*good, "owner", "x"]), JSON, max_size=3))}
    before = place.state()
    with Errors() as errors:
        if is_refusal(place.send(json.dumps({"op": operation.name, "args": args}).encode(), caller_of(operation))):
            assert place.state() == before
    assert not errors.said
    place.close()


@pytest.mark.parametrize("body", RAW, ids=lambda body: repr(body[:30]))
def test_what_is_no_call_is_answered_with_what_it_has_to_be(body: bytes, errors: Errors) -> None:
    place = Place()
    before = place.state()
    for caller in ("ann", "root", "", "a/b", "x" * 200):
        is_refusal(place.send(body, caller))
    assert place.state() == before
    assert not errors.said
    place.close()


@pytest.mark.parametrize("headers", HEADERS, ids=repr)
def test_no_header_makes_a_call_what_it_is_not(headers: dict[str, Any], errors: Errors) -> None:
    place = Place()
    before = place.state()
    for op in ("store_accept", "drain_replica", "instance_info"):
        body = json.dumps({"op": op, "args": place.good(op)}).encode()
        for caller in ("bob", ""):
            assert is_refusal(place.send(body, caller, headers)), "only root may"
    assert place.state() == before
    assert not errors.said
    place.close()


@pytest.mark.parametrize(
    "caller", [7, None, "", True, ["root"], {"root": 1}, "root\x00", "root ", "Root", "ro/ot"]
)
def test_no_odd_user_id_is_an_operator(caller: Any, errors: Errors) -> None:
    place = Place()
    body = json.dumps({"op": "store_accept", "args": {}}).encode()
    assert is_refusal(place.send(body, caller))
    assert not errors.said
    place.close()


HEAVY = {
    "a text of 5 MB": "x" * 5_000_000,
    "a text of 900 kB": "x" * 900_000,
    "100,000 names": ["n"] * 100_000,
    "100,000 names, all different": [f"n{n}" for n in range(100_000)],
    "10,000 keys": {f"k{n}": n for n in range(10_000)},
    "900 levels of lists": nested(900),
    "900 levels of maps": nested(900, maps=True),
    "33 levels, each with many": {"a": [nested(33)] * 1000},
}


@pytest.mark.slow
@pytest.mark.parametrize("what", HEAVY)
def test_no_argument_of_any_size_or_depth_does_harm(what: str, errors: Errors) -> None:
    for operation in OPERATIONS:
        place = Place()
        before = place.state()
        good = place.good(operation.name)
        for name in operation.arguments.__struct_fields__:
            args = {**good, name: HEAVY[what]}
            body = json.dumps({"op": operation.name, "args": args}).encode()
            if is_refusal(place.send(body, caller_of(operation))):
                assert place.state() == before, (operation.name, name)
            before = place.state()
        place.close()
    assert not errors.said
