"""Domains and definitions by RPC: EPU's scenarios, and what it got wrong."""

from collections.abc import Iterator
from typing import Any

import pytest

from elastic.errors import BadMessage, BadRequest, Conflict, NotFound
from elastic.model.domain import DomainKey
from elastic.model.states import Health, InstanceState
from elastic.model.view import Condition, View
from elastic.ports.store import Quarantine
from elastic.rules.ring import partition_of, slot_of
from tests.unit.roles.reactors import Bench

KEY = DomainKey("ann", "web")


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.close()


def test_a_domain_has_its_definition_s_config_with_its_own_in_place(bench: Bench) -> None:
    client = bench.client("ann")
    assert client.domains() == []
    client.add_definition(
        "d", {"engine_conf": {"preserve_n": 1, "force_site": "a"}, "health": {"boot_timeout": 9}}
    )
    client.add_domain("web", "d", {"engine_conf": {"preserve_n": 2}})
    assert [row["name"] for row in client.domains()] == ["web"]
    config = {"general": {}, "engine_conf": {"preserve_n": 2, "force_site": "a"}, "health": {"boot_timeout": 9}}
    assert client.domain("web")["config"] == config
    assert client.definition("d")["definition"]["engine_conf"]["preserve_n"] == 1, "the definition is not touched"


def test_an_empty_definition_means_the_simplest_engine(bench: Bench) -> None:
    client = bench.client("ann")
    client.add_definition("empty", {})
    client.add_domain("web", "empty", {"engine_conf": {"preserve_n": 2}})
    assert client.domain("web")["engine"] == "simplest"


def test_a_config_that_no_engine_could_run_on_is_refused_at_once(bench: Bench) -> None:
    client = bench.client("ann")
    client.add_definition("d", {})
    with pytest.raises(BadRequest, match="preserve_n"):
        client.add_domain("web", "d")
    assert client.domains() == []
    client.add_domain("web", "d", {"engine_conf": {"preserve_n": 1}})


def test_definitions_are_added_updated_and_removed(bench: Bench) -> None:
    client = bench.client("ann")
    client.add_definition("one", {"engine_conf": {"preserve_n": 1}})
    with pytest.raises(Conflict):
        client.add_definition("one", {})
    client.add_definition("two", {})
    assert client.definitions() == [{"name": "one"}, {"name": "two"}]
    client.update_definition("two", client.definition("one")["definition"])
    assert client.definition("two")["definition"] == {"engine_conf": {"preserve_n": 1}}
    client.remove_definition("one")
    for gone in (client.definition, client.remove_definition):
        with pytest.raises(NotFound):
            gone("one")
    with pytest.raises(NotFound):
        client.update_definition("one", {})


def test_a_definition_tells_what_its_engine_understands(bench: Bench) -> None:
    client = bench.client("ann")
    client.add_definition("d", {"general": {"engine": "simplest"}})
    told = client.definition("d")["documentation"]
    assert "preserve_n            how many (a whole number, 0 or more; required)" in told
    assert "queries" not in told


def test_and_what_the_sensor_does_that_it_names(bench: Bench) -> None:
    client = bench.client("ann")
    client.add_definition("d", {"engine_conf": {"sensor_type": "prometheus"}})
    told = client.definition("d")["documentation"]
    assert "preserve_n" in told
    assert told.index("sensor_type prometheus") < told.index("queries")
    client.add_definition("e", {"engine_conf": {"sensor_type": "nobodys"}})
    assert "nobodys" not in client.definition("e")["documentation"]


BAD_DEFINITIONS: dict[str, tuple[Any, str]] = {
    "EPU's engine_class": ({"general": {"engine_class": "os.system"}}, "engine"),
    "an unknown engine": ({"general": {"engine": "os.system"}}, "os.system"),
    "an unknown section": ({"sensors": {}}, "sensors"),
    "a section that is a list": ({"health": []}, "health"),
    "health that makes no sense": ({"health": {"boot_timeout": "soon"}}, "boot_timeout"),
    "a secret as it is shown": ({"engine_conf": {"secret_key": "***"}}, "secret_key"),
}


@pytest.mark.parametrize("case", BAD_DEFINITIONS)
def test_a_definition_that_makes_no_sense_is_refused_by_the_name_of_the_key(bench: Bench, case: str) -> None:
    body, word = BAD_DEFINITIONS[case]
    reply = bench.call("add_domain_definition", {"definition_id": "d", "definition": body})
    assert reply["error"]["type"] == "bad_request"
    assert word in reply["error"]["message"]


