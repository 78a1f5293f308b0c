"""OpenTSDB, as EPU asked it: the samples of the last period, condensed."""

from collections.abc import Iterator
from typing import Any

import pytest

from elastic.adapters.sensor.gate import UrlGate
from elastic.adapters.sensor.opentsdb import OpenTSDB
from elastic.errors import BadRequest, SensorFailed
from elastic.model.actions import Sample
from elastic.ports.sensor import Reading
from tests.unit.adapters import sensors_stub
from tests.unit.adapters.sensors_stub import ANY, NOW, Source, says, wanted
from tests.unit.rules.views import record

TIMEOUT = 30.0
OF_WEB = "avg:load{domain=web,user=ann}"


@pytest.fixture
def source() -> Iterator[Source]:
    with sensors_stub.opened() as source:
        yield source


def sensor(source: Source) -> OpenTSDB:
    host, _, port = source.place.rpartition(":")
    return OpenTSDB.configured({"opentsdb_host": host, "opentsdb_port": int(port)}, ANY)


def of_domain(source: Source, **rest: Any) -> Reading:
    return sensor(source).read(wanted("load", **rest), TIMEOUT).domain["load"]


def at(seconds_ago: int) -> str:
    return str(int(NOW) - seconds_ago)


@pytest.mark.parametrize(
    ("function", "value"), [("Average", 2.0), ("Sum", 6.0), ("SampleCount", 3), ("Maximum", 3.0), ("Minimum", 1.0)]
)
def test_the_samples_of_the_period_are_condensed(source, function, value):
    source.dps(OF_WEB, {at(60): 1.0, at(30): 3.0, at(10): 2.0})
    assert of_domain(source, function=function) == Reading(Sample(NOW - 10, value), source.place)


def test_the_period_is_what_is_asked_for(source):
    source.dps(OF_WEB, {})
    of_domain(source)
    (asked,) = source.asked
    assert asked.path == "/api/query"
    assert asked.params == {"start": at(90), "end": at(0), "m": OF_WEB}


@pytest.mark.parametrize(
    "dps", [{}, {at(91): 1.0}, {at(5): None}, {at(5): "NaN"}], ids=["none", "too old", "null", "no number"]
)
def test_no_sample_in_the_period_is_no_data_and_never_0(source, dps):
    source.dps(OF_WEB, dps)
    for function in ("Average", "SampleCount"):
        assert of_domain(source, function=function) == Reading(why_none="it has nothing of the last 90 s")


def test_no_series_is_no_data(source):
    source.dps(OF_WEB)
    assert of_domain(source).why_none == "it has nothing of the last 90 s"


def test_the_time_is_that_of_the_newest_sample_that_counts(source):
    source.dps(OF_WEB, {at(200): 9.0, at(50): 0, at(5): "NaN"})
    assert of_domain(source).sample == Sample(NOW - 50, 0)


def test_several_series_are_no_data(source):
    source.dps(OF_WEB, {at(5): 1.0}, {at(5): 2.0})
    assert of_domain(source).why_none == "it has several series of these tags, and has to have one"


def test_each_instance_is_asked_for_by_its_hostname(source):
    source.dps("avg:load{host=one}", {at(5): 1.0})
    nodes = [record("i-1", hostname="one"), record("i-2")]
    found = sensor(source).read(wanted(of_instances=["load"], instances=nodes), TIMEOUT).instances
    assert found["i-1"]["load"].sample == Sample(NOW - 5, 1.0)
    assert found["i-2"]["load"] == Reading(why_none="its hostname is not known")
    assert len(source.asked) == 1


def test_a_host_that_it_does_not_know_yet_leaves_the_others_their_values(source):
    """Each new instance is one, until it has sent something."""
    source.dps("avg:load{host=one}", {at(5): 1.0})
    nodes = [record("i-2", hostname="new"), record("i-1", hostname="one")]
    found = sensor(source).read(wanted(of_instances=["load"], instances=nodes), TIMEOUT).instances
    assert found["i-2"]["load"] == Reading(why_none="the query is refused: No such name for 'tagv': 'new'")
    assert found["i-1"]["load"].sample == Sample(NOW - 5, 1.0)


def test_a_metric_that_it_does_not_know_leaves_the_others_theirs(source):
    source.dps(OF_WEB, {at(5): 1.0})
    found = sensor(source).read(wanted("depth", "load"), TIMEOUT).domain
    assert found["depth"].why_none.startswith("the query is refused: No such name")
    assert found["load"].sample == Sample(NOW - 5, 1.0)


def test_a_refusal_without_a_word_is_one(source):
    source.misbehaves = says(400, b"<html>")
    assert of_domain(source).why_none == "does not understand the question: 400 Bad Request"


@pytest.mark.parametrize("body", [b"{}", b"[{}]", b'[{"dps": [[1, 2]]}]', b'[{"dps": {"now": 1}}]'])
def test_what_does_not_answer_so_is_not_opentsdb(source, body):
    source.misbehaves = says(200, body)
    with pytest.raises(SensorFailed, match="does not answer as OpenTSDB does: "):
        of_domain(source)


BAD = {
    "no host": ({}, "opentsdb_host is missing"),
    "a port that is none": ({"opentsdb_host": "h", "opentsdb_port": "high"}, "opentsdb_port has to be a whole"),
    "a port too high": (
        {"opentsdb_host": "h", "opentsdb_port": 65536},
        "opentsdb_port has to be a whole number from 1 to 65535, not 65536",
    ),
    "an address": ({"opentsdb_host": "http://h"}, "opentsdb_host has to be a host's name or address alone"),
    "a path": ({"opentsdb_host": "h/x"}, "opentsdb_host has to be a host's name or address alone"),
    "a port within": ({"opentsdb_host": "h:1/x#"}, "opentsdb_host has to be a host's name or address alone"),
    "a login": ({"opentsdb_host": "ann:hunter@h"}, "opentsdb_host has to be a host's name or address alone"),
    "a line end": ({"opentsdb_host": "h\n"}, "opentsdb_host has to be a host's name or address alone"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_config_that_makes_no_sense_is_refused_by_the_name_of_the_key(case):
    conf, told = BAD[case]
    with pytest.raises(BadRequest, match=f"^{told}"):
        OpenTSDB.configured(conf, ANY)


def test_a_source_that_operators_do_not_allow_is_refused():
    gate = UrlGate(["http://tsd.example:4242"])
    assert OpenTSDB.configured({"opentsdb_host": "TSD.example"}, gate).lane == "tsd.example:4242"
    for conf in ({"opentsdb_host": "tsd.example", "opentsdb_port": 80}, {"opentsdb_host": "other.example"}):
        with pytest.raises(BadRequest, match=r"^opentsdb_host: http://.* is not among the sources"):
            OpenTSDB.configured(conf, gate)


def test_an_address_of_ipv6_is_one_too():
    assert OpenTSDB.configured({"opentsdb_host": "2001:db8::1"}, ANY).lane == "[2001:db8::1]:4242"
