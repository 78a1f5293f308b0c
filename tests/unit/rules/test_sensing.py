"""What a domain's config says about its sensors."""

from typing import Any

import pytest

from elastic.errors import BadRequest
from elastic.rules.sensing import LONGEST_METRIC, MOST_METRICS, REFUSED, Monitored, sensor_named


def test_it_is_said_who_is_asked_for_what_and_how_it_is_condensed():
    conf = {
        "sensor_type": "opentsdb",
        "monitor_domain_sensors": ["depth"],
        "monitor_sensors": ["load", "memory"],
        "sample_period": 30,
        "sample_function": "Maximum",
        "minimum_vms": "an engine's key, and none of ours",
    }
    assert Monitored.read(conf) == Monitored(
        kind="opentsdb", of_domain=("depth",), of_instances=("load", "memory"), period=30, function="Maximum"
    )


@pytest.mark.parametrize("conf", [{}, {"sensor_type": None}, {"sensor_type": "heartbeat"}])
def test_without_a_word_instances_speak_for_themselves(conf):
    said = Monitored.read({**conf, "monitor_sensors": ["load"]})
    assert said == Monitored(kind="heartbeat", of_domain=(), of_instances=("load",), period=90, function="Average")


def test_a_config_of_epus_that_names_nobody_is_still_one():
    assert Monitored.read({"monitor_domain_sensors": ["depth"]}).of_domain == ("depth",)


@pytest.mark.parametrize(
    ("name", "instead"),
    [("cloudwatch", "prometheus"), ("mockcloudwatch", "constant"), ("traffic_sentinel", "http")],
)
def test_what_is_not_taken_over_is_refused_by_name_with_what_to_take_instead(name, instead):
    assert name in REFUSED
    with pytest.raises(BadRequest, match=rf"^sensor_type: EPU's .* not taken over: use .*{instead}"):
        Monitored.read({"sensor_type": name, "monitor_sensors": ["load"]})


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no text": ({"sensor_type": 3}, "sensor_type has to be a text"),
    "empty": ({"sensor_type": ""}, "sensor_type must not be empty"),
    "nothing to ask for": (
        {"sensor_type": "http"},
        "monitor_domain_sensors and monitor_sensors are both empty: nothing would be asked for",
    ),
    "heartbeats of a domain": (
        {"sensor_type": "heartbeat", "monitor_domain_sensors": ["depth"]},
        "monitor_domain_sensors: heartbeats tell of instances only",
    ),
    "a text for a list": ({"monitor_sensors": "load"}, "monitor_sensors has to be a list of texts"),
    "a number in it": ({"monitor_domain_sensors": [1]}, "monitor_domain_sensors has to be a list of texts"),
    "a metric twice": ({"monitor_sensors": ["a", "a"]}, "monitor_sensors: 'a' stands there twice"),
    "a metric without a name": ({"monitor_sensors": [""]}, "monitor_sensors: a name must not be empty"),
    "too many": (
        {"monitor_sensors": [f"m{n}" for n in range(MOST_METRICS + 1)]},
        "monitor_sensors: at most 50 can be asked for, not 51",
    ),
    "too long": ({"monitor_sensors": ["m" * (LONGEST_METRIC + 1)]}, "monitor_sensors: m.* is longer than 100"),
    "no period": ({"sample_period": 0}, "sample_period has to be a number above 0"),
    "a function of its own": ({"sample_function": "Median"}, "sample_function has to be Average, "),
    "a login that is none": ({"secret_key": 7}, "secret_key has to be a text"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_config_that_makes_no_sense_is_refused_by_the_name_of_the_key(case):
    conf, told = BAD[case]
    with pytest.raises(BadRequest, match=f"^{told}"):
        Monitored.read(conf)


def test_a_sensor_goes_by_its_name_and_by_no_other():
    assert sensor_named("http", {"http": int, "constant": float}) is int
    with pytest.raises(
        BadRequest, match=r"sensor_type: there is none called 'os\.system', only constant, heartbeat, http"
    ):
        sensor_named("os.system", {"http": int, "constant": float})
