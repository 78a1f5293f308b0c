"""`http`: numbers in a JSON document that some address answers with."""

import re
from collections.abc import Mapping
from string import Template
from typing import Annotated, Any, ClassVar, Self
from urllib.parse import quote

from msgspec import Meta

from elastic.adapters.sensor.fetch import Conversation
from elastic.adapters.sensor.gate import Origin
from elastic.adapters.sensor.naming import Source, names_of
from elastic.model.actions import Sample
from elastic.model.kinds import Name, Section, about
from elastic.ports.sensor import Gate, Reading, Readings, Wanted
from elastic.rules.exact import Number, is_number
from elastic.rules.manual import Manual

INDEX = re.compile(r"[0-9]{1,9}")
Pointer = Annotated[str, Meta(pattern=r"\A(/|\Z)", title="a JSON pointer, such as /a/0")]
"""RFC 6901."""


class Data(Section, frozen=True, kw_only=True):
    url: Annotated[
        Name, about("http:// or https://, among what operators allow; $owner and $domain are filled in")
    ]
    pointers: Annotated[
        dict[str, Pointer],
        about(
            "by metric, where its number stands: /queues/0/depth. In that of a metric of instances"
            " (monitor_sensors) $instance_id, $hostname, $private_ip and such are filled in",
            min_length=1,
        ),
    ]
    at: Annotated[
        Pointer | None, about("where the time stands, in Unix seconds", default="the numbers are of now")
    ] = None


class Document(Source, frozen=True, kw_only=True):
    documentation: ClassVar[Manual] = Manual("Asks an address for a JSON document, and takes numbers out of it.")

    sensor_data: Annotated[Data, about("what to ask")]

    @classmethod
    def configured(cls, conf: Mapping[str, Any], gate: Gate) -> Self:
        document = cls.of(conf)
        gate.check(document.sensor_data.url, "sensor_data.url")
        return document

    @property
    def lane(self) -> str:
        return Origin.of(self.sensor_data.url).place

    def read(self, wanted: Wanted, timeout: float) -> Readings:
        names = {name: quote(said, safe="") for name, said in names_of(wanted.key).items()}
        asked = self.sensor_data
        url = Template(asked.url).safe_substitute(names)
        document = Conversation(self.login, timeout).ask(url, {})
        at, timeless = (wanted.now, "") if asked.at is None else _number_at(document, _steps(asked.at))

        def said(metric: str, variables: Mapping[str, str]) -> Reading:
            pointer = asked.pointers.get(metric)
            if pointer is None:
                return Reading(why_none="sensor_data.pointers does not say where it is")
            if at is None:
                return Reading(why_none=f"its time is not known: {timeless}")
            steps = [Template(step).safe_substitute(variables) for step in _steps(pointer)]
            number, fault = _number_at(document, steps)
            return Reading(why_none=fault) if number is None else Reading(Sample(at, number), self.lane)

        domain = names_of(wanted.key)
        return Readings(
            domain={metric: said(metric, domain) for metric in wanted.of_domain},
            instances={
                i.instance_id: {metric: said(metric, names_of(wanted.key, i)) for metric in wanted.of_instances}
                for i in wanted.instances
            },
        )


def _steps(pointer: str) -> list[str]:
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _number_at(document: Any, steps: list[str]) -> tuple[Number | None, str]:
    """The number there, or why there is none."""
    for step in steps:
        if isinstance(document, Mapping) and step in document:
            document = document[step]
        elif isinstance(document, list) and INDEX.fullmatch(step) and int(step) < len(document):
            document = document[int(step)]
        else:
            return None, f"the document has nothing at /{'/'.join(steps)}"
    if not is_number(document):
        return None, f"at /{'/'.join(steps)} is no number"
    return document, ""
