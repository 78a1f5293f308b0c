"""`prometheus`: numbers that a query gives, by Prometheus's HTTP API (`/api/v1/query`)."""

from collections.abc import Mapping, Sequence
from math import isfinite
from string import Template
from typing import Annotated, Any, ClassVar, Self

import msgspec

from elastic.adapters.sensor.fetch import Conversation, QueryRefused
from elastic.adapters.sensor.gate import Origin
from elastic.adapters.sensor.naming import OfInstance, Source, names_of
from elastic.errors import BadRequest, SensorFailed
from elastic.model.actions import Sample
from elastic.model.instance import Instance
from elastic.model.kinds import Name, Section, about
from elastic.ports.sensor import Gate, Reading, Readings, Wanted
from elastic.rules.manual import Manual

ADDRESSES = ("private_ip", "public_ip", "ipv6", "hostname")


class Series(msgspec.Struct, frozen=True):
    """One element of an instant vector."""

    metric: Mapping[str, str]
    value: tuple[float, str]


class Result(msgspec.Struct, frozen=True, rename="camel"):
    result_type: str
    result: Any


class Page(msgspec.Struct, frozen=True, rename="camel"):
    status: str
    data: Result | None = None
    error: str = ""


class Data(Section, frozen=True, kw_only=True):
    url: Annotated[Name, about("http:// or https://, among what operators allow")]
    queries: Annotated[
        dict[str, Name],
        about(
            "by metric; $owner and $domain are filled in. That of a metric of the domain (monitor_domain_sensors)"
            " has to give one series, that of a metric of its instances (monitor_sensors) one for each",
            min_length=1,
        ),
    ]
    label: Annotated[Name, about("the label of a series that tells the instance")] = "instance_id"
    identity: Annotated[OfInstance, about("what of the instance that is; of an address a port is cut off")] = (
        msgspec.field(name="is", default="instance_id")
    )


class Prometheus(Source, frozen=True, kw_only=True):
    documentation: ClassVar[Manual] = Manual(
        "Asks Prometheus, or what speaks as it does, for the value of a query."
    )

    sensor_data: Annotated[Data, about("what to ask")]

    @classmethod
    def configured(cls, conf: Mapping[str, Any], gate: Gate) -> Self:
        prometheus = cls.of(conf)
        if "?" in prometheus.url or "#" in prometheus.url:
            raise BadRequest(
                "sensor_data.url: the address alone, without ? and #; what is asked stands in queries"
            )
        gate.check(prometheus.url, "sensor_data.url")
        return prometheus

    @property
    def url(self) -> str:
        return self.sensor_data.url.rstrip("/")

    @property
    def lane(self) -> str:
        return Origin.of(self.url).place

    def read(self, wanted: Wanted, timeout: float) -> Readings:
        talk = Conversation(self.login, timeout)
        domain = {metric: self._of_domain(metric, wanted, talk) for metric in wanted.of_domain}
        instances: dict[str, dict[str, Reading]] = {i.instance_id: {} for i in wanted.instances}
        for metric in wanted.of_instances:
            for instance_id, reading in self._of_instances(metric, wanted, talk).items():
                instances[instance_id][metric] = reading
        return Readings(domain=domain, instances=instances)

    def _of_domain(self, metric: str, wanted: Wanted, talk: Conversation) -> Reading:
        found = self._asked(metric, wanted, talk)
        if isinstance(found, Reading):
            return found
        if len(found) != 1:
            return Reading(why_none=f"the query gives {_how_many(found)}, and has to give one")
        return self._reading(found[0])

    def _of_instances(self, metric: str, wanted: Wanted, talk: Conversation) -> Mapping[str, Reading]:
        found = self._asked(metric, wanted, talk)
        if isinstance(found, Reading):
            return {i.instance_id: found for i in wanted.instances}
        series: dict[str, list[Series]] = {}
        for one in found:
            series.setdefault(self._bare(one.metric.get(self.sensor_data.label, "")), []).append(one)

        def said(instance: Instance) -> Reading:
            name = names_of(wanted.key, instance).get(self.sensor_data.identity)
            own = series.get(name, []) if name else []
            if len(own) != 1:
                return Reading(
                    why_none=f"the query gives {_how_many(own)} whose {self.sensor_data.label} is {name}"
                )
            return self._reading(own[0])

        return {i.instance_id: said(i) for i in wanted.instances}

    def _asked(self, metric: str, wanted: Wanted, talk: Conversation) -> Sequence[Series] | Reading:
        """The series, or why there are none."""
        query = self.sensor_data.queries.get(metric)
        if query is None:
            return Reading(why_none="sensor_data.queries has no query for it")
        params = {
            "query": Template(query).safe_substitute(names_of(wanted.key)),
            "timeout": f"{max(1, int(talk.left * 1000))}ms",  # its durations have no decimal point
        }
        try:
            return _series(talk.ask(f"{self.url}/api/v1/query", params))
        except QueryRefused as refused:  # the other metrics' queries may be better
            return Reading(why_none=_why_refused(refused))

    def _reading(self, series: Series) -> Reading:
        at, text = series.value
        try:
            value = float(text)
        except ValueError:
            return Reading(why_none=f"the value is {text[:50]!r}, no number")
        if not isfinite(value):
            return Reading(why_none=f"the value is {text[:50]}")
        return Reading(Sample(at, value), self.lane)

    def _bare(self, text: str) -> str:
        """An address without its port."""
        host, colon, port = text.rpartition(":")
        is_with_port = colon and port.isdecimal() and (":" not in host or host.endswith("]"))
        return host.strip("[]") if self.sensor_data.identity in ADDRESSES and is_with_port else text


def _how_many(series: Sequence[Series]) -> str:
    """In the same words each time: how many they are may change with each scrape."""
    return "several series" if series else "no series"


def _why_refused(refused: QueryRefused) -> str:
    try:
        page = msgspec.convert(refused.body, Page)
    except msgspec.ValidationError:
        return str(refused)
    return f"the query is refused: {page.error[:200] or page.status}"


def _series(answer: Any) -> Sequence[Series]:
    try:
        page = msgspec.convert(answer, Page)
        if page.status != "success" or page.data is None:
            raise QueryRefused("does not understand the question", answer)
        if page.data.result_type == "scalar":
            return [Series({}, msgspec.convert(page.data.result, tuple[float, str]))]
        if page.data.result_type != "vector":
            raise SensorFailed(
                f"answers with a {page.data.result_type[:50]}: the query has to give a vector or a scalar"
            )
        return msgspec.convert(page.data.result, list[Series])
    except msgspec.ValidationError as fault:
        raise SensorFailed(f"does not answer as Prometheus does: {fault}") from None
