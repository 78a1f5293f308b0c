"""A source of numbers of the tests' own, for the real sensors to ask.

It answers as the HTTP APIs of Prometheus (`/api/v1/query`) and OpenTSDB (`/api/query`) are documented to, and with
plain documents; or it misbehaves, in each of the ways below. Every request is kept, in order.
"""

import gzip
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from elastic.adapters.sensor.gate import UrlGate
from elastic.model.domain import DomainKey
from elastic.ports.sensor import Wanted

NOW = 1_700_000_000.0
ANY = UrlGate(["*"])
DRIPS = 500  # at most, so that a client without patience's end fails and does not hang
PAUSE = 0.02


@dataclass
class Request:
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]


Misbehaviour = Callable[["Source", BaseHTTPRequestHandler], None]


class Source:
    """`queries`: the `data` that Prometheus gives, by query; `series`: the series that OpenTSDB has, by `m`;
    `documents`: by path. `misbehaves`: what it does in place of an answer."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.place = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://{self.place}"
        self.queries: dict[str, Any] = {}
        self.series: dict[str, list[Mapping[str, Any]]] = {}
        self.documents: dict[str, Any] = {}
        self.misbehaves: Misbehaviour | None = None
        self.asked: list[Request] = []
        self.closed = threading.Event()
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    def open(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self.closed.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def vector(self, query: str, *series: tuple[Mapping[str, str], str], at: float = NOW) -> None:
        result = [{"metric": labels, "value": [at, value]} for labels, value in series]
        self.queries[query] = {"resultType": "vector", "result": result}

    def dps(self, m: str, *series: Mapping[str, Any]) -> None:
        self.series[m] = [
            {"metric": m.split(":")[1].partition("{")[0], "tags": {}, "aggregateTags": [], "dps": dps}
            for dps in series
        ]

    def answer(self, request: Request) -> tuple[int, Any]:
        if request.path.endswith("/api/v1/query"):
            return self._prometheus(request.params["query"])
        if request.path.endswith("/api/query"):
            return self._opentsdb(request.params["m"])
        if request.path in self.documents:
            return 200, self.documents[request.path]
        return 404, {"message": "no such document"}

    def _prometheus(self, query: str) -> tuple[int, Any]:
        if query.startswith("!"):
            text = "invalid parameter \"query\": 1:1: parse error: unexpected character: '!'"
            return 400, {"status": "error", "errorType": "bad_data", "error": text}
        data = self.queries.get(query, {"resultType": "vector", "result": []})
        return 200, {"status": "success", "data": data}

    def _opentsdb(self, m: str) -> tuple[int, Any]:
        if m not in self.series:
            text = f"No such name for 'tagv': '{m.rpartition('=')[2].rstrip('}')}'"
            return 400, {"error": {"code": 400, "message": text, "details": text, "trace": "net.opentsdb..."}}
        return 200, self.series[m]


def _handler(source: Source) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            where = urlsplit(self.path)
            request = Request(where.path, dict(parse_qsl(where.query)), dict(self.headers))
            source.asked.append(request)
            if source.misbehaves is None:
                status, document = source.answer(request)
                send(self, status, json.dumps(document).encode())
                return
            self.close_connection = True
            try:
                source.misbehaves(source, self)
            except ConnectionError:
                return  # whoever asked had enough

        def log_message(self, *_: Any) -> None: ...

    return Handler


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    handler.send_response_only(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


# how it may misbehave


def says(status: int, body: bytes = b"", **headers: str) -> Misbehaviour:
    return lambda _source, handler: send(handler, status, body, **headers)


def hangs(source: Source, _handler: BaseHTTPRequestHandler) -> None:
    source.closed.wait()


def drips_its_head(source: Source, handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    _drip(source, handler)


def drips_its_body(source: Source, handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    _drip(source, handler)


def drips_a_chunk(source: Source, handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n")
    _drip(source, handler)


def _drip(source: Source, handler: BaseHTTPRequestHandler) -> None:
    for _ in range(DRIPS):
        handler.wfile.write(b"1")
        if source.closed.wait(PAUSE):
            return


def goes_on_for_ever(source: Source, handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not source.closed.is_set():
        handler.wfile.write(b"ffff\r\n" + b"1" * 0xFFFF + b"\r\n")


def packs_much_into_little(_source: Source, handler: BaseHTTPRequestHandler) -> None:
    send(handler, 200, gzip.compress(b"1" * 50_000_000), Content_Encoding="gzip")


def speaks_something_else(_source: Source, handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n")


def cuts(_source: Source, handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[1, ")


@contextmanager
def opened() -> Iterator[Source]:
    source = Source()
    source.open()
    try:
        yield source
    finally:
        source.close()


@contextmanager
def refusing() -> Iterator[str]:
    """An address where nobody listens, and nobody will."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def wanted(*of_domain: str, **rest: Any) -> Wanted:
    """By ann's web, of the last 90 s before NOW."""
    known = {"key": DomainKey("ann", "web"), "now": NOW, "period": 90.0, "function": "Average"}
    return Wanted(of_domain=of_domain, **{**known, **rest})
