"""Which addresses a domain may have asked.

Whoever may add a domain can have an agent send a GET to the address that it names, from where the agent stands: to
the cloud's metadata service, to a neighbour's management port. So the operator names the sources.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple, Self
from urllib.parse import SplitResult, unquote, urlsplit

from elastic.errors import BadRequest

ALL = "*"
PORTS = {"http": 80, "https": 443}
PLAIN = re.compile(r"([!-$&-\[\]-~]|%[0-9A-Fa-f]{2})*")
"""ASCII without blanks and backslashes, and whole %XX: what every reader of an address takes for the same."""


class Origin(NamedTuple):
    """A place that may be asked, with all that lies below its path."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def of(cls, url: str) -> Self:
        """ValueError if it is no address of this kind, or one that carries a login."""
        if not PLAIN.fullmatch(url):
            raise ValueError("it has to be plain ASCII without blanks and backslashes; write %XX for what is none")
        parts: SplitResult = urlsplit(url)
        if parts.scheme not in PORTS or not parts.hostname:
            raise ValueError("it has to begin with http:// or https:// and a host")
        if parts.username is not None or parts.password is not None:
            raise ValueError("it must not carry a login: that belongs in access_key and secret_key")
        if any(step.startswith("..") for step in re.split(r"[/\\]", unquote(parts.path))):
            raise ValueError("its path must not go up")
        port = PORTS[parts.scheme] if parts.port is None else parts.port
        return cls(parts.scheme, parts.hostname, port, parts.path.rstrip("/"))

    @property
    def place(self) -> str:
        """Host and port, written in one way only."""
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def covers(self, other: "Origin") -> bool:
        below = other.path == self.path or other.path.startswith(f"{self.path}/")
        return self[:3] == other[:3] and below


class UrlGate:
    """`allowed`: beginnings of addresses, or `*` for all."""

    def __init__(self, allowed: Iterable[str]) -> None:
        """BadRequest for what is none."""
        names = tuple(allowed)
        self._all = ALL in names
        try:
            self._origins = tuple(Origin.of(name) for name in names if name != ALL)
        except ValueError as fault:
            raise BadRequest(f"[sensors] allow: {fault}") from None

    def check(self, url: str, key: str) -> None:
        try:
            wanted = Origin.of(url)
        except ValueError as fault:
            raise BadRequest(f"{key}: {fault}") from None
        if not self._all and not any(origin.covers(wanted) for origin in self._origins):
            asked = f"{wanted.scheme}://{wanted.place}"
            raise BadRequest(f"{key}: {asked} is not among the sources that operators allow ([sensors] allow)")
