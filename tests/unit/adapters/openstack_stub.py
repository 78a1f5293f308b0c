"""A small OpenStack of the tests' own, for the real openstacksdk and the real adapter to work against.

It is for answers only that the real control plane of tests/openstack does not give on demand: a refusal in the
midst of several requests, a reply that is lost, a volume that goes to `error`. What it takes for granted of a
service has been seen of a real one, or read in its code; where both can show a thing, the real one is to.

Every request is kept, in order. A test may plan what befalls the next one that fits.
"""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml

from elastic.adapters.cloud.openstack import OpenStackCloud
from elastic.adapters.cloud.place import CloudPlace
from elastic.model.domain import DomainKey
from elastic.model.parts import Part
from elastic.model.recipe import Recipe
from elastic.model.server import Mark, Order
from tests.contract.clocks import HandClock
from tests.unit.adapters.openstack_services import VERSIONS, Refused, Services, Wish

SITE, PROJECT = "north", "project-1"
COMPUTE, IMAGE, NETWORK, VOLUME = "/compute/v2.1", "/image/v2", "/network/v2.0", "/volume/v3"
CATALOGUE = {
    "identity": "/identity/v3",
    "compute": COMPUTE,
    "image": IMAGE,
    "network": NETWORK,
    "volumev3": VOLUME,
}


@dataclass
class Plan:
    """Of the next request that fits: it `takes_effect` or not, waits for `until`, and is answered with `status`,
    or, if that is 0, by a connection that is cut. `met`: it has come."""

    method: str
    path: str
    status: int = 0
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    takes_effect: bool = False
    until: threading.Event = field(default_factory=threading.Event)
    met: threading.Event = field(default_factory=threading.Event)


class Stub:
    """All of it behind one address, each service under a path of its own. `services`: what is there."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.services = Services(self.url)
        self.catalogue = dict(CATALOGUE)
        self.asked: list[Wish] = []
        self._plans: list[Plan] = []
        self._tokens: set[str] = set()
        self._numbers = count(1)
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    def open(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Whoever hangs is let go."""
        self._closed.set()
        for plan in self._plans:
            plan.until.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def plan(self, method: str, path: str, status: int = 0, text: str = "", **more: Any) -> Plan:
        """`text`: what it says, as most services put it."""
        body = {"error": {"message": text, "code": status}} if text else None
        plan = Plan(method, path, status, **{"body": body, **more})
        plan.until.set()
        self._plans.append(plan)
        return plan

    def lose_reply(self, method: str, path: str) -> Plan:
        """What is asked for is done, and nobody hears of it."""
        return self.plan(method, path, takes_effect=True)

    def hang(self, method: str, path: str) -> Plan:
        """Until its `until` is set, or the end; then the connection is cut."""
        plan = self.plan(method, path)
        plan.until.clear()
        return plan

    def revoke_tokens(self) -> None:
        self._tokens.clear()

    def said(self, method: str, path: str = "") -> list[Wish]:
        """The requests of that kind, in order."""
        return [wish for wish in self.asked if wish.method == method and wish.path.startswith(path)]

    def answer(self, wish: Wish, token: str) -> tuple[int, Any, Mapping[str, str]] | None:
        """Status, body and headers; None: the connection is cut."""
        plan = self._planned(wish)
        if plan is None:
            return self._done(wish, token)
        if plan.takes_effect:
            self._done(wish, token)
        plan.until.wait()
        return (plan.status, plan.body, plan.headers) if plan.status and not self._closed.is_set() else None

    def _planned(self, wish: Wish) -> Plan | None:
        with self._lock:
            self.asked.append(wish)
            for plan in self._plans:
                if not plan.met.is_set() and plan.method == wish.method and wish.path.startswith(plan.path):
                    plan.met.set()
                    return plan
        return None

    def _done(self, wish: Wish, token: str) -> tuple[int, Any, Mapping[str, str]]:
        with self._lock:
            if wish.text == "POST /identity/v3/auth/tokens":
                return self._token()
            if wish.path.rstrip("/") not in VERSIONS and token not in self._tokens:
                return 401, {"error": {"message": "The request you have made requires authentication."}}, {}
            try:
                return *self.services.answer(wish), {}
            except Refused as refused:
                return refused.status, {"error": {"message": str(refused), "code": refused.status}}, {}

    def _token(self) -> tuple[int, Any, Mapping[str, str]]:
        name = f"token-{next(self._numbers)}"
        self._tokens.add(name)
        catalogue = [
            {"type": kind, "name": kind, "id": kind, "endpoints": [self._endpoint(path)]}
            for kind, path in self.catalogue.items()
        ]
        token = {
            "methods": ["password"],
            "user": {"id": "user-1", "name": "demo", "domain": {"id": "default", "name": "Default"}},
            "project": {"id": PROJECT, "name": "demo", "domain": {"id": "default", "name": "Default"}},
            "roles": [{"id": "role-1", "name": "member"}],
            "issued_at": "2026-11-22T00:00:00.000000Z",
            "expires_at": "2099-01-01T00:00:00.000000Z",
            "catalog": catalogue,
        }
        return 201, {"token": token}, {"X-Subject-Token": name}

    def _endpoint(self, path: str) -> dict[str, str]:
        where = {"id": path, "interface": "public", "region": "RegionOne", "region_id": "RegionOne"}
        return {**where, "url": self.url + path}


def _handler(stub: Stub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _pass(self) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            where = urlsplit(self.path)
            wish = Wish(self.command, where.path, dict(parse_qsl(where.query)), json.loads(text) if text else None)
            answer = stub.answer(wish, self.headers.get("X-Auth-Token", ""))
            if answer is None:
                self.close_connection = True
                return
            self._say(*answer)

        def _say(self, status: int, body: Any, headers: Mapping[str, str]) -> None:
            text = b"" if body is None else json.dumps(body).encode()
            self.send_response_only(status)
            date = format_datetime(stub.services.now, usegmt=True)
            for name, value in {"Date": date, "Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_DELETE = _pass

        def log_message(self, *_: Any) -> None: ...

    return Handler


@contextmanager
def opened() -> Iterator[Stub]:
    """With what every recipe here names."""
    stub = Stub()
    stub.open()
    services = stub.services
    services.put("images", name="cirros", status="active")
    services.put("flavors", name="tiny")
    services.put("networks", name="net")
    services.put("networks", name="public")
    try:
        yield stub
    finally:
        stub.close()


def cloud_at(stub: Stub, directory: Path, clock: HandClock | None = None, timeout: float = 10.0) -> OpenStackCloud:
    """The adapter as a replica makes it, by a clouds.yaml."""
    auth = {
        "auth_url": f"{stub.url}/identity/v3",
        "username": "demo",
        "password": "secret",
        "project_name": "demo",
        "user_domain_name": "Default",
        "project_domain_name": "Default",
    }
    file = directory / "clouds.yaml"
    file.write_text(yaml.safe_dump({"clouds": {SITE: {"auth": auth, "region_name": "RegionOne"}}}))
    place = CloudPlace(clock=clock or HandClock(), timeout=timeout, clouds=[SITE], clouds_file=str(file))
    return OpenStackCloud.at(place)


def order(number: int = 1, parts: tuple[Part, ...] = (), cluster: str = "5d7e", **recipe: Any) -> Order:
    """For instance `number` of one domain."""
    mark = Mark(cluster, DomainKey("ann", "web"), 3, f"i-001-3-{number}")
    whole = Recipe(flavor="tiny", image="cirros", **recipe)
    return Order(mark=mark, site=SITE, deployable_type="worker", recipe=whole, parts=parts)
