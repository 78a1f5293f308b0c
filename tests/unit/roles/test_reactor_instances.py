"""Instances by RPC: found by their ids, never written, and asked about in parallel."""

from collections.abc import Iterator

import pytest

from elastic.adapters.bus.memory import MemoryPeers
from elastic.errors import BadRequest, BusUnavailable, NotFound
from elastic.model.actions import Work
from elastic.model.domain import DomainKey
from elastic.model.heartbeat import Heard
from elastic.model.server import Mark, Order
from elastic.model.states import InstanceState
from tests.unit.roles.reactors import Bench

KEY = DomainKey("ann", "web")


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    bench.add_domain()
    bench.decide(KEY)
    yield bench
    bench.close()


def test_an_instance_is_found_by_its_id_alone(bench: Bench) -> None:
    bench.add_domain(name="db")
    one = bench.add_instance(KEY, extravars={"n": 1, "token": "hush"}, errors=("it hurts",))
    other = bench.add_instance(DomainKey("ann", "db"))
    row = bench.client("ann").instance(one)
    assert (row["domain"], row["state"], row["pid"], row["errors"]) == ("web", "600-RUNNING", None, ["it hurts"])
    assert row["extravars"] == {"n": 1, "token": "***"}
    assert bench.client("ann").instance(other)["domain"] == "db"


def test_an_id_of_an_earlier_life_of_the_domain_finds_nothing(bench: Bench) -> None:
    name = bench.add_instance(KEY)
    slot, incarnation, number = name.split("-")[1:]
    for wrong in (
        f"i-{slot}-{int(incarnation) + 1}-{number}",
        f"i-{slot}-{incarnation}-9",
        name.upper(),
        "",
        "i-",
    ):
        with pytest.raises(NotFound):
            bench.client("ann").instance(wrong)


def test_the_heartbeat_s_age_comes_from_the_member_that_listens(bench: Bench) -> None:
    """Whichever replica is asked; and from nobody else."""
    name = bench.add_instance(KEY)
    bench.lastheard["m1"].note(name, Heard(bench.clock.monotonic() - 7, "OK"))
    bench.lastheard["m2"].note(name, Heard(bench.clock.monotonic() - 1, "OK"))
    ages = [bench.client("ann").instances("web")[0]["last_heartbeat_age"] for _replica in range(2)]
    assert ages == [7.0, 7.0]


def test_the_age_is_null_if_that_member_does_not_answer(bench: Bench) -> None:
    name = bench.add_instance(KEY)
    bench.lastheard["m1"].note(name, Heard(bench.clock.monotonic(), "OK"))
    bench.broker.cut.add("m1")
    rows = bench.client("ann").instances()
    assert [(row["instance_id"], row["last_heartbeat_age"]) for row in rows] == [(name, None)]


def test_the_pid_of_a_server_that_is_a_process_is_told(bench: Bench) -> None:
    view = bench.view(KEY)
    name = bench.add_instance(KEY)
    mark = Mark("memory", KEY, view.domain.incarnation, name)
    server = bench.cloud.create(Order(mark=mark, site="north", deployable_type="t"), timeout=20)
    other = bench.add_instance(KEY, number=2, server_id=server.server_id)
    assert bench.client("ann").instance(other)["pid"] == server.pid


def test_to_terminate_leaves_a_word_in_the_domain_and_none_in_the_record(bench: Bench) -> None:
    name = bench.add_instance(KEY)
    before = bench.view(KEY)
    bench.client("ann").protect_instance(name)
    bench.client("ann").terminate_instance(name)
    bench.client("ann").terminate_instance(name)
    after = bench.view(KEY)
    assert after.instances == before.instances
    assert (after.domain.doomed, after.domain.protected) == ((name,), ())
    assert after.counter > before.counter, "a decision made on the view before is refused"


