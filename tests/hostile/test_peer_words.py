"""Members among themselves: what one of them says wrongly, by an older release or by malice, harms no other."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from elastic.adapters import codec
from elastic.adapters.bus import wire
from elastic.adapters.bus.memory import MemoryPeers
from elastic.adapters.cloud.weather import Happened
from elastic.errors import BadMessage, ElasticError
from elastic.model.domain import DomainKey, Json
from elastic.model.server import Mark
from elastic.roles import survey, tally
from elastic.rules.ring import partition_of, slot_of
from tests.hostile.peer_corpus import NUMBERS, RAW, TEXTS, Corpus, nested
from tests.hostile.peer_place import WEB, Errors, Place
from tests.scenario.world import World
from tests.unit.roles.reactors import PARTITIONS

MESSAGES = 10_000


@pytest.fixture
def world() -> Iterator[World]:
    """Three members, a domain of three."""
    world = World.settled()
    world.add()
    world.until(world.is_whole)
    yield world
    for replica in world.replicas.values():
        replica.agent.reactor.close()


def good_survey(world: World, member: str = "z") -> dict[str, Any]:
    servers = [s for s in world.cloud.live_servers() if s.mark is not None]
    return {
        "site": "site",
        "member": member,
        "round": "z 1.0",
        "last": True,
        "servers": msgspec.to_builtins(servers),
    }


def good_tally(member: str = "z") -> dict[str, Any]:
    return {"member": member, "sites": {"site": [0, 3]}}


def tell(world: World, body: bytes) -> bool:
    """To all members, as the bus would; False: it was not even word."""
    try:
        for word in list(world.broker.words.values()):
            word(body)
    except BadMessage:
        return False
    return True


def word(topic: Any, message: Any) -> bytes:
    return json.dumps({"topic": topic, "message": message}).encode()


def is_unharmed(world: World) -> None:
    """All live, nothing was ended, nobody is doubted, and what is asked for is done."""
    before = len(world.cloud.journal)
    world.run(10)
    assert world.is_whole(3)
    assert not world.happened(Happened.DELETE_ASKED, after=before)
    assert all(replica.agent.cut_turns == 0 for replica in world.replicas.values())
    world.resize(4)
    world.until(lambda: world.is_whole(4))


NONSENSE: dict[str, Any] = {
    "nothing": {},
    "no member": {"site": "site"},
    "a member that is a list": {**good_tally(), "member": ["z"]},
    "counts below zero": {"member": "z", "sites": {"site": [-5, 1]}},
    "counts without end": {"member": "z", "sites": {"site": [10**400, 10**400]}},
    "counts that are texts": {"member": "z", "sites": {"site": ["5", "5"]}},
    "too few counts": {"member": "z", "sites": {"site": [5]}},
    "too many counts": {"member": "z", "sites": {"site": [5, 5, 5]}},
    "sites that are a list": {"member": "z", "sites": [["site", 5, 5]]},
    "servers that are null": {"site": "site", "member": "z", "round": "1", "last": True, "servers": None},
    "servers that are numbers": {"site": "site", "member": "z", "round": "1", "last": True, "servers": [1, 2]},
    "an end that is none": {"site": "site", "member": "z", "round": "1", "last": "yes", "servers": []},
    "depth": {"site": nested(600), "member": nested(600, maps=True), "servers": nested(600)},
}


@pytest.mark.parametrize("topic", [survey.TOPIC, tally.TOPIC, "", "__class__", "x" * 10_000, "a\nb"])
@pytest.mark.parametrize("what", NONSENSE)
def test_a_word_that_makes_no_sense_is_counted_and_passed_over(topic: str, what: str, world: World) -> None:
    assert tell(world, word(topic, NONSENSE[what]))
    with Errors() as errors:
        world.step()
    assert [replica.agent.malformed for replica in world.replicas.values()] == [1, 1, 1]
    assert [replica.agent.cut_turns for replica in world.replicas.values()] == [0, 0, 0]
    assert not errors.said


def test_what_is_right_is_not_counted(world: World) -> None:
    tell(world, word(survey.TOPIC, good_survey(world)))
    tell(world, word(tally.TOPIC, good_tally()))
    world.step()
    assert [replica.agent.malformed for replica in world.replicas.values()] == [0, 0, 0]


@pytest.mark.slow
def test_after_ten_thousand_words_of_nonsense_all_is_as_it_was(world: World) -> None:
    corpus, counted = Corpus("words"), 0
    with Errors() as errors:
        for number in range(MESSAGES):
            good = good_survey(world) if corpus.chance(0.6) else good_tally()
            topic = survey.TOPIC if "servers" in good else tally.TOPIC
            topic = topic if corpus.chance(0.9) else corpus.choice((*TEXTS, *NUMBERS))
            tell(world, corpus.choice(RAW[:-8]) if corpus.chance(0.03) else word(topic, corpus.spoiled(good)))
            if number % 50 == 0:
                world.step(0.1)
        counted = sum(replica.agent.malformed for replica in world.replicas.values())
        is_unharmed(world)
    assert counted > MESSAGES / 2
    assert not errors.said


def test_a_thousand_members_that_never_were_are_forgotten(world: World) -> None:
    for number in range(1000):
        tell(world, word(tally.TOPIC, good_tally(f"ghost-{number}")))
        if number % 100 == 0:
            world.step(1.0)
    world.run(20)
    for replica in world.replicas.values():
        heard = replica.agent.staff.tally._heard
        tell(world, word(tally.TOPIC, good_tally()))
        world.step()
        assert len(heard) <= 1000
        assert len(replica.agent.staff.tally._heard) < 10


def test_a_survey_without_end_is_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey, "MOST_ROUNDS", 20)
    monkeypatch.setattr(survey, "MOST_SERVERS", 50)
    for number in range(200):
        part = {**good_survey(world), "last": False}
        tell(world, word(survey.TOPIC, {**part, "site": f"site-{number}"}))
        tell(world, word(survey.TOPIC, part))
        world.step(0.01)
    for replica in world.replicas.values():
        parts = replica.agent.staff.surveyor._parts
        assert len(parts) <= 21
        assert max(map(len, parts.values()), default=0) <= 60
    is_unharmed(world)


def test_words_that_nobody_takes_in_do_not_pile_up(world: World) -> None:
    replica = world.replicas["a"]
    for _ in range(3000):
        replica.agent.hear_peer(tally.TOPIC, good_tally())
    assert len(replica.agent.staff.inbox.messages()) == 1000


FOREIGN = {
    "another's server, under our mark": lambda here: Mark("other", DomainKey("eve", "hers"), 1, "i-fff-1-1"),
    "an unmarked server, under our mark": lambda _here: None,
}


@pytest.mark.parametrize("what", FOREIGN)
def test_no_word_has_a_server_deleted_that_is_not_ours(what: str, world: World) -> None:
    """A member tells of a second server of an instance of ours; by the cloud's own word it is somebody else's."""
    mark = FOREIGN[what](world)
    theirs = world.cloud.plant("site", mark)
    ours = good_survey(world)["servers"][0]
    for seconds in range(5):
        told = good_survey(world)
        told["servers"].append({**ours, "server_id": theirs})
        tell(world, word(survey.TOPIC, {**told, "round": f"z {seconds}"}))
        world.step(1.0)
    assert theirs in {s.server_id for s in world.cloud.live_servers()}
    assert not [entry for entry in world.happened(Happened.DELETE_ASKED) if entry.server_id == theirs]
    is_unharmed(world)


def test_a_double_that_is_one_is_still_deleted(world: World) -> None:
    ours = next(s for s in world.cloud.live_servers() if s.mark is not None)
    double = world.cloud.plant("site", ours.mark)
    world.until(lambda: double not in {s.server_id for s in world.cloud.live_servers()})
    is_unharmed(world)


def test_a_site_that_a_word_makes_up_is_nobody_s(world: World) -> None:
    told = good_survey(world)
    told["servers"] = [{**server, "site": "nowhere", "server_id": "s-x"} for server in told["servers"]]
    tell(world, word(survey.TOPIC, {**told, "site": "nowhere"}))
    is_unharmed(world)


# questions


QUESTIONS: tuple[Mapping[str, Any], ...] = (
    {},
    {"instance_ids": None},
    {"instance_ids": "i-001-1-1"},
    {"instance_ids": [1]},
    {"instance_ids": [["i"]]},
    {"instance_ids": {"i": 1}},
    {"instance_ids": nested(600)},
    {"instance_ids": ["__class__", "x" * 10_000, ""]},
    {"instance_ids": [f"i{n}" for n in range(100_000)]},
    {"x": 1},
)
OPS = ("status", "last_heard", "add_domain", "store_accept", "__class__", "handle", "", "x" * 10_000, "a\nb")


@pytest.mark.parametrize("op", OPS, ids=lambda op: op[:20])
@pytest.mark.parametrize("number", range(len(QUESTIONS)))
def test_a_question_is_answered_whatever_it_is(op: str, number: int) -> None:
    place = Place()
    before = place.state()
    with Errors() as errors:
        reply = json.loads(place.broker.questions["m1"](wire.encoded(wire.Request(op, dict(QUESTIONS[number])))))
    assert place.state() == before
    assert not errors.said
    if "error" in reply:
        assert reply["error"]["type"] in ("bad_request", "unknown_operation")
        assert len(reply["error"]["message"]) < 300
    else:
        assert op in ("status", "last_heard")
    place.close()


@pytest.mark.slow
@pytest.mark.parametrize("op", ["status", "last_heard"])
def test_ten_thousand_malformed_questions_are_answered(op: str) -> None:
    place, corpus = Place(), Corpus(f"questions of {op}")
    before = place.state()
    with Errors() as errors:
        for _ in range(MESSAGES):
            body = corpus.body(op, {"instance_ids": [place.instance, "i-001-1-1"]})
            try:
                reply = json.loads(place.broker.questions["m1"](body))
            except BadMessage:
                continue
            assert "result" in reply or reply["error"]["type"] in ("bad_request", "unknown_operation"), body
    assert place.state() == before
    assert not errors.said
    place.close()


ANSWERS: dict[str, Json] = {
    "nothing": None,
    "a number": 7,
    "a text": "x",
    "a list": [1],
    "nothing of it": {"leads": None, "term": None, "loop_age": None, "store": None, "bus": None},
    "other types": {"leads": "decider", "term": [1], "loop_age": {"turn": "soon"}, "store": 1, "bus": {}},
    "ages that are texts": {"i-c8b-1-1": "long ago"},
    "depth": nested(600),
    "size": ["x" * 1000] * 1000,
}


@pytest.mark.parametrize("what", ANSWERS)
@pytest.mark.parametrize("op", ["list_replicas", "list_instances", "describe_instance"])
def test_an_answer_that_makes_no_sense_is_as_good_as_none(op: str, what: str) -> None:
    place = Place()
    liar = MemoryPeers(place.broker, "m2")
    liar.start(lambda _op, _args: ANSWERS[what], lambda _topic, _message: None)
    partition = partition_of(slot_of(WEB), PARTITIONS)
    held = place.store.assignment()
    holders = tuple("m2" if number == partition else name for number, name in enumerate(held.holders))
    place.store._assignment = codec.encode(replace(held, holders=holders))
    with Errors() as errors:
        reply = place.call(op, place.good(op))
    assert "result" in reply, reply
    assert not errors.said
    if op == "list_replicas" and what != "ages that are texts":  # that is a status with nothing in it
        assert [row["store"] for row in reply["result"] if row["member"] == "m2"] == ["lost"]
    place.close()


@pytest.mark.parametrize("body", [b"", b"null", b"7", b'{"error": {"type": "SystemExit"}}', b'{"error": {}}'])
def test_no_answer_of_a_member_is_an_exception_that_nobody_knows(body: bytes) -> None:
    with pytest.raises(ElasticError):
        wire.result_of(body)
