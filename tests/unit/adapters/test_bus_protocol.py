"""What `doc/protocol.md` promises to other languages is what we do."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from elastic import errors
from elastic.adapters.bus import topology, wire
from elastic.adapters.bus.ordering import read_order
from elastic.adapters.bus.signing import instance_key, sign, verify
from elastic.model.assignment import SLOTS
from elastic.model.decision import Action, Decision, Event, Stage
from elastic.model.domain import Domain, DomainKey
from elastic.model.heartbeat import Heartbeat
from elastic.model.instance import Instance
from elastic.model.view import Condition, View
from elastic.roles.reactor import forms
from elastic.roles.reactor.hearing import LastWord
from elastic.roles.reactor.reactor import OPERATIONS
from elastic.rules.ring import partition_of, slot_of

PAGE = (Path(__file__).parents[3] / "doc" / "protocol.md").read_text()


def cell(row: str) -> str:
    """The second column of that row, without its marks."""
    found = re.search(rf"^\| {re.escape(row)} \| `(.*)` \|$", PAGE, re.MULTILINE)
    assert found, row
    return found[1]


@pytest.mark.hazard("F23")
def test_the_worked_example_of_a_signature_is_right() -> None:
    secret, body = bytes.fromhex(cell("secret file")), cell("body, 96 bytes").encode()
    key, mac = cell("the VM's key"), cell("header `mac`")
    assert len(body) == 96
    assert instance_key(secret, cell("instance id")) == key
    assert sign(key, body) == mac
    assert hmac.new(key.encode(), body, hashlib.sha256).hexdigest() == mac
    assert verify(key, body, mac)
    beat = msgspec.json.decode(body, type=Heartbeat)
    assert (beat.node_id, beat.seq) == (cell("instance id"), 42)
    assert beat.node_id.startswith(f"i-{slot_of(DomainKey(beat.owner, beat.domain_id)):03x}-")


def test_the_worked_example_of_an_order_answers_that_of_a_heartbeat() -> None:
    body = cell("an order").encode()
    order = read_order(cell("the VM's key"), body, cell("its `mac`"))
    beat = msgspec.json.decode(cell("body, 96 bytes"), type=Heartbeat)
    assert (order.instance_id, order.boot, order.seq) == (beat.node_id, beat.boot, beat.seq)
    assert msgspec.json.encode(order) == body


@pytest.mark.parametrize("mac", ["", "0" * 64, "grün", "\ud800", "F" * 64])
def test_any_other_signature_is_refused(mac: str) -> None:
    assert not verify("key", b"body", mac)
    assert not verify("key", b"body", sign("other key", b"body"))
    assert not verify("key", b"body", sign("key", b"other body"))


def test_every_operation_and_each_of_its_needed_arguments_is_on_the_page() -> None:
    rows = [line for line in PAGE.partition("Results.")[0].splitlines() if line.startswith("| `")]
    for operation in OPERATIONS:
        (row,) = [line for line in rows if f"`{operation.name}`" in line.split("|")[1]]
        needed = [field.name for field in msgspec.structs.fields(operation.arguments) if field.required]
        assert [name for name in needed if f"`{name}`" not in row] == [], operation.name


def test_every_field_of_a_result_is_on_the_page() -> None:
    results = PAGE.partition("Results.")[2].partition("## Heartbeats")[0]
    key = DomainKey("ann", "web")
    instance = Instance(instance_id="i-001-1-1", site="east", deployable_type="worker")
    view = View(domain=Domain(key=key, definition="simple"), instances=(instance,))
    shown: list[Mapping[str, Any]] = [
        forms.domain_form(view, 0, 0, "m1", {}),
        forms.condition_form(Condition(type="BrakeOn", status=True)),
        forms.instance_form(instance, "web", None, None, LastWord()),
        forms.event_form(Event(time=0.0, kind="added"), "web"),
        msgspec.to_builtins(Decision(time=0.0, member="m1", term=1)),
        msgspec.to_builtins(Stage(stage="size")),
        msgspec.to_builtins(Action(do="launch", instance_id="i-001-1-1")),
    ]
    assert [field for form in shown for field in form if f"`{field}`" not in results] == []


def test_every_type_of_error_is_on_the_page() -> None:
    assert [word for word in wire.CLASSES if f"| `{word}` |" not in PAGE] == []


@pytest.mark.parametrize("limit", [wire.RPC_LIMIT, wire.HEARTBEAT_LIMIT])
def test_the_limits_are_on_the_page(limit: int) -> None:
    assert f"{limit:,} bytes" in PAGE


def test_the_names_are_those_on_the_page() -> None:
    c, shown = "n.1", "n%2E1"
    names = {
        topology.rpc_queue(c, False).name: "elastic.rpc.<cluster>",
        topology.heartbeat_exchange(c).name: "elastic.heartbeats.<cluster>",
        topology.partition_exchange(c, 7).name: "elastic.partition.<cluster>.7",
        topology.events_exchange(c).name: "elastic.events.<cluster>",
        topology.peer_exchange(c).name: "elastic.peers.<cluster>",
        topology.tell_exchange(c).name: "elastic.tell.<cluster>",
        topology.subscriber_queue(c, "a.b", "s.t").name: "elastic.subscriber.<cluster>.a%2Eb.s%2Et",
    }
    assert list(names) == [name.replace("<cluster>", shown) for name in names.values()]
    assert topology.events_key("ann", "web", "600-RUNNING") == "ann.web.600-RUNNING"


@pytest.mark.parametrize("partitions", [1, 3, 7, 256, 1000, 4096])
def test_the_slots_of_all_partitions_are_all_slots_each_in_its_own(partitions: int) -> None:
    found = [(slot, n) for n in range(partitions) for slot in topology.slots_of(n, partitions)]
    assert found == [(slot, partition_of(slot, partitions)) for slot in range(SLOTS)]


@pytest.mark.parametrize("body", [b"", b"7", b'{"error": 7}', b'{"error": {"message": "no type"}}'])
def test_a_reply_that_is_none_is_a_bad_message(body: bytes) -> None:
    with pytest.raises(errors.BadMessage):
        wire.result_of(body)


def test_an_error_of_a_type_unknown_to_us_is_still_an_error() -> None:
    with pytest.raises(errors.ElasticError, match="teapot: short and stout"):
        wire.result_of(b'{"error": {"type": "teapot", "message": "short and stout"}}')


@pytest.mark.parametrize("key", ["-1", "4096", "1.0", "", "٣", "00001", 7, None])
def test_a_heartbeat_for_no_slot_is_a_bad_message(key: Any) -> None:
    with pytest.raises(errors.BadMessage, match="bad_slot"):
        wire.pulse_of(b"{}", {"mac": "m"}, key)
