"""Numbers in a JSON document that some address answers with."""

from collections.abc import Iterator
from typing import Any

import pytest

from elastic.adapters.sensor.document import Document
from elastic.adapters.sensor.gate import UrlGate
from elastic.errors import BadRequest, SensorFailed
from elastic.model.actions import Sample
from elastic.model.domain import DomainKey
from elastic.ports.sensor import Reading
from tests.unit.adapters import sensors_stub
from tests.unit.adapters.sensors_stub import ANY, NOW, Source, wanted
from tests.unit.rules.views import record

TIMEOUT = 30.0
URL = "http://queues.example/depths"
SAID = {
    "queues": [{"depth": 3}, {"depth": 0}],
    "a/b": {"m~n": 1.5},
    "": 7,
    "01": 8,
    "at": NOW - 20,
    "text": "3",
    "null": None,
    "true": True,
    "web": {"10.0.0.1": {"load": 2}, "i-1": {"load": 4}},
}


@pytest.fixture
def source() -> Iterator[Source]:
    with sensors_stub.opened() as source:
        source.documents["/d"] = SAID
        yield source


def read(source: Source, pointer: str, at: str | None = None) -> Reading:
    data = {"url": f"{source.url}/d", "pointers": {"load": pointer}, "at": at}
    return Document.configured({"sensor_data": data}, ANY).read(wanted("load"), TIMEOUT).domain["load"]


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/queues/0/depth", 3),
        ("/queues/1/depth", 0),
        ("/a~1b/m~0n", 1.5),
        ("/", 7),
        ("/01", 8),
        ("/at", NOW - 20),
        ("/$domain/i-1/load", 4),
    ],
)
def test_a_number_is_taken_from_where_the_pointer_says(source, pointer, value):
    assert read(source, pointer) == Reading(Sample(NOW, value), source.place)


@pytest.mark.parametrize("document", [3, 0.5])
def test_an_empty_pointer_is_the_whole_document(source, document):
    source.documents["/d"] = document
    assert read(source, "").sample == Sample(NOW, document)


@pytest.mark.parametrize(
    ("pointer", "why"),
    [
        ("/nowhere", "the document has nothing at /nowhere"),
        ("/queues/2/depth", "the document has nothing at /queues/2/depth"),
        ("/queues/-1/depth", "the document has nothing at /queues/-1/depth"),
        ("/queues/-/depth", "the document has nothing at /queues/-/depth"),
        ("/queues/\u0660/depth", "the document has nothing at /queues/\u0660/depth"),
        (f"/queues/{'9' * 5000}", "the document has nothing at /queues/999"),
        ("/at/deeper", "the document has nothing at /at/deeper"),
        ("", "at / is no number"),
        ("/queues", "at /queues is no number"),
        ("/text", "at /text is no number"),
        ("/null", "at /null is no number"),
        ("/true", "at /true is no number"),
    ],
)
def test_what_is_no_number_there_is_no_data_and_never_0(source, pointer, why):
    reading = read(source, pointer)
    assert reading.sample is None
    assert reading.why_none.startswith(why)


def test_the_time_may_stand_in_the_document(source):
    assert read(source, "/queues/0/depth", "/at").sample == Sample(NOW - 20, 3)


@pytest.mark.parametrize(
    ("at", "why"),
    [("/then", "the document has nothing at /then"), ("/text", "at /text is no number")],
)
def test_a_number_whose_time_is_not_there_is_no_data(source, at, why):
    assert read(source, "/queues/0/depth", at) == Reading(why_none=f"its time is not known: {why}")


def test_a_metric_without_a_pointer_is_no_data(source):
    sensor = Document.configured({"sensor_data": {"url": f"{source.url}/d", "pointers": {"x": "/x"}}}, ANY)
    found = sensor.read(wanted("load"), TIMEOUT).domain["load"]
    assert found == Reading(why_none="sensor_data.pointers does not say where it is")


def test_of_each_instance_a_number_of_its_own_from_one_document(source):
    nodes = [record("i-1", private_ip="10.0.0.1"), record("i-2", private_ip="10.0.0.2"), record("i-3")]
    data = {"url": f"{source.url}/d", "pointers": {"load": "/$domain/$private_ip/load"}}
    asked = wanted(of_instances=["load"], instances=nodes)
    found = Document.configured({"sensor_data": data}, ANY).read(asked, TIMEOUT).instances
    assert found["i-1"]["load"].sample == Sample(NOW, 2)
    assert found["i-2"]["load"].why_none == "the document has nothing at /web/10.0.0.2/load"
    assert found["i-3"]["load"].why_none == "the document has nothing at /web/$private_ip/load"
    assert len(source.asked) == 1


def test_names_are_filled_into_the_address_as_names(source):
    data = {"url": f"{source.url}/$owner/of/${{domain}}", "pointers": {"load": ""}}
    source.documents["/ann%40there/of/web"] = 3
    asked = wanted("load", key=DomainKey("ann@there", "web"))
    found = Document.configured({"sensor_data": data}, ANY).read(asked, TIMEOUT)
    assert found.domain["load"].sample == Sample(NOW, 3)


def test_a_name_cannot_take_a_step_of_its_own(source):
    """Those that may stand in a pointer are made by clouds too."""
    source.documents["/d"] = {"a": {"b": 1}}
    data = {"url": f"{source.url}/d", "pointers": {"load": "/$hostname"}}
    asked = wanted(of_instances=["load"], instances=[record("i-1", hostname="a/b")])
    found = Document.configured({"sensor_data": data}, ANY).read(asked, TIMEOUT)
    assert found.instances["i-1"]["load"].sample is None


def test_a_source_that_fails_fails_for_all_its_metrics(source):
    source.misbehaves = sensors_stub.says(500)
    with pytest.raises(SensorFailed, match="answered 500"):
        read(source, "/at")


POINTERS = {"load": "/depth"}
BAD: dict[str, tuple[Any, str]] = {
    "no url": ({"pointers": POINTERS}, r"sensor_data\.url is missing"),
    "a url that is none": (
        {"url": "queues", "pointers": POINTERS},
        r"sensor_data\.url: it has to begin with http",
    ),
    "no pointers": ({"url": URL}, r"sensor_data\.pointers is missing"),
    "a pointer without a slash": (
        {"url": URL, "pointers": {"load": "depth"}},
        r"sensor_data\.pointers\.load has to be a JSON pointer",
    ),
    "a pointer that is a number": (
        {"url": URL, "pointers": {"load": 0}},
        r"sensor_data\.pointers\.load has to be a JSON pointer",
    ),
    "a time without a slash": (
        {"url": URL, "pointers": POINTERS, "at": "time"},
        r"sensor_data\.at has to be a JSON pointer",
    ),
    "an unknown key": ({"url": URL, "pointers": POINTERS, "method": "POST"}, "'method' is no key of sensor_data"),
    "a text": ("url", "sensor_data has to be a map"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_config_that_makes_no_sense_is_refused_by_the_name_of_the_key(case):
    said, told = BAD[case]
    with pytest.raises(BadRequest, match=told):
        Document.configured({"sensor_data": said}, ANY)


def test_a_source_that_operators_do_not_allow_is_refused():
    with pytest.raises(BadRequest, match=r"^sensor_data\.url: http://queues.example:80 is not among the sources"):
        Document.configured({"sensor_data": {"url": URL, "pointers": POINTERS}}, UrlGate(["http://other.example"]))
