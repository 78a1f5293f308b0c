"""What is counted as it happens: wrapped around the real thing, which knows nothing of it."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter

from elastic.errors import BadOrder, CloudRefused, CloudUnavailable, NoRoom, ServerGone
from elastic.model.finding import Finding
from elastic.model.parts import FoundPart, Part
from elastic.model.recipe import Recipe
from elastic.model.server import Order, Server
from elastic.ports.bus import Call, Reply
from elastic.ports.cloud import Cloud

T = TypeVar("T")

_RESULTS: dict[type[Exception], str] = {
    NoRoom: "no_room",
    BadOrder: "bad_order",
    CloudRefused: "refused",
    CloudUnavailable: "unavailable",
    ServerGone: "gone",
}


class Counts:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.rpc = Counter("elastic_rpc", "RPCs answered.", ["op", "result"], registry=registry)
        self.cloud = Counter(
            "elastic_cloud_calls", "Calls of the cloud.", ["call", "site", "result"], registry=registry
        )


def counted(handle: Callable[[Call], Reply], counts: Counts) -> Callable[[Call], Reply]:
    """`handle`, counting what it answers: ok, or the type of the error."""

    def handle_and_count(call: Call) -> Reply:
        reply = handle(call)
        error = reply.get("error")
        result = str(error["type"]) if error else "ok"
        # An unknown name is the caller's own, and there is no end to those.
        counts.rpc.labels(call.op if result != "unknown_operation" else "other", result).inc()
        return reply

    return handle_and_count


class CountedCloud:
    """A cloud whose calls are counted: ok, no_room, bad_order, refused, unavailable, gone or failed."""

    def __init__(self, cloud: Cloud, counts: Counts) -> None:
        self._cloud = cloud
        self._counts = counts

    def sites(self) -> Sequence[str]:
        return self._cloud.sites()

    @property
    def needs_recipes(self) -> bool:
        return self._cloud.needs_recipes

    def prepare(self, order: Order, timeout: float) -> tuple[Part, ...]:
        return self._count("prepare", order.site, lambda: self._cloud.prepare(order, timeout))

    def create(self, order: Order, timeout: float) -> Server:
        return self._count("create", order.site, lambda: self._cloud.create(order, timeout))

    def delete(self, site: str, server_id: str, timeout: float) -> None:
        self._count("delete", site, lambda: self._cloud.delete(site, server_id, timeout))

    def server(self, site: str, server_id: str, timeout: float) -> Server:
        return self._count("server", site, lambda: self._cloud.server(site, server_id, timeout))

    def servers(self, site: str, cluster: str, timeout: float, instance_id: str | None = None) -> Sequence[Server]:
        return self._count("servers", site, lambda: self._cloud.servers(site, cluster, timeout, instance_id))

    def lacks(self, site: str, recipe: Recipe, timeout: float) -> Sequence[str]:
        return self._count("lacks", site, lambda: self._cloud.lacks(site, recipe, timeout))

    def examine(self, site: str, timeout: float) -> Sequence[Finding]:
        return self._count("examine", site, lambda: self._cloud.examine(site, timeout))

    def console(self, site: str, server_id: str, timeout: float) -> str:
        return self._count("console", site, lambda: self._cloud.console(site, server_id, timeout))

    def parts(self, site: str, cluster: str, timeout: float) -> Sequence[FoundPart]:
        return self._count("parts", site, lambda: self._cloud.parts(site, cluster, timeout))

    def release(self, site: str, part: Part, timeout: float) -> None:
        self._count("release", site, lambda: self._cloud.release(site, part, timeout))

    def _count(self, call: str, site: str, do: Callable[[], T]) -> T:
        result = "failed"
        try:
            value = do()
            result = "ok"
            return value
        except tuple(_RESULTS) as error:
            result = next(word for kind, word in _RESULTS.items() if isinstance(error, kind))
            raise
        finally:
            self._counts.cloud.labels(call, site, result).inc()
