"""The Python client: what it sends, and how it reaches a cluster."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from elastic.client import Client, connect
from elastic.conf import embedded
from elastic.errors import BadRequest, BusUnavailable, Unavailable
from elastic.model.domain import DomainKey
from elastic.model.states import InstanceState
from elastic.ports.store import Change
from elastic.roles.reactor import OPERATIONS
from tests.unit.roles.reactors import Bench, N

KEY = DomainKey("ann", "web")


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.close()


class Recorder:
    """Stands where the bus does, and keeps what was to be sent."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Mapping[str, Any], str | None, str | None]] = []

    def call(
        self,
        op: str,
        args: Mapping[str, Any],
        timeout: float,
        idempotency_key: str | None = None,
        as_user: str | None = None,
    ) -> Any:
        self.calls.append((op, args, idempotency_key, as_user))
        return []

    def close(self) -> None: ...


def everything(client: Client) -> None:
    """Call every method that asks once."""
    client.ping()
    client.replicas()
    client.drain_replica("m")
    client.forget_replica("m")
    client.servers()
    client.reap_strays()
    client.events()
    client.disable("ann")
    client.enable("ann")
    client.terminate_all("ann")
    client.check_store()
    client.accept_store()
    client.finish_upgrade()
    client.quarantine()
    client.release_quarantine("web")
    client.add_definition("d", {})
    client.update_definition("d", {})
    client.remove_definition("d")
    client.definition("d")
    client.definitions()
    client.add_type("t", {})
    client.update_type("t", {})
    client.remove_type("t")
    client.type("t")
    client.types()
    client.sites()
    client.site("north")
    client.add_domain("web", "d", subscriber="s")
    client.reconfigure_domain("web")
    client.remove_domain("web")
    client.pause_domain("web")
    client.resume_domain("web")
    client.domain("web")
    client.domains()
    client.subscribe("web", "s")
    client.unsubscribe("web", "s")
    client.decisions("web")
    client.instances()
    client.instance("i")
    client.terminate_instance("i")
    client.protect_instance("i")
    client.unprotect_instance("i")


def test_there_is_a_method_for_every_operation_and_its_arguments_fit() -> None:
    rpc = Recorder()
    everything(Client(rpc, owner="bob", as_user="ann"))
    operations = {operation.name: operation for operation in OPERATIONS}
    assert operations.keys() - {op for op, *_ in rpc.calls} == {"instance_info"}, "which is for other programs"
    for op, args, key, user in rpc.calls:
        operations[op].read(args)
        assert (key is not None) == operations[op].mutates, op
        assert user == "ann"
        takes_owner = "owner" in operations[op].arguments.__struct_fields__
        assert ("owner" in args) == takes_owner, op


def test_every_change_has_a_key_of_its_own() -> None:
    rpc = Recorder()
    client = Client(rpc)
    client.pause_domain("web")
    client.pause_domain("web")
    keys = [key for _op, _args, key, _user in rpc.calls]
    assert len(set(keys)) == 2


def test_a_change_whose_reply_is_lost_is_made_once(bench: Bench) -> None:
    client = bench.client("ann")
    client.add_definition("d", N)
    lost = iter([()])
    bench.broker.meddle = lambda parcel: next(lost, (0,)) if parcel.kind == "reply" else (0,)
    client.add_domain("web", "d")
    assert [row["name"] for row in client.domains()] == ["web"]


def test_events_are_followed_over_an_outage(bench: Bench) -> None:
    bench.add_domain()
    steps = iter([lambda: setattr(bench.broker, "down", True), lambda: setattr(bench.broker, "down", False)])
    client = Client(bench.client("ann")._rpc, sleep=lambda _s: next(steps)())
    found = client.follow_events()
    assert next(found)["kind"] == "added"
    bench.client("ann").pause_domain("web")
    assert next(found)["kind"] == "reconfigured"


def test_a_wait_tells_each_change_once(bench: Bench) -> None:
    bench.add_domain()
    said = iter(["PENDING", "PENDING", "STABLE"])
    client = Client(bench.client("ann")._rpc, sleep=lambda _s: bench.decide(KEY, status=next(said), desired=4))
    steps = list(client.until_settled("web"))
    assert [(step.done, step.total, step.is_end) for step in steps] == [
        (0, None, False),
        (0, 4, False),
        (0, 4, True),
    ]


def test_a_wait_gives_up_after_its_timeout(bench: Bench) -> None:
    bench.add_domain()
    with pytest.raises(Unavailable, match="the work goes on"):
        list(bench.client("ann").until_settled("web", timeout=0))


@pytest.mark.parametrize("owner", [None, "ann"])
def test_all_is_empty_when_nothing_is_left_of_any_instance_whoever_s_it_is(owner: str | None) -> None:
    bench = Bench(operators=("root",))
    bench.add_domain()
    runs = bench.add_instance(KEY)
    failed = bench.add_instance(KEY, InstanceState.FAILED, number=2, server_id="s-2", leftover=True)
    cleared = {failed: Change(lambda instance: replace(instance, leftover=False))}
    steps = iter(
        [
            lambda: bench.move(KEY, runs, InstanceState.TERMINATED),
            lambda: bench.write(KEY, changes=cleared),
        ]
    )
    root = Client(bench.client("root")._rpc, owner=owner, sleep=lambda _s: next(steps)())
    found = [(step.text, step.is_end) for step in root.until_empty()]
    assert found == [("2 instances left", False), ("1 instances left", False), ("0 instances left", True)]
    bench.close()


@pytest.mark.parametrize("given", [{}, {"data_dir": "a", "config_file": "b"}])
def test_one_place_has_to_be_named(given: dict[str, str]) -> None:
    with pytest.raises(BadRequest):
        connect(**given)  # type: ignore[arg-type]


def test_a_directory_without_a_cluster_is_no_place(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=r"elastic\.conf"):
        connect(data_dir=tmp_path)


def test_a_bus_of_an_unknown_kind_is_refused_and_named(tmp_path: Path) -> None:
    file = embedded.write(tmp_path)
    file.write_text(file.read_text().replace("url = sqlite+elastic:", "url = amqpp:"))
    with pytest.raises(BadRequest, match=r"\[bus\] url: .*, not with 'amqpp'"):
        connect(config_file=file)


def test_a_cluster_that_does_not_run_is_unavailable(tmp_path: Path) -> None:
    embedded.write(tmp_path / "c")
    with connect(data_dir=tmp_path / "c") as client, pytest.raises(BusUnavailable):
        client.ping(timeout=0.2)
