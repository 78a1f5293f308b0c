"""The cluster as a whole, by RPC."""

import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from elastic.adapters.bus.memory import MemoryPeers
from elastic.adapters.cloud.furnished import FurnishedCloud
from elastic.errors import BadMessage, Conflict, NotFound, Unavailable
from elastic.model.assignment import Member
from elastic.model.decision import Decision, Event, Stage
from elastic.model.domain import DomainKey
from elastic.model.parts import PartKind
from elastic.model.server import Mark, Order, Server
from elastic.model.states import InstanceState
from elastic.ports.store import Quarantine
from elastic.roles.reactor.questions import Questions
from elastic.rules.ring import slot_of
from elastic.rules.strays import instance_id
from tests.unit.roles.reactors import Bench

KEY = DomainKey("ann", "web")


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    bench.add_domain()
    bench.decide(KEY)
    yield bench
    bench.close()


def boot(bench: Bench, number: int, site: str = "north", cluster: str = "memory") -> Server:
    incarnation = bench.view(KEY).domain.incarnation
    mark = Mark(cluster, KEY, incarnation, instance_id(slot_of(KEY), incarnation, number))
    server = bench.cloud.create(Order(mark=mark, site=site, deployable_type="t"), timeout=20)
    bench.clock.advance(60)
    return server


def test_any_replica_answers_a_ping(bench: Bench) -> None:
    members = {bench.client("ann").ping()["member"] for _replica in range(2)}
    assert members == {"m1", "m2"}


def test_replicas_tell_of_themselves(bench: Bench) -> None:
    rows = {row["member"]: row for row in bench.client("ann").replicas()}
    assert rows["m1"] == {
        "member": "m1",
        "host": "host",
        "pid": 7,
        "leads": ["decider"],
        "partitions": 256,
        "weight": 1.0,
        "able": {},
        "term": {"decider": 1},
        "loop_age": {"turn": 0.5},
        "store": "connected",
        "bus": "connected",
    }
    assert rows["m2"]["partitions"] == 0


def test_of_a_replica_that_does_not_answer_its_last_word_is_shown(bench: Bench) -> None:
    told = bench.clock.now()
    bench.store.describe_member(Member(name="m2", loop_age={"turn": 0.25}, told=told))
    bench.broker.cut.add("m2")
    bench.clock.advance(60)
    row = next(row for row in bench.client("ann").replicas() if row["member"] == "m2")
    assert (row["store"], row["bus"], row["leads"], row["term"]) == ("lost", "lost", [], {})
    assert row["loop_age"] == {"turn": 60.25}


def test_a_replica_that_is_slow_to_answer_is_not_called_lost(bench: Bench) -> None:
    answered = bench.reactors["m2"].answer_peer

    def slowly(op: str, args: Mapping[str, Any]) -> Any:
        time.sleep(1.2)  # the slowness itself, not a wait for anything
        return answered(op, args)

    peers = MemoryPeers(bench.broker, "m2")
    peers.start(slowly, lambda _topic, _message: None)
    row = next(row for row in bench.client("ann").replicas() if row["member"] == "m2")
    assert row["store"] == "connected"


def test_a_drained_replica_has_no_weight_until_it_is_given_one(bench: Bench) -> None:
    client = bench.client("ann")
    client.drain_replica("m2")
    assert bench.store.members()["m2"].weight == 0
    client.drain_replica("m2", weight=1)
    assert bench.store.members()["m2"].weight == 1


def test_a_replica_that_died_for_good_is_forgotten_and_no_other(bench: Bench) -> None:
    client = bench.client("ann")
    bench.store.describe_member(Member(name="m9", formats=0))
    for living in ("m1", "m2"):
        with pytest.raises(Conflict, match=living):
            client.forget_replica(living)
    client.forget_replica("m9")
    assert set(bench.store.members()) == {"m1", "m2"}
    with pytest.raises(NotFound):
        client.forget_replica("m9")


