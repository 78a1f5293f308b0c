"""Policies at work: whole embedded clusters whose domains follow a metric, fill sites, drain and come back."""

import json
import os
import re
import resource
import signal
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.functional.cluster import Cluster, until
from tests.functional.plugins import installed
from tests.functional.prometheus import Prometheus

pytestmark = [pytest.mark.functional, pytest.mark.slow, pytest.mark.timeout(300)]

HEALTH = {"heartbeat_interval": 1, "missing_timeout": 40, "really_missing_timeout": 10, "boot_timeout": 60}
BOUND = 60.0
LONG = 3600
ROOM = 512 * 1024 * 1024  # bytes that a replica may grow by


@pytest.fixture
def prometheus() -> Iterator[Prometheus]:
    with Prometheus() as made:
        yield made


def added(cluster: Cluster, engine: str, conf: dict[str, Any], name: str = "web") -> None:
    cluster.client.add_definition(name, {"general": {"engine": engine}, "health": HEALTH})
    cluster.client.add_domain(name, name, {"engine_conf": conf})


def up(cluster: Cluster, name: str = "web") -> list[dict[str, Any]]:
    rows = cluster.client.instances(name)
    return [row for row in rows if row["state"] == "600-RUNNING" and row["health"] == "OK"]


def until_up(cluster: Cluster, size: int, name: str = "web", bound: float = BOUND) -> None:
    """Exactly so many run, and as many processes are there."""

    def settled() -> bool:
        known = {row["instance_id"] for row in cluster.client.instances(name)}
        alive = [vm for vm in cluster.vms() if vm.instance_id in known]
        return len(up(cluster, name)) == len(alive) == size

    until(settled, bound, lambda: f"{size} are wanted: {why(cluster, name)}")


def replaces_one(cluster: Cluster, size: int) -> None:
    """One of them dies, is missed, and there are as many as before."""
    victim = next(iter(cluster.vms()))
    os.kill(victim.pid, signal.SIGKILL)
    until(
        lambda: victim.instance_id not in {row["instance_id"] for row in up(cluster)}, BOUND, "it was not missed"
    )
    until_up(cluster, size)


def why(cluster: Cluster, name: str = "web") -> str:
    """The last decision, in words."""
    decisions = cluster.client.decisions(name, 3)
    rows = Counter(f"{row['state']} {row['site']}" for row in cluster.client.instances(name))
    return f"{dict(rows)}; {'; '.join(decision['reason'] for decision in decisions)}"


def by_metric(prometheus: Prometheus, query: str, metric: str = "load") -> dict[str, Any]:
    return {
        "sensor_type": "prometheus",
        "monitor_domain_sensors": [metric],
        "sensor_data": {"url": prometheus.url, "queries": {metric: query}},
        "sample_period": 6,
    }


def test_a_sensor_domain_follows_prometheus_and_holds_when_that_dies(cluster, prometheus):
    cluster.start()
    prometheus.values["load"] = 5
    conf = {
        "minimum_vms": 1,
        "maximum_vms": 3,
        "metric": "load",
        "scale_up_threshold": 10,
        "scale_down_threshold": 2,
        "deployable_type": "worker",
        "iaas_site": "north",
    }
    added(cluster, "sensor", {**conf, **by_metric(prometheus, "load")})
    until_up(cluster, 1)
    prometheus.values["load"] = 50
    until_up(cluster, 3)
    prometheus.values["load"] = 0
    until_up(cluster, 1)
    prometheus.values["load"] = 50
    until_up(cluster, 3)

    prometheus.stop()
    until(lambda: "does not answer" in why(cluster), BOUND, lambda: why(cluster))
    replaces_one(cluster, 3)

    prometheus.values["load"] = 0
    prometheus.start()
    until_up(cluster, 1)


def test_what_dies_during_cooldown_is_replaced(cluster, prometheus):
    cluster.start(replicas=1)
    prometheus.values["load"] = 50
    conf = {
        "minimum_vms": 1,
        "maximum_vms": 9,
        "metric": "load",
        "scale_up_threshold": 10,
        "cooldown_period": LONG,
        "deployable_type": "worker",
        "iaas_site": "north",
    }
    added(cluster, "sensor", {**conf, **by_metric(prometheus, "load")})
    until_up(cluster, 2)
    until(lambda: "cooldown" in why(cluster), BOUND, lambda: why(cluster))
    replaces_one(cluster, 2)


