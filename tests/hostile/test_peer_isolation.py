"""Who may do what, over all operations: what is another's is not there, and nothing tells the two apart.

The rules stand in the operations' registry. Here they stand once more, so that no operation and no argument comes
in without somebody having thought of whose it is.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import pytest

from elastic.model.domain import DomainKey
from elastic.roles.reactor import OPERATIONS
from elastic.roles.reactor.desk import Desk
from elastic.roles.reactor.operations import Access, Arguments, Asked, Operation, Operations
from tests.hostile.peer_corpus import Corpus
from tests.hostile.peer_place import OWN, WEB, Errors, Place, caller_of, is_refusal
from tests.unit.roles.reactors import Bench

RULES = {
    Access.OWNER: {
        "add_domain",
        "remove_domain",
        "reconfigure_domain",
        "describe_domain",
        "list_domains",
        "subscribe_domain",
        "unsubscribe_domain",
        "pause_domain",
        "resume_domain",
        "list_decisions",
        "list_instances",
        "describe_instance",
        "terminate_instance",
        "protect_instance",
        "unprotect_instance",
        "list_events",
        "list_servers",
        "add_type",
        "update_type",
        "remove_type",
        "list_types",
        "describe_type",
    },
    Access.AUTHOR: {"update_domain_definition", "remove_domain_definition"},
    Access.OPERATOR: {
        "instance_info",
        "describe_site",
        "reap_strays",
        "disable",
        "enable",
        "terminate_all",
        "drain_replica",
        "forget_replica",
        "store_check",
        "store_accept",
        "upgrade_finish",
        "list_quarantine",
        "release_quarantine",
    },
    Access.ANYONE: {
        "add_domain_definition",
        "describe_domain_definition",
        "list_domain_definitions",
        "list_replicas",
        "list_sites",
        "ping",
    },
}

NAMES_WHAT = {
    "domain_id": "an owner's domain",
    "instance_id": "an owner's instance",
    "record": "an owner's instance",
    "subscriber_name": "an owner's queue",
    "subscribers": "an owner's queue",
    "owner": "an owner",
    "all_owners": "an owner",
    "definition_id": "a definition",
    "type_id": "an owner's type",
    "common": "an owner's type",
    "site": "a site",
    "type": "",
    "check": "",
    "member": "a replica",
    "config": "",
    "unset": "",
    "definition": "",
    "subscriber_op": "",
    "paused": "",
    "count": "",
    "after": "",
    "strays": "",
    "weight": "",
}
OWNED = {name for name, what in NAMES_WHAT.items() if what.startswith("an owner")}

EVERY = pytest.mark.parametrize("operation", list(OPERATIONS), ids=lambda op: op.name)


@pytest.fixture
def place() -> Iterator[Place]:
    place = Place()
    yield place
    place.close()


def test_every_operation_has_a_rule_and_that_is_what_the_registry_says() -> None:
    said = {access: {op.name for op in OPERATIONS if op.access is access} for access in Access}
    assert said == RULES


@EVERY
def test_of_every_argument_it_is_known_what_it_names(operation: Operation) -> None:
    fields = set(operation.arguments.__struct_fields__)
    assert fields <= NAMES_WHAT.keys(), "whose is that?"
    if operation.access in (Access.ANYONE, Access.AUTHOR):
        assert not fields & OWNED, "nobody would look whose it is"


def test_an_operation_that_could_not_tell_whose_things_are_meant_cannot_be_declared() -> None:
    class OneThing(Arguments, frozen=True, kw_only=True):
        domain_id: str

    with pytest.raises(TypeError, match="OneThing has no owner"):

        @Operations().declare(OneThing, Access.OWNER)
        def show_thing(_desk: Desk, _asked: Asked, _args: OneThing) -> None: ...


# what is another's is not there


class Worlds:
    """Two places that differ in this alone: in one of them ann has never been."""

    def __init__(self) -> None:
        self.hers, self.without = Place(), Place(is_away=True)
        self.without.clock.advance(self.hers.clock.monotonic() - self.without.clock.monotonic())
        self.kept = self.belongings()

    def belongings(self) -> tuple[Any, ...]:
        """All of hers."""
        broker, store = self.hers.broker, self.hers.store
        return (
            msgspec.json.encode(store.view(WEB)),
            [key for key in store.all_domains() if key.owner == "ann"],
            [event for event in store.events() if event.domain.startswith("ann:")],
            sorted(s for s in broker.subscriptions if s[0] == "ann"),
            sorted(name for name in broker.inboxes if name[0] == "ann"),
            [(s.server_id, s.status) for s in self.hers.cloud.servers("north", "memory", 9)],
        )

    def ask(self, body: bytes, caller: str = "bob", **said: Any) -> bytes:
        """The answer, the same in both."""
        answers = [place.send(body, caller, **said) for place in (self.hers, self.without)]
        assert comparable(answers[0]) == comparable(answers[1]), body
        return answers[0]

    def close(self) -> None:
        self.hers.close()
        self.without.close()


def comparable(answer: bytes) -> Any:
    """Without the number of an event, which counts those of all."""
    return re.sub(rb'"seq":\d+', b'"seq":0', answer)


@pytest.fixture
def worlds() -> Iterator[Worlds]:
    worlds = Worlds()
    yield worlds
    worlds.close()


def call(operation: Operation, args: dict[str, Any]) -> bytes:
    return json.dumps({"op": operation.name, "args": args}).encode()


def named(operation: Operation, place: Place) -> list[dict[str, Any]]:
    """What bob might ask of ann's: by all ways to name it, and without naming anything."""
    fields, good = set(operation.arguments.__struct_fields__), place.good(operation.name)
    ways = [good, {}]
    if "domain_id" in fields:
        ways += [{**good, "domain_id": name} for name in ("web", "ann:web", "ann/web", "ann%3Aweb", "../ann/web")]
    if "owner" in fields:
        ways += [{**way, "owner": "ann"} for way in ways]
    if "all_owners" in fields:
        ways += [{"all_owners": True}, {"all_owners": True, "owner": "bob"}, {"all_owners": True, "owner": "ann"}]
    return ways


