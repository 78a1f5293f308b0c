"""A small server that answers as Prometheus does (https://prometheus.io/docs/prometheus/latest/querying/api/)."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, urlsplit


class Prometheus:
    """`values`: by query, the value that it has now; a query that it does not know gives an empty vector."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self.asked = 0
        self._server: ThreadingHTTPServer | None = None
        self.port = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """At the same address as before."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked += 1
                parts = urlsplit(self.path)
                query = parse_qs(parts.query).get("query", [""])[0]
                known = [query] if query in outer.values else []
                vector = [{"metric": {}, "value": [time.time(), str(outer.values[q])]} for q in known]
                data = {"resultType": "vector", "result": vector}
                body = json.dumps({"status": "success", "data": data}).encode()
                self.send_response(200 if parts.path == "/api/v1/query" else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