def queue(prometheus: Prometheus, **more: Any) -> dict[str, Any]:
    """A policy by the length of a queue, that waits for nothing."""
    return {
        "deployable_type": "worker",
        "sites": ["north"],
        "capacity": {"max": 4},
        "policies": [
            {"name": "queue", "engine": "queue_per_worker", "include_unacked": False, "include_running": False}
        ],
        "behaviour": {
            "interval": 1,
            "window_down": 0,
            "max_step_up": None,
            "max_step_down": None,
            "cooldown_in": 0,
        },
        "signals": {"max_age": 6},
        "scale_in": {"min_lifetime": 0, "allow_busy": True},
        **by_metric(prometheus, "depth", "ready"),
        **more,
    }


def test_a_policy_domain_follows_a_queue_from_nothing_and_back(cluster, prometheus):
    cluster.start()
    prometheus.values["depth"] = 0
    added(cluster, "policy", queue(prometheus))
    until(lambda: cluster.client.domain("web")["status"] == "STABLE", BOUND)
    assert up(cluster) == []
    prometheus.values["depth"] = 18
    until_up(cluster, 4)
    prometheus.stop()
    until(lambda: "fallback" in why(cluster), BOUND, lambda: why(cluster))
    replaces_one(cluster, 4)
    prometheus.values["depth"] = 7
    prometheus.start()
    until_up(cluster, 2)
    prometheus.values["depth"] = 0
    until_up(cluster, 0)


def busy(place: Path, name: str, tasks: int) -> None:
    """What the instance says of its work: the file is put in place whole."""
    fresh = place / f"{name}.new"
    fresh.write_text(json.dumps({"active": tasks}))
    fresh.replace(place / f"{name}.work")


def all_busy(cluster: Cluster, place: Path) -> None:
    """Each has a task, and has said so."""
    for row in up(cluster):
        busy(place, row["instance_id"], 1)
        until(lambda name=row["instance_id"]: cluster.client.instance(name)["work"] is not None)


def test_a_busy_instance_is_drained_and_taken_back_when_demand_returns(cluster, prometheus, tmp_path):
    """It ends when its work does; the one that is wanted again is told to serve."""
    cluster.start()
    place = tmp_path / "work"
    place.mkdir()
    prometheus.values["depth"] = 10
    drain = {
        "begin": ["sh", "-c", f"touch {place}/$instance_id.draining; while :; do sleep 0.2; done"],
        "back": ["rm", f"{place}/$instance_id.draining"],
    }
    vars_ = {"work": f"{place}/$instance_id.work", "drain": drain}
    added(cluster, "policy", queue(prometheus, provisioner_vars=vars_))
    until_up(cluster, 2)
    names = {row["instance_id"] for row in up(cluster)}
    all_busy(cluster, place)

    def draining() -> set[str]:
        return {file.stem for file in place.glob("*.draining")}

    prometheus.values["depth"] = 5
    until(lambda: len(draining()) == 1, BOUND, lambda: why(cluster))
    (chosen,) = draining()
    assert {row["instance_id"] for row in up(cluster)} == names, "it goes when its work is done, and not before"
    assert "Draining" in {c["reason"] for c in cluster.client.domain("web")["conditions"]}

    prometheus.values["depth"] = 10
    until(lambda: not draining(), BOUND, lambda: why(cluster))
    until(lambda: cluster.client.domain("web")["status"] == "STABLE", BOUND, lambda: why(cluster))
    assert {row["instance_id"] for row in up(cluster)} == names

    prometheus.values["depth"] = 5
    until(lambda: draining() == {chosen}, BOUND, lambda: f"{draining()}: {why(cluster)}")
    busy(place, chosen, 0)
    until_up(cluster, 1)
    assert {row["instance_id"] for row in up(cluster)} == names - {chosen}