@EVERY
def test_to_another_owner_it_is_as_if_she_had_never_been_there(operation: Operation, worlds: Worlds) -> None:
    for args in named(operation, worlds.hers):
        worlds.ask(call(operation, args))
    assert worlds.belongings() == worlds.kept


@pytest.mark.slow
@EVERY
def test_nor_does_anything_odd_make_a_difference(operation: Operation, worlds: Worlds) -> None:
    corpus = Corpus(f"bob's {operation.name}")
    ways = named(operation, worlds.hers)
    for _ in range(300):
        worlds.ask(corpus.body(operation.name, corpus.choice(ways)), headers=corpus.headers())
    assert worlds.belongings() == worlds.kept


@pytest.mark.parametrize(
    "operation", [op for op in OPERATIONS if op.access is Access.OWNER], ids=lambda op: op.name
)
def test_the_rules_would_be_seen_broken(operation: Operation, worlds: Worlds) -> None:
    """ann herself is answered otherwise where she has been: the tests above can fail."""
    args = worlds.hers.good(operation.name)
    if operation.name == "add_domain":
        args = {**args, "domain_id": "web"}
    if operation.name == "add_type":
        args = {**args, "type_id": "hers"}
    answers = [place.send(call(operation, args), "ann") for place in (worlds.hers, worlds.without)]
    assert comparable(answers[0]) != comparable(answers[1])


@EVERY
def test_what_is_not_there_and_what_is_another_s_are_answered_in_the_same_words(operation: Operation) -> None:
    for hers, none in (("web", "zyxw"), ("i-c8b-1-1", "i-c8b-1-99")):
        answers = []
        for name in (hers, none):
            place = Place()
            asked = json.dumps(place.good(operation.name)).replace(f'"{hers}"', f'"{name}"')
            answers.append(place.send(call(operation, json.loads(asked)), "bob").replace(name.encode(), b"it"))
            place.close()
        assert comparable(answers[0]) == comparable(answers[1])


# who asks


@EVERY
def test_who_does_not_say_who_asks_is_refused_whatever_is_asked(operation: Operation, place: Place) -> None:
    before = place.state()
    for args in named(operation, place):
        assert json.loads(place.send(call(operation, args), ""))["error"]["type"] == "denied"
    assert place.state() == before


@pytest.mark.parametrize(
    "operation", [op for op in OPERATIONS if op.access is Access.OPERATOR], ids=lambda o: o.name
)
def test_what_is_for_operators_is_denied_to_all_others_in_the_same_words(
    operation: Operation, place: Place
) -> None:
    before, said = place.state(), set()
    for caller in ("ann", "bob", "nobody", "Root", "root.", "m1", "elastic"):
        for args in (place.good(operation.name), {}, {"owner": "root"}, {"member": "m1"}):
            said.add(place.send(call(operation, args), caller))
    assert [json.loads(answer)["error"]["type"] for answer in said] == ["denied"]
    assert place.state() == before


@EVERY
def test_nobody_acts_for_another_by_saying_so(operation: Operation, place: Place) -> None:
    """In the arguments, in headers, in properties: the broker's word alone counts."""
    before, good = place.state(), place.good(operation.name)
    for extra in (
        {"as_user": "ann"},
        {"caller": "ann"},
        {"user_id": "ann"},
        {"is_operator": True},
        {"owner": "ann"},
    ):
        headers = {"user_id": "ann", "as_user": "ann", "caller": "ann"}
        assert is_refusal(place.send(call(operation, {**good, **extra}), "bob", headers)), extra
    assert place.state() == before


