"""`opentsdb`: EPU's. Numbers of the last sample period, condensed, by OpenTSDB's HTTP API (`/api/query`)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Self

import msgspec
from msgspec import Meta

from elastic.adapters.sensor.fetch import Conversation, QueryRefused
from elastic.adapters.sensor.gate import Origin
from elastic.adapters.sensor.naming import Source
from elastic.errors import SensorFailed
from elastic.model.actions import Sample
from elastic.model.kinds import about
from elastic.ports.sensor import Gate, Reading, Readings, Wanted
from elastic.rules.exact import is_number
from elastic.rules.manual import Manual

HIGHEST_PORT = 65535
CONDENSED: Mapping[str, Callable[[Sequence[float]], float]] = {
    "Average": lambda values: sum(values) / len(values),
    "Sum": sum,
    "SampleCount": len,
    "Maximum": max,
    "Minimum": min,
}


class Series(msgspec.Struct, frozen=True):
    """`dps`: by Unix time, as text."""

    dps: Mapping[str, Any]
    tags: Mapping[str, str] = {}


class Fault(msgspec.Struct, frozen=True):
    message: str = ""


class Refusal(msgspec.Struct, frozen=True):
    error: Fault


class OpenTSDB(Source, frozen=True, kw_only=True):
    documentation: ClassVar[Manual] = Manual(
        "Asks OpenTSDB for the samples of the last sample_period, and condenses them by sample_function. A metric"
        " of the domain (monitor_domain_sensors) is asked for with the tags domain and user, one of its instances"
        " (monitor_sensors) with the tag host, which is the instance's hostname."
    )

    host: Annotated[
        str,
        about(
            "where it is, among what operators allow",
            title="a host's name or address alone",
            pattern=r"\A[A-Za-z0-9._:-]+\Z",
        ),
    ] = msgspec.field(name="opentsdb_host")
    port: Annotated[int, Meta(ge=1, le=HIGHEST_PORT), about("its port")] = msgspec.field(
        name="opentsdb_port", default=4242
    )

    @classmethod
    def configured(cls, conf: Mapping[str, Any], gate: Gate) -> Self:
        opentsdb = cls.of(conf)
        gate.check(opentsdb.url, "opentsdb_host")
        return opentsdb

    @property
    def url(self) -> str:
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def lane(self) -> str:
        return Origin.of(self.url).place

    def read(self, wanted: Wanted, timeout: float) -> Readings:
        talk = Conversation(self.login, timeout)
        of_domain = {"domain": wanted.key.name, "user": wanted.key.owner}
        hosts = {i.instance_id: {"host": i.hostname} for i in wanted.instances if i.hostname}
        unnamed = Reading(why_none="its hostname is not known")
        return Readings(
            domain={metric: self._asked(metric, of_domain, wanted, talk) for metric in wanted.of_domain},
            instances={
                i.instance_id: {
                    metric: self._asked(metric, hosts[i.instance_id], wanted, talk)
                    if i.instance_id in hosts
                    else unnamed
                    for metric in wanted.of_instances
                }
                for i in wanted.instances
            },
        )

    def _asked(self, metric: str, tags: Mapping[str, str], wanted: Wanted, talk: Conversation) -> Reading:
        told = ",".join(f"{name}={value}" for name, value in tags.items())
        params = {
            "start": str(int(wanted.now - wanted.period)),
            "end": str(int(wanted.now)),
            "m": f"avg:{metric}{{{told}}}",
        }
        try:
            answer = talk.ask(f"{self.url}/api/query", params)
        except QueryRefused as refused:  # it knows no such name yet, of one metric, or of a host that is new
            return Reading(why_none=_why_refused(refused))
        return self._condensed(answer, wanted)

    def _condensed(self, answer: Any, wanted: Wanted) -> Reading:
        try:
            series = msgspec.convert(answer, list[Series])
            points = {float(at): value for one in series for at, value in one.dps.items()}
        except (msgspec.ValidationError, ValueError) as fault:
            raise SensorFailed(f"does not answer as OpenTSDB does: {fault}") from None
        if len(series) > 1:
            return Reading(why_none="it has several series of these tags, and has to have one")
        oldest = wanted.now - wanted.period
        told = {at: value for at, value in points.items() if at >= oldest and is_number(value)}
        if not told:
            return Reading(why_none=f"it has nothing of the last {wanted.period:g} s")
        return Reading(Sample(max(told), CONDENSED[wanted.function](list(told.values()))), self.lane)


def _why_refused(refused: QueryRefused) -> str:
    try:
        return f"the query is refused: {msgspec.convert(refused.body, Refusal).error.message[:200]}"
    except msgspec.ValidationError:
        return str(refused)