def test_a_drain_ends_when_its_command_does(cluster, prometheus, tmp_path):
    """Nothing is known of its work but that."""
    cluster.start(replicas=1)
    place = tmp_path / "work"
    place.mkdir()
    prometheus.values["depth"] = 10
    drain = {"begin": ["sh", "-c", f"until test -e {place}/done; do sleep 0.2; done"]}
    vars_ = {"work": f"{place}/$instance_id.work", "drain": drain}
    added(cluster, "policy", queue(prometheus, provisioner_vars=vars_))
    until_up(cluster, 2)
    all_busy(cluster, place)
    prometheus.values["depth"] = 5
    until(lambda: "drain" in why(cluster), BOUND, lambda: why(cluster))
    assert len(up(cluster)) == 2
    (place / "done").touch()
    until_up(cluster, 1)


def test_needy_retires_those_first_that_are_named(cluster):
    cluster.start(replicas=1)
    conf = {"preserve_n": 4, "deployable_type": "worker", "iaas_site": "north"}
    added(cluster, "needy", conf)
    until_up(cluster, 4)
    names = sorted(row["instance_id"] for row in up(cluster))
    retirable = [names[0], names[2]]
    cluster.client.reconfigure_domain("web", {"engine_conf": {"preserve_n": 2, "retirable_nodes": retirable}})
    until_up(cluster, 2)
    assert {row["instance_id"] for row in up(cluster)} == set(names) - set(retirable)


def with_driver(cluster: Cluster, driver: str) -> Path:
    """Its configuration, made by a first start, names another cloud; the cloud's directory."""
    cluster.start(replicas=1)
    assert cluster.stop() == 0
    file = cluster.directory / "elastic.conf"
    text = file.read_text()
    assert "driver = local\n" in text
    file.write_text(text.replace("driver = local\n", f"driver = {driver}\n"))
    return cluster.directory / "cloud"


def test_overflow_fills_a_second_site_when_the_first_refuses_and_comes_back(cluster, tmp_path, monkeypatch):
    installed(tmp_path / "site", monkeypatch)
    place = with_driver(cluster, "picky")
    cluster.start(replicas=1)
    (place / "full").write_text("first")
    clouds = [
        {"site_name": "first", "size": -1, "rank": 1},
        {"site_name": "second", "size": -1, "rank": 2},
    ]
    added(cluster, "overflow", {"clouds": clouds, "dtname": "worker", "minimum_vms": 3})

    def sites() -> Counter[str]:
        return Counter(row["site"] for row in up(cluster))

    until(lambda: sites() == Counter(second=3), 120, lambda: why(cluster))
    (place / "full").unlink()
    last = re.findall(r"first: launches failed there, none before ([0-9T:.-]+Z)", why(cluster))[-1]
    end = datetime.fromisoformat(last)
    until(lambda: datetime.now(UTC) > end, BOUND, lambda: f"the first is left alone until {last}")
    cluster.client.reconfigure_domain("web", {"engine_conf": {"minimum_vms": 5}})
    until(lambda: sites()["first"] > 0 and sum(sites().values()) == 5, 120, lambda: why(cluster))


@pytest.mark.parametrize(
    ("engine", "reason"),
    [
        ("raising", "no answer to 0 instances"),
        ("hanging", "time budget"),
        ("babbling", "no answer"),
        ("hungry", "MemoryError"),
    ],
)
def test_an_engine_of_somebody_elses_that_fails_harms_its_domain_alone(
    cluster, tmp_path, monkeypatch, engine, reason
):
    installed(tmp_path / "site", monkeypatch)
    cluster.start(replicas=1)
    for pid in cluster.agents().values():  # as a unit's MemoryMax would
        has = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()
        resource.prlimit(pid, resource.RLIMIT_AS, (has + ROOM, has + ROOM))
    added(cluster, engine, {}, "bad")
    added(cluster, "double", {"pairs": 1}, "good")
    until_up(cluster, 2, "good")

    def told() -> str:
        return json.dumps(cluster.client.domain("bad")["conditions"])

    until(lambda: reason in told(), BOUND, told)
    assert cluster.client.domain("bad")["status"] == "ERROR"
    cluster.client.reconfigure_domain("good", {"engine_conf": {"pairs": 2}})
    until_up(cluster, 4, "good")
