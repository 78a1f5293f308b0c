"""What doc/sensors.md gives to paste is understood."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from elastic.adapters.sensor import installed_sensors
from elastic.engines.simplest import Simplest
from elastic.rules.sensing import HEARTBEAT, Monitored, sensor_named
from tests.unit.adapters.sensors_stub import ANY

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "doc" / "sensors.md").read_text()
EXAMPLES = [yaml.safe_load(text) for text in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)]


@pytest.mark.parametrize("conf", EXAMPLES, ids=[example.get("sensor_type", HEARTBEAT) for example in EXAMPLES])
def test_an_example_can_be_pasted(conf: dict[str, Any]) -> None:
    Simplest.configured({"preserve_n": 1, **conf})
    monitored = Monitored.read(conf)
    if monitored.kind != HEARTBEAT:
        sensor_named(monitored.kind, installed_sensors()).configured(conf, ANY)


def test_there_is_one_for_each_sensor() -> None:
    assert {example.get("sensor_type", HEARTBEAT) for example in EXAMPLES} == {HEARTBEAT, *installed_sensors()}
