"""Prometheus: a query to a value, for a domain or for each of its instances."""

from collections.abc import Iterator
from typing import Any

import pytest

from elastic.adapters.sensor.gate import UrlGate
from elastic.adapters.sensor.prometheus import Prometheus
from elastic.errors import BadRequest, SensorFailed
from elastic.model.actions import Sample
from elastic.ports.sensor import Closed, Reading
from tests.unit.adapters import sensors_stub
from tests.unit.adapters.sensors_stub import ANY, NOW, Source, says, wanted
from tests.unit.rules.views import record

TIMEOUT = 30.0
URL = "http://prometheus.example:9090"
NODES = [
    record("i-1", private_ip="10.0.0.1", hostname="one", ipv6="2001:db8::1", server_id="s-1"),
    record("i-2", private_ip="10.0.0.2", hostname="two", ipv6="2001:db8::2", server_id="s-2"),
    record("i-3"),
]


@pytest.fixture
def source() -> Iterator[Source]:
    with sensors_stub.opened() as source:
        yield source


def sensor(source: Source, queries: dict[str, Any], **more: Any) -> Prometheus:
    login = {key: more.pop(key) for key in ("access_key", "secret_key") if key in more}
    return Prometheus.configured({"sensor_data": {"url": source.url, "queries": queries, **more}, **login}, ANY)


def of_domain(source: Source, query: str) -> Reading:
    return sensor(source, {"load": query}).read(wanted("load"), TIMEOUT).domain["load"]


def of_instances(source: Source, query: str = "q", **more: Any) -> dict[str, Reading]:
    asked = wanted(of_instances=["load"], instances=NODES)
    found = sensor(source, {"load": query}, **more).read(asked, TIMEOUT).instances
    return {name: readings["load"] for name, readings in found.items()}


def test_a_query_that_gives_one_series_is_the_domains_value(source):
    source.vector("sum(up)", ({}, "3.5"))
    assert of_domain(source, "sum(up)") == Reading(Sample(NOW, 3.5), source.place)


def test_a_scalar_is_one_too(source):
    source.queries["vector(1)"] = {"resultType": "scalar", "result": [NOW, "1"]}
    assert of_domain(source, "vector(1)").sample == Sample(NOW, 1.0)


def test_zero_is_a_value_and_the_time_is_the_sources(source):
    source.vector("q", ({}, "0"), at=NOW - 40.25)
    assert of_domain(source, "q").sample == Sample(NOW - 40.25, 0.0)


NO_VALUE = {
    "no series": ([], "the query gives no series, and has to give one"),
    "two": ([({"a": "1"}, "1"), ({"a": "2"}, "1")], "the query gives several series, and has to give one"),
    "no number": ([({}, "NaN")], "the value is NaN"),
    "without end": ([({}, "+Inf")], "the value is +Inf"),
    "a word": ([({}, "many")], "the value is 'many', no number"),
}


@pytest.mark.parametrize("case", NO_VALUE)
def test_what_gives_no_value_is_no_data_and_never_0(source, case):
    series, why = NO_VALUE[case]
    source.vector("q", *series)
    assert of_domain(source, "q") == Reading(why_none=why)


def test_a_metric_without_a_query_is_no_data_and_nobody_is_asked(source):
    found = sensor(source, {"load": "q"}).read(wanted("depth"), TIMEOUT)
    assert found.domain == {"depth": Reading(why_none="sensor_data.queries has no query for it")}
    assert source.asked == []


def test_a_query_that_is_refused_leaves_the_others_theirs(source):
    source.vector("q", ({}, "1"))
    found = sensor(source, {"bad": "!", "load": "q"}).read(wanted("bad", "load"), TIMEOUT)
    assert found.domain["bad"].why_none.startswith(
        'the query is refused: invalid parameter "query": 1:1: parse error'
    )
    assert found.domain["load"].sample == Sample(NOW, 1.0)


@pytest.mark.parametrize("status", [200, 400, 422])
def test_a_refusal_is_one_whatever_its_status(source, status):
    source.misbehaves = says(status, b'{"status": "error", "error": "too many samples"}')
    assert of_domain(source, "q").why_none == "the query is refused: too many samples"


MALFORMED = {
    "another document": b'{"depth": 3}',
    "a list": b"[]",
    "no data": b'{"status": "success", "data": {"resultType": "vector"}}',
    "a histogram": b'{"status": "success", "data": {"resultType": "vector", "result":'
    b' [{"metric": {}, "histogram": [1, {}]}]}}',
    "a number where a text belongs": b'{"status": "success", "data": {"resultType": "vector", "result":'
    b' [{"metric": {}, "value": [1, 2]}]}}',
}


@pytest.mark.parametrize("case", MALFORMED)
def test_what_does_not_answer_so_is_not_prometheus(source, case):
    source.misbehaves = says(200, MALFORMED[case])
    with pytest.raises(SensorFailed, match="does not answer as Prometheus does: "):
        of_domain(source, "q")


def test_a_range_is_no_value(source):
    source.queries["up[5m]"] = {"resultType": "matrix", "result": []}
    with pytest.raises(SensorFailed, match="answers with a matrix: the query has to give a vector or a scalar"):
        of_domain(source, "up[5m]")


