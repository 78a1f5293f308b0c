"""RPCs and calls of the cloud are counted around the real thing."""

from collections.abc import Sequence

import pytest
from prometheus_client import CollectorRegistry

from elastic.errors import BadOrder, CloudRefused, CloudUnavailable, NoRoom, ServerGone
from elastic.metrics.counting import CountedCloud, Counts, counted
from elastic.model.domain import DomainKey
from elastic.model.server import Mark, Order, Server, ServerStatus
from elastic.ports.bus import Call, Reply
from elastic.ports.cloud import Cloud

MARK = Mark("uid", DomainKey("ann", "web"), 1, "i-3fa-1-1")
ORDER = Order(mark=MARK, site="east", deployable_type="worker")
SERVER = Server(server_id="s1", site="east", mark=MARK, status=ServerStatus.ACTIVE)


@pytest.fixture
def counts() -> Counts:
    return Counts(CollectorRegistry())


class OneServer:
    """A cloud with one server, or one that fails with `error`."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    def sites(self) -> Sequence[str]:
        return ("east",)

    def create(self, order: Order, timeout: float) -> Server:
        return self._answered()

    def delete(self, site: str, server_id: str, timeout: float) -> None:
        self._answered()

    def server(self, site: str, server_id: str, timeout: float) -> Server:
        return self._answered()

    def servers(self, site: str, cluster: str, timeout: float, instance_id: str | None = None) -> Sequence[Server]:
        return (self._answered(),)

    def _answered(self) -> Server:
        if self._error is not None:
            raise self._error
        return SERVER


@pytest.mark.parametrize(
    ("op", "reply", "label"),
    [
        ("list_domains", {"result": []}, ("list_domains", "ok")),
        ("add_domain", {"error": {"type": "conflict", "message": ""}}, ("add_domain", "conflict")),
        ("x" * 90, {"error": {"type": "unknown_operation", "message": ""}}, ("other", "unknown_operation")),
    ],
)
def test_an_rpc_is_counted_by_its_result(counts: Counts, op: str, reply: Reply, label: tuple[str, str]) -> None:
    handle = counted(lambda _: reply, counts)
    assert handle(Call(op, {}, "ann")) is reply
    assert counts.rpc.labels(*label)._value.get() == 1


def test_the_cloud_answers_as_it_would(counts: Counts) -> None:
    cloud: Cloud = CountedCloud(OneServer(), counts)
    assert list(cloud.sites()) == ["east"]
    assert cloud.create(ORDER, 1) is SERVER
    assert cloud.server("east", "s1", 1) is SERVER
    assert cloud.servers("east", "uid", 1) == (SERVER,)
    cloud.delete("east", "s1", 1)
    for call in ("create", "server", "servers", "delete"):
        assert counts.cloud.labels(call, "east", "ok")._value.get() == 1


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (NoRoom("quota"), "no_room"),
        (BadOrder("no such flavor"), "bad_order"),
        (CloudRefused("no"), "refused"),
        (CloudUnavailable("timeout"), "unavailable"),
        (ServerGone("404"), "gone"),
        (RuntimeError("bug"), "failed"),
    ],
)
def test_a_call_that_fails_is_counted_by_its_error(counts: Counts, error: Exception, result: str) -> None:
    cloud = CountedCloud(OneServer(error), counts)
    with pytest.raises(type(error)):
        cloud.create(ORDER, 1)
    assert counts.cloud.labels("create", "east", result)._value.get() == 1
