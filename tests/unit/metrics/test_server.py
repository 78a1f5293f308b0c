"""/metrics and /healthz, asked over real HTTP."""

import http.client
import json
import socket
from collections.abc import Callable, Iterator

import pytest

from elastic.errors import BadRequest
from elastic.metrics.picture import Picture
from elastic.metrics.server import Metrics, address_of

PICTURE = Picture(
    loop_age={"control": 1.5},
    visits={"decider": 12},
    failed_visits={"decider": 2},
    overruns={"decider": 1},
    heard=100,
    dropped={"forged": 3, "stale": 4},
    refused={"undecodable": 5},
    partitions=86,
    domains=5,
    instances={"600-RUNNING": 14, "100-REQUESTING": 1},
    terms={"decider": 7, "doctor": 8},
    leads=frozenset({"doctor"}),
    connected={"store": True, "bus": False},
    braked={"domain": 1, "site": 0},
)

Serving = Callable[..., Metrics]


@pytest.fixture
def serving() -> Iterator[Serving]:
    started: list[Metrics] = []

    def start(ailments: list[str] | None = None, look: Callable[[], Picture] = lambda: PICTURE) -> Metrics:
        metrics = Metrics(look, lambda: ailments or [])
        started.append(metrics)
        return metrics

    yield start
    for metrics in started:
        metrics.stop()


def asked(where: str | None, path: str) -> tuple[int, str]:
    assert where is not None
    connection = http.client.HTTPConnection(where, timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def test_everything_in_the_picture_is_told(serving: Serving) -> None:
    status, body = asked(serving().serve(":0"), "/metrics")
    told = {line for line in body.splitlines() if line.startswith("elastic_")}
    assert status == 200
    assert told == {
        'elastic_loop_age_seconds{loop="control"} 1.5',
        'elastic_visits_total{role="decider"} 12.0',
        'elastic_visits_failed_total{role="decider"} 2.0',
        'elastic_visits_overrun_total{role="decider"} 1.0',
        'elastic_heartbeats_total{result="heard"} 100.0',
        'elastic_heartbeats_total{result="forged"} 3.0',
        'elastic_heartbeats_total{result="stale"} 4.0',
        'elastic_messages_refused_total{reason="undecodable"} 5.0',
        "elastic_partitions 86.0",
        "elastic_domains 5.0",
        'elastic_instances{state="600-RUNNING"} 14.0',
        'elastic_instances{state="100-REQUESTING"} 1.0',
        'elastic_term{role="decider"} 7.0',
        'elastic_term{role="doctor"} 8.0',
        'elastic_leads{role="decider"} 0.0',
        'elastic_leads{role="doctor"} 1.0',
        'elastic_connected{to="store"} 1.0',
        'elastic_connected{to="bus"} 0.0',
        'elastic_braked{what="domain"} 1.0',
        'elastic_braked{what="site"} 0.0',
    }


def test_the_healthy_say_so(serving: Serving) -> None:
    status, body = asked(serving().serve(":0"), "/healthz")
    assert (status, json.loads(body)) == (200, {"healthy": True, "reasons": []})


def test_the_ill_say_why(serving: Serving) -> None:
    status, body = asked(serving(["store lost for 12 s"]).serve(":0"), "/healthz")
    assert (status, json.loads(body)) == (503, {"healthy": False, "reasons": ["store lost for 12 s"]})


def test_another_path_is_not_found(serving: Serving) -> None:
    assert asked(serving().serve(":0"), "/secrets")[0] == 404


def test_a_picture_that_fails_is_an_error_and_the_server_lives_on(serving: Serving) -> None:
    def fail() -> Picture:
        raise RuntimeError("no picture today")

    where = serving(look=fail).serve(":0")
    assert asked(where, "/metrics")[0] == 500
    assert asked(where, "/healthz")[0] == 200


def test_it_is_off_unless_it_is_told_where(serving: Serving) -> None:
    metrics = serving()
    assert metrics.serve("off") is None
    metrics.stop()


def test_it_listens_to_this_host_alone_unless_told_otherwise(serving: Serving) -> None:
    where = serving().serve(":0")
    assert where is not None
    assert where.startswith("127.0.0.1:")


def test_once_stopped_it_can_be_started_at_the_same_place(serving: Serving) -> None:
    metrics = serving()
    where = metrics.serve(":0")
    asked(where, "/healthz")
    metrics.stop()
    with pytest.raises(ConnectionRefusedError):
        asked(where, "/healthz")
    assert metrics.serve(where) == where
    assert asked(where, "/healthz")[0] == 200


def test_a_port_in_use_is_one_clear_line(serving: Serving) -> None:
    where = serving().serve(":0")
    with pytest.raises(BadRequest) as refused:
        serving().serve(where)
    assert str(refused.value) == f"[metrics] listen: cannot listen at {where}: Address already in use"


def test_a_client_that_says_nothing_holds_up_nobody(serving: Serving) -> None:
    metrics = serving()
    where = metrics.serve(":0")
    assert where is not None
    host, _, port = where.rpartition(":")
    with socket.create_connection((host, int(port))):
        assert asked(where, "/healthz")[0] == 200
        metrics.stop()


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("127.0.0.1:9100", ("127.0.0.1", 9100)),
        (":9100", ("127.0.0.1", 9100)),
        ("9100", ("127.0.0.1", 9100)),
        ("10.0.0.7:0", ("10.0.0.7", 0)),
        ("[::1]:9100", ("::1", 9100)),
    ],
)
def test_an_address_is_host_and_port(listen: str, address: tuple[str, int]) -> None:
    assert address_of(listen) == address


@pytest.mark.parametrize("listen", ["", "host", "host:", "host:port", "host:70000", ":-1"])
def test_what_is_no_address_is_named(listen: str) -> None:
    with pytest.raises(BadRequest, match=r"\[metrics\] listen"):
        address_of(listen)