def test_a_domain_s_subscriber_is_there_as_soon_as_the_domain_is(bench: Bench) -> None:
    bench.client("ann").add_definition("d", {"engine_conf": {"preserve_n": 1}})
    bench.client("ann").add_domain("web", "d", subscriber="watcher")
    assert bench.view(KEY).domain.subscribers == ("watcher",)
    assert ("ann", "web", "watcher") in bench.broker.subscriptions


def test_who_unsubscribed_hears_nothing_any_more(bench: Bench) -> None:
    bench.add_domain()
    client = bench.client("ann")
    client.subscribe("web", "one")
    client.subscribe("web", "two")
    client.subscribe("web", "one")
    assert bench.view(KEY).domain.subscribers == ("one", "two")
    client.unsubscribe("web", "one")
    assert bench.view(KEY).domain.subscribers == ("two",)
    assert bench.broker.subscriptions == {("ann", "web", "two")}
    with pytest.raises(NotFound):
        client.unsubscribe("web", "one")


def test_reconfiguring_changes_and_drops_keys_at_once_or_not_at_all(bench: Bench) -> None:
    bench.add_domain(engine_conf={"force_site": "a"}, health={"boot_timeout": 9})
    client = bench.client("ann")
    client.reconfigure_domain("web", {"engine_conf": {"preserve_n": 5}}, ["health.boot_timeout"])
    domain = bench.view(KEY).domain
    assert (domain.engine_conf, domain.health) == ({"preserve_n": 5, "force_site": "a"}, {})
    for config, unset in (
        ({"engine_conf": {"preserve_n": -1}}, []),
        ({"engine_conf": {"preserve_n": 6}}, ["health.nothing"]),
        ({"engine_conf": {"preserve_n": 6}}, ["engine_conf.preserve_n"]),
        ({"engine_conf": {"preserve_n": 6, "no_such_key": 1}}, []),
        ({"nonsense": {}}, []),
        ({"general": {"engine": "none such"}}, []),
    ):
        with pytest.raises(BadRequest):
            client.reconfigure_domain("web", config, unset)
        assert bench.view(KEY).domain == domain


def test_a_change_of_health_alone_leaves_the_engine_s_config_as_it_is(bench: Bench) -> None:
    bench.add_domain()
    before = bench.view(KEY).domain
    bench.client("ann").reconfigure_domain("web", {"health": {"missing_timeout": 7}})
    after = bench.view(KEY).domain
    assert (after.general, after.engine_conf) == (before.general, before.engine_conf)
    assert after.health_policy.missing_timeout == 7


def test_a_change_that_changes_nothing_is_no_new_revision(bench: Bench) -> None:
    bench.add_domain()
    bench.decide(KEY)
    bench.client("ann").reconfigure_domain("web", {"engine_conf": {"preserve_n": 1}})
    assert bench.client("ann").domain("web")["status"] == "STABLE"


def test_removing_marks_and_can_be_said_again(bench: Bench) -> None:
    bench.add_domain()
    client = bench.client("ann")
    client.remove_domain("web")
    client.remove_domain("web")
    assert client.domain("web")["status"] == "REMOVING"
    texts = [event["text"] for event in client.events()]
    assert texts == ["by ann, from definition d", "ann asked for its removal"], "said twice, told once"
    for refused in (
        lambda: client.reconfigure_domain("web", {"engine_conf": {"preserve_n": 2}}),
        lambda: client.pause_domain("web"),
        lambda: client.subscribe("web", "s"),
        lambda: client.add_domain("web", "d"),
    ):
        with pytest.raises(Conflict, match="removed"):
            refused()


def test_a_pause_lasts_until_it_is_resumed_which_clears_the_brake(bench: Bench) -> None:
    bench.add_domain()
    client = bench.client("ann")
    client.pause_domain("web")
    assert client.domain("web")["status"] == "PAUSED"
    assert client.domains()[0]["paused"] is True
    bench.clock.advance(5)
    client.resume_domain("web")
    domain = bench.view(KEY).domain
    assert (domain.paused, domain.brake_cleared) == (False, bench.clock.now())


def failing(status: bool) -> tuple[Condition, ...]:
    return (Condition("EngineFailed", status, "Raised", "division by zero"),)


