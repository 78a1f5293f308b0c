"""What OpenStack answers, in our words: by the exceptions that the libraries themselves make of real answers."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from keystoneauth1 import adapter, session
from keystoneauth1.exceptions import http
from keystoneauth1.token_endpoint import Token
from openstack.exceptions import raise_from_response

from elastic.adapters.cloud.openstack import faults
from elastic.errors import BadOrder, CloudRefused, CloudUnavailable, NoRoom, NotAsked, ServerGone


class Stub:
    """A server that answers as it is told."""

    def __init__(self) -> None:
        stub = self
        self.status, self.headers, self.body = 200, {}, b"{}"

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if stub.status == 0:
                    self.close_connection = True
                    return
                if stub.status < 0:
                    stub.hang.wait(5)
                    return
                self.send_response(stub.status)
                for name, value in {"Content-Type": "application/json", **stub.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(stub.body)))
                self.end_headers()
                self.wfile.write(stub.body)

            def log_message(self, *_: object) -> None: ...

        self.hang = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.hang.set()
        self._server.shutdown()
        self._server.server_close()

    def ask(self, timeout: float = 10.0) -> None:
        """As the adapter does: a raw request, and openstacksdk's own exception for it."""
        said = session.Session(auth=Token(self.url, "token"), timeout=timeout)
        with faults.told():
            raise_from_response(adapter.Adapter(said, endpoint_override=self.url).get("/x", raise_exc=False))


@pytest.fixture
def stub() -> Iterator[Stub]:
    stub = Stub()
    yield stub
    stub.close()


@pytest.mark.parametrize(
    ("status", "kind", "again"),
    [
        (400, BadOrder, None),
        (401, NotAsked, 30.0),
        (403, BadOrder, None),
        (404, ServerGone, None),
        (406, BadOrder, None),
        (409, CloudRefused, None),
        (413, NotAsked, 10.0),
        (418, CloudRefused, None),
        (429, NotAsked, 10.0),
        (500, CloudUnavailable, 5.0),
        (502, CloudUnavailable, 5.0),
        (503, CloudUnavailable, 5.0),
        (504, CloudUnavailable, 5.0),
        (599, CloudUnavailable, 5.0),
    ],
)
def test_each_status_is_one_of_ours(stub, status, kind, again):
    stub.status, stub.body = status, b'{"badRequest": {"message": "no such thing, as it were", "code": 400}}'
    with pytest.raises(kind) as told:
        stub.ask()
    assert type(told.value) is kind
    assert getattr(told.value, "again", None) == again


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (403, "Quota exceeded for instances: Requested 1, but already used 10 of 10 instances"),
        (403, "Maximum number of ports exceeded"),
        (409, "Quota exceeded for resources: ['port']."),
        (413, "Quota exceeded for cores"),
    ],
)
def test_a_quota_is_no_refusal_for_ever(stub, status, text):
    stub.status, stub.body = status, f'{{"forbidden": {{"message": "{text}"}}}}'.encode()
    with pytest.raises(NoRoom, match=r"(?i)quota|maximum"):
        stub.ask()


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("7", 7.0),
        ("0", 10.0),
        ("100000", 3600.0),
        ("Sun, 22 Nov 2026 00:00:42 GMT", 42.0),
        ("Sat, 21 Nov 2026 23:00:00 GMT", 10.0),
        ("soon", 10.0),
    ],
)
def test_it_is_asked_again_when_it_says_so(stub, said, seconds):
    """A date counts from the answer's own: clocks differ."""
    stub.status = 429
    stub.headers = {"Retry-After": said}
    answer = Answer({"Retry-After": said, "Date": "Sun, 22 Nov 2026 00:00:00 GMT"})
    found = faults.ours(http.RequestEntityTooLarge(response=answer))
    assert (type(found), found.again) == (NotAsked, seconds)


class Answer:
    def __init__(self, headers: dict[str, str]) -> None:
        self.headers, self.status_code = headers, 413


def test_a_connection_that_never_came_about_means_that_nothing_was_asked():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    said = session.Session(auth=Token(url, "token"), timeout=0.3)
    with pytest.raises(NotAsked, match="nobody answers there"), faults.told():
        adapter.Adapter(said, endpoint_override=url).get("/x")


@pytest.mark.parametrize("status", [0, -1], ids=["cut", "no answer in time"])
def test_of_a_connection_that_broke_nobody_knows_what_was_done(stub, status):
    stub.status = status
    with pytest.raises(CloudUnavailable) as told:
        stub.ask(timeout=0.3)
    assert type(told.value) is CloudUnavailable


def test_keystones_own_errors_are_told_like_novas():
    found = faults.ours(http.Unauthorized("the password is wrong"))
    assert type(found) is NotAsked
    assert "the password is wrong" in str(found)


def test_what_it_said_is_told_in_one_line_of_bounded_length():
    found = faults.ours(http.BadRequest("many\nlines\n" + "x" * 5000))
    assert "\n" not in str(found)
    assert len(str(found)) < 600
