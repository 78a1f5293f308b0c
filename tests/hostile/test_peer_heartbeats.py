"""Heartbeats that lie: each is dropped, counted under its own reason, and costs no other one."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elastic.adapters.bus import wire
from elastic.adapters.bus.memory import MemoryHeartbeats, MemoryVoice
from elastic.adapters.bus.signing import instance_key, sign
from elastic.roles.pipe import Pipe
from elastic.rules.ring import slot_of
from tests.hostile.peer_corpus import NAMES, NUMBERS, RAW, TEXTS, Corpus, nested
from tests.hostile.peer_place import OWN, WEB, Errors, Place
from tests.unit.roles.reactors import PARTITIONS, SECRET

FOREIGN = b"t" * 32
MESSAGES = 10_000


class Beat(NamedTuple):
    """A heartbeat as it is published: to a slot, with a MAC."""

    body: bytes
    mac: Any
    slot: Any

    def sent_to(self, slot: Any) -> "Beat":
        return self._replace(slot=slot)


class Ears(Place):
    """m1 listens to all partitions, on a bus; what is published is heard with the next `heard`."""

    def __init__(self) -> None:
        super().__init__()
        self.own = next(name for name, key in self.known.items() if key == OWN)
        self.heartbeats = MemoryHeartbeats(self.broker, "m1", PARTITIONS)
        self.heartbeats.start(self.reactor.hear)
        self.heartbeats.tune(frozenset(range(PARTITIONS)))
        self.broker.pump()

    def publish(self, beat: Beat, **properties: Any) -> None:
        for take in self._takers(beat.slot):
            take(str(beat.slot), {"mac": beat.mac}, properties, beat.body)

    def _takers(self, slot: Any) -> list[Callable[..., None]]:
        """The broker's part: what goes to no bound slot goes to nobody. (Here it comes, led by CC.)"""
        bound = self.broker.bindings["m1"]
        return [bound.get(slot, bound[0])]

    def heard(self) -> dict[str, int]:
        """What was dropped so far, by the reason."""
        self.broker.pump()
        return dict(self.heartbeats.dropped + Counter(self.reactor.dropped))

    def beat(self, *, secret: bytes = SECRET, signer: str | None = None, slot: Any = None, **fields: Any) -> Beat:
        """Of ann's instance; signed with `signer`'s key, its own if that is null."""
        said = {"node_id": self.instance, "owner": "ann", "domain_id": "web", "boot": "b", "seq": 1, "state": "OK"}
        body = json.dumps({**said, **fields}).encode()
        mac = sign(instance_key(secret, signer or self.instance), body)
        return Beat(body, mac, slot_of(WEB) if slot is None else slot)

    def others(self, seq: int) -> Beat:
        """Of bob's instance, which is well."""
        return self.beat(
            node_id=self.own, owner="bob", domain_id="own", seq=seq, signer=self.own, slot=slot_of(OWN)
        )

    def seq_of(self, name: str) -> int | None:
        heard = self.lastheard["m1"].of(name)
        return None if heard is None else heard.seq


@pytest.fixture
def ears() -> Iterator[Ears]:
    ears = Ears()
    yield ears
    ears.close()


def test_what_is_right_is_heard(ears: Ears) -> None:
    ears.publish(ears.beat())
    assert ears.heard() == {}
    assert ears.seq_of(ears.instance) == 1


def raw(body: bytes) -> Callable[[Ears], Beat]:
    return lambda ears: Beat(body, sign(instance_key(SECRET, ears.instance), body), slot_of(WEB))


def mac(value: Any) -> Callable[[Ears], Beat]:
    return lambda ears: ears.beat()._replace(mac=value)


def said(**fields: Any) -> Callable[[Ears], Beat]:
    return lambda ears: ears.beat(**fields)