def test_protection_is_given_and_taken_back(bench: Bench) -> None:
    one, two = bench.add_instance(KEY, number=1), bench.add_instance(KEY, number=2)
    client = bench.client("ann")
    client.protect_instance(one)
    client.protect_instance(two)
    client.protect_instance(two)
    assert bench.view(KEY).domain.protected == (one, two)
    client.unprotect_instance(one)
    assert bench.view(KEY).domain.protected == (two,)


def test_what_is_over_is_not_terminated_again_nor_protected(bench: Bench) -> None:
    name = bench.add_instance(KEY, InstanceState.TERMINATED)
    before = bench.view(KEY)
    bench.client("ann").terminate_instance(name)
    with pytest.raises(BadRequest, match="over"):
        bench.client("ann").protect_instance(name)
    assert bench.view(KEY) == before


def test_ids_whose_records_are_gone_are_not_kept_for_ever(bench: Bench) -> None:
    gone, there = bench.add_instance(KEY, number=1), bench.add_instance(KEY, number=2)
    client = bench.client("ann")
    client.protect_instance(gone)
    client.terminate_instance(gone)
    client.protect_instance(there)
    bench.forget_instance(KEY, gone)
    client.protect_instance(there)
    domain = bench.view(KEY).domain
    assert (domain.doomed, domain.protected) == ((), (there,))


NEWS = {"400-PENDING": True, "600-RUNNING": True, "650-RUNNING_FAILED": False, "900-FAILED": False}


@pytest.mark.parametrize("state", NEWS)
def test_a_record_is_not_moved_by_what_somebody_says_of_it(bench: Bench, state: str) -> None:
    name = bench.add_instance(KEY)
    before = bench.view(KEY)
    reply = bench.call("instance_info", {"record": {"node_id": name, "state": state, "public_ip": "6.6.6.6"}})
    if NEWS[state]:
        assert reply["result"] == {"accepted": False, "state": "600-RUNNING"}
    else:
        assert reply["error"]["type"] == "bad_request"
    assert bench.view(KEY) == before


def test_a_member_that_is_away_answers_nobody(bench: Bench) -> None:
    bench.broker.down = True
    with pytest.raises(BusUnavailable):
        bench.client("ann").instances()


def test_what_it_says_of_itself_is_told_by_whichever_replica_is_asked(bench: Bench) -> None:
    name = bench.add_instance(KEY)
    said = {"metrics": {"load": 1.5}, "work": Work(active=2), "drain": "draining"}
    bench.lastheard["m1"].note(name, Heard(bench.clock.monotonic(), "OK", **said))
    bench.lastheard["m2"].note(name, Heard(bench.clock.monotonic(), "OK", drain="drained"))
    rows = [bench.client("ann").instance(name) for _replica in range(2)]
    work = {"active": 2, "reserved": 0, "scheduled": 0}
    assert [(r["work"], r["drain"], r["metrics"]) for r in rows] == [(work, "draining", {"load": 1.5})] * 2


def test_of_one_that_was_never_heard_or_is_over_nothing_is_told(bench: Bench) -> None:
    names = [bench.add_instance(KEY), bench.add_instance(KEY, InstanceState.TERMINATED, number=2)]
    bench.lastheard["m1"].note(names[1], Heard(bench.clock.monotonic(), "OK", drain="drained"))
    for row in map(bench.client("ann").instance, names):
        assert (row["work"], row["drain"], row["metrics"]) == (None, "", {})


@pytest.mark.parametrize("answer", [None, {}, [], [[]], [{"work": 7}], [{"metrics": {"load": "high"}}]])
def test_a_member_that_answers_nonsense_costs_only_what_it_would_have_told(bench: Bench, answer: object) -> None:
    name = bench.add_instance(KEY)
    peer = MemoryPeers(bench.broker, "m1")
    peer.start(lambda _op, _args: answer, lambda _topic, _message: None)
    rows = [bench.client("ann").instance(name) for _replica in range(2)]
    assert [(row["instance_id"], row["drain"]) for row in rows] == [(name, "")] * 2
