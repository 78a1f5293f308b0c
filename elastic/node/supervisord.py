"""Programs of supervisord, by its XML-RPC interface on a Unix socket or over HTTP.

A program has failed when it is FATAL (supervisord gave up) or has EXITED with a status other than 0 and
is not started again. BACKOFF and STARTING are supervisord's own attempts to heal it.
"""

import http.client
import socket
import xmlrpc.client
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit
from xml.parsers.expat import ExpatError

from elastic.node.units import MOST_CHARACTERS, Blind, Failure, last_lines

PATIENCE = 5.0
RESTART_PAUSE = 3  # seconds: supervisord's own loop starts again within one what it means to start again

_TROUBLE = (OSError, http.client.HTTPException, xmlrpc.client.Error, ExpatError)


class Supervisord:
    """`program` is a name, `group:name`, or None for all that it has."""

    def __init__(self, url: str, program: str | None) -> None:
        self._url = url
        self._program = program
        where = urlsplit(url)
        if where.scheme == "unix":
            self._uri, self._transport = "http://localhost/RPC2", _Transport(where.path)
        else:
            self._uri, self._transport = url, _Transport()

    def failures(self) -> Sequence[Failure]:
        server = xmlrpc.client.ServerProxy(self._uri, transport=self._transport)
        try:
            infos: Any = server.supervisor.getAllProcessInfo()
            watched = [info for info in infos if self._program in (None, info["name"], _full_name(info))]
            if self._program is not None and not watched:
                raise Blind(f"supervisord at {self._shown} has no program {self._program}")
            return [_failure(server, info) for info in watched if _has_failed(info)]
        except _TROUBLE as error:
            raise Blind(f"supervisord at {self._shown} does not answer: {_told(error)}") from error
        finally:
            self._transport.close()

    @property
    def _shown(self) -> str:
        """Without user and password."""
        return self._url.rpartition("@")[2]


class _Transport(xmlrpc.client.Transport):
    """With a time limit, and over a Unix socket if `path` is given."""

    def __init__(self, path: str = "") -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        name, self._extra_headers, _ = self.get_host_info(host)
        made = _UnixConnection(self._path) if self._path else http.client.HTTPConnection(name, timeout=PATIENCE)
        self._connection = host, made  # what close() closes
        return made


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(self._path)


def _told(error: Exception) -> str:
    """A ProtocolError shows the whole URL, and a password may be in that."""
    return f"{error.errcode} {error.errmsg}" if isinstance(error, xmlrpc.client.ProtocolError) else str(error)


def _full_name(info: Mapping[str, Any]) -> str:
    return f"{info['group']}:{info['name']}"


def _has_failed(info: Mapping[str, Any]) -> bool:
    if info["statename"] == "EXITED":
        return bool(info["exitstatus"]) and info["now"] - info["stop"] >= RESTART_PAUSE
    return bool(info["statename"] == "FATAL")


def _failure(server: Any, info: Mapping[str, Any]) -> Failure:
    name = _full_name(info)
    lines = _tail(server.supervisor.tailProcessStderrLog, name)
    lines = lines or _tail(server.supervisor.tailProcessStdoutLog, name) or last_lines(info.get("spawnerr", ""))
    return Failure(str(info["name"]), str(info["statename"]), info.get("exitstatus"), lines)


def _tail(tail: Any, name: str) -> tuple[str, ...]:
    """The log's end; nothing if there is no log, or XML cannot say what is in it."""
    try:
        text, _, _ = tail(name, 0, MOST_CHARACTERS)
    except (xmlrpc.client.Error, ExpatError):
        return ()
    return last_lines(str(text))
