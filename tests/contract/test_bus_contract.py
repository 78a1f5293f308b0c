"""What every bus does, over each of them."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from elastic import errors
from elastic.ports.bus import Pulse
from tests.contract.bus_worlds import PARTITIONS, Ear, RabbitWorld, Serving, World, first_slot, make_world


@pytest.fixture(params=["memory", "sqlite", pytest.param("rabbitmq", marks=pytest.mark.functional)])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    if request.param == "rabbitmq":
        world: World = RabbitWorld(request.getfixturevalue("rabbitmq"), request.getfixturevalue("vhost"))
    else:
        world = make_world(request.param, tmp_path)
    yield world
    world.close()


def listening(world: World, member: str, *partitions: int) -> tuple[Any, Ear]:
    ear = Ear()
    heartbeats = world.started(world.heartbeats(member), ear)
    heartbeats.tune(frozenset(partitions))
    world.until(lambda: heartbeats.bound() == frozenset(partitions))
    return heartbeats, ear


# RPC


def test_a_call_reaches_a_server_as_it_was_made_and_its_result_comes_back(world: World) -> None:
    serving = Serving(lambda call: {"sum": call.args["a"] + 1, "text": "grün"})
    world.started(world.rpc_server("m1"), serving)

    result = world.rpc_client("ann").call("add", {"a": 41}, timeout=10, idempotency_key="k1")

    assert result == {"sum": 42, "text": "grün"}
    (call,) = serving.calls
    assert (call.op, call.args, call.caller, call.idempotency_key) == ("add", {"a": 41}, "ann", "k1")
    assert call.deadline is not None
    assert not call.redelivered


def test_a_caller_may_ask_as_another_only_where_the_bus_has_no_users(world: World) -> None:
    serving = Serving()
    world.started(world.rpc_server("m1"), serving)
    if world.name == "rabbitmq":
        with pytest.raises(errors.Denied, match="the bus knows us as 'ann'"):
            world.rpc_client("ann").call("x", {}, timeout=10, as_user="bob")
        assert not serving.calls
        return
    world.rpc_client("ann").call("x", {}, timeout=10, as_user="bob")
    assert [call.caller for call in serving.calls] == ["bob"]


def test_a_call_without_a_user_has_no_caller_whatever_its_body_says(world: World) -> None:
    serving = Serving()
    world.started(world.rpc_server("m1"), serving)
    world.rpc_client(user="").call("x", {"caller": "root", "user_id": "root"}, timeout=10)
    assert [call.caller for call in serving.calls] == [""]


@pytest.mark.parametrize(
    ("raised", "arrives"),
    [
        (errors.NotFound("no domain 'a'"), errors.NotFound),
        (errors.Conflict("it is there"), errors.Conflict),
        (errors.BadRequest("unknown key 'x'"), errors.BadRequest),
        (errors.Denied("not yours"), errors.Denied),
        (errors.TooLate("late"), errors.TooLate),
        (errors.UnknownOperation("no 'fly'"), errors.UnknownOperation),
        (errors.Unavailable("later"), errors.Unavailable),
        (errors.StoreUnavailable("no store"), errors.Unavailable),
        (errors.OutcomeUnknown("who knows"), errors.Unavailable),
    ],
    ids=lambda value: getattr(value, "__name__", None) or type(value).__name__,
)
def test_an_error_arrives_as_its_type_with_its_text(
    world: World, raised: errors.ElasticError, arrives: type[errors.ElasticError]
) -> None:
    def fail(_call: Any) -> Any:
        raise raised

    world.started(world.rpc_server("m1"), fail)
    with pytest.raises(errors.ElasticError) as caught:
        world.rpc_client().call("x", {}, timeout=10)
    assert type(caught.value) is arrives
    assert str(caught.value) == str(raised)


def test_a_handler_that_breaks_is_unavailable_tells_nothing_of_its_insides_and_serves_on(world: World) -> None:
    def break_once(call: Any) -> Any:
        if call.op == "break":
            raise RuntimeError("secret insides")
        return {"result": "well"}

    world.started(world.rpc_server("m1"), break_once)
    client = world.rpc_client()
    with pytest.raises(errors.Unavailable) as caught:
        client.call("break", {}, timeout=10)
    assert "secret" not in str(caught.value)
    assert client.call("x", {}, timeout=10) == "well"


def test_a_call_past_its_deadline_is_handed_on_with_it(world: World) -> None:
    """Only the reactor knows whether it was made before, and then has its answer."""
    serving = Serving()
    server = world.started(world.rpc_server("m1"), serving)
    late = {"deadline": 1.0, "idempotency-key": "k"}
    world.raw_rpc(b'{"op": "late", "args": {}}', late, {"user_id": "ann"})
    world.rpc_client().call("next", {}, timeout=10)
    assert [(call.op, call.deadline == 1.0) for call in serving.calls] == [("late", True), ("next", False)]
    assert not server.dropped


def test_with_no_server_there_a_call_is_unavailable(world: World) -> None:
    with pytest.raises(errors.BusUnavailable):
        world.rpc_client().call("x", {}, timeout=0.3)


def test_a_mutation_whose_reply_was_lost_is_sent_again_with_its_key(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving = Serving(lambda call: call.idempotency_key)
    world.started(world.rpc_server("m1"), serving)
    world.lose_one_reply(monkeypatch)
    assert world.rpc_client().call("add", {}, timeout=10, idempotency_key="k1") == "k1"
    assert [call.idempotency_key for call in serving.calls] == ["k1", "k1"]


def test_what_has_no_key_is_not_sent_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    serving = Serving()
    world.started(world.rpc_server("m1"), serving)
    world.lose_one_reply(monkeypatch)
    with pytest.raises(errors.BusUnavailable):
        world.rpc_client().call("add", {}, timeout=2)
    assert len(serving.calls) == 1


def test_two_servers_share_the_queue(world: World) -> None:
    one, two = Serving(), Serving()
    world.started(world.rpc_server("m1"), one)
    second = world.started(world.rpc_server("m2"), two)
    client = world.rpc_client()

    def both_were_asked() -> bool:
        client.call("x", {}, timeout=10)
        return bool(one.calls and two.calls)

    world.until(both_were_asked)
    second.stop()
    before = len(two.calls)
    for _ in range(5):
        client.call("x", {}, timeout=10)
    assert len(two.calls) == before


@pytest.mark.parametrize(
    ("body", "headers", "reason"),
    [
        (b"x" * (1024 * 1024 + 1), {}, "oversized"),
        (b"not json", {}, "undecodable"),
        (b'{"op": 7}', {}, "undecodable"),
        (b'{"op": "x", "args": []}', {}, "undecodable"),
        (b'{"args": {}}', {}, "undecodable"),
        (b'"\xff"', {}, "undecodable"),
        (b"[" * 100_000, {}, "undecodable"),
        (b'{"op": "x"}', {"idempotency-key": 7}, "bad_headers"),
        (b'{"op": "x"}', {"idempotency-key": "k" * 257}, "bad_headers"),
        (b'{"op": "x"}', {"deadline": "soon"}, "bad_headers"),
        (b'{"op": "x"}', {"deadline": True}, "bad_headers"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_is_no_call_is_dropped_and_counted_and_holds_up_nothing(
    world: World, body: bytes, headers: dict[str, Any], reason: str
) -> None:
    serving = Serving()
    server = world.started(world.rpc_server("m1"), serving)
    world.raw_rpc(body, headers, {"user_id": "ann"})
    assert world.rpc_client().call("x", {"a": 1}, timeout=10) == {"a": 1}
    assert dict(server.dropped) == {reason: 1}
    assert len(serving.calls) == 1


def test_what_json_cannot_say_is_refused_before_it_is_sent(world: World) -> None:
    with pytest.raises(errors.BadRequest):
        world.rpc_client().call("x", {"a": object()}, timeout=1)


# Heartbeats


def test_heartbeats_come_with_their_bytes_mac_and_slot_and_only_of_bound_partitions(world: World) -> None:
    _, ear = listening(world, "m1", 3, 4)
    for partition in (2, 3, 4, 5):
        for slot in (first_slot(partition), first_slot(partition + 1) - 1):
            voice = world.started(world.voice(slot, f"i-{slot:03x}-1-1"), lambda: None)
            voice.say(b'{"s":%d}' % slot, f"mac{slot}")
    world.until(lambda: len(ear.pulses) >= 4)
    world.settle()
    expected = [(3, 48), (3, 63), (4, 64), (4, 79)]
    said = [(pulse.body, pulse.mac, pulse.slot) for pulse in ear.pulses]
    assert said == [(b'{"s":%d}' % slot, f"mac{slot}", slot) for _, slot in expected]


def test_every_slot_leads_to_the_member_of_its_partition(world: World) -> None:
    _, ear = listening(world, "m1", *range(PARTITIONS))
    slots = [0, 1, 15, 16, 2047, 2048, 4080, 4095]
    for slot in slots:
        world.raw_heartbeat(str(slot), {"mac": "m"}, b"{}")
    world.until(lambda: [pulse.slot for pulse in ear.pulses] == slots)


def test_a_probe_comes_back_the_way_that_heartbeats_come(world: World) -> None:
    heartbeats, ear = listening(world, "m1", 7)
    heartbeats.probe(8, b"not mine")
    heartbeats.probe(7, b'{"probe":1}')
    world.until(lambda: ear.pulses != [])
    assert ear.pulses == [Pulse(b'{"probe":1}', "probe", first_slot(7))]


def test_a_partition_let_go_is_heard_no_more(world: World) -> None:
    heartbeats, ear = listening(world, "m1", 1, 2)
    heartbeats.tune(frozenset({2, 3}))
    world.until(lambda: heartbeats.bound() == {2, 3})
    rounds = count()

    def is_let_go() -> bool:
        """It says first that it is deaf to a partition, and then is."""
        number = next(rounds)
        bodies = {partition: b"%d of %d" % (partition, number) for partition in (1, 2, 3)}
        for partition, body in bodies.items():
            world.raw_heartbeat(str(first_slot(partition)), {"mac": "m"}, body)
        world.until(lambda: {bodies[2], bodies[3]} <= set(ear.bodies))
        world.settle()
        return bodies[1] not in ear.bodies

    world.until(is_let_go)


def test_a_hand_over_new_before_old_loses_no_heartbeat(world: World) -> None:
    old, old_ear = listening(world, "old", 9)
    new, new_ear = listening(world, "new")
    said = []

    def say() -> None:
        body = b"%d" % len(said)
        said.append(body)
        world.raw_heartbeat(str(first_slot(9)), {"mac": "m"}, body)

    def say_until(condition: Any) -> None:
        world.until(lambda: (say(), condition())[1])

    say_until(lambda: len(said) > 5)
    new.tune(frozenset({9}))
    say_until(lambda: 9 in new.bound())
    old.tune(frozenset())
    say_until(lambda: not old.bound())
    say_until(lambda: len(new_ear.pulses) > 5)

    def heard() -> set[bytes]:
        return {*old_ear.bodies, *new_ear.bodies}

    world.until(lambda: heard() == set(said))


@pytest.mark.parametrize(
    ("headers", "body", "reason"),
    [({}, b"{}", "unsigned"), ({"mac": 7}, b"{}", "unsigned"), ({"mac": "m"}, b"x" * 65_537, "oversized")],
)
def test_what_is_no_heartbeat_is_dropped_and_counted_and_holds_up_nothing(
    world: World, headers: dict[str, Any], body: bytes, reason: str
) -> None:
    heartbeats, ear = listening(world, "m1", 0)
    world.raw_heartbeat("0", {"mac": "m"}, b"before")
    world.raw_heartbeat("0", headers, body)
    world.raw_heartbeat("0", {"mac": "m"}, b"after")
    world.until(lambda: len(ear.pulses) == 2)
    assert ear.bodies == [b"before", b"after"]
    assert dict(heartbeats.dropped) == {reason: 1}


# To VMs, subscribers, members


def test_a_vm_is_asked_where_its_heartbeat_says(world: World) -> None:
    asked: list[int] = []
    _, ear = listening(world, "m1", 0)
    for number in (1, 2):
        voice = world.started(world.voice(0, f"i-000-1-{number}"), lambda number=number: asked.append(number))
        voice.say(b"%d" % number, "m")
    world.until(lambda: len(ear.pulses) == 2)
    addresses = {pulse.body: pulse.reply_to for pulse in ear.pulses}
    outgoing = world.outgoing()
    for _ in range(2):
        before = len(asked)
        outgoing.ask(addresses[b"2"])
        world.until(lambda before=before: len(asked) > before)
    assert set(asked) == {2}


def test_who_is_gone_is_asked_in_vain_and_harms_nobody(world: World) -> None:
    asked: list[int] = []
    _, ear = listening(world, "m1", 0)
    voice = world.started(world.voice(0, "i-000-1-1"), lambda: asked.append(1))
    voice.say(b"first", "m")
    world.until(lambda: len(ear.pulses) == 1)
    voice.stop()
    voice.start(lambda: asked.append(2))
    voice.say(b"second", "m")
    world.until(lambda: len(ear.pulses) == 2)
    outgoing = world.outgoing()
    gone, here = (pulse.reply_to for pulse in ear.pulses)
    assert gone != here
    for address in (gone, "elastic.rpc.north%2E1", "amq.rabbitmq.reply-to.x.y", "", here):
        outgoing.ask(address)
    world.until(lambda: asked != [])
    assert asked == [2]


class Vm:
    """One that listens, and what it was told."""

    def __init__(self, world: World, ear: Ear, obeys: Callable[[bytes, str], None] | None = None) -> None:
        self.asks, self.orders = 0, list[tuple[bytes, str]]()
        self.obeys = obeys or (lambda _body, _mac: None)
        voice = world.started(world.voice(0, "i-000-1-1"), self.asked, self.ordered)
        voice.say(b"here", "m")
        world.until(lambda: ear.pulses != [])
        self.address = ear.pulses[-1].reply_to

    def asked(self) -> None:
        self.asks += 1

    def ordered(self, body: bytes, mac: str) -> None:
        self.orders.append((body, mac))
        self.obeys(body, mac)


def test_an_order_comes_to_the_vm_as_it_was_signed_and_asks_for_a_heartbeat_too(world: World) -> None:
    _, ear = listening(world, "m1", 0)
    vm, outgoing = Vm(world, ear), world.outgoing()
    orders = [(b'{"instance_id":"\xc3\xa4","n":%d}' % number, f"mac{number}") for number in range(3)]
    for body, mac in orders:
        outgoing.ask(vm.address, body, mac)
    world.until(lambda: len(vm.orders) == 3)
    world.until(lambda: vm.asks > 0)
    assert vm.orders == orders
    assert all(type(body) is bytes for body, _ in vm.orders)


def test_an_ask_brings_no_order(world: World) -> None:
    _, ear = listening(world, "m1", 0)
    vm = Vm(world, ear)
    world.outgoing().ask(vm.address)
    world.until(lambda: vm.asks > 0)
    assert vm.orders == []


@pytest.mark.parametrize(("body", "mac"), [(b"\xff", "m"), (b"[" * 4000, "m"), (b"x", ""), (b"{}", "m")])
def test_an_order_that_makes_no_sense_harms_nobody(world: World, body: bytes, mac: str) -> None:
    def refuse(body: bytes, _mac: str) -> None:
        if body != b"good":
            raise ValueError("no order")

    _, ear = listening(world, "m1", 0)
    vm, outgoing = Vm(world, ear, refuse), world.outgoing()
    outgoing.ask(vm.address, body, mac)
    outgoing.ask(vm.address, b"good", "mac")
    world.until(lambda: (b"good", "mac") in vm.orders)
    world.until(lambda: vm.asks > 0)


@pytest.mark.parametrize("address", ["elastic.rpc.north%2E1", "elastic.reply.", "elastic.reply." + "x" * 200, "q"])
def test_an_address_that_is_none_of_replies_is_passed_over(world: World, address: str) -> None:
    _, ear = listening(world, "m1", 0)
    world.raw_heartbeat("0", {"mac": "m"}, b"x", reply_to=address)
    world.until(lambda: ear.pulses != [])
    assert ear.pulses == [Pulse(b"x", "m", 0, None)]


def test_a_subscriber_gets_what_was_announced_while_it_was_away(world: World) -> None:
    outgoing = world.outgoing()
    outgoing.subscribe("ann", "web.1", "pager")
    outgoing.announce("ann", "web.1", ["pager"], "600-RUNNING", {"seq": 1})
    outgoing.announce("ann", "web", [], "600-RUNNING", {"seq": 2})
    outgoing.announce("bob", "web.1", [], "600-RUNNING", {"seq": 3})
    outgoing.announce("ann", "web.1", ["pager"], "900-FAILED", {"seq": 4})
    world.settle()
    assert world.inbox("ann", "pager") == [{"seq": 1}, {"seq": 4}]


def test_one_who_comes_back_is_told_whichever_members_it_asked(world: World) -> None:
    """Each member remembers what it has bound, and not what another has unbound meanwhile."""
    one, other = world.outgoing(), world.outgoing()
    one.subscribe("ann", "web", "pager")
    one.announce("ann", "web", ("pager",), "600-RUNNING", {"seq": 1})
    other.unsubscribe("ann", "web", "pager")
    one.subscribe("ann", "web", "pager")
    one.announce("ann", "web", ("pager",), "600-RUNNING", {"seq": 2})
    world.settle()
    assert world.inbox("ann", "pager") == [{"seq": 1}, {"seq": 2}]


def test_one_who_unsubscribed_gets_no_more_of_that_domain(world: World) -> None:
    outgoing = world.outgoing()
    for domain in ("web", "db"):
        outgoing.subscribe("ann", domain, "pager")
    outgoing.unsubscribe("ann", "web", "pager")
    outgoing.announce("ann", "web", [], "600-RUNNING", {"seq": 1})
    outgoing.announce("ann", "db", ["pager"], "600-RUNNING", {"seq": 2})
    world.settle()
    assert world.inbox("ann", "pager") == [{"seq": 2}]
    outgoing.subscribe("ann", "web", "pager")
    outgoing.announce("ann", "web", ["pager"], "600-RUNNING", {"seq": 3})
    world.settle()
    assert world.inbox("ann", "pager") == [{"seq": 3}]


def test_names_with_dots_are_not_mixed_up(world: World) -> None:
    outgoing = world.outgoing()
    outgoing.subscribe("a.b", "c", "s")
    outgoing.subscribe("a", "b.c", "s")
    outgoing.subscribe("a", "c", "b.s")
    outgoing.announce("a.b", "c", ["s"], "600-RUNNING", {"of": "a.b c"})
    world.settle()
    assert world.inbox("a", "s") == []
    assert world.inbox("a", "b.s") == []
    assert world.inbox("a.b", "s") == [{"of": "a.b c"}]


def test_a_member_asks_another_and_each_error_has_its_type(world: World) -> None:
    def answer(op: str, args: Any) -> Any:
        if op == "fail":
            raise errors.NotFound("no such")
        return [op, dict(args)]

    one = world.started(world.peers("m1"), answer, lambda _topic, _message: None)
    world.started(world.peers("m.2"), answer, lambda _topic, _message: None)
    assert one.ask("m.2", "ages", {"of": ["i"]}, timeout=10) == ["ages", {"of": ["i"]}]
    with pytest.raises(errors.NotFound, match="no such"):
        one.ask("m.2", "fail", {}, timeout=10)
    with pytest.raises(errors.BusUnavailable):
        one.ask("m3", "ages", {}, timeout=0.3)


def test_a_word_reaches_every_member_the_teller_too(world: World) -> None:
    heard: dict[str, list[Any]] = {"m1": [], "m2": []}
    members = [
        world.started(
            world.peers(name),
            lambda op, args: None,
            lambda topic, message, name=name: heard[name].append((topic, dict(message))),
        )
        for name in heard
    ]
    members[0].tell("listing", {"site": "east", "at": 1.5})
    world.until(lambda: all(heard.values()))
    assert heard == {name: [("listing", {"site": "east", "at": 1.5})] for name in heard}