LIES: dict[str, tuple[str, Callable[[Ears], Beat]]] = {
    "no MAC": ("unsigned", mac(None)),
    "an empty MAC": ("unsigned", mac("")),
    "a number for a MAC": ("unsigned", mac(7)),
    "a MAC of bytes": ("unsigned", mac(b"\x00" * 32)),
    "a MAC of another length": ("unsigned", mac("0" * 63)),
    "a MAC of 10 kB": ("unsigned", mac("0" * 10_000)),
    "a MAC that is no ASCII": ("unsigned", mac("é\ud800")),
    "a MAC in capitals": ("unsigned", lambda ears: ears.beat()._replace(mac=ears.beat().mac.upper())),
    "the MAC of another body": ("unsigned", lambda ears: ears.beat(seq=2)._replace(mac=ears.beat().mac)),
    "the plain hash": ("unsigned", lambda ears: ears.beat()._replace(mac=sign("", ears.beat().body))),
    "another cluster's secret": ("unsigned", said(secret=FOREIGN)),
    "a VM that speaks for another": ("unsigned", lambda ears: ears.beat(signer=ears.own)),
    "its MAC, another slot": ("misplaced", said(slot=(slot_of(WEB) + 1) % 4096)),
    "its MAC, another owner": ("misplaced", said(owner="bob")),
    "its MAC, another domain": ("misplaced", said(domain_id="own")),
    "its MAC, another's domain and slot": ("misplaced", said(owner="bob", domain_id="own", slot=slot_of(OWN))),
    "its MAC, names run together": ("misplaced", said(owner="ann:web", domain_id="")),
    "no slot": ("bad_slot", said(slot="x")),
    "a slot that there is not": ("bad_slot", said(slot=4096)),
    "a slot below all": ("bad_slot", said(slot=-1)),
    "a slot in other digits": ("bad_slot", said(slot="\N{ARABIC-INDIC DIGIT ONE}")),
    "a slot with a zero before": ("bad_slot", said(slot="01")),
    "an instance that there is not": ("unknown", said(node_id="i-c8b-1-9", signer="i-c8b-1-9")),
    "an instance without a name": ("unknown", said(node_id="", signer="")),
    "an instance of 10 kB": ("unknown", said(node_id="i" * 10_000)),
    "66 kB": ("oversized", said(error="x" * 66_000)),
    "2 MB": ("oversized", said(error="x" * 2_000_000)),
    "seq a text": ("malformed", said(seq="1")),
    "seq a fraction": ("malformed", said(seq=1.5)),
    "seq true": ("malformed", said(seq=True)),
    "seq null": ("malformed", said(seq=None)),
    "seq beyond 64 bits": ("malformed", said(seq=2**63)),
    "seq far beyond": ("malformed", said(seq=10**400)),
    "seq below 64 bits": ("malformed", said(seq=-(2**63) - 1)),
    "seq not a number": ("malformed", said(seq=float("nan"))),
    "a boot of 10 kB": ("malformed", said(boot="b" * 10_000)),
    "a boot that is none": ("malformed", said(boot=None)),
    "an owner that is a list": ("malformed", said(owner=["ann"])),
    "a state of the doctor's": ("malformed", said(state="MISSING")),
    "a state of an instance": ("malformed", said(state="900-FAILED")),
    "a state nobody knows": ("malformed", said(state="FINE")),
    "metrics that are a list": ("malformed", said(metrics=[1])),
    "processes that are texts": ("malformed", said(failed_processes=["x"])),
    "nothing": ("malformed", raw(b"")),
    "no JSON": ("malformed", raw(b"{")),
    "no UTF-8": ("malformed", raw(b'{"node_id": "\xff"}')),
    "half a letter": ("malformed", said(node_id="\ud800")),
    "a list": ("malformed", raw(b"[]")),
    "nested without end": ("malformed", raw(b"[" * 60_000)),
    "a pickle": ("malformed", raw(b"\x80\x04K\x01.")),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_dropped_under_its_own_name_and_costs_no_other(lie: str, ears: Ears) -> None:
    reason, made = LIES[lie]
    before, errors = ears.state(), Errors()
    with errors:
        ears.publish(ears.others(1))
        for _ in range(3):
            ears.publish(made(ears))
        ears.publish(ears.others(2))
        assert ears.heard() == {reason: 3}
    assert ears.seq_of(ears.instance) is None
    assert ears.seq_of(ears.own) == 2
    assert ears.state() == before
    assert not errors.said


class Word(NamedTuple):
    boot: str
    seq: int


AGAIN = {
    "the same seq": ([Word("b", 5)], Word("b", 5)),
    "a lower seq": ([Word("b", 5)], Word("b", 4)),
    "a seq below zero": ([Word("b", 5)], Word("b", -5)),
    "the boot before": ([Word("a", 9), Word("b", 1)], Word("a", 9)),
    "an earlier one of the boot before": ([Word("a", 9), Word("b", 1)], Word("a", 3)),
    "three boots before": ([Word("a", 9), Word("b", 1), Word("c", 1), Word("d", 1)], Word("a", 9)),
    "of boots that took turns": ([Word("a", 1), Word("b", 1), Word("a", 2), Word("b", 2)], Word("a", 2)),
}


@pytest.mark.parametrize("what", AGAIN)
def test_what_was_heard_is_not_heard_again(what: str, ears: Ears) -> None:
    """By whoever recorded it: nothing of it is forged."""
    before, again = AGAIN[what]
    for word in before:
        ears.publish(ears.beat(boot=word.boot, seq=word.seq))
    ears.publish(ears.others(1))
    ears.publish(ears.beat(boot=again.boot, seq=again.seq))
    assert ears.heard() == {"stale": 1}
    heard = ears.lastheard["m1"].of(ears.instance)
    assert heard is not None
    assert Word(heard.boot, heard.seq) == before[-1]
    assert ears.seq_of(ears.own) == 1


def test_who_speaks_up_in_between_does_not_silence_the_agent(ears: Ears) -> None:
    """Somebody runs `elastic-node --once` in the VM: the agent's own heartbeats are heard as before."""
    for word in (Word("agent", 7), Word("once", 1), Word("agent", 8), Word("once more", 1), Word("agent", 9)):
        ears.publish(ears.beat(boot=word.boot, seq=word.seq))
        assert ears.heard() == {}
        assert ears.seq_of(ears.instance) == word.seq


def test_an_agent_that_is_born_again_and_again_costs_no_memory(ears: Ears) -> None:
    for number in range(500):
        ears.publish(ears.beat(boot=f"b{number}"))
    assert ears.heard() == {}
    assert len(ears.lastheard["m1"]._lives[ears.instance]) <= 4


def test_the_last_number_there_is_silences_who_said_it_and_nobody_else(ears: Ears) -> None:
    ears.publish(ears.beat(seq=2**63 - 1))
    ears.publish(ears.beat(seq=1))
    ears.publish(ears.others(1))
    assert ears.heard() == {"stale": 1}
    assert ears.seq_of(ears.own) == 1
    ears.publish(ears.beat(boot="next", seq=1))
    assert ears.seq_of(ears.instance) is not None
    assert ears.heard() == {"stale": 1}, "and not even itself, once its agent is started anew"


def test_what_is_kept_of_one_vm_is_little(ears: Ears) -> None:
    """All VMs' words lie in one process: 60 kB each would be 600 MB for ten thousand."""
    metrics = {f"m{'x' * 200}{n}": n for n in range(150)} | {"deep": nested(50), "text": "x" * 9000, "nan": None}
    failed = [{"name": "p" * 400, "stderr": "e" * 400}] * 15
    ears.publish(ears.beat(metrics=metrics, failed_processes=failed, error="x" * 9000))
    assert ears.heard() == {}
    heard = ears.lastheard["m1"].of(ears.instance)
    assert heard is not None
    assert len(repr(heard)) < 40_000
    assert all(isinstance(value, int | float) for value in heard.metrics.values())


ADDRESSES = [
    "",
    "amq.gen-x",
    "elastic.rpc.test",
    "elastic.reply." + "x" * 161,
    "a" * 10_000,
    7,
    None,
    "\ud800",
    b"x",
]


@pytest.mark.parametrize("address", ADDRESSES, ids=lambda address: repr(address)[:30])
def test_no_heartbeat_makes_us_write_where_nobody_asked_us_to(address: Any, ears: Ears) -> None:
    ears.publish(ears.beat(), reply_to=address)
    assert ears.heard() == {}
    heard = ears.lastheard["m1"].of(ears.instance)
    assert heard is not None
    assert heard.reply_to is None


def test_an_address_of_another_vm_can_be_named_and_that_one_is_then_asked(ears: Ears) -> None:
    """It answers with a heartbeat of its own: no harm is in that, and it proves nothing for who named it."""
    asked: list[str] = []
    voice = MemoryVoice(ears.broker, slot_of(OWN), ears.own)
    voice.start(lambda: asked.append(ears.own))
    address = next(iter(ears.broker.asked))
    ears.publish(ears.beat(), reply_to=address)
    ears.broker.pump()
    heard = ears.lastheard["m1"].of(ears.instance)
    assert heard is not None
    assert heard.reply_to == address
    ears.reactor._desk.outgoing.ask(address)
    ears.broker.pump()
    assert asked == [ears.own]
    assert ears.seq_of(ears.instance) == 1


# probes


PROBES = [
    b"",
    b"m1",
    b"m1/3",
    b"m1//3",
    b"m1/guess/3",
    b"m1/word/",
    b"m1/word/x",
    b"m1/word/99999",
    b"m1/word/3/4",
]


@pytest.mark.parametrize("body", [*PROBES, b"m1/word2/3", b"m1/\xff/3", b"m1/" + b"w" * 60_000 + b"/3"])
def test_no_probe_proves_a_way_but_the_one_that_was_sent(body: bytes, ears: Ears) -> None:
    """Whoever has the VMs' account may write there, and every caller can list the members' names."""
    pipe = Pipe(ears.heartbeats, "m1", 5.0, "word")
    now = ears.clock.monotonic()
    is_ours = pipe.returned(body, now)
    pipe.turn([3], now)
    ears.clock.advance(1)
    assert pipe.watching_since(3, ears.clock.monotonic()) == now, "it was not proved, and is watched from then on"
    assert not is_ours or not body.startswith(b"m1/")


def test_a_forged_probe_is_counted(ears: Ears) -> None:
    pipe = Pipe(ears.heartbeats, "m1", 5.0, "word")
    hearing = ears.reactor._hearing
    hearing._probed = lambda body: pipe.returned(body, 0.0)
    for body in (b"m1/guess/3", b"m1/3", b"m1/word/3", b"m2/its/3"):
        ears.publish(Beat(body, wire.PROBE_MAC, 48))
    ears.publish(ears.others(1))
    assert ears.heard() == {"forged_probe": 2}
    assert ears.seq_of(ears.own) == 1


def test_a_forged_probe_does_not_hide_a_broken_way(ears: Ears) -> None:
    pipe = Pipe(ears.heartbeats, "m1", 5.0, "word")
    ears.broker.meddle = lambda parcel: () if parcel.kind == "probe" else (0,)
    for _ in range(10):
        now = ears.clock.monotonic()
        pipe.returned(b"m1//3", now)
        pipe.returned(b"m1/3", now)
        pipe.turn([3], now)
        assert pipe.watching_since(3, now) == now
        ears.clock.advance(5)


# ten thousand


@pytest.mark.slow
def test_ten_thousand_heartbeats_that_are_none_cost_none_that_is(ears: Ears) -> None:
    corpus, before, counted = Corpus("heartbeats"), ears.state(), 0
    good = json.loads(ears.beat(seq=3, metrics={"load": 1.5}, failed_processes=[{"name": "p"}]).body)
    with Errors() as errors:
        for number in range(MESSAGES):
            spoiled = json.dumps(corpus.spoiled(good)).encode()
            body = corpus.choice(RAW) if corpus.chance(0.05) else spoiled
            signer = ears.instance if corpus.chance(0.7) else ears.own
            signed = sign(instance_key(SECRET, signer), body)
            mac = signed if corpus.chance(0.8) else corpus.choice((*TEXTS, *NUMBERS, None))
            slot = slot_of(WEB) if corpus.chance(0.8) else corpus.choice((0, 4095, 4096, -1, "x", slot_of(OWN)))
            ears.publish(Beat(body, mac, slot), reply_to=corpus.choice((*TEXTS, *NUMBERS)))
            if number % 50 == 0:
                ears.publish(ears.others(number + 1))
                counted = sum(ears.heard().values())
                assert counted + ears.reactor.heard == number + 1 + number // 50 + 1, "each is heard or counted"
                assert ears.seq_of(ears.own) == number + 1
    assert counted > MESSAGES / 2
    assert set(ears.heard()) == {
        "unsigned", "misplaced", "bad_slot", "unknown", "malformed", "oversized", "stale",
    }  # fmt: skip
    assert not errors.said
    assert ears.state() == before


FIELDS = ["node_id", "owner", "domain_id", "boot", "seq", "state", "error", "failed_processes", "metrics"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(TEXTS) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=500)
@given(fields=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4))
def test_a_signed_heartbeat_is_heard_or_counted_whatever_is_in_it(fields: dict[str, Any]) -> None:
    ears = Ears()
    with Errors() as errors:
        ears.publish(ears.beat(**fields))
        ears.publish(ears.others(1))
        assert sum(ears.heard().values()) + ears.reactor.heard == 2
    assert ears.seq_of(ears.own) == 1
    assert not errors.said
    ears.close()
