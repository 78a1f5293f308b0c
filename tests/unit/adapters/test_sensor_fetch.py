"""One question by HTTP, and all that may come of it: an answer in time, or a line that says why there is none."""

import base64
import socket
import time
from collections.abc import Iterator

import pytest

from elastic.adapters.sensor import fetch, naming
from elastic.adapters.sensor.fetch import Conversation, Login, QueryRefused
from elastic.errors import BadRequest, SensorFailed
from tests.unit.adapters import sensors_stub
from tests.unit.adapters.sensors_stub import Source, says

SOON = 0.3  # seconds, for those that do not answer
LONG = 30.0  # for those that do: a slow machine is no fault
TOO_LONG = 5.0  # far beyond SOON, and far below what the source would take


@pytest.fixture
def source() -> Iterator[Source]:
    with sensors_stub.opened() as source:
        source.documents["/d"] = {"depth": 3}
        yield source


def ask(source: Source, path: str = "/d", login: Login | None = None, timeout: float = LONG, **params: str):
    return Conversation(login or Login(), timeout).ask(source.url + path, params)


def test_the_document_is_what_it_answers_with(source):
    assert ask(source) == {"depth": 3}


def test_parameters_go_behind_those_that_the_address_has(source):
    ask(source, "/d?kind=a%20b", query="up{x='1'} & more")
    assert source.asked[0].params == {"kind": "a b", "query": "up{x='1'} & more"}


@pytest.mark.parametrize(
    ("login", "said"),
    [
        (Login(), None),
        (Login(None, "t0k"), "Bearer t0k"),
        (Login("", "t0k"), "Bearer t0k"),
        (Login("ann", "pässwörd\n"), "Basic " + base64.b64encode("ann:pässwörd\n".encode()).decode()),
        (Login("ann"), "Basic " + base64.b64encode(b"ann:").decode()),
    ],
)
def test_who_asks_is_said_as_the_config_has_it(source, login, said):
    ask(source, login=login)
    assert source.asked[0].headers.get("Authorization") == said


