"""`constant`: numbers that the config itself names, to try a policy with."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import msgspec

from elastic.errors import BadRequest
from elastic.model.actions import Sample
from elastic.ports.sensor import Gate, Reading, Readings, Wanted
from elastic.rules.exact import Number
from elastic.rules.settings import Settings

SOURCE = "the config"


class Constant(msgspec.Struct, frozen=True):
    """In EPU this was the mock's."""

    documentation: ClassVar[str] = """\
Tells the numbers that stand in the config: to try a policy.

sensor_data  {metric: number}; required
"""
    lane: ClassVar[str] = "constant"

    values: Mapping[str, Number]

    @classmethod
    def configured(cls, conf: Mapping[str, Any], gate: Gate) -> Self:  # noqa: ARG003 - nobody is asked
        data = Settings({"sensor_data": conf.get("sensor_data")}, ("sensor_data",)).table("sensor_data")
        if not data:
            raise BadRequest("sensor_data is missing")
        settings = Settings(data, tuple(data), inside="sensor_data")
        return cls({name: settings.number(name, signed=True) for name in data})

    def read(self, wanted: Wanted, timeout: float) -> Readings:  # noqa: ARG002
        def said(metric: str) -> Reading:
            if metric not in self.values:
                return Reading(why_none="sensor_data has no such number")
            return Reading(Sample(wanted.now, self.values[metric]), SOURCE)

        return Readings(
            domain={metric: said(metric) for metric in wanted.of_domain},
            instances={
                i.instance_id: {metric: said(metric) for metric in wanted.of_instances} for i in wanted.instances
            },
        )
