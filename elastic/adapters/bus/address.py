"""What a bus's URL says. Its text never gets into an error: there may be a password in it, or in a part of it."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from elastic.errors import BadRequest

SQLITE = "sqlite+elastic"
PORTS = {"amqp": 5672, "amqps": 5671}
NOBODY = "guest"  # as every client library of AMQP calls who gives no name
FILES = ("ca_file", "cert_file", "key_file")

_ESCAPES = ": / ? # @ ; % are written %3A %2F %3F %23 %40 %3B %25 in a user, a password or a vhost"


@dataclass(frozen=True, slots=True)
class Address:
    """One broker. `tls`: how py-amqp is to speak TLS with it, null for not at all."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    vhost: str
    tls: Mapping[str, Any] | None = None


def checked_url(url: str, option: str = "[bus] url") -> str:
    """`url` itself, if it can be understood; else BadRequest in one line, with `option` to say which it is."""
    try:
        if is_sqlite(url):
            _check_sqlite(url)
        else:
            addresses(url)
    except ValueError as fault:
        raise BadRequest(f"{option}: {fault}") from None
    return url


def is_sqlite(url: str) -> bool:
    """Whether it is a bus of this host alone, without a server and without users."""
    return url.startswith("sqlite")


def addresses(url: str) -> list[Address]:
    """The brokers of an `amqp://` or `amqps://` URL, or of several with `;` between. ValueError, without secrets.

    The settings behind a `?` are `ca_file`, `cert_file` and `key_file`, and with `amqps` only: the broker's
    certificate has to be signed by `ca_file` (without: by one that the system trusts), and for that host.
    """
    return [_address(part.strip()) for part in url.split(";")]


def user_of(url: str) -> str:
    """Whom the broker knows us as."""
    return addresses(url)[0].user


def _address(text: str) -> Address:
    scheme = text.partition("://")[0] if "://" in text else ""
    if scheme not in PORTS:
        raise ValueError(f"an address begins with amqp://, amqps:// or {SQLITE}:////, not with {scheme[:20]!r}")
    parts = _parts(text)
    port = _port(parts) or PORTS[scheme]
    if parts.fragment or "@" in parts.path:
        raise ValueError(f"it cannot be told where its parts end: {_ESCAPES}")
    host = unquote(parts.hostname or "")
    if not host:
        raise ValueError("an address names a host")
    if not is_host(host):
        raise ValueError("what stands for the host cannot be the name of one")
    return Address(
        host=host,
        port=port,
        user=unquote(parts.username or NOBODY),
        password=unquote(parts.password or NOBODY),
        vhost=unquote(parts.path[1:]) or "/",
        tls=_tls(scheme, host, parts.query),
    )


def is_host(name: str) -> bool:
    """Whether it may be asked after: other names break who asks. An address is one, too."""
    try:
        return bool(name.encode("idna"))
    except UnicodeError:
        return False


def _parts(text: str) -> SplitResult:
    try:
        return urlsplit(text)
    except ValueError:  # it quotes what it was given
        raise ValueError(f"it cannot be told where its parts end: {_ESCAPES}") from None


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError:
        raise ValueError(f"the port of an address is a number up to 65535; {_ESCAPES}") from None


def _tls(scheme: str, host: str, query: str) -> Mapping[str, Any] | None:
    try:
        said = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=True)) if query else {}
    except ValueError:
        said = {"": ""}
    if not said.keys() <= set(FILES) or not all(said.values()):
        raise ValueError(f"behind the ? there may be {', '.join(FILES)}, each with the path of a file; {_ESCAPES}")
    if scheme == "amqp":
        if said:
            raise ValueError(f"{', '.join(said)} are for amqps://; amqp:// is not encrypted")
        return None
    if "key_file" in said and "cert_file" not in said:
        raise ValueError("key_file is of no use without cert_file")
    return {
        "cert_reqs": ssl.CERT_REQUIRED,
        "server_hostname": host,
        "ca_certs": said.get("ca_file"),
        "certfile": said.get("cert_file"),
        "keyfile": said.get("key_file"),
    }


def _check_sqlite(url: str) -> None:
    if not url.startswith(f"{SQLITE}:////") or url.endswith("/"):
        raise ValueError(f"a bus in a file is {SQLITE}:///, followed by its absolute path")
