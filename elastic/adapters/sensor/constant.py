"""`constant`: numbers that the config itself names, to try a policy with."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

import msgspec

from elastic.model.actions import Sample
from elastic.model.kinds import Signed, about
from elastic.ports.sensor import Gate, Reading, Readings, Wanted
from elastic.rules.manual import Manual
from elastic.rules.schema import read

SOURCE = "the config"


class Constant(msgspec.Struct, frozen=True, kw_only=True):
    """In EPU this was the mock's."""

    documentation: ClassVar[Manual] = Manual("Tells the numbers that stand in the config: to try a policy.")
    lane: ClassVar[str] = "constant"

    sensor_data: Annotated[dict[str, Signed], about("each metric's number", min_length=1)]

    @classmethod
    def configured(cls, conf: Mapping[str, Any], gate: Gate) -> Self:  # noqa: ARG003 - nobody is asked
        return read(cls, {"sensor_data": conf.get("sensor_data")})

    def read(self, wanted: Wanted, timeout: float) -> Readings:  # noqa: ARG002
        def said(metric: str) -> Reading:
            if metric not in self.sensor_data:
                return Reading(why_none="sensor_data has no such number")
            return Reading(Sample(wanted.now, self.sensor_data[metric]), SOURCE)

        return Readings(
            domain={metric: said(metric) for metric in wanted.of_domain},
            instances={
                i.instance_id: {metric: said(metric) for metric in wanted.of_instances} for i in wanted.instances
            },
        )
