"""The broker in memory: what a test can make go wrong, and that nothing moves by itself."""

from collections.abc import Sequence
from typing import Any

import pytest

from elastic.adapters.bus.memory import (
    MemoryBroker,
    MemoryHeartbeats,
    MemoryOutgoing,
    MemoryPeers,
    MemoryRpcClient,
    MemoryRpcServer,
    MemoryVoice,
    Parcel,
)
from elastic.errors import BusUnavailable
from elastic.ports.bus import Call
from tests.contract.bus_worlds import Ear, Serving


def listening(broker: MemoryBroker, member: str, *partitions: int) -> tuple[MemoryHeartbeats, Ear]:
    heartbeats, ear = MemoryHeartbeats(broker, member, 4), Ear()
    heartbeats.start(ear)
    heartbeats.tune(frozenset(partitions))
    broker.pump()
    return heartbeats, ear


def test_nothing_arrives_before_the_pump() -> None:
    broker = MemoryBroker()
    _, ear = listening(broker, "m1", 0)
    MemoryVoice(broker, 5, "i").say(b"1", "m")
    assert ear.bodies == []
    assert broker.pump() == 1
    assert ear.bodies == [b"1"]
    assert broker.pump() == 0


def test_messages_are_lost_doubled_and_late_as_the_test_will() -> None:
    broker = MemoryBroker()
    _, ear = listening(broker, "m1", 0)
    fates: dict[bytes, Sequence[int]] = {b"lost": (), b"twice": (0, 0), b"late": (2,)}
    broker.meddle = lambda parcel: fates.get(parcel.body, (0,))
    for body in (b"late", b"lost", b"twice", b"plain"):
        MemoryVoice(broker, 5, "i").say(body, "m")
    heard = []
    for _ in range(3):
        broker.pump()
        heard.append(list(ear.bodies))
    assert heard == [[b"twice", b"twice", b"plain"]] * 2 + [[b"twice", b"twice", b"plain", b"late"]]


def test_while_it_is_down_nobody_sends_hears_or_is_bound() -> None:
    broker = MemoryBroker()
    heartbeats, ear = listening(broker, "m1", 0)
    voice, peers = MemoryVoice(broker, 5, "i"), MemoryPeers(broker, "m1")
    MemoryRpcServer(broker, "m1").start(Serving())
    broker.down = True
    for attempt in (
        lambda: voice.say(b"1", "m"),
        lambda: heartbeats.probe(0, b"p"),
        lambda: MemoryOutgoing(broker, "m1").ask("elastic.reply.i.1"),
        lambda: MemoryOutgoing(broker, "m1").announce("ann", "web", [], "600-RUNNING", {}),
        lambda: MemoryRpcClient(broker).call("x", {}, 1),
        lambda: peers.ask("m1", "x", {}, 1),
        lambda: peers.tell("x", {}),
    ):
        with pytest.raises(BusUnavailable):
            attempt()
    assert heartbeats.bound() == frozenset()
    broker.pump()
    broker.down = False
    assert heartbeats.bound() == frozenset()  # nothing is bound until it is bound anew
    broker.pump()
    assert heartbeats.bound() == {0}
    assert ear.pulses == []


def test_one_that_is_cut_off_is_deaf_while_others_go_on() -> None:
    broker = MemoryBroker()
    one, one_ear = listening(broker, "m1", 0)
    _, two_ear = listening(broker, "m2", 0)
    broker.cut.add("m1")
    MemoryVoice(broker, 5, "i").say(b"1", "m")
    broker.pump()
    assert (one.bound(), one_ear.bodies, two_ear.bodies) == (frozenset(), [], [b"1"])
    with pytest.raises(BusUnavailable):
        one.probe(0, b"p")


def test_servers_are_asked_in_turn_those_cut_off_are_not() -> None:
    broker, servings = MemoryBroker(), {name: Serving() for name in ("m1", "m2", "m3")}
    for name, serving in servings.items():
        MemoryRpcServer(broker, name).start(serving)
    client = MemoryRpcClient(broker)
    for _ in range(6):
        client.call("x", {}, 1)
    broker.cut.add("m2")
    for _ in range(4):
        client.call("x", {}, 1)
    assert {name: len(serving.calls) for name, serving in servings.items()} == {"m1": 4, "m2": 2, "m3": 4}


def test_a_late_request_is_handled_though_nobody_waits_unless_it_has_expired() -> None:
    now = [0.0]
    broker, serving = MemoryBroker(wall=lambda: now[0]), Serving()
    MemoryRpcServer(broker, "m1").start(serving)
    broker.meddle = lambda parcel: (1,) if parcel.kind == "request" else (0,)
    for op in ("in time", "expired"):
        with pytest.raises(BusUnavailable):
            MemoryRpcClient(broker).call(op, {}, timeout=1)
        if op == "in time":
            broker.pump()
    now[0] = 2.0
    broker.pump()
    assert [call.op for call in serving.calls] == ["in time"]


def test_the_call_of_a_member_that_dies_of_it_goes_to_another() -> None:
    class Death(BaseException): ...

    def die(_call: Call) -> Any:
        raise Death

    broker, other = MemoryBroker(), Serving()
    MemoryRpcServer(broker, "m1").start(die)
    MemoryRpcServer(broker, "m2").start(other)
    with pytest.raises(Death):
        MemoryRpcClient(broker).call("x", {}, 1)
    broker.pump()
    assert [call.redelivered for call in other.calls] == [True]


def test_a_request_doubled_is_handled_twice_and_answered_once() -> None:
    broker, serving = MemoryBroker(), Serving()
    MemoryRpcServer(broker, "m1").start(serving)
    broker.meddle = lambda parcel: (0, 0) if parcel.kind == "request" else (0,)
    assert MemoryRpcClient(broker).call("x", {"a": 1}, 1, idempotency_key="k") == {"a": 1}
    assert [call.idempotency_key for call in serving.calls] == ["k", "k"]


def test_every_kind_of_message_passes_the_meddler() -> None:
    broker = MemoryBroker()
    kinds: list[str] = []

    def note(parcel: Parcel) -> Sequence[int]:
        kinds.append(parcel.kind)
        return (0,)

    broker.meddle = note
    heartbeats, _ = listening(broker, "m1", 0)
    MemoryRpcServer(broker, "m1").start(Serving())
    peers = MemoryPeers(broker, "m1")
    peers.start(lambda _op, _args: None, lambda _topic, _message: None)
    MemoryRpcClient(broker).call("x", {}, 1)
    peers.ask("m1", "x", {}, 1)
    peers.tell("x", {})
    MemoryVoice(broker, 5, "i").say(b"1", "m")
    heartbeats.probe(0, b"p")
    MemoryOutgoing(broker, "m1").ask("elastic.reply.i.1")
    MemoryOutgoing(broker, "m1").announce("ann", "web", ["pager"], "600-RUNNING", {})
    assert kinds == ["request", "reply", "question", "answer", "word", "heartbeat", "probe", "ask", "news"]
