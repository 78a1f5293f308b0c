"""`http`: numbers in a JSON document that some address answers with."""

import re
from collections.abc import Mapping
from string import Template
from typing import Any, ClassVar, Self
from urllib.parse import quote

import msgspec

from elastic.adapters.sensor.fetch import Conversation, Login
from elastic.adapters.sensor.gate import Origin
from elastic.adapters.sensor.naming import login_of, names_of, section_of
from elastic.errors import BadRequest
from elastic.model.actions import Sample
from elastic.ports.sensor import Gate, Reading, Readings, Wanted
from elastic.rules.exact import Number, is_number

KEYS = ("url", "pointers", "at")
INDEX = re.compile(r"[0-9]{1,9}")


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """`pointers`: by metric, a JSON pointer (RFC 6901)."""

    documentation: ClassVar[str] = """\
Asks an address for a JSON document, and takes numbers out of it.

sensor_data            {url, pointers: {metric: pointer}, at: pointer}; the first two are required
  url                    http:// or https://, among those that operators allow; $owner and $domain are filled in
  pointers               where each number stands, as a JSON pointer: /queues/0/depth. In that of a metric of
                         instances (monitor_sensors) $instance_id, $hostname, $private_ip and such are filled in
  at                     where the time stands, in Unix seconds; without it the numbers are of now
access_key, secret_key a user and a password, or the latter alone: a token
"""

    url: str
    pointers: Mapping[str, str]
    at: str | None
    login: Login

    @classmethod
    def configured(cls, conf: Mapping[str, Any], gate: Gate) -> Self:
        settings = section_of(conf, KEYS)
        url, pointers = settings.text("url"), settings.table("pointers")
        gate.check(url, "sensor_data.url")
        if not pointers:
            raise BadRequest("sensor_data.pointers is missing")
        for metric, pointer in pointers.items():
            _check_pointer(f"sensor_data.pointers.{metric}", pointer)
        at = settings.text("at", None)
        _check_pointer("sensor_data.at", at or "")
        return cls(url=url, pointers=pointers, at=at, login=login_of(conf))

    @property
    def lane(self) -> str:
        return Origin.of(self.url).place

    def read(self, wanted: Wanted, timeout: float) -> Readings:
        names = {name: quote(said, safe="") for name, said in names_of(wanted.key).items()}
        url = Template(self.url).safe_substitute(names)
        document = Conversation(self.login, timeout).ask(url, {})
        at, timeless = (wanted.now, "") if self.at is None else _number_at(document, _steps(self.at))

        def said(metric: str, variables: Mapping[str, str]) -> Reading:
            pointer = self.pointers.get(metric)
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


def _check_pointer(key: str, pointer: Any) -> None:
    if not isinstance(pointer, str) or (pointer and not pointer.startswith("/")):
        raise BadRequest(f"{key} has to be a JSON pointer, such as /a/0, not {pointer!r}")


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
