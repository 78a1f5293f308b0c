"""What a domain's config says about its sensors, and what is known of its metrics. Pure."""

from collections.abc import Mapping
from typing import Any, Self, TypeVar

import msgspec

from elastic.errors import BadRequest
from elastic.rules.common import Common
from elastic.rules.exact import Number
from elastic.rules.schema import check_distinct, keys_of, read

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
    """`kind`: the sensor's name. Without one, instances are known by what they say themselves in heartbeats.
    `timeout`: seconds for an answer, null for what operators say."""

    kind: str
    of_domain: tuple[str, ...]
    of_instances: tuple[str, ...]
    period: Number
    function: str
    timeout: Number | None = None

    @classmethod
    def read(cls, engine_conf: Mapping[str, Any]) -> Self:
        """BadRequest names the key that is wrong."""
        keys = keys_of(Common)
        said = read(Common, {key: value for key, value in engine_conf.items() if key in keys})
        kind = HEARTBEAT if said.sensor_type is None else said.sensor_type
        if not kind:
            raise BadRequest("sensor_type must not be empty")
        if kind in REFUSED:
            raise BadRequest(f"sensor_type: {REFUSED[kind]}")
        monitored = cls(
            kind=kind,
            of_domain=_metrics("monitor_domain_sensors", said.monitor_domain_sensors),
            of_instances=_metrics("monitor_sensors", said.monitor_sensors),
            period=said.sample_period,
            function=said.sample_function,
            timeout=said.sensor_timeout,
        )
        if said.sensor_type == HEARTBEAT and monitored.of_domain:
            raise BadRequest(
                "monitor_domain_sensors: heartbeats tell of instances only: name it in monitor_sensors"
            )
        if kind != HEARTBEAT and not (monitored.of_domain or monitored.of_instances):
            raise BadRequest(
                "monitor_domain_sensors and monitor_sensors are both empty: nothing would be asked for"
            )
        return monitored


def _metrics(key: str, names: tuple[str, ...]) -> tuple[str, ...]:
    if len(names) > MOST_METRICS:
        raise BadRequest(f"{key}: at most {MOST_METRICS} can be asked for, not {len(names)}")
    try:
        check_distinct(key, names)
    except ValueError as fault:
        raise BadRequest(str(fault)) from None
    for name in names:
        if not name:
            raise BadRequest(f"{key}: a name must not be empty")
        if len(name) > LONGEST_METRIC:
            raise BadRequest(f"{key}: {name[:LONGEST_METRIC]}... is longer than {LONGEST_METRIC} characters")
    return names


def sensor_named(name: str, sensors: Mapping[str, T]) -> T:
    if name not in sensors:
        known = ", ".join(sorted({HEARTBEAT, *sensors}))
        raise BadRequest(f"sensor_type: there is none called {name!r}, only {known}")
    return sensors[name]