def test_events_are_asked_for_from_where_one_left_off(bench: Bench) -> None:
    client = bench.client("ann")
    last = client.events()[-1]["seq"]
    bench.store.log(
        [Event(time=5.0, kind="leader", text="m1 leads"), Event(time=6.0, kind="scaled", domain="ann:web")]
    )
    news = client.events(after=last)
    assert [(e["time"], e["kind"], e["domain"]) for e in news] == [(5.0, "leader", ""), (6.0, "scaled", "web")]
    assert [e["kind"] for e in client.events(after=last, domain="web")] == ["scaled"]
    assert client.events(after=news[-1]["seq"]) == []


@pytest.mark.parametrize("after", [-1, 2**63, 10**30])
def test_events_after_what_can_be_no_number_of_one_are_a_bad_request(bench: Bench, after: int) -> None:
    assert bench.error("list_events", {"after": after}) == "bad_request"


def test_events_after_the_last_that_there_could_be_are_none(bench: Bench) -> None:
    assert bench.client("ann").events(after=2**63 - 1) == []


def test_decisions_are_told_newest_last_and_without_secrets(bench: Bench) -> None:
    for n in range(3):
        decision = Decision(
            time=float(n),
            member="m1",
            term=1,
            inputs={"token": "x"},
            stages=(Stage("policy", n, "t"),),
            reason="r",
        )
        bench.write(KEY, decision=decision)
    rows = bench.client("ann").decisions("web", count=2)
    assert [row["time"] for row in rows] == [1.0, 2.0]
    assert rows[-1]["inputs"] == {"token": "***"}
    assert rows[-1]["stages"] == [{"stage": "policy", "value": 2, "text": "t"}]


def test_servers_of_all_sites_are_listed_and_strays_told_apart(bench: Bench) -> None:
    ours, double, forgotten = boot(bench, 1), boot(bench, 1), boot(bench, 2, site="south")
    boot(bench, 3, cluster="another cluster")
    name = bench.add_instance(KEY, number=1, server_id=ours.server_id)
    client = bench.client("ann")
    strays = {row["server_id"]: row["stray"] for row in client.servers()}
    assert strays == {ours.server_id: False, double.server_id: True, forgotten.server_id: True}
    assert {row["server_id"] for row in client.servers(strays=True)} == {double.server_id, forgotten.server_id}
    row = next(row for row in client.servers() if row["server_id"] == ours.server_id)
    assert (row["instance_id"], row["domain"], row["site"]) == (name, "web", "north")
    assert {row["kind"] for row in client.servers()} == {"server"}


@pytest.fixture
def furnished() -> Iterator[Bench]:
    """Its cloud has parts: of ann's web, and of a domain that is no more."""
    bench = Bench(operators=("root",), cloud=FurnishedCloud)
    bench.client("ann").add_type("t", {"sites": {"north": {"image": "debian", "flavor": "small"}}})
    bench.add_domain(engine_conf={"epuworker_type": "t", "force_site": "north"})
    bench.decide(KEY)
    yield bench
    bench.close()


def part(bench: Bench, number: int, kind: PartKind = PartKind.PORT, site: str = "north", slot: int = 0) -> str:
    """Of web's instance of that number, or of one of a domain of another slot."""
    name = instance_id(slot or slot_of(KEY), bench.view(KEY).domain.incarnation, number)
    home = name.rpartition("-")[0] if kind is PartKind.GROUP else name
    return str(bench.cloud.plant_part(site, "memory", home, kind))  # type: ignore[attr-defined]


def test_stray_parts_are_shown_beside_stray_servers(furnished: Bench) -> None:
    """What the sweep would delete has to be seen before, a volume with its data above all."""
    server = boot(furnished, 3)
    furnished.add_instance(KEY, number=1)
    kept, volume = part(furnished, 1), part(furnished, 2, PartKind.VOLUME)
    group = part(furnished, 1, PartKind.GROUP, "south", slot=slot_of(KEY) + 1)
    rows = {row["server_id"]: row for row in furnished.client("root").servers(strays=True)}
    assert rows.keys() == {server.server_id, volume, group}
    assert kept not in rows
    assert {row["stray"] for row in rows.values()} == {True}
    told = rows[volume]
    assert told.pop("created") is not None
    assert told == {
        "server_id": volume,
        "instance_id": instance_id(slot_of(KEY), 1, 2),
        "domain": "ann:web",
        "site": "north",
        "status": None,
        "stray": True,
        "pid": None,
        "kind": "volume",
    }
    assert (rows[group]["kind"], rows[group]["domain"], rows[group]["site"]) == ("group", "", "south")


