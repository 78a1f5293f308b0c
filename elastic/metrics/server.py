"""Metrics and health by HTTP, from a thread of its own. Off unless told where to listen."""

import json
import logging
import socket
from collections.abc import Callable, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder

from elastic.errors import BadRequest
from elastic.metrics.counting import Counts
from elastic.metrics.picture import Picture, PictureCollector

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
OFF = "off"
PATIENCE = 5.0  # seconds for a client to say what it wants
POLL = 0.2  # seconds until `stop` is noticed

Look = Callable[[], Picture]
Ailments = Callable[[], Sequence[str]]


class Metrics:
    """`look` and `ailments` (why we are not healthy; nothing if we are) are called in the server's threads:
    they read what the control thread leaves for them, and wait for nobody."""

    def __init__(self, look: Look, ailments: Ailments) -> None:
        self.registry = CollectorRegistry()
        self.counts = Counts(self.registry)
        self._ailments = ailments
        self._server: ThreadingHTTPServer | None = None
        self._thread: Thread | None = None
        ProcessCollector(registry=self.registry)
        self.registry.register(PictureCollector(look))

    def serve(self, listen: str) -> str | None:
        """Serve at HOST:PORT until `stop`; return where, or None if it is "off".

        Without a host, this host alone. BadRequest says in one line why it cannot be.
        """
        if listen == OFF:
            return None
        host, port = address_of(listen)
        kind = _Server6 if ":" in host else _Server
        try:
            self._server = kind((host, port), _handler(self.registry, self._ailments))
        except (OSError, UnicodeError) as error:  # the latter for what cannot be the name of a host
            why = getattr(error, "strerror", None) or error
            raise BadRequest(f"[metrics] listen: cannot listen at {listen}: {why}") from None
        self._thread = Thread(target=self._server.serve_forever, args=(POLL,), name="metrics", daemon=True)
        self._thread.start()
        where = f"{host}:{self._server.server_port}"
        log.info("metrics and health at http://%s/metrics and /healthz", where)
        return where

    def stop(self) -> None:
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server = self._thread = None


def address_of(listen: str) -> tuple[str, int]:
    """("127.0.0.1", 9100) of "127.0.0.1:9100", ":9100" or "9100". BadRequest if it is none."""
    host, _, port = listen.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise BadRequest(f"[metrics] listen: {listen!r} is not HOST:PORT")
    return host.strip("[]") or LOOPBACK, int(port)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a client that hangs does not hold up our end

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002
        log.debug("a client has gone before its answer", exc_info=True)


class _Server6(_Server):
    address_family = socket.AF_INET6


def _handler(registry: CollectorRegistry, ailments: Ailments) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = PATIENCE

        def do_GET(self) -> None:
            try:
                answer = self._answer()
            except Exception:
                log.exception("%s could not be answered", self.path)
                answer = HTTPStatus.INTERNAL_SERVER_ERROR, "text/plain", b"see the log\n"
            self._send(*answer)

        def _answer(self) -> tuple[HTTPStatus, str, bytes]:
            match self.path.partition("?")[0]:
                case "/metrics":
                    encode, kind = choose_encoder(self.headers.get("Accept", ""))
                    return HTTPStatus.OK, kind, encode(registry)
                case "/healthz":
                    return health(ailments())
            return HTTPStatus.NOT_FOUND, "text/plain", b"there are /metrics and /healthz\n"

        def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            log.debug(format, *args)

    return Handler


def health(reasons: Sequence[str]) -> tuple[HTTPStatus, str, bytes]:
    """What /healthz answers."""
    status = HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK
    body = json.dumps({"healthy": not reasons, "reasons": list(reasons)})
    return status, "application/json", f"{body}\n".encode()
