"""Questions by HTTP: bounded in time and in size, led nowhere else, and each failure told in a line.

By http.client, which leaves us the socket: `requests` has no bound for the whole of an answer, however slowly it
comes. And it does nothing of its own accord: no proxy, no .netrc, no redirect, no unpacking.

What is told of a failure is the same as long as the failure is: each new text is a record in the store.
"""

import ssl
import time
from base64 import b64encode
from collections.abc import Mapping
from functools import cache, partial
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse
from io import BufferedReader, RawIOBase
from socket import SOCK_STREAM, getaddrinfo, socket
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec

from elastic.adapters.sensor.gate import Origin
from elastic.errors import SensorFailed

MOST_BYTES = 4 * 1024 * 1024
REFUSALS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
NOT_UNDERSTOOD = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)
MOST_SAID = 200


class QueryRefused(SensorFailed):
    """The source is well, and says that this question is wrong. `body`: what else it says, as JSON, or null."""

    def __init__(self, text: str, body: Any) -> None:
        super().__init__(text)
        self.body = body


class Login(msgspec.Struct, frozen=True):
    """A user and a password; or, without a user, a token."""

    user: str | None = None
    secret: str | None = None

    def headers(self) -> Mapping[str, str]:
        if self.user:
            both = f"{self.user}:{self.secret or ''}".encode()
            return {"Authorization": f"Basic {b64encode(both).decode()}"}
        return {"Authorization": f"Bearer {self.secret}"} if self.secret else {}


class Conversation:
    """All that is asked of a source at a time: it takes `timeout` seconds at most, from now on."""

    def __init__(self, login: Login, timeout: float) -> None:
        self._login, self._timeout = login, timeout
        self._ends = time.monotonic() + timeout

    @property
    def left(self) -> float:
        """Seconds. SensorFailed if there are none."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise self._too_late()
        return left

    def ask(self, url: str, params: Mapping[str, str]) -> Any:
        """The JSON document that `url` answers with. SensorFailed says why there is none."""
        origin = Origin.of(url)
        connection = HTTPConnection(origin.host, origin.port)
        connection.response_class = partial(_Reply, ends=self._ends)  # type: ignore[assignment]
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", **self._login.headers()}
        try:
            connection.sock = self._dialled(origin)
            connection.request("GET", _target(url, params), headers=headers)
            with connection.getresponse() as response:
                return _document(response)
        except TimeoutError:
            raise self._too_late() from None
        except OSError as fault:
            raise SensorFailed(f"does not answer: {_in_a_line(fault.strerror or str(fault))}") from None
        except HTTPException as fault:
            raise SensorFailed(f"does not answer in HTTP: {type(fault).__name__}") from None
        except UnicodeError:
            raise SensorFailed("does not answer: no host can be called so") from None
        finally:
            connection.close()

    def _dialled(self, origin: Origin) -> socket:
        """Each address of the host gets what time is left. Only how long its name takes has no bound of ours."""
        failure = OSError("no address")
        for family, kind, protocol, _, address in getaddrinfo(origin.host, origin.port, type=SOCK_STREAM):
            sock = socket(family, kind, protocol)
            try:
                sock.settimeout(self.left)
                sock.connect(address)
                if origin.scheme != "https":
                    return sock
                sock.settimeout(self.left)
                return _trust().wrap_socket(sock, server_hostname=origin.host)
            except OSError as fault:
                sock.close()
                failure = fault
        raise failure

    def _too_late(self) -> SensorFailed:
        return SensorFailed(f"did not answer within {self._timeout:g} s")


class _Reply(HTTPResponse):
    """One that has come by `ends`, monotonic, or raises TimeoutError."""

    def __init__(self, sock: socket, *args: Any, ends: float, **named: Any) -> None:
        super().__init__(sock, *args, **named)
        self.fp = BufferedReader(_Hurried(self.fp.detach(), sock, ends))


class _Hurried(RawIOBase):
    def __init__(self, inner: RawIOBase, sock: socket, ends: float) -> None:
        self._inner, self._sock, self._ends = inner, sock, ends

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        return self._inner.readinto(buffer)

    def close(self) -> None:
        self._inner.close()
        super().close()


@cache
def _trust() -> ssl.SSLContext:
    """The host's own certificate authorities."""
    return ssl.create_default_context()


def _target(url: str, params: Mapping[str, str]) -> str:
    parts = urlsplit(url)
    query = "&".join(filter(None, (parts.query, urlencode(params))))
    return (parts.path or "/") + (f"?{query}" if query else "")


def _document(response: HTTPResponse) -> Any:
    status = response.status
    if status == HTTPStatus.OK:
        return _read(response)
    said = f"{status} {_phrase(status)}".strip()
    if status in REFUSALS:
        raise SensorFailed(f"refuses us: {said}: look at access_key and secret_key")
    if status in NOT_UNDERSTOOD:
        raise QueryRefused(f"does not understand the question: {said}", _read_if_json(response))
    if 300 <= status < 400:
        raise SensorFailed(f"sends us elsewhere, and we do not go: {said}")
    raise SensorFailed(f"answered {said}")


def _read(response: HTTPResponse) -> Any:
    body = response.read(MOST_BYTES + 1)
    if len(body) > MOST_BYTES:
        raise SensorFailed(f"answered with more than {MOST_BYTES} bytes")
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise SensorFailed("did not answer in JSON") from None


def _read_if_json(response: HTTPResponse) -> Any:
    try:
        return _read(response)
    except SensorFailed:
        return None


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _in_a_line(text: str) -> str:
    return " ".join(text.split())[:MOST_SAID] or "nothing"