STATUSES: dict[str, tuple[dict[str, Any], str]] = {
    "decided": ({}, "STABLE"),
    "decided, instances on their way": ({"status": "PENDING"}, "PENDING"),
    "decided on an older config": ({"revision": 0}, "PENDING"),
    "never decided": ({"revision": -1, "status": "STABLE"}, "PENDING"),
    "the engine fails": ({"conditions": failing(True)}, "ERROR"),
    "the engine failed once": ({"conditions": failing(False)}, "STABLE"),
    "an older config failed": ({"revision": 0, "conditions": failing(True)}, "PENDING"),
}


@pytest.mark.parametrize("case", STATUSES)
def test_the_status_is_that_of_the_present_config(bench: Bench, case: str) -> None:
    bench.add_domain()
    standing, status = STATUSES[case]
    bench.decide(KEY, **standing)
    assert bench.client("ann").domain("web")["status"] == status


def test_a_domain_is_shown_with_all_that_is_promised(bench: Bench) -> None:
    bench.add_domain()
    row = bench.client("ann").domain("web")
    assert (row["desired"], row["running"], row["unhealthy"]) == (None, 0, 0)
    bench.decide(KEY, desired=3, next_number=5, conditions=(Condition("Ready", True, "r", "t", 4.5),))
    bench.add_instance(KEY, number=1)
    bench.add_instance(KEY, number=2, health=Health.MISSING)
    bench.add_instance(KEY, InstanceState.PENDING, number=3)
    bench.add_instance(KEY, InstanceState.TERMINATED, number=4)
    row = bench.client("ann").domain("web")
    assert (row["desired"], row["running"], row["unhealthy"]) == (3, 1, 1)
    slot = slot_of(KEY)
    assert (row["slot"], row["partition"], row["member"]) == (slot, partition_of(slot, 256), "m1")
    assert row["conditions"] == [{"type": "Ready", "status": True, "reason": "r", "text": "t", "since": 4.5}]
    assert row["sensor_data"] == {}
    assert [i["state"] for i in row["instances"]] == [
        "600-RUNNING",
        "600-RUNNING",
        "400-PENDING",
        "800-TERMINATED",
    ]


def test_a_quarantine_shows_although_nobody_visits_the_domain(bench: Bench) -> None:
    bench.add_domain()
    until = bench.clock.now() + 60
    bench.store.quarantine(Quarantine(key=KEY, strikes=2, until=until, member="m2"))
    found = [c["type"] for c in bench.client("ann").domain("web")["conditions"] if c["status"]]
    assert found == ["Quarantined"]


def test_no_answer_carries_a_secret(bench: Bench) -> None:
    secrets: dict[str, Any] = {
        "access_key": "AKIA",
        "secret_key": "hush",
        "provisioner_vars": {"db_password": "hush", "size": 3},
    }
    bench.add_domain(engine_conf=secrets)
    bench.client("ann").add_definition("s", {"engine_conf": secrets})
    shown = {"access_key": "***", "secret_key": "***", "provisioner_vars": {"db_password": "***", "size": 3}}
    assert bench.client("ann").domain("web")["config"]["engine_conf"] == {"preserve_n": 1, **shown}
    assert bench.client("ann").definition("s")["definition"]["engine_conf"] == shown
    kept = bench.view(KEY).domain.engine_conf
    assert kept["provisioner_vars"]["db_password"] == secrets["provisioner_vars"]["db_password"], "but it is kept"


BAD_CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "no argument": ("add_domain", {}),
    "an unknown argument": ("describe_domain", {"domain_id": "web", "caller": "bob"}),
    "a misspelt argument": ("describe_domain", {"domain": "web"}),
    "a name that is a path": ("describe_domain", {"domain_id": "../x"}),
    "a name that is a number": ("describe_domain", {"domain_id": 3}),
    "a reserved name": ("describe_domain", {"domain_id": "zookeeper"}),
    "an empty name": ("describe_domain", {"domain_id": ""}),
    "a name of 129 letters": ("describe_domain", {"domain_id": "x" * 129}),
    "a definition that is a path": ("add_domain", {"domain_id": "w", "definition_id": "a/b"}),
    "a subscriber that is a path": ("subscribe_domain", {"domain_id": "web", "subscriber_name": "a b"}),
    "an owner that is a path": ("describe_domain", {"domain_id": "web", "owner": "a/b"}),
    "a config that is a list": ("reconfigure_domain", {"domain_id": "web", "config": []}),
    "a section that is a text": ("reconfigure_domain", {"domain_id": "web", "config": {"health": "x"}}),
    "unset that is a text": ("reconfigure_domain", {"domain_id": "web", "unset": "health.x"}),
    "unset without a section": ("reconfigure_domain", {"domain_id": "web", "unset": ["preserve_n"]}),
    "a weight below 0": ("drain_replica", {"member": "m1", "weight": -1}),
    "after, as a text": ("list_events", {"after": "1"}),
    "a state nobody knows": ("instance_info", {"record": {"node_id": "i", "state": "650"}}),
}


