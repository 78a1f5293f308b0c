"""A bad road to Nova: an HTTP proxy that loses replies, lies about creates, dawdles, and hides what is new."""

import json
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests
import yaml

from tests.openstack.stack import Stack

IDENTITY = re.compile(r"/[0-9a-f]{8}-[0-9a-f-]{27}")
HOP_BY_HOP = {"connection", "content-length", "transfer-encoding", "content-encoding", "keep-alive", "host"}


@dataclass
class Badness:
    """Chances of one request, and seconds. `unavailable`: a create that was done is answered with 503."""

    lost: float = 0.0
    unavailable: float = 0.0
    slow: float = 0.0
    slow_by: float = 10.0
    hides_new: float = 0.0


class Road:
    """`url` leads to `target`; what happened on it is counted in `met`."""

    def __init__(self, target: str, seed: int = 1) -> None:
        self._target = target
        self._chance, self._lock = random.Random(seed), threading.Lock()
        self.badness = Badness()
        self.met: Counter[str] = Counter()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._local = threading.local()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def open(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def says(self, chance: float, what: str) -> bool:
        with self._lock:
            happens = self._chance.random() < chance
            self.met[what] += happens
        return happens

    def forward(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> requests.Response:
        passed = {name: value for name, value in headers.items() if name.lower() not in HOP_BY_HOP}
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
        answer: requests.Response = self._local.session.request(
            method, self._target + path, headers=passed, data=body, timeout=60
        )
        return answer

    def _handler(road: "Road") -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                bad = road.badness
                if road.says(bad.slow, "slow"):
                    time.sleep(bad.slow_by)
                answer = road.forward(self.command, self.path, self.headers, body)
                is_create = self.command == "POST" and self.path.endswith("/servers") and answer.ok
                road.met["requests"] += 1
                road.met[_kind(self.command, self.path)] += 1
                if road.says(bad.lost, "lost"):
                    self.close_connection = True
                    return
                if is_create and road.says(bad.unavailable, "created, and answered with 503"):
                    self._answer(503, {"Content-Type": "application/json"}, b'{"computeFault": {"code": 503}}')
                    return
                self._answer(answer.status_code, answer.headers, road.shown(self.path, answer))

            def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
                self.send_response_only(status)
                for name, value in headers.items():
                    if name.lower() not in HOP_BY_HOP:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_DELETE = _pass

            def log_message(self, *_: Any) -> None: ...

        return Handler

    def shown(self, path: str, answer: requests.Response) -> bytes:
        """Without the servers that are too new, if it is a listing."""
        if not self.badness.hides_new or "/servers/detail" not in path or not answer.ok:
            return answer.content
        page = answer.json()
        begin = time.time() - self.badness.hides_new
        old = [s for s in page["servers"] if _created(s) < begin]
        self.met["hidden"] += len(page["servers"]) - len(old)
        page["servers"] = old
        return json.dumps(page).encode()


def _kind(method: str, path: str) -> str:
    """Of a request, whichever server or flavor it is about."""
    return f"{method} {IDENTITY.sub('/ID', path.split('?')[0].removeprefix('/v2.1'))}"


def _created(server: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(server["created"]).timestamp()


def clouds_by(road: Road, stack: Stack, file: Path, cloud: str = "mini") -> Path:
    """A clouds.yaml by which Nova, and nothing else, is reached by that road."""
    clouds = yaml.safe_load(stack.clouds_file.read_text())
    clouds["clouds"][cloud]["compute_endpoint_override"] = f"{road.url}/v2.1"
    file.write_text(yaml.safe_dump(clouds))
    file.chmod(0o600)
    return file