def test_owner_and_domain_are_filled_in_and_all_other_dollars_left_alone(source):
    query = 'label_replace(up{job=~"^$owner-${domain}$", x="$other"}, "a", "$1", "b", "(.*)")'
    of_domain(source, query)
    assert source.asked[0].params["query"] == query.replace("$owner-${domain}", "ann-web")


def test_it_is_asked_below_its_address_and_told_how_long_it_has(source):
    conf = {"sensor_data": {"url": f"{source.url}/prom/", "queries": {"load": "q"}}}
    Prometheus.configured(conf, ANY).read(wanted("load"), TIMEOUT)
    (asked,) = source.asked
    assert asked.path == "/prom/api/v1/query"
    assert asked.params["timeout"].removesuffix("ms").isdecimal()
    assert 0 < int(asked.params["timeout"].removesuffix("ms")) <= TIMEOUT * 1000


def test_it_says_who_it_is(source):
    sensor(source, {"load": "q"}, **{"secret_key": "t0k"}).read(wanted("load"), TIMEOUT)
    assert source.asked[0].headers["Authorization"] == "Bearer t0k"


# instances


def test_each_instance_has_the_series_of_its_own_id(source):
    source.vector("q", ({"instance_id": "i-1"}, "1"), ({"instance_id": "i-2"}, "2"), ({"instance_id": "x"}, "9"))
    found = of_instances(source)
    assert [found[name].sample for name in ("i-1", "i-2")] == [Sample(NOW, 1.0), Sample(NOW, 2.0)]
    assert found["i-3"] == Reading(why_none="the query gives no series whose instance_id is i-3")
    assert len(source.asked) == 1, "one question for all"


@pytest.mark.parametrize(
    ("identity", "said"),
    [
        ("private_ip", "10.0.0.1"),
        ("private_ip", "10.0.0.1:9100"),
        ("hostname", "one"),
        ("hostname", "one:9100"),
        ("ipv6", "2001:db8::1"),
        ("ipv6", "[2001:db8::1]:9100"),
        ("server_id", "s-1"),
    ],
)
def test_an_instance_is_known_by_what_its_record_says(source, identity, said):
    source.vector("q", ({"instance": said}, "1"))
    found = of_instances(source, **{"label": "instance", "is": identity})
    assert found["i-1"].sample == Sample(NOW, 1.0)
    assert found["i-2"].sample is None


def test_one_whose_address_is_not_known_yet_has_nobody_elses_series(source):
    source.vector("q", ({}, "7"), ({"instance": ""}, "8"))
    found = of_instances(source, **{"label": "instance", "is": "private_ip"})
    assert [reading.sample for reading in found.values()] == [None] * 3
    assert found["i-3"].why_none == "the query gives no series whose instance is None"


def test_two_series_of_one_instance_are_no_data(source):
    source.vector("q", ({"instance_id": "i-1", "cpu": "0"}, "1"), ({"instance_id": "i-1", "cpu": "1"}, "2"))
    assert of_instances(source)["i-1"].why_none == "the query gives several series whose instance_id is i-1"


def test_a_refused_query_is_why_none_of_them_has_a_value(source):
    assert all(
        reading.why_none.startswith("the query is refused") for reading in of_instances(source, "!").values()
    )


# its config

BAD = {
    "no url": ({"queries": {"load": "q"}}, "sensor_data.url is missing"),
    "no queries": ({"url": URL}, "sensor_data.queries is missing"),
    "a query that is none": ({"url": URL, "queries": {"load": 3}}, "sensor_data.queries.load has to be a text"),
    "an empty query": ({"url": URL, "queries": {"load": ""}}, "sensor_data.queries.load must not be empty"),
    "queries in a list": ({"url": URL, "queries": ["q"]}, "sensor_data.queries has to be a map"),
    "an unknown key": ({"url": URL, "query": "q"}, "'query' is no key of sensor_data"),
    "an unknown name": (
        {"url": URL, "queries": {"load": "q"}, "is": "mac"},
        "sensor_data.is has to be hostname, instance_id, ",
    ),
    "a question in the address": ({"url": f"{URL}?x=1", "queries": {"load": "q"}}, r"url: the address alone"),
    "a place in the page": ({"url": f"{URL}#x", "queries": {"load": "q"}}, r"url: the address alone"),
    "a list": (["url", "queries"], "sensor_data has to be a map"),
    "nothing": (None, "sensor_data.url is missing"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_config_that_makes_no_sense_is_refused_by_the_name_of_the_key(case):
    said, told = BAD[case]
    with pytest.raises(BadRequest, match=told):
        Prometheus.configured({"sensor_data": said}, ANY)


@pytest.mark.parametrize("gate", [Closed(), UrlGate([]), UrlGate(["http://other.example"])])
def test_a_source_that_operators_do_not_allow_is_refused(gate):
    with pytest.raises(BadRequest, match=r"^sensor_data\.url: "):
        Prometheus.configured({"sensor_data": {"url": URL, "queries": {"load": "q"}}}, gate)


def test_all_who_ask_the_same_are_in_one_lane():
    urls = ["http://P.example:9090/a", "http://p.example:9090/b/", "http://p.example:9090"]
    lanes = {
        Prometheus.configured({"sensor_data": {"url": url, "queries": {"load": "q"}}}, ANY).lane for url in urls
    }
    assert lanes == {"p.example:9090"}
