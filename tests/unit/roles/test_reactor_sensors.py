"""A sensor that is none, or that may not be asked, is refused at once, by the name of the key."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from elastic.errors import BadRequest
from elastic.model.domain import DomainKey
from elastic.ports.bus import Call
from tests.unit.roles.reactors import Bench

KEY = DomainKey("ann", "web")
ASKED = {"sensor_type": "prometheus", "monitor_domain_sensors": ["load"]}
QUERIES = {"load": "sum(load)"}
TOKEN = {"secret_key": "hunter2\n"}


def prometheus(url: str = "http://prometheus.example:9090", **more: Any) -> dict[str, Any]:
    return {**ASKED, "sensor_data": {"url": url, "queries": QUERIES}, **more}


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.close()


GOOD: dict[str, Mapping[str, Any]] = {
    "none": {},
    "heartbeats": {"sensor_type": "heartbeat", "monitor_sensors": ["load"]},
    "a constant": {"sensor_type": "constant", "monitor_sensors": ["load"], "sensor_data": {"load": 3}},
    "prometheus, allowed": prometheus(),
    "what was EPU's, with nobody to ask": {"monitor_domain_sensors": ["load"], "opentsdb_host": "anywhere"},
}


@pytest.mark.parametrize("case", GOOD)
def test_a_sensor_that_may_be_asked_is_taken(bench: Bench, case: str) -> None:
    bench.add_domain(engine_conf=GOOD[case])
    assert dict(bench.view(KEY).domain.engine_conf) == {"preserve_n": 1, **GOOD[case]}


@pytest.mark.parametrize("asked", ["m1", "m2"])
def test_what_a_member_knows_of_its_domains_metrics_is_shown_by_all(bench: Bench, asked: str) -> None:
    bench.add_domain()
    bench.sensed["m1", KEY] = {"load": {"value": 3, "at": 5.0, "source": "place", "lack": ""}}
    reply = bench.reactors[asked].handle(Call("describe_domain", {"domain_id": "web"}, "ann"))
    assert reply["result"]["sensor_data"] == bench.sensed["m1", KEY]


def test_if_that_member_does_not_answer_nothing_of_it_is_shown(bench: Bench) -> None:
    bench.add_domain()
    bench.broker.cut.add("m1")
    reply = bench.reactors["m2"].handle(Call("describe_domain", {"domain_id": "web"}, "ann"))
    assert reply["result"]["sensor_data"] == {}


BAD: dict[str, tuple[Mapping[str, Any], str]] = {
    "an unknown one": (
        {**ASKED, "sensor_type": "graphite"},
        "sensor_type: there is none called 'graphite', only constant, heartbeat, http, opentsdb, prometheus",
    ),
    "a path": ({**ASKED, "sensor_type": "os.system"}, "sensor_type: there is none called 'os.system'"),
    "CloudWatch": ({**ASKED, "sensor_type": "cloudwatch"}, "sensor_type: EPU's CloudWatch is not taken over"),
    "its mock": ({**ASKED, "sensor_type": "mockcloudwatch"}, "sensor_type: EPU's mock is not taken over"),
    "Traffic Sentinel": (
        {**ASKED, "sensor_type": "traffic_sentinel"},
        "sensor_type: EPU's Traffic Sentinel is not taken over",
    ),
    "nothing to ask for": ({**ASKED, "monitor_domain_sensors": []}, "monitor_domain_sensors and monitor_sensors"),
    "no address": ({**ASKED, "sensor_data": {"queries": QUERIES}}, "sensor_data.url is missing"),
    "a place not allowed": (
        prometheus("http://169.254.169.254/latest"),
        "sensor_data.url: http://169.254.169.254:80 is not among the sources that operators allow",
    ),
    "a login in the address": (
        prometheus("http://ann:hunter2@prometheus.example:9090"),
        "sensor_data.url: it must not carry a login",
    ),
    "a host not allowed": (
        {**ASKED, "sensor_type": "opentsdb", "opentsdb_host": "localhost"},
        "opentsdb_host: http://localhost:4242 is not among the sources",
    ),
    "a token with a line end": (prometheus(**TOKEN), "secret_key: a token has to be"),
    "a list for a map": ({**ASKED, "sensor_type": "http", "sensor_data": ["url"]}, "sensor_data has to be a map"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_domain_with_any_other_is_refused_by_the_name_of_the_key(bench: Bench, case: str) -> None:
    conf, told = BAD[case]
    with pytest.raises(BadRequest) as refused:
        bench.add_domain(engine_conf=conf)
    assert str(refused.value).startswith(told)
    assert "hunter2" not in str(refused.value)
    assert bench.client("ann").domains() == []


@pytest.mark.parametrize("case", BAD)
def test_nor_is_a_domain_reconfigured_to_one(bench: Bench, case: str) -> None:
    conf, told = BAD[case]
    bench.add_domain(engine_conf=prometheus())
    before = bench.view(KEY).domain
    with pytest.raises(BadRequest) as refused:
        bench.client("ann").reconfigure_domain("web", {"engine_conf": {"sensor_data": None, **conf}})
    assert str(refused.value).startswith(told)
    assert bench.view(KEY).domain == before


def test_a_key_that_a_sensor_needs_is_not_unset(bench: Bench) -> None:
    bench.add_domain(engine_conf=prometheus())
    with pytest.raises(BadRequest, match=r"sensor_data\.url is missing"):
        bench.client("ann").reconfigure_domain("web", {}, ["engine_conf.sensor_data"])


def test_who_is_asked_and_how_is_shown_without_the_login(bench: Bench) -> None:
    login = {"access_key": "ann", "secret_key": "hunter2"}
    bench.add_domain(engine_conf=prometheus(**login))
    shown = bench.client("ann").domain("web")["config"]["engine_conf"]
    assert shown == prometheus(preserve_n=1, **dict.fromkeys(login, "***"))