@pytest.mark.parametrize("case", BAD_CALLS)
def test_what_makes_no_sense_is_a_bad_request(bench: Bench, case: str) -> None:
    bench.add_domain()
    op, args = BAD_CALLS[case]
    assert bench.error(op, args) == "bad_request"


MISSING: dict[str, dict[str, Any]] = {
    "describe_domain": {"domain_id": "x"},
    "remove_domain": {"domain_id": "x"},
    "reconfigure_domain": {"domain_id": "x"},
    "pause_domain": {"domain_id": "x"},
    "list_decisions": {"domain_id": "x"},
    "list_instances": {"domain_id": "x"},
    "subscribe_domain": {"domain_id": "x", "subscriber_name": "s"},
    "unsubscribe_domain": {"domain_id": "x", "subscriber_name": "s"},
    "add_domain": {"domain_id": "x", "definition_id": "x"},
    "describe_domain_definition": {"definition_id": "x"},
    "describe_instance": {"instance_id": "i-000-1-1"},
    "terminate_instance": {"instance_id": "no id of ours"},
    "drain_replica": {"member": "m9"},
    "release_quarantine": {"domain_id": "x"},
}


@pytest.mark.parametrize("op", MISSING)
def test_what_is_not_there_is_not_found(bench: Bench, op: str) -> None:
    assert bench.error(op, MISSING[op]) == "not_found"


def test_an_unknown_operation_is_named_as_such(bench: Bench) -> None:
    assert bench.error("terminate_some") == "unknown_operation"


def test_what_is_nested_too_deep_is_refused_wherever_it_comes_in(bench: Bench) -> None:
    deep: Any = 1
    for _ in range(600):
        deep = {"a": deep}
    said = {"engine_conf": {"preserve_n": 1, "provisioner_vars": deep}}
    bench.add_domain()
    for op, args in (
        ("add_domain_definition", {"definition_id": "x", "definition": said}),
        ("update_domain_definition", {"definition_id": "d", "definition": said}),
        ("add_domain", {"domain_id": "x", "definition_id": "d", "config": said}),
        ("reconfigure_domain", {"domain_id": "web", "config": said}),
    ):
        assert bench.error(op, args) == "bad_request", op


def test_a_domain_may_be_added_paused_and_with_subscribers(bench: Bench) -> None:
    client = bench.client("ann")
    client.add_definition("d", {"engine_conf": {"preserve_n": 1}})
    client.add_domain("web", "d", subscriber="s", subscribers=["t", "s"], paused=True)
    row = client.domain("web")
    assert (row["status"], row["subscribers"]) == ("PAUSED", ["s", "t"])
    assert bench.view(KEY).domain.revision == 1, "it was never there without"


def test_of_many_domains_an_unreadable_one_is_left_out(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "broken", "two"):
        bench.add_domain("ann", name)
    inner = bench.store.view

    def view(key: DomainKey) -> View:
        if key.name == "broken":
            raise BadMessage("stored in format 99")
        return inner(key)

    monkeypatch.setattr(bench.store, "view", view)
    client = bench.client("ann")
    assert {row["name"] for row in client.domains()} == {"one", "two"}
    assert client.instances() == []


def test_only_operators_list_the_domains_of_all_owners() -> None:
    bench = Bench(operators=("ann",))
    try:
        bench.add_domain("ann")
        bench.add_domain("bob")
        assert [row["owner"] for row in bench.client("ann").domains(all_owners=True)] == ["ann", "bob"]
        assert bench.error("list_domains", {"all_owners": True}, caller="bob") == "denied"
        assert bench.error("list_domains", {"all_owners": True, "owner": "bob"}) == "denied"
    finally:
        bench.close()
