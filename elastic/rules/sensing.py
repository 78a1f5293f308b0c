"""What a domain's config says about its sensors, and what is known of its metrics. Pure."""

from collections.abc import Mapping
from typing import Any, Self, TypeVar

import msgspec

from elastic.errors import BadRequest
from elastic.rules.exact import Number
from elastic.rules.settings import COMMON, SAMPLE_FUNCTIONS, Settings, distinct

T = TypeVar("T")

HEARTBEAT = "heartbeat"
MOST_METRICS = 50
LONGEST_METRIC = 100
REFUSED = {
    "cloudwatch": "EPU's CloudWatch is not taken over: use prometheus, http or heartbeat",
    "mockcloudwatch": "EPU's mock is not taken over: use constant, which takes its numbers from sensor_data",
    "traffic_sentinel": "EPU's Traffic Sentinel is not taken over: use http",
}


class Monitored(msgspec.Struct, frozen=True, kw_only=True):
    """`kind`: the sensor's name. Without one, instances are known by what they say themselves in heartbeats."""

    kind: str
    of_domain: tuple[str, ...]
    of_instances: tuple[str, ...]
    period: Number
    function: str

    @classmethod
    def read(cls, engine_conf: Mapping[str, Any]) -> Self:
        """BadRequest names the key that is wrong."""
        settings = Settings({key: engine_conf[key] for key in COMMON if key in engine_conf}, COMMON)
        kind = settings.text("sensor_type", HEARTBEAT)
        if kind in REFUSED:
            raise BadRequest(f"sensor_type: {REFUSED[kind]}")
        monitored = cls(
            kind=kind,
            of_domain=_metrics(settings, "monitor_domain_sensors"),
            of_instances=_metrics(settings, "monitor_sensors"),
            period=settings.common().sample_period,
            function=settings.choice("sample_function", SAMPLE_FUNCTIONS),
        )
        if engine_conf.get("sensor_type") == HEARTBEAT and monitored.of_domain:
            raise BadRequest(
                "monitor_domain_sensors: heartbeats tell of instances only: name it in monitor_sensors"
            )
        if kind != HEARTBEAT and not (monitored.of_domain or monitored.of_instances):
            raise BadRequest(
                "monitor_domain_sensors and monitor_sensors are both empty: nothing would be asked for"
            )
        return monitored


def _metrics(settings: Settings, key: str) -> tuple[str, ...]:
    names = settings.names(key)
    if len(names) > MOST_METRICS:
        raise BadRequest(f"{key}: at most {MOST_METRICS} can be asked for, not {len(names)}")
    distinct(key, names)
    for name in names:
        if len(name) > LONGEST_METRIC:
            raise BadRequest(f"{key}: {name[:LONGEST_METRIC]}... is longer than {LONGEST_METRIC} characters")
    return names


def sensor_named(name: str, sensors: Mapping[str, T]) -> T:
    if name not in sensors:
        known = ", ".join(sorted({HEARTBEAT, *sensors}))
        raise BadRequest(f"sensor_type: there is none called {name!r}, only {known}")
    return sensors[name]
