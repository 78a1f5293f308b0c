"""The keys that may stand in every engine's config, and the reading of one.

Of them engines look at `victims`, `reclaim` and `sample_period` only: the others are for launches and sensors.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

import msgspec

from elastic.model.kinds import Positive, Whole, about
from elastic.rules.manual import Manual
from elastic.rules.schema import keys_of, read, refuse_others

SampleFunction = Literal["Average", "Sum", "SampleCount", "Maximum", "Minimum"]
SAMPLE_PERIOD = 90  # seconds
LONGEST_TIMEOUT = 60  # seconds
Timeout = (
    Annotated[int, msgspec.Meta(gt=0, le=LONGEST_TIMEOUT)]
    | Annotated[float, msgspec.Meta(gt=0, le=LONGEST_TIMEOUT)]
)


class Common(msgspec.Struct, frozen=True, kw_only=True):
    """An engine is a record built on this one: its own keys come besides."""

    victims: Annotated[Literal["newest", "oldest"], about("who goes first of those who may go")] = "newest"
    reclaim: Annotated[bool, about("whether a share may shrink the domain")] = False
    provisioner_vars: Annotated[dict[str, Any], about("vars that each launch gets")] = {}
    sensor_type: Annotated[
        str | None, about("whom to ask for metrics", default="heartbeat: the instances tell them")
    ] = None
    sensor_data: Annotated[Any, about("what to ask, as the sensor has it")] = None
    sensor_timeout: Annotated[
        Timeout | None, about("seconds for an answer, at most", default="what operators allow: [sensors] timeout")
    ] = None
    monitor_sensors: Annotated[tuple[str, ...], about("metrics of each instance")] = ()
    monitor_domain_sensors: Annotated[tuple[str, ...], about("metrics of the domain as a whole")] = ()
    sample_period: Annotated[Positive, about("seconds for which a sample counts")] = SAMPLE_PERIOD
    sample_function: Annotated[SampleFunction, about("how a sensor makes one number of several")] = "Average"
    opentsdb_host: Annotated[str | None, about("where OpenTSDB is")] = None
    opentsdb_port: Annotated[Whole | None, about("its port")] = None
    access_key: Annotated[str | None, about("a user, for whoever is asked")] = None
    secret_key: Annotated[str | None, about("the password; without a user, a token")] = None

    @classmethod
    def configured(cls, conf: Mapping[str, Any]) -> Self:
        """BadRequest names the key that is unknown, missing or wrong."""
        keys = keys_of(cls)
        refuse_others((key for key in conf if key not in keys), own_keys(cls), "this engine")
        return read(cls, conf)

    @property
    def oldest_first(self) -> bool:
        return self.victims == "oldest"


def own_keys(engine: type[Common]) -> list[str]:
    """Without those of every engine."""
    return [key for key in keys_of(engine) if key not in keys_of(Common)]


def manual(summary: str) -> Manual:
    """An engine's."""
    return Manual(summary, Common, "Keys of every engine:")