def test_no_login_is_taken_from_files_and_no_proxy_from_the_environment(source, monkeypatch, tmp_path):
    """They are the agent's, and the address is a domain's."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login root password hunter2\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    ask(source)
    assert "Authorization" not in source.asked[0].headers


FAULTS = {
    "unauthorised": (says(401), "refuses us: 401 Unauthorized: look at access_key and secret_key"),
    "forbidden": (says(403), "refuses us: 403 Forbidden: look at access_key and secret_key"),
    "not there": (says(404), "answered 404 Not Found"),
    "broken": (says(500, b"Traceback at 12:00:01"), "answered 500 Internal Server Error"),
    "too busy": (says(503), "answered 503 Service Unavailable"),
    "a status of its own": (says(599), "answered 599"),
    "nothing": (says(204), "answered 204 No Content"),
    "an empty body": (says(200), "did not answer in JSON"),
    "a page": (says(200, b"<html>"), "did not answer in JSON"),
    "half a document": (sensors_stub.cuts, "did not answer in JSON"),
    "no UTF-8": (says(200, b'"\xff"'), "did not answer in JSON"),
    "nested without end": (says(200, b"[" * 100_000), "did not answer in JSON"),
    "something else": (sensors_stub.speaks_something_else, "does not answer in HTTP: BadStatusLine"),
    "no word": (lambda *_: None, "does not answer: Remote end closed connection without response"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_what_is_no_answer_is_told_in_a_line(source, case):
    source.misbehaves, told = FAULTS[case]
    with pytest.raises(SensorFailed) as failed:
        ask(source)
    assert str(failed.value).startswith(told)
    assert len(str(failed.value)) < 300
    assert "\n" not in str(failed.value)


def test_what_is_told_of_a_failure_is_the_same_each_time(source):
    """A body may have the time in it, and each new text would be another record in the store."""
    told = set()
    for number in range(3):
        source.misbehaves = says(500, b"request %d failed" % number)
        with pytest.raises(SensorFailed) as failed:
            ask(source)
        told.add(str(failed.value))
    assert len(told) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_nobody_is_led_elsewhere(source, status):
    with sensors_stub.opened() as secret:
        source.misbehaves = says(status, Location=f"{secret.url}/latest/meta-data")
        with pytest.raises(SensorFailed, match=f"sends us elsewhere, and we do not go: {status}"):
            ask(source)
        assert secret.asked == []


def test_a_question_that_is_refused_comes_back_with_what_was_said(source):
    for status, body, told in [(400, b'{"error": "no"}', {"error": "no"}), (422, b"<html>", None)]:
        source.misbehaves = says(status, body)
        with pytest.raises(QueryRefused, match=str(status)) as refused:
            ask(source)
        assert refused.value.body == told


def test_where_nobody_listens_nobody_answers():
    with sensors_stub.refusing() as url, pytest.raises(SensorFailed, match="does not answer: Connection refused"):
        Conversation(Login(), LONG).ask(url, {})


@pytest.mark.parametrize("host", ["a" * 64, "a..b", "*"])
def test_a_host_that_cannot_be_is_one_that_does_not_answer(host):
    with pytest.raises(SensorFailed, match="does not answer: "):
        Conversation(Login(), LONG).ask(f"http://{host}/", {})


def test_who_is_to_prove_itself_and_cannot_gets_no_question(source):
    with pytest.raises(SensorFailed, match="does not answer: "):
        Conversation(Login("ann", "hunter2"), LONG).ask(f"https://{source.place}/d", {})
    assert source.asked == []


SLOW = [
    sensors_stub.hangs,
    sensors_stub.drips_its_head,
    sensors_stub.drips_its_body,
    sensors_stub.drips_a_chunk,
]


@pytest.mark.parametrize("slow", SLOW, ids=lambda slow: slow.__name__)
def test_however_slowly_it_speaks_it_is_given_its_time_and_no_more(source, slow):
    source.misbehaves = slow
    begun = time.monotonic()
    with pytest.raises(SensorFailed, match=r"^did not answer within 0\.3 s$"):
        ask(source, timeout=SOON)
    assert time.monotonic() - begun < TOO_LONG


def test_all_questions_of_a_conversation_share_its_time(source, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(fetch.time, "monotonic", lambda: now[0])
    talk = Conversation(Login(), 5.0)
    talk.ask(f"{source.url}/d", {})
    now[0] += 4.0
    assert talk.left == 1.0
    talk.ask(f"{source.url}/d", {})
    now[0] += 1.0
    with pytest.raises(SensorFailed, match="did not answer within 5 s"):
        talk.ask(f"{source.url}/d", {})
    assert len(source.asked) == 2


def test_what_never_ends_is_read_so_far_and_no_further(source):
    source.misbehaves = sensors_stub.goes_on_for_ever
    with pytest.raises(SensorFailed, match="answered with more than 4194304 bytes"):
        ask(source)


def test_nothing_is_unpacked(source):
    """Fifty kilobytes may be fifty megabytes, packed."""
    source.misbehaves = sensors_stub.packs_much_into_little
    with pytest.raises(SensorFailed, match="did not answer in JSON"):
        ask(source)
    assert source.asked[0].headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("secret", ["hunter2\n", "hunter2\r\nHost: evil", "hünter2"])
def test_a_token_that_no_header_can_carry_is_refused_and_not_shown(secret):
    with pytest.raises(BadRequest, match="secret_key: ") as refused:
        naming.Source.of({"secret_key": secret})
    assert "nter2" not in str(refused.value)


def test_a_password_may_have_any_letters():
    assert naming.Source.of({"access_key": "ann", "secret_key": "hünter2\n"}).login == Login("ann", "hünter2\n")


def test_however_many_addresses_a_host_has_the_time_is_that_of_all(monkeypatch):
    """Each of these takes all the time that there is."""
    tried = []

    class Deaf(socket.socket):
        def connect(self, address):
            tried.append(address)
            time.sleep(self.gettimeout())
            raise TimeoutError

    monkeypatch.setattr(fetch, "socket", Deaf)
    found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port)) for port in range(1, 6)]
    monkeypatch.setattr(fetch, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(SensorFailed, match=r"^did not answer within 0\.3 s$"):
        Conversation(Login(), SOON).ask("http://many.example/d", {})
    assert len(tried) == 1


def test_one_address_that_refuses_is_passed_over_for_the_next(source, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()
    there = ("127.0.0.1", int(source.place.rpartition(":")[2]))
    found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", address) for address in (closed, there)]
    monkeypatch.setattr(fetch, "getaddrinfo", lambda *_, **__: found)
    assert ask(source) == {"depth": 3}