def test_parts_are_shown_among_strays_only_and_to_those_who_may_have_them_swept(furnished: Bench) -> None:
    part(furnished, 2)
    assert furnished.client("root").servers() == []
    assert furnished.client("ann").servers(strays=True) == []
    assert furnished.client("root", owner="ann").servers(strays=True) == []


def test_a_site_whose_parts_cannot_be_listed_is_named(furnished: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = furnished.cloud.parts

    def parts(site: str, *args: object) -> object:
        if site == "south":
            raise Unavailable("502")
        return listed(site, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(furnished.cloud, "parts", parts)
    with pytest.raises(Unavailable, match=r"no answer from south \(parts\)"):
        furnished.client("root").servers(strays=True)
    assert furnished.client("root").servers() == []


def test_what_a_domain_has_that_cannot_be_understood_is_listed_and_is_no_stray(
    furnished: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep leaves it alone, too."""
    server = boot(furnished, 3)
    part(furnished, 2)
    unread = BadMessage("format 2")
    monkeypatch.setattr(furnished.store, "views", lambda keys: [(key, unread) for key in keys])
    client = furnished.client("root")
    assert [(row["server_id"], row["stray"]) for row in client.servers()] == [(server.server_id, False)]
    assert client.servers(strays=True) == []


def test_a_server_whose_record_waits_for_it_is_no_stray(bench: Bench) -> None:
    boot(bench, 1)
    bench.add_instance(KEY, InstanceState.REQUESTED, number=1)
    assert [row["stray"] for row in bench.client("ann").servers()] == [False]


def test_a_site_that_does_not_answer_is_named_rather_than_left_out(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot(bench, 1)
    listed = bench.cloud.servers

    def servers(site: str, *args: object, **kwargs: object) -> object:
        if site == "south":
            raise Unavailable("502")
        return listed(site, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(bench.cloud, "servers", servers)
    with pytest.raises(Unavailable, match="south"):
        bench.client("ann").servers()


def test_a_sound_store_has_no_problems(bench: Bench) -> None:
    bench.add_instance(KEY)
    found = bench.client("ann").check_store()
    assert (found["domains"], found["instances"], found["problems"]) == (1, 1, [])


def test_the_store_check_finds_what_does_not_fit_together(bench: Bench) -> None:
    bench.add_instance(KEY, number=1, server_id="s")
    bench.add_instance(KEY, number=2, server_id="s")
    problems = bench.client("ann").check_store()["problems"]
    assert problems == ["ann:web records server s twice"]


def test_an_operator_lets_the_sweep_run_after_a_restore(bench: Bench) -> None:
    bench.client("ann").accept_store()
    assert list(bench.store.flags().values()) == [bench.clock.now()]


@pytest.mark.hazard("F24")
def test_an_upgrade_is_finished_only_when_all_can_read_what_is_written(bench: Bench) -> None:
    assert bench.client("ann").finish_upgrade() == {"format": 1}
    bench.store.describe_member(Member(name="m2", formats=0))
    with pytest.raises(Conflict, match="m2"):
        bench.client("ann").finish_upgrade()


def test_a_quarantined_domain_is_listed_and_released(bench: Bench) -> None:
    bench.store.quarantine(Quarantine(key=KEY, strikes=2, until=9e9, member="m2"))
    client = bench.client("ann")
    assert client.quarantine() == [{"owner": "ann", "domain": "web", "strikes": 2, "until": 9e9, "member": "m2"}]
    client.release_quarantine("web")
    assert client.quarantine() == []


def test_answers_that_come_in_time_do_not_wait_for_those_that_do_not() -> None:
    hung = threading.Event()
    questions = Questions(width=2)

    def fail() -> str:
        raise ValueError

    asked = {"quick": lambda: "here", "hung": lambda: str(hung.wait(10)), "failing": fail}
    assert questions.gather(asked, timeout=0.2) == {"quick": "here"}
    hung.set()
    questions.close()