@pytest.mark.parametrize(
    "operation", [op for op in OPERATIONS if op.access is Access.AUTHOR], ids=lambda o: o.name
)
def test_a_definition_is_changed_by_who_added_it_and_by_operators(operation: Operation, place: Place) -> None:
    body, before = call(operation, place.good(operation.name)), place.state()
    assert json.loads(place.send(body, "bob"))["error"]["type"] == "denied"
    assert place.state() == before
    for caller in ("ann", "root"):
        own = Place()
        assert not is_refusal(own.send(body, caller))
        own.close()


def test_a_definition_that_an_operator_changed_is_still_its_author_s(place: Place) -> None:
    place.client("root").update_definition("spare", {"engine_conf": {"preserve_n": 3}})
    place.client("ann").update_definition("spare", {"engine_conf": {"preserve_n": 4}})
    assert place.client("bob").definition("spare")["definition"] == {"engine_conf": {"preserve_n": 4}}


def test_in_an_embedded_cluster_all_may_change_all_definitions() -> None:
    bench = Bench(operators=None)
    bench.client("ann").add_definition("d", {})
    bench.client("bob").remove_definition("d")
    assert bench.client("ann").definitions() == []
    bench.close()


# keys that somebody used


@pytest.mark.parametrize("operation", [op for op in OPERATIONS if op.mutates], ids=lambda op: op.name)
def test_a_key_that_another_used_tells_nothing(operation: Operation, place: Place) -> None:
    """ann's answer is kept under hers: bob is answered as if it had never been used."""
    answers = []
    for key in ("k", "fresh", "ann:k", "bob:k"):
        headers = {"idempotency-key": key, "deadline": place.clock.now() + 9}
        answers.append(place.send(call(operation, {"domain_id": "web"}), "bob", headers))
    assert len(set(answers)) == 1
    assert is_refusal(answers[0])


def test_a_key_is_good_for_who_used_it(place: Place) -> None:
    """Else the test above would prove nothing."""
    headers = {"idempotency-key": "k", "deadline": place.clock.now() - 1}
    body = json.dumps({"op": "pause_domain", "args": {"domain_id": "web"}}).encode()
    assert not is_refusal(place.send(body, "ann", headers)), "it was done, and is answered so"
    assert json.loads(place.send(body, "bob", headers))["error"]["type"] == "too_late"


# names that go into the broker's names


class Queue(NamedTuple):
    owner: str
    subscriber: str


@pytest.mark.parametrize("name", ["pager", "ann.pager", "ann", "x.ann.pager", "%2E", "*", "#", "a.#", "pager\n"])
def test_no_subscriber_s_name_reaches_another_owner_s_queue(name: str, place: Place) -> None:
    place.call("subscribe_domain", {"domain_id": "own", "subscriber_name": name}, "bob")
    hers = {Queue(*key) for key in place.broker.inboxes if key[0] == "ann"}
    assert hers == {Queue("ann", "pager")}
    place.broker.queue_news("ann", "web", b"for ann")
    assert place.broker.inbox("ann", "pager") == [b"for ann"]
    assert not place.broker.inbox("bob", name)


def test_a_domain_has_no_more_subscribers_than_it_may(place: Place) -> None:
    """Each is a durable queue at the broker, which is everybody's."""
    many = [f"s{n}" for n in range(101)]
    args = {"domain_id": "fresh", "definition_id": "d", "subscribers": many}
    before = place.state()
    with Errors() as errors:
        assert place.error("add_domain", args, "bob") == "bad_request"
        assert place.state() == before
        for name in many[:100]:
            assert place.error("subscribe_domain", {"domain_id": "own", "subscriber_name": name}, "bob") == ""
        before = place.state()
        assert (
            place.error("subscribe_domain", {"domain_id": "own", "subscriber_name": "s100"}, "bob")
            == "bad_request"
        )
        assert place.state() == before
    assert not errors.said


def test_owners_whose_names_look_alike_are_two(place: Place) -> None:
    for owner, name in (("bo", "b.own"), ("bob.own", "own"), ("bob-own", "own"), ("BOB", "own")):
        assert place.error("describe_domain", {"domain_id": name}, owner) == "not_found"
    assert place.view(OWN).key == DomainKey("bob", "own")


@EVERY
def test_who_may_is_not_refused(operation: Operation, place: Place) -> None:
    if operation.name != "release_quarantine":  # nothing is in it
        assert not is_refusal(place.send(call(operation, place.good(operation.name)), caller_of(operation)))
