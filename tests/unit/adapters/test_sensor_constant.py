"""Numbers that the config itself names."""

from typing import Any

import pytest

from elastic.adapters.sensor import installed_sensors
from elastic.adapters.sensor.constant import Constant
from elastic.errors import BadRequest
from elastic.model.actions import Sample
from elastic.ports.sensor import Closed, Reading, Sensor
from tests.unit.adapters.sensors_stub import NOW, wanted
from tests.unit.rules.views import record


def constant(**data: Any) -> Sensor:
    return Constant.configured({"sensor_data": data}, Closed())


def test_what_stands_in_the_config_is_so_now():
    found = constant(load=-1.5, depth=0).read(wanted("load", "depth"), 1.0)
    assert found.domain == {
        "load": Reading(Sample(NOW, -1.5), "the config"),
        "depth": Reading(Sample(NOW, 0), "the config"),
    }


def test_it_is_so_of_each_instance():
    found = constant(load=2).read(wanted(of_instances=["load"], instances=[record("i-1"), record("i-2")]), 1.0)
    assert {name: told["load"].sample for name, told in found.instances.items()} == {
        "i-1": Sample(NOW, 2),
        "i-2": Sample(NOW, 2),
    }


def test_what_does_not_stand_there_is_no_data_and_never_0():
    found = constant(load=2).read(wanted("depth"), 1.0)
    assert found.domain["depth"] == Reading(why_none="sensor_data has no such number")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (None, "sensor_data is missing"),
        ({}, "sensor_data must not be empty"),
        ({"load": "2"}, r"sensor_data\.load has to be a number"),
        ({"load": True}, r"sensor_data\.load has to be a number"),
        ({"load": None}, r"sensor_data\.load has to be a number, not null"),
        (["load"], "sensor_data has to be a map"),
    ],
)
def test_a_config_that_makes_no_sense_is_refused_by_the_name_of_the_key(said, told):
    with pytest.raises(BadRequest, match=f"^{told}"):
        Constant.configured({"sensor_data": said}, Closed())


def test_every_sensor_is_installed_under_its_name_and_says_what_it_needs():
    sensors = installed_sensors()
    assert set(sensors) >= {"constant", "http", "opentsdb", "prometheus"}
    assert all(sensor.documentation for sensor in sensors.values())
    assert not {"cloudwatch", "mockcloudwatch", "traffic_sentinel", "heartbeat"} & set(sensors)
